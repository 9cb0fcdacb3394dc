/* SPDX-License-Identifier: Apache-2.0 */

/* Upcalls as records: reading them, and queueing our own. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/odp.h"
#include "provider-core/core.h"
#include "provider-core/offload.h"

bool
dpx_upcall_read(const struct dpx_upcall *u, size_t size,
                struct dpx_upcall_info *info, struct dpx_buf *buf,
                struct dpx_buf *packet)
{
    const uint8_t *data = (const uint8_t *) u;
    size_t userdata;

    if (size < sizeof *u || u->packet_ofs > size
        || u->packet_len > size - u->packet_ofs || u->userdata_ofs > size
        || u->userdata_len > size - u->userdata_ofs || !u->packet_len) {
        return false;
    }
    dpx_buf_clear(buf);
    dpx_key_to_attrs(&u->key, buf);
    info->key_len = buf->len;
    dpx_buf_put(buf, NULL, -buf->len & 7);
    userdata = buf->len;
    dpx_buf_put(buf, data + u->userdata_ofs, u->userdata_len);

    info->type = u->type;
    info->pid = u->pid;
    info->key = dpx_buf_data(buf);
    info->userdata = u->userdata_len ? dpx_buf_data(buf) + userdata : NULL;
    info->userdata_len = u->userdata_len;
    info->gso_size = u->gso_size;
    info->packet = packet;
    dpx_frame_copy(packet, data + u->packet_ofs, u->packet_len);
    if (!u->gso_size) {
        dpx_csum_complete(dpx_buf_data(packet), packet->len);
    }
    return true;
}

size_t
dpx_upcall_size(size_t userdata_len, const struct dpx_packet *packet)
{
    return sizeof(struct dpx_upcall) + userdata_len + packet->frame.len;
}

static void
append(struct dpx_upcall_queue *queue, struct dpx_queued *q)
{
    uint64_t one = 1;

    q->next = NULL;
    if (queue->first) {
        queue->last->next = q;
    } else {
        queue->first = q;
        if (queue->event >= 0 && write(queue->event, &one, sizeof one) < 0) {
            /* It is signalled already. */
        }
    }
    queue->last = q;
    queue->bytes += q->size;
}

bool
dpx_upcall_put(struct dpx_upcall_queue *queue, enum dpx_upcall_type type,
               uint32_t pid, const struct dpx_key *key, const void *userdata,
               size_t userdata_len, const struct dpx_packet *packet,
               uint32_t charged)
{
    size_t size = dpx_upcall_size(userdata_len, packet);
    struct dpx_queued *q = malloc(offsetof(struct dpx_queued, record) + size);
    uint8_t *data;

    if (!q) {
        return false;
    }
    q->size = size;
    q->record = (struct dpx_upcall){
        .type = type,
        .port = key->in_port,
        .pid = pid,
        .userdata_ofs = sizeof q->record,
        .userdata_len = userdata_len,
        .packet_ofs = sizeof q->record + userdata_len,
        .packet_len = packet->frame.len,
        .gso_size = packet->gso_size,
        .charged = charged,
        .key = *key,
    };
    data = (uint8_t *) (&q->record + 1);
    if (userdata_len) {
        memcpy(data, userdata, userdata_len);
    }
    memcpy(data + userdata_len, dpx_buf_data(&packet->frame),
           packet->frame.len);
    append(queue, q);
    return true;
}

struct dpx_queued *
dpx_upcall_get(struct dpx_upcall_queue *queue)
{
    struct dpx_queued *q = queue->first;
    uint64_t value;

    if (q) {
        queue->first = q->next;
        queue->bytes -= q->size;
        if (!queue->first && queue->event >= 0
            && read(queue->event, &value, sizeof value) < 0) {
            /* It was not signalled: nobody could wait for it. */
        }
    }
    return q;
}

void
dpx_upcall_move(struct dpx_upcall_queue *from, struct dpx_upcall_queue *to)
{
    struct dpx_queued *q;

    while ((q = dpx_upcall_get(from))) {
        append(to, q);
    }
}

void
dpx_upcall_give_back(struct dpx_maps *maps, uint32_t port, uint32_t charged)
{
    uint64_t *backlog, old;

    if (port >= DPX_MAX_PORTS || !charged) {
        return;
    }
    backlog = &maps->backlog[port];
    old = __atomic_load_n(backlog, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(
        backlog, &old, old < charged ? 0 : old - charged, true,
        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        continue;
    }
}

uint32_t
dpx_upcall_pid(uint32_t n, uint32_t port, uint32_t hash)
{
    if (!n) {
        return 0;
    }
    return port == DPX_PORT_NONE ? 1 : 1 + (port * 0x9e3779b1u ^ hash) % n;
}
