/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-xdp/xsk.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

enum {
    N_FRAMES = 512,             /* A power of two; of all sockets. */
    TX_SIZE = 2 * DPX_XSK_BATCH,
    SEND_TRIES = 16,            /* In a row without sending anything. */
};

struct dpx_umem {
    uint8_t *area;
    const struct dpx_xsk *owner[N_FRAMES];      /* Who sends it; or NULL. */
    uint16_t free[N_FRAMES];                    /* Stack of frame numbers. */
    unsigned int n_free;
};

/* A ring that is shared with the kernel. */
struct ring {
    void *map;
    size_t map_size;
    uint32_t *producer;
    uint32_t *consumer;
    void *entries;
    uint32_t mask;
};

struct dpx_xsk {
    struct dpx_umem *umem;
    int fd;
    struct ring tx;             /* struct xdp_desc. */
    struct ring done;           /* The completion ring: u64 addresses. */
    uint32_t put;               /* Of tx, ahead of what the kernel knows. */
    uint32_t flushed;
};

int
dpx_umem_open(struct dpx_umem **umemp)
{
    struct dpx_umem *umem = calloc(1, sizeof *umem);

    *umemp = NULL;
    if (!umem) {
        return dpx_error(ENOMEM, "no memory for packets to send");
    }
    umem->area = mmap(NULL, N_FRAMES * DPX_XSK_FRAME, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (umem->area == MAP_FAILED) {
        free(umem);
        return dpx_error(ENOMEM, "no memory for packets to send");
    }
    for (unsigned int i = 0; i < N_FRAMES; i++) {
        umem->free[umem->n_free++] = i;
    }
    *umemp = umem;
    return 0;
}

void
dpx_umem_close(struct dpx_umem *umem)
{
    if (umem) {
        munmap(umem->area, N_FRAMES * DPX_XSK_FRAME);
        free(umem);
    }
}

static void
free_frame(struct dpx_umem *umem, unsigned int frame)
{
    if (frame < N_FRAMES && umem->owner[frame]) {
        umem->owner[frame] = NULL;
        umem->free[umem->n_free++] = frame;
    }
}

/* Makes the ring that socket option `option` names and maps it from `pgoff`
 * on. */
static int
ring_open(int fd, int option, uint32_t entries, size_t entry_size,
          const struct xdp_ring_offset *ofs, off_t pgoff, struct ring *ring)
{
    uint8_t *map;

    if (setsockopt(fd, SOL_XDP, option, &entries, sizeof entries)) {
        return errno;
    }
    if (!ofs) {
        return 0;
    }
    ring->map_size = ofs->desc + entries * entry_size;
    map = mmap(NULL, ring->map_size, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_POPULATE, fd, pgoff);
    if (map == MAP_FAILED) {
        return errno;
    }
    ring->map = map;
    ring->producer = (uint32_t *) (map + ofs->producer);
    ring->consumer = (uint32_t *) (map + ofs->consumer);
    ring->entries = map + ofs->desc;
    ring->mask = entries - 1;
    return 0;
}

/* Registers the frames and makes the rings.  A socket must have a fill ring,
 * though this one never receives. */
static int
set_up(struct dpx_xsk *xsk)
{
    struct xdp_umem_reg reg = {
        .addr = (uintptr_t) xsk->umem->area,
        .len = N_FRAMES * DPX_XSK_FRAME,
        .chunk_size = DPX_XSK_FRAME,
    };
    struct xdp_mmap_offsets ofs;
    socklen_t len = sizeof ofs;
    int error;

    if (setsockopt(xsk->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg)
        || getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &ofs, &len)) {
        return errno;
    }
    error = ring_open(xsk->fd, XDP_UMEM_FILL_RING, TX_SIZE, sizeof(uint64_t),
                      NULL, 0, NULL);
    if (!error) {
        error = ring_open(xsk->fd, XDP_UMEM_COMPLETION_RING, N_FRAMES,
                          sizeof(uint64_t), &ofs.cr,
                          XDP_UMEM_PGOFF_COMPLETION_RING, &xsk->done);
    }
    if (!error) {
        error = ring_open(xsk->fd, XDP_TX_RING, TX_SIZE,
                          sizeof(struct xdp_desc), &ofs.tx,
                          XDP_PGOFF_TX_RING, &xsk->tx);
    }
    return error;
}

