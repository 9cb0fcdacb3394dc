/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-xdp/xsk.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include "lib/error.h"

enum {
    N_FRAMES = 512, /* A power of two; of all sockets. */
    TX_SIZE = 2 * DPX_XSK_BATCH,
    SEND_TRIES = 16, /* In a row without sending anything. */
};

struct dpx_umem {
    uint8_t *area;
    const struct dpx_xsk *owner[N_FRAMES]; /* Who sends it; or NULL. */
    uint16_t free[N_FRAMES];               /* Stack of frame numbers. */
    unsigned int n_free;
};

/* Each socket registers the frames for itself: a shared registration would
 * stay with the device of the first. */
struct dpx_xsk {
    struct dpx_umem *umem;
    struct xsk_umem *registered;
    struct xsk_socket *socket;
    struct xsk_ring_prod fill; /* Unused, but there must be one. */
    struct xsk_ring_cons done;
    struct xsk_ring_prod tx;
    unsigned int queued; /* In tx, and not known to the kernel. */
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

/* libxdp names devices, which can be renamed meanwhile. */
static int
set_up(struct dpx_xsk *xsk, uint32_t ifindex)
{
    const struct xsk_umem_config umem_config = {
        .fill_size = TX_SIZE,
        .comp_size = N_FRAMES,
        .frame_size = DPX_XSK_FRAME,
    };
    const struct xsk_socket_config config = {
        .tx_size = TX_SIZE,
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
        .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
    };
    char name[IF_NAMESIZE];
    int error;

    if (!if_indextoname(ifindex, name)) {
        return errno;
    }
    error = -xsk_umem__create(&xsk->registered, xsk->umem->area,
                              N_FRAMES * DPX_XSK_FRAME, &xsk->fill, &xsk->done,
                              &umem_config);
    if (!error) {
        error = -xsk_socket__create(&xsk->socket, name, 0, xsk->registered,
                                    NULL, &xsk->tx, &config);
    }
    if (!error && if_nametoindex(name) != ifindex) {
        error = ENODEV;
    }
    if (!error && fcntl(xsk_socket__fd(xsk->socket), F_SETFD, FD_CLOEXEC)) {
        error = errno;
    }
    return error;
}

int
dpx_xsk_open(struct dpx_umem *umem, uint32_t ifindex, struct dpx_xsk **xskp)
{
    struct dpx_xsk *xsk = calloc(1, sizeof *xsk);
    int error;

    *xskp = NULL;
    if (!xsk) {
        return dpx_error(ENOMEM, "no memory for an AF_XDP socket");
    }
    xsk->umem = umem;
    error = set_up(xsk, ifindex);
    if (error) {
        dpx_xsk_close(xsk);
        return dpx_error(error,
                         "cannot open an AF_XDP socket on device %u: "
                         "%s",
                         ifindex, strerror(error));
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
    xsk_socket__delete(xsk->socket);
    xsk_umem__delete(xsk->registered);
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
    uint32_t first, n = xsk_ring_cons__peek(&xsk->done, N_FRAMES, &first);

    for (uint32_t i = 0; i < n; i++) {
        free_frame(xsk->umem, *xsk_ring_cons__comp_addr(&xsk->done, first + i)
                                  / DPX_XSK_FRAME);
    }
    xsk_ring_cons__release(&xsk->done, n);
}

bool
dpx_xsk_put(struct dpx_xsk *xsk, const void *packet, size_t len)
{
    struct dpx_umem *umem = xsk->umem;
    unsigned int frame;
    uint32_t at;

    if (!umem->n_free) {
        dpx_xsk_reap(xsk);
    }
    if (!umem->n_free || xsk->queued >= DPX_XSK_BATCH || len > DPX_XSK_FRAME
        || !xsk_ring_prod__reserve(&xsk->tx, 1, &at)) {
        return false;
    }
    frame = umem->free[--umem->n_free];
    umem->owner[frame] = xsk;
    memcpy(umem->area + frame * DPX_XSK_FRAME, packet, len);
    *xsk_ring_prod__tx_desc(&xsk->tx, at) = (struct xdp_desc){
        .addr = frame * DPX_XSK_FRAME,
        .len = len,
    };
    xsk->queued++;
    return true;
}

unsigned int
dpx_xsk_queued(const struct dpx_xsk *xsk)
{
    return xsk->queued;
}

int
dpx_xsk_flush(struct dpx_xsk *xsk, unsigned int *lost)
{
    int fd = xsk_socket__fd(xsk->socket);
    uint32_t left = xsk->queued;
    unsigned int refused = 0; /* Taken off the ring, but dropped. */
    int tries = 0, error = 0;

    xsk_ring_prod__submit(&xsk->tx, left);
    while (left) {
        uint32_t before = left;

        error = sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) ? errno : 0;
        left = xsk->tx.size - xsk_prod_nb_free(&xsk->tx, xsk->tx.size);
        tries = left == before ? tries + 1 : 0;
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
    xsk->queued = 0;
    dpx_xsk_reap(xsk);
    if (error) {
        *lost += left > refused ? left : refused;
        return dpx_error(error, "cannot send by AF_XDP: %s", strerror(error));
    }
    *lost += refused;
    return 0;
}
