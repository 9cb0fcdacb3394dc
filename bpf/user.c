/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

#include "bpf/user.h"

#include "bpf/ctx_mem.h"
#include "bpf/parse.h"
#include "bpf/lookup.h"
#include "bpf/actions.h"

/* What a key has from the packet's metadata.  The rest of `s` that operations
 * read is the parser's. */
static void
begin(struct dpx_scratch *s, const struct dpx_packet *packet)
{
    struct dpx_key *key = &s->key;

    memset(s, 0, offsetof(struct dpx_scratch, userdata));
    s->len = packet->frame.len;
    dpx_store32(&key->in_port, packet->in_port);
    dpx_store32(&key->recirc_id, packet->recirc_id);
    dpx_store32(&key->skb_priority, packet->skb_priority);
    dpx_store32(&key->skb_mark, packet->skb_mark);
    dpx_store32(&key->dp_hash, packet->dp_hash);
}

void
dpx_user_parse(const struct dpx_packet *packet, struct dpx_key *key)
{
    struct dpx_mem ctx = { .packet = (struct dpx_packet *) packet };
    struct dpx_scratch s;

    begin(&s, packet);
    dpx_parse_packet(&ctx, &s);
    *key = s.key;
}

/* Why the packet ends here, or 0. */
static int
receive(struct dpx_mem *ctx, struct dpx_scratch *s)
{
    int reason = dpx_parse_packet(ctx, s);
    struct dpx_body *body;

    if (reason) {
        return reason;
    }
    body = dpx_lookup(ctx, s);
    if (!body) {
        dpx_miss(ctx, s);
        return 0;
    }
    dpx_count_hit(ctx, s, body);
    return dpx_execute(ctx, s, body);
}

void
dpx_user_receive(struct dpx_maps *maps, uint32_t cpu,
                 struct dpx_packet *packet, const struct dpx_user_ops *ops)
{
    struct dpx_mem ctx = { maps, cpu, packet, ops };
    struct dpx_scratch s;
    int reason;

    begin(&s, packet);
    dpx_read_begin(maps, cpu);
    reason = receive(&ctx, &s);
    dpx_read_end(maps, cpu);
    if (reason) {
        ctx_drop(&ctx, &s, packet->in_port, reason);
    }
}

void
dpx_user_execute(struct dpx_maps *maps, uint32_t cpu,
                 struct dpx_packet *packet, const struct dpx_op *op,
                 size_t n_ops, const struct dpx_user_ops *ops)
{
    struct dpx_mem ctx = { maps, cpu, packet, ops };
    struct dpx_scratch s;
    int reason;

    begin(&s, packet);
    reason = dpx_parse_packet(&ctx, &s);
    for (size_t i = 0; i < n_ops && !reason; i++) {
        reason = dpx_do(&ctx, &s, &op[i], i + 1 == n_ops);
    }
    if (reason) {
        ctx_drop(&ctx, &s, packet->in_port, reason);
    }
}
