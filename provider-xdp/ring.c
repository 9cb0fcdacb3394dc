/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-xdp/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/error.h"

static int
ring_info(int fd, struct bpf_map_info *info)
{
    uint32_t len = sizeof *info;

    memset(info, 0, sizeof *info);
    return bpf_obj_get_info_by_fd(fd, info, &len) ? errno : 0;
}

int
dpx_ring_create(const struct dpx_maps *maps, int *fdp, uint32_t *idp)
{
    struct bpf_map_info info = { 0 };
    int error;

    *fdp = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "dpx_ring", 0, 0,
                          2 * maps->conf.ring_bytes, NULL);
    error = *fdp < 0 ? errno : ring_info(*fdp, &info);
    if (error) {
        if (*fdp >= 0) {
            close(*fdp);
            *fdp = -1;
        }
        return dpx_error(error, "cannot make a ring buffer of %u bytes: %s",
                         2 * maps->conf.ring_bytes, strerror(error));
    }
    *idp = info.id;
    return 0;
}

static uint32_t
ring_id(int upcalls, uint32_t handler)
{
    uint32_t id;

    return bpf_map_lookup_elem(upcalls, &handler, &id) ? 0 : id;
}

int
dpx_rings_install(const struct dpx_maps *maps, const int *fds, uint32_t n)
{
    uint32_t keys[DPX_MAX_HANDLERS], count = n;
    int upcalls = dpx_maps_fd(maps, "upcalls");
    int error = 0;

    if (upcalls < 0) {
        return -upcalls;
    }
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = i;
    }
    if (n && bpf_map_update_batch(upcalls, keys, fds, &count, NULL)) {
        error = dpx_error(errno,
                          "cannot install the ring buffers of "
                          "datapath %s: %s",
                          maps->name, strerror(errno));
    }
    for (uint32_t i = n; i < DPX_MAX_HANDLERS; i++) {
        if (ring_id(upcalls, i)) {
            bpf_map_delete_elem(upcalls, &i);
        }
    }
    close(upcalls);
    return error;
}

uint32_t
dpx_ring_id(const struct dpx_maps *maps, uint32_t handler)
{
    int upcalls = dpx_maps_fd(maps, "upcalls");
    uint32_t id;

    if (upcalls < 0) {
        return 0;
    }
    id = ring_id(upcalls, handler);
    close(upcalls);
    return id;
}

int
dpx_ring_measure(const struct dpx_maps *maps, uint32_t handler, uint32_t *size,
                 uint32_t *backlog)
{
    size_t page = sysconf(_SC_PAGESIZE);
    uint32_t id = dpx_ring_id(maps, handler);
    int fd = id ? bpf_map_get_fd_by_id(id) : -1;
    struct bpf_map_info info;
    uint8_t *map;
    int error;

    *size = *backlog = 0;
    if (fd < 0) {
        return dpx_error(ENOENT, "datapath %s has no handler %u", maps->name,
                         handler);
    }
    error = ring_info(fd, &info);
    if (!error) {
        /* The position of the consumer, in a page of its own, and that of the
         * producer. */
        map = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            error = errno;
        } else {
            *size = info.max_entries;
            *backlog = __atomic_load_n((uint64_t *) (map + page),
                                       __ATOMIC_ACQUIRE)
                       - __atomic_load_n((uint64_t *) map, __ATOMIC_ACQUIRE);
            munmap(map, 2 * page);
        }
    }
    close(fd);
    return error ? dpx_error(error,
                             "cannot look at the ring buffer of "
                             "handler %u: %s",
                             handler, strerror(error))
                 : 0;
}
