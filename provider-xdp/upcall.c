/* SPDX-License-Identifier: Apache-2.0 */

/* Receiving upcalls, the kernel's and our own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provider-xdp/handlers.h"
#include "provider-xdp/offload.h"

#define QUEUE_BYTES (4u << 20)  /* Bound of a handler's own queue. */

/* Gives back what an upcall of `port` was charged.  The one who took the rings
 * over may have forgiven it already. */
static void
give_back(struct dpx_dp *dp, uint32_t port, uint32_t charged)
{
    uint64_t *backlog, old;

    if (port >= DPX_MAX_PORTS || !charged) {
        return;
    }
    backlog = &dp->maps->backlog[port];
    old = __atomic_load_n(backlog, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(backlog, &old,
                                        old < charged ? 0 : old - charged,
                                        true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
        continue;
    }
}

/* Copies a record to where `h` says; its lengths are not to be trusted. */
static bool
take(struct dpx_handler *h, const struct dpx_upcall *u, size_t size)
{
    const uint8_t *data = (const uint8_t *) u;
    struct dpx_upcall_info *info = h->info;
    size_t userdata;

    if (u->packet_ofs > size || u->packet_len > size - u->packet_ofs
        || u->userdata_ofs > size || u->userdata_len > size - u->userdata_ofs
        || !u->packet_len) {
        return false;
    }
    dpx_buf_clear(h->buf);
    dpx_key_to_attrs(&u->key, h->buf);
    info->key_len = h->buf->len;
    dpx_buf_put(h->buf, NULL, -h->buf->len & 7);
    userdata = h->buf->len;
    dpx_buf_put(h->buf, data + u->userdata_ofs, u->userdata_len);

    info->type = u->type;
    info->pid = u->pid;
    info->key = dpx_buf_data(h->buf);
    info->userdata = u->userdata_len ? dpx_buf_data(h->buf) + userdata : NULL;
    info->userdata_len = u->userdata_len;
    info->gso_size = u->gso_size;
    info->packet = h->packet;
    dpx_frame_copy(h->packet, data + u->packet_ofs, u->packet_len);
    if (!u->gso_size) {
        dpx_csum_complete(dpx_buf_data(h->packet), h->packet->len);
    }
    return true;
}

/* Negative to get no more. */
int
dpx_handler_record(void *h_, void *data, size_t size)
{
    struct dpx_handler *h = h_;
    const struct dpx_upcall *u = data;

    if (size < sizeof *u) {
        return 0;
    }
    h->received = h->info && take(h, u, size);
    give_back(h->dp, u->port, u->charged);
    return h->received ? -ECANCELED : 0;
}

/* Takes the first record out of the handler's own queue; the caller frees it.
 * NULL if there is none. */
static struct dpx_queued *
unqueue(struct dpx_handler *h)
{
    struct dpx_queued *q = h->first;
    uint64_t value;

    if (q) {
        h->first = q->next;
        h->bytes -= q->size;
        if (!h->first && read(h->event, &value, sizeof value) < 0) {
            /* It was not signalled: nobody could wait for it. */
        }
    }
    return q;
}

int
dpx_recv(struct dpx_dp *dp, uint32_t handler, struct dpx_upcall_info *info,
         struct dpx_buf *buf, struct dpx_buf *packet)
{
    struct dpx_handler *h;
    struct dpx_queued *q;

    if (handler >= DPX_MAX_HANDLERS) {
        return EAGAIN;
    }
    h = &dp->handlers->handlers[handler];
    pthread_mutex_lock(&h->lock);
    h->info = info;
    h->buf = buf;
    h->packet = packet;
    h->received = false;
    while (!h->received && (q = unqueue(h))) {
        h->received = take(h, &q->record, q->size);
        free(q);
    }
    if (!h->received && h->ring) {
        ring_buffer__consume(h->ring);
    }
    h->info = NULL;
    pthread_mutex_unlock(&h->lock);
    return h->received ? 0 : EAGAIN;
}

void
dpx_handler_purge(struct dpx_handler *h)
{
    struct dpx_queued *q;

    while ((q = unqueue(h))) {
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
    uint32_t n = dp->maps->meta->n_handlers;
    size_t size = sizeof(struct dpx_upcall) + userdata_len + packet->frame.len;
    enum dpx_drop_reason reason = DPX_DROP_NO_HANDLER;
    struct dpx_queued *q = NULL;
    struct dpx_handler *h;

    h = &dp->handlers->handlers[pid && pid <= n ? pid - 1
                                : key->in_port % (n ? n : 1)];
    pthread_mutex_lock(&h->lock);
    if (h->ring) {
        reason = DPX_DROP_LOST;
        q = h->bytes + size > QUEUE_BYTES ? NULL
            : malloc(offsetof(struct dpx_queued, record) + size);
    }
    if (q) {
        uint8_t *data = (uint8_t *) (&q->record + 1);
        uint64_t one = 1;

        q->next = NULL;
        q->size = size;
        q->record = (struct dpx_upcall) {
            .type = type,
            .port = key->in_port,
            .pid = pid,
            .userdata_ofs = sizeof q->record,
            .userdata_len = userdata_len,
            .packet_ofs = sizeof q->record + userdata_len,
            .packet_len = packet->frame.len,
            .gso_size = packet->gso_size,
            .key = *key,
        };
        if (userdata_len) {
            memcpy(data, userdata, userdata_len);
        }
        memcpy(data + userdata_len, dpx_buf_data(&packet->frame),
               packet->frame.len);
        if (h->first) {
            h->last->next = q;
        } else {
            h->first = q;
        }
        h->last = q;
        h->bytes += size;
        if (write(h->event, &one, sizeof one) < 0) {
            /* It is signalled as often as it can count. */
        }
    }
    pthread_mutex_unlock(&h->lock);
    if (!q) {
        dpx_maps_count_drop(dp->maps, key->in_port, reason, 1,
                            packet->frame.len);
    }
}
