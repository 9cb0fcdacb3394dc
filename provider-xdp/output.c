/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-xdp/output.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bpf/bytes.h"
#include "lib/error.h"
#include "provider-core/offload.h"
#include "provider-core/packet-socket.h"
#include "provider-xdp/xsk.h"

enum {
    RETRY_MS = 200, /* Before AF_XDP is tried again on a port. */
    ETH_LEN = 14,
    VLAN_LEN = 4,
};

/* A port that something was sent to. */
struct out_port {
    uint32_t port;
    uint32_t ifindex;    /* That `xsk` is, or was to be, bound to. */
    struct dpx_xsk *xsk; /* NULL: not open. */
    uint64_t retry;      /* ms; not to be opened before. */
    bool queued;         /* In output->queued. */
};

struct dpx_output {
    struct dpx_maps *maps;
    pthread_mutex_t lock; /* Of all that follows. */
    struct dpx_umem *umem;
    int packet_fd;
    struct out_port *ports[DPX_MAX_PORTS];
    struct out_port *queued[DPX_MAX_PORTS]; /* With packets to flush. */
    size_t n_queued;
};

int
dpx_output_open(struct dpx_maps *maps, struct dpx_output **outputp)
{
    struct dpx_output *output = calloc(1, sizeof *output);
    int error;

    *outputp = NULL;
    if (!output) {
        return dpx_error(ENOMEM, "no memory to send packets");
    }
    output->maps = maps;
    pthread_mutex_init(&output->lock, NULL);
    output->packet_fd = dpx_packet_socket_open();
    error = output->packet_fd < 0 ? -output->packet_fd
                                  : dpx_umem_open(&output->umem);
    if (error) {
        dpx_output_close(output);
        return error;
    }
    *outputp = output;
    return 0;
}

void
dpx_output_close(struct dpx_output *output)
{
    if (!output) {
        return;
    }
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        if (output->ports[i]) {
            dpx_xsk_close(output->ports[i]->xsk);
            free(output->ports[i]);
        }
    }
    dpx_umem_close(output->umem);
    if (output->packet_fd >= 0) {
        close(output->packet_fd);
    }
    pthread_mutex_destroy(&output->lock);
    free(output);
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

/* Why a send that failed with `error` dropped its packet. */
static enum dpx_drop_reason
drop_reason(int error)
{
    switch (error) {
    case EMSGSIZE:
        return DPX_DROP_MTU;
    case ENETDOWN:
        return DPX_DROP_PORT_DOWN;
    case ENXIO:
    case ENODEV:
        return DPX_DROP_NO_PORT;
    default:
        return DPX_DROP_REDIRECT;
    }
}

static void
drop(struct dpx_output *output, uint32_t port, enum dpx_drop_reason reason,
     size_t len)
{
    dpx_maps_count_drop(output->maps, port, reason, 1, len);
}

/* Sends what is queued on `p`'s socket, and closes it if it fails. */
static void
flush_port(struct dpx_output *output, struct out_port *p)
{
    unsigned int lost = 0;
    int error;

    if (!p->xsk) {
        return;
    }
    error = dpx_xsk_flush(p->xsk, &lost);
    if (lost) {
        /* The lengths are gone with the packets. */
        dpx_maps_count_drop(output->maps, p->port, drop_reason(error), lost,
                            0);
    }
    if (error) {
        dpx_xsk_close(p->xsk);
        p->xsk = NULL;
        p->retry = now_ms() + RETRY_MS;
    }
}

/* The state of `port`, whose device is `ifindex`, with its socket open if it
 * can be.  NULL without memory. */
static struct out_port *
get_port(struct dpx_output *output, uint32_t port, uint32_t ifindex)
{
    struct out_port *p = output->ports[port];

    if (!p) {
        p = output->ports[port] = calloc(1, sizeof *p);
        if (!p) {
            return NULL;
        }
        p->port = port;
    }
    if (p->ifindex != ifindex) {
        flush_port(output, p);
        dpx_xsk_close(p->xsk);
        p->xsk = NULL;
        p->ifindex = ifindex;
        p->retry = 0;
    }
    if (!p->xsk && now_ms() >= p->retry
        && dpx_xsk_open(output->umem, ifindex, &p->xsk)) {
        p->retry = now_ms() + RETRY_MS;
    }
    return p;
}

/* Has every socket give back the frames that are sent. */
static void
reap_all(struct dpx_output *output)
{
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        if (output->ports[i] && output->ports[i]->xsk) {
            dpx_xsk_reap(output->ports[i]->xsk);
        }
    }
}

/* Queues the frame on `p`'s AF_XDP socket.  False if it cannot carry it. */
static bool
queue_frame(struct dpx_output *output, struct out_port *p,
            const uint8_t *frame, size_t len)
{
    if (!p->xsk || len > DPX_XSK_FRAME) {
        return false;
    }
    if (!dpx_xsk_put(p->xsk, frame, len)) {
        flush_port(output, p);
        reap_all(output);
        if (!p->xsk || !dpx_xsk_put(p->xsk, frame, len)) {
            return false;
        }
    }
    if (!p->queued) {
        p->queued = true;
        output->queued[output->n_queued++] = p;
    }
    return true;
}

