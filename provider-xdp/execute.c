/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <string.h>

#include "lib/error.h"
#include "provider-xdp/dp.h"

#define ETH_LEN 14

/* Lets `packet` be what `ex` executes on; its frame is `ex`'s own memory. */
static void
packet_init(const struct dpx_execute *ex, const struct dpx_key *key,
            struct dpx_packet *packet)
{
    packet->gso_size = ex->gso_size;
    packet->in_port = key->in_port;
    packet->recirc_id = key->recirc_id;
    packet->skb_priority = key->skb_priority;
    packet->skb_mark = key->skb_mark;
    packet->dp_hash = key->dp_hash;
}

int
dpx_execute_prepare(const struct dpx_execute *ex, struct dpx_key *key,
                    struct dpx_program *prog)
{
    struct dpx_packet packet;
    struct dpx_key parsed;
    int error;

    if (ex->packet_len < ETH_LEN) {
        return dpx_error(EINVAL, "a packet of %zu bytes has no Ethernet "
                         "header", ex->packet_len);
    }
    error = dpx_key_parse(ex->key, ex->key_len, key);
    if (error) {
        return error;
    }
    memset(&packet, 0, sizeof packet);
    packet_init(ex, key, &packet);
    packet.frame = (struct dpx_buf) {
        .base = (void *) ex->packet,
        .allocated = ex->packet_len,
        .len = ex->packet_len,
    };
    dpx_user_parse(&packet, &parsed);
    return dpx_compile(ex->actions, ex->actions_len, &parsed, NULL, prog);
}

static void
output(void *aux, uint32_t port, const struct dpx_packet *packet)
{
    struct dpx_dp *dp = aux;

    dpx_output_packet(dp->output, port, dpx_buf_data(&packet->frame),
                      packet->frame.len, packet->gso_size);
}

static void
upcall(void *aux, enum dpx_upcall_type type, uint32_t pid,
       const struct dpx_key *key, const void *userdata, size_t userdata_len,
       const struct dpx_packet *packet)
{
    dpx_handlers_queue(aux, type, pid, key, userdata, userdata_len, packet);
}

static void
drop(void *aux, uint32_t port, enum dpx_drop_reason reason,
     const struct dpx_packet *packet)
{
    struct dpx_dp *dp = aux;

    dpx_maps_count_drop(dp->maps, port, reason, 1, packet->frame.len);
}

void
dpx_execute_run(struct dpx_dp *dp, const struct dpx_execute *ex,
                const struct dpx_key *key, const struct dpx_program *prog,
                struct dpx_packet *work)
{
    const struct dpx_user_ops ops = { output, upcall, drop, dp };

    packet_init(ex, key, work);
    dpx_frame_copy(&work->frame, ex->packet, ex->packet_len);
    dpx_user_execute(NULL, 0, work, prog->ops, prog->n, &ops);
}
