/* SPDX-License-Identifier: Apache-2.0 */

/* The handlers' ring buffers.  They take memory, so each is made when it is
 * first asked for. */

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

/* Twice the nominal size: a port's share of a ring is what is free in it, so
 * that one port alone gets to the half. */
static int
make_ring(const struct dpx_maps *maps, int upcalls, uint32_t handler)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0,
                            2 * maps->conf.ring_bytes, NULL);
    int error;

    if (fd < 0) {
        return -dpx_error(-fd, "cannot make a ring of %u bytes: %s",
                          2 * maps->conf.ring_bytes, strerror(-fd));
    }
    error = -bpf_map_update_elem(upcalls, &handler, &fd, BPF_ANY);
    if (error) {
        close(fd);
        return -dpx_error(error, "cannot write map upcalls: %s",
                          strerror(error));
    }
    return fd;
}

static int
find_ring(int upcalls, uint32_t handler)
{
    uint32_t id;
    int error = bpf_map_lookup_elem(upcalls, &handler, &id);

    return error ? error : bpf_map_get_fd_by_id(id);
}

int
dpx_ring_fd_locked(const struct dpx_maps *maps, uint32_t handler)
{
    int upcalls = dpx_maps_fd(maps, "upcalls");
    int fd;

    if (upcalls < 0) {
        return upcalls;
    }
    fd = find_ring(upcalls, handler);
    if (fd == -ENOENT) {
        fd = make_ring(maps, upcalls, handler);
    } else if (fd < 0) {
        fd = -dpx_error(-fd, "cannot open the ring of handler %u: %s",
                        handler, strerror(-fd));
    }
    close(upcalls);
    return fd;
}

int
dpx_ring_fd(const struct dpx_maps *maps, uint32_t handler)
{
    int lock, fd;

    if (handler >= DPX_MAX_HANDLERS) {
        return -dpx_error(EINVAL, "there is no handler %u (0 to %d)",
                          handler, DPX_MAX_HANDLERS - 1);
    }
    lock = dpx_lock(false);
    if (lock < 0) {
        return lock;
    }
    fd = dpx_ring_fd_locked(maps, handler);
    dpx_unlock(lock);
    return fd;
}
