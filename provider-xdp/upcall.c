/* SPDX-License-Identifier: Apache-2.0 */

/* Receiving upcalls, the kernel's and our own. */

#include <errno.h>
#include <stdlib.h>

#include "provider-xdp/handlers.h"

#define QUEUE_BYTES (4u << 20) /* Bound of a handler's own queue. */

/* Negative to get no more. */
int
dpx_handler_record(void *h_, void *data, size_t size)
{
    struct dpx_handler *h = h_;
    const struct dpx_upcall *u = data;

    if (size < sizeof *u) {
        return 0;
    }
    h->received = h->info
                  && dpx_upcall_read(u, size, h->info, h->buf, h->packet);
    dpx_upcall_give_back(h->dp->maps, u->port, u->charged);
    return h->received ? -ECANCELED : 0;
}

int
dpx_recv(struct dpx_dp *dp, uint32_t handler, struct dpx_upcall_info *info,
         struct dpx_buf *buf, struct dpx_buf *packet)
{
    struct dpx_handler *h;
    struct dpx_queued *q;
    bool received;

    if (handler >= DPX_MAX_HANDLERS) {
        return EAGAIN;
    }
    h = &dp->handlers->handlers[handler];
    pthread_mutex_lock(&h->lock);
    h->info = info;
    h->buf = buf;
    h->packet = packet;
    h->received = false;
    while (!h->received && (q = dpx_upcall_get(&h->queue))) {
        h->received = dpx_upcall_read(&q->record, q->size, info, buf, packet);
        free(q);
    }
    if (!h->received && h->ring) {
        ring_buffer__consume(h->ring);
    }
    received = h->received;
    h->info = NULL;
    pthread_mutex_unlock(&h->lock);
    return received ? 0 : EAGAIN;
}

void
dpx_handler_purge(struct dpx_handler *h)
{
    struct dpx_queued *q;

    while ((q = dpx_upcall_get(&h->queue))) {
        free(q);
    }
    if (h->ring) {
        ring_buffer__consume(h->ring);
    }
}

void
dpx_recv_purge(struct dpx_dp *dp)
{
    for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        struct dpx_handler *h = &dp->handlers->handlers[i];

        pthread_mutex_lock(&h->lock);
        dpx_handler_purge(h);
        pthread_mutex_unlock(&h->lock);
    }
}

void
dpx_handlers_queue(struct dpx_dp *dp, enum dpx_upcall_type type, uint32_t pid,
                   const struct dpx_key *key, const void *userdata,
                   size_t userdata_len, const struct dpx_packet *packet)
{
    uint32_t n = __atomic_load_n(&dp->maps->meta->n_handlers,
                                 __ATOMIC_ACQUIRE);
    size_t size = dpx_upcall_size(userdata_len, packet);
    enum dpx_drop_reason reason = DPX_DROP_NONE;
    struct dpx_handler *h;

    h = &dp->handlers->handlers[pid && pid <= n ? pid - 1
                                                : key->in_port % (n ? n : 1)];
    pthread_mutex_lock(&h->lock);
    if (!h->ring) {
        reason = DPX_DROP_NO_HANDLER;
    } else if (h->queue.bytes + size > QUEUE_BYTES
               || !dpx_upcall_put(&h->queue, type, pid, key, userdata,
                                  userdata_len, packet, 0)) {
        reason = DPX_DROP_LOST;
    }
    pthread_mutex_unlock(&h->lock);
    if (reason) {
        dpx_maps_count_drop(dp->maps, key->in_port, reason, 1,
                            packet->frame.len);
    }
}