static void
send_frame(struct dpx_output *output, struct out_port *p, const uint8_t *frame,
           size_t len)
{
    int error;

    if (queue_frame(output, p, frame, len)) {
        return;
    }
    flush_port(output, p);
    error = dpx_packet_socket_send(output->packet_fd, p->ifindex, frame, len,
                                   0);
    if (error) {
        drop(output, p->port, drop_reason(error), len);
    }
}

/* Bytes of the frame that count towards the MTU: all behind its Ethernet
 * header and, as in the kernel, behind one VLAN tag. */
static size_t
mtu_len(const uint8_t *frame, size_t len)
{
    uint16_t type = DPX_BE16(dpx_load16(frame + ETH_LEN - 2));

    len -= ETH_LEN;
    return (type == 0x8100 || type == 0x88a8) && len >= VLAN_LEN
               ? len - VLAN_LEN
               : len;
}

struct segments {
    struct dpx_output *output;
    struct out_port *p;
    uint32_t mtu;
};

static void
send_segment(void *aux, const uint8_t *frame, size_t len)
{
    struct segments *s = aux;

    if (mtu_len(frame, len) > s->mtu) {
        drop(s->output, s->p->port, DPX_DROP_MTU, len);
    } else {
        send_frame(s->output, s->p, frame, len);
    }
}

/* The kernel and the devices segment better than we do, if they can. */
static void
send_gso(struct dpx_output *output, struct out_port *p, uint32_t mtu,
         const uint8_t *frame, size_t len, uint16_t gso_size)
{
    struct segments segments = { output, p, mtu };
    int error;

    flush_port(output, p);
    error = dpx_packet_socket_send(output->packet_fd, p->ifindex, frame, len,
                                   gso_size);
    if (error == EINVAL || error == EOPNOTSUPP) {
        error = dpx_segment(frame, len, gso_size, send_segment, &segments);
    }
    if (error) {
        drop(output, p->port, drop_reason(error), len);
    }
}

void
dpx_output_begin(struct dpx_output *output)
{
    pthread_mutex_lock(&output->lock);
}

void
dpx_output_end(struct dpx_output *output)
{
    for (size_t i = 0; i < output->n_queued; i++) {
        flush_port(output, output->queued[i]);
        output->queued[i]->queued = false;
    }
    output->n_queued = 0;
    pthread_mutex_unlock(&output->lock);
}

/* Asks the kernel for `request` of device `ifindex`. */
static bool
ask(const struct dpx_output *output, uint32_t ifindex, unsigned long request,
    struct ifreq *ifr)
{
    memset(ifr, 0, sizeof *ifr);
    ifr->ifr_ifindex = ifindex;
    return !ioctl(output->packet_fd, SIOCGIFNAME, ifr)
           && !ioctl(output->packet_fd, request, ifr);
}

/* Why `len` bytes behind the Ethernet header cannot go to the port, or 0.  As
 * in the packet path, a record that forbids may be old: so the device is
 * asked. */
static enum dpx_drop_reason
refusal(const struct dpx_output *output, const struct dpx_port *record,
        size_t len)
{
    struct ifreq ifr;

    if (!(record->flags & DPX_PORT_UP)
        && (!ask(output, record->ifindex, SIOCGIFFLAGS, &ifr)
            || !(ifr.ifr_flags & IFF_RUNNING))) {
        return DPX_DROP_PORT_DOWN;
    }
    if (len > record->mtu
        && (!ask(output, record->host ? record->host : record->ifindex,
                 SIOCGIFMTU, &ifr)
            || len > (size_t) ifr.ifr_mtu)) {
        return DPX_DROP_MTU;
    }
    return DPX_DROP_NONE;
}

void
dpx_output_packet(struct dpx_output *output, uint32_t port,
                  const uint8_t *frame, size_t len, uint16_t gso_size)
{
    enum dpx_drop_reason reason = DPX_DROP_MTU;
    const struct dpx_port *record;
    struct out_port *p;

    record = port < DPX_MAX_PORTS ? &output->maps->ports[port] : NULL;
    if (!record || !record->ifindex) {
        drop(output, port, DPX_DROP_NO_PORT, len);
        return;
    }
    if (len >= ETH_LEN) {
        reason = refusal(output, record, gso_size ? 0 : mtu_len(frame, len));
    }
    if (reason) {
        drop(output, port, reason, len);
        return;
    }
    p = get_port(output, port, record->ifindex);
    if (!p) {
        drop(output, port, DPX_DROP_REDIRECT, len);
    } else if (gso_size) {
        send_gso(output, p, record->mtu, frame, len, gso_size);
    } else {
        send_frame(output, p, frame, len);
    }
}

void
dpx_output_forget(struct dpx_output *output, uint32_t port)
{
    struct out_port *p;

    if (port >= DPX_MAX_PORTS) {
        return;
    }
    pthread_mutex_lock(&output->lock);
    p = output->ports[port];
    if (p) {
        dpx_xsk_close(p->xsk);
        free(p);
        output->ports[port] = NULL;
    }
    pthread_mutex_unlock(&output->lock);
}
