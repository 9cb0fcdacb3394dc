/* SPDX-License-Identifier: Apache-2.0 */

/* Executing packets on plane `user`. */

#include "provider-core/core.h"

#include <errno.h>
#include <string.h>

#include "lib/error.h"
#include "lib/odp.h"

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
        return dpx_error(EINVAL,
                         "a packet of %zu bytes has no Ethernet "
                         "header",
                         ex->packet_len);
    }
    error = dpx_key_parse(ex->key, ex->key_len, key);
    if (error) {
        return error;
    }
    memset(&packet, 0, sizeof packet);
    packet_init(ex, key, &packet);
    packet.frame = (struct dpx_buf){
        .base = (void *) ex->packet,
        .allocated = ex->packet_len,
        .len = ex->packet_len,
    };
    dpx_user_parse(&packet, &parsed);
    return dpx_compile(ex->actions, ex->actions_len, &parsed, NULL, prog);
}

void
dpx_execute_run(const struct dpx_execute *ex, const struct dpx_key *key,
                const struct dpx_program *prog, struct dpx_packet *work,
                const struct dpx_user_ops *ops)
{
    packet_init(ex, key, work);
    dpx_frame_copy(&work->frame, ex->packet, ex->packet_len);
    dpx_user_execute(NULL, 0, work, prog->ops, prog->n, ops);
}