int
dpx_xsk_open(struct dpx_umem *umem, uint32_t ifindex, struct dpx_xsk **xskp)
{
    struct sockaddr_xdp addr = {
        .sxdp_family = AF_XDP,
        .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
        .sxdp_ifindex = ifindex,
    };
    struct dpx_xsk *xsk = calloc(1, sizeof *xsk);
    int error;

    *xskp = NULL;
    if (!xsk) {
        return dpx_error(ENOMEM, "no memory for an AF_XDP socket");
    }
    xsk->umem = umem;
    xsk->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    error = xsk->fd < 0 ? errno : set_up(xsk);
    if (!error && bind(xsk->fd, (struct sockaddr *) &addr, sizeof addr)) {
        error = errno;
    }
    if (error) {
        dpx_xsk_close(xsk);
        return dpx_error(error, "cannot open an AF_XDP socket on device %u: "
                         "%s", ifindex, strerror(error));
    }
    *xskp = xsk;
    return 0;
}

void
dpx_xsk_close(struct dpx_xsk *xsk)
{
    if (!xsk) {
        return;
    }
    if (xsk->tx.map) {
        munmap(xsk->tx.map, xsk->tx.map_size);
    }
    if (xsk->done.map) {
        munmap(xsk->done.map, xsk->done.map_size);
    }
    if (xsk->fd >= 0) {
        close(xsk->fd);
    }
    /* In copy mode the kernel keeps no frame of what it has sent. */
    for (unsigned int i = 0; i < N_FRAMES; i++) {
        if (xsk->umem->owner[i] == xsk) {
            free_frame(xsk->umem, i);
        }
    }
    free(xsk);
}

void
dpx_xsk_reap(struct dpx_xsk *xsk)
{
    uint32_t producer = __atomic_load_n(xsk->done.producer, __ATOMIC_ACQUIRE);
    uint32_t consumer = *xsk->done.consumer;
    const uint64_t *addrs = xsk->done.entries;

    for (; consumer != producer; consumer++) {
        free_frame(xsk->umem, addrs[consumer & xsk->done.mask]
                              / DPX_XSK_FRAME);
    }
    __atomic_store_n(xsk->done.consumer, consumer, __ATOMIC_RELEASE);
}

bool
dpx_xsk_put(struct dpx_xsk *xsk, const void *packet, size_t len)
{
    struct dpx_umem *umem = xsk->umem;
    struct xdp_desc *descs = xsk->tx.entries;
    unsigned int frame;

    if (!umem->n_free) {
        dpx_xsk_reap(xsk);
    }
    if (!umem->n_free || dpx_xsk_queued(xsk) >= DPX_XSK_BATCH
        || len > DPX_XSK_FRAME) {
        return false;
    }
    frame = umem->free[--umem->n_free];
    umem->owner[frame] = xsk;
    memcpy(umem->area + frame * DPX_XSK_FRAME, packet, len);
    descs[xsk->put++ & xsk->tx.mask] = (struct xdp_desc) {
        .addr = frame * DPX_XSK_FRAME,
        .len = len,
    };
    return true;
}

unsigned int
dpx_xsk_queued(const struct dpx_xsk *xsk)
{
    return xsk->put - xsk->flushed;
}

int
dpx_xsk_flush(struct dpx_xsk *xsk, unsigned int *lost)
{
    unsigned int refused = 0;   /* Taken off the ring, but dropped. */
    uint32_t seen = xsk->flushed;
    int tries = 0, error = 0;

    if (!dpx_xsk_queued(xsk)) {
        return 0;
    }
    __atomic_store_n(xsk->tx.producer, xsk->put, __ATOMIC_RELEASE);
    while (seen != xsk->put) {
        uint32_t consumer;

        error = sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) ? errno : 0;
        consumer = __atomic_load_n(xsk->tx.consumer, __ATOMIC_ACQUIRE);
        tries = consumer == seen ? tries + 1 : 0;
        seen = consumer;
        if (error == EBUSY) {
            refused++;
            tries = 0;
        } else if (error && error != EAGAIN && error != ENOBUFS
                   && error != EINTR) {
            break;
        }
        error = 0;
        if (tries == SEND_TRIES) {
            error = EAGAIN;
            break;
        }
        if (tries) {
            sched_yield();
        }
    }
    xsk->flushed = xsk->put;
    dpx_xsk_reap(xsk);
    if (error) {
        *lost += xsk->put - seen > refused ? xsk->put - seen : refused;
        return dpx_error(error, "cannot send by AF_XDP: %s", strerror(error));
    }
    *lost += refused;
    return 0;
}
