/* SPDX-License-Identifier: Apache-2.0 */

/* Packets of netdev datapaths: where they come in and go out. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpif/dummy.h"
#include "dpif/netdev.h"
#include "dpif/requests.h"
#include "lib/error.h"
#include "provider-core/offload.h"

enum { ETH_LEN = 14 };

/* Keeps a frame that was sent out of a port in memory. */
static int
keep(struct netdev_port *port, const uint8_t *data, size_t len)
{
    struct netdev_frame *frame = malloc(sizeof *frame + len);
    int error = 0;

    if (!frame) {
        return ENOMEM;
    }
    frame->next = NULL;
    frame->len = len;
    memcpy(frame->data, data, len);
    pthread_mutex_lock(&port->lock);
    if (port->n_frames >= DPIF_DUMMY_QUEUE) {
        error = ENOBUFS;
    } else {
        if (port->first) {
            port->last->next = frame;
        } else {
            port->first = frame;
        }
        port->last = frame;
        port->n_frames++;
    }
    pthread_mutex_unlock(&port->lock);
    if (error) {
        free(frame);
    }
    return error;
}

struct segments {
    struct netdev_dp *dp;
    struct netdev_port *port;
};

static void
keep_segment(void *aux, const uint8_t *frame, size_t len)
{
    struct segments *s = aux;

    if (keep(s->port, frame, len)) {
        dpx_maps_count_drop(s->dp->maps, s->port->number, DPX_DROP_REDIRECT, 1,
                            len);
    }
}

static void
output(void *dp_, uint32_t number, const struct dpx_packet *packet)
{
    struct netdev_dp *dp = dp_;
    const uint8_t *data = dpx_buf_data(&packet->frame);
    size_t len = packet->frame.len;
    struct netdev_port *port = number < DPX_MAX_PORTS ? dp->ports[number]
                                                      : NULL;
    enum dpx_drop_reason reason = DPX_DROP_REDIRECT;
    int error;

    if (!port) {
        error = ENXIO;
        reason = DPX_DROP_NO_PORT;
    } else if (port->kind != NETDEV_MEMORY) {
        error = netdev_device_send(port, data, len, packet->gso_size);
    } else if (packet->gso_size) {
        struct segments s = { dp, port };

        error = dpx_segment(data, len, packet->gso_size, keep_segment, &s);
    } else {
        error = keep(port, data, len);
    }
    if (error) {
        dpx_maps_count_drop(dp->maps, number, reason, 1, len);
    }
}

static void
drop(void *dp_, uint32_t port, enum dpx_drop_reason reason,
     const struct dpx_packet *packet)
{
    struct netdev_dp *dp = dp_;

    dpx_maps_count_drop(dp->maps, port, reason, 1, packet->frame.len);
}

static void
begin(void *dp_)
{
    struct netdev_dp *dp = dp_;

    pthread_rwlock_rdlock(&dp->lock);
}

static void
end(void *dp_)
{
    struct netdev_dp *dp = dp_;

    pthread_rwlock_unlock(&dp->lock);
}

void
netdev_packets_open(struct netdev_dp *dp)
{
    dp->core.ops = (struct dpx_user_ops){ output, netdev_upcall, drop, dp };
    dp->core.begin = begin;
    dp->core.end = end;
}

/* Takes a row of the counters that nobody uses; there is always one soon. */
static uint32_t
take_row(struct netdev_dp *dp)
{
    static __thread uint32_t row;

    for (size_t i = 0; i < NETDEV_ROWS; i++) {
        if (!pthread_mutex_trylock(&dp->rows[row])) {
            return row;
        }
        row = (row + 1) % NETDEV_ROWS;
    }
    pthread_mutex_lock(&dp->rows[row]);
    return row;
}

void
netdev_packet_receive(struct netdev_dp *dp, struct dpx_packet *packet)
{
    uint32_t row = take_row(dp);

    dpx_user_receive(dp->maps, row, packet, &dp->core.ops);
    pthread_mutex_unlock(&dp->rows[row]);
}

/* Ports in memory, from their far side ------------------------------------ */

/* Finds port `port_no`, and leaves the lock held for reading if it returns 0.
 */
static int
find(struct dpif *dpif, uint32_t port_no, struct netdev_port **portp)
{
    struct netdev_dp *dp;
    int error;

    if (dpif->dpif_class != &dpif_netdev_class) {
        return dpx_error(EINVAL, "%s is no netdev datapath", dpif_name(dpif));
    }
    dp = netdev_dp(dpif);
    pthread_rwlock_rdlock(&dp->lock);
    *portp = port_no < DPX_MAX_PORTS ? dp->ports[port_no] : NULL;
    if (!*portp) {
        error = dpx_error(ENOENT, "datapath %s has no port %u", dp->name,
                          port_no);
    } else if ((*portp)->kind != NETDEV_MEMORY) {
        error = dpx_error(EINVAL, "port %s is not in memory", (*portp)->name);
    } else {
        return 0;
    }
    pthread_rwlock_unlock(&dp->lock);
    return error;
}

int
dpif_dummy_receive(struct dpif *dpif, uint32_t port_no, const void *frame,
                   size_t len)
{
    struct dpx_packet packet = { .in_port = port_no };
    struct netdev_port *port;
    int error;

    if (len < ETH_LEN) {
        return dpx_error(EINVAL,
                         "a packet of %zu bytes has no Ethernet "
                         "header",
                         len);
    }
    error = find(dpif, port_no, &port);
    if (error) {
        return error;
    }
    dpx_frame_copy(&packet.frame, frame, len);
    netdev_packet_receive(netdev_dp(dpif), &packet);
    pthread_rwlock_unlock(&netdev_dp(dpif)->lock);
    dpx_buf_free(&packet.frame);
    return 0;
}

int
dpif_dummy_sent(struct dpif *dpif, uint32_t port_no, struct dpx_buf *frame)
{
    struct netdev_frame *first;
    struct netdev_port *port;
    int error = find(dpif, port_no, &port);

    if (error) {
        return error;
    }
    pthread_mutex_lock(&port->lock);
    first = port->first;
    if (first) {
        port->first = first->next;
        port->n_frames--;
    }
    pthread_mutex_unlock(&port->lock);
    pthread_rwlock_unlock(&netdev_dp(dpif)->lock);
    if (!first) {
        return EAGAIN;
    }
    dpx_buf_clear(frame);
    dpx_buf_put(frame, first->data, first->len);
    free(first);
    return 0;
}
