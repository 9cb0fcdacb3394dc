/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The fast plane: hits whose flow one redirect, or a drop, completes.  All the
 * rest passes up to TC as it arrived, and is counted there. */

#include "bpf/ctx_xdp.bpf.h"
#include "bpf/parse.h"
#include "bpf/lookup.h"
#include "bpf/actions.h"

/* Is the frame in one piece?  Kernels before 6.3 redirect no other, and later
 * ones only to devices that say that they take it; nothing would show what is
 * lost. */
static __always_inline bool
dpx_xdp_whole(ctx_t *ctx, const struct dpx_scratch *s)
{
    return s->len == (__u64) (ctx->data_end - ctx->data);
}

/* Whether XDP is to execute the flow of `body`.  One that edits must not find
 * out too late that its output cannot be done; the length is another matter,
 * for edits change it. */
static __always_inline bool
dpx_xdp_executes(ctx_t *ctx, const struct dpx_scratch *s,
                 const struct dpx_body *body)
{
    if (!(body->flags & DPX_BODY_XDP)) {
        return false;
    }
    if (body->out == DPX_PORT_NONE) {
        return true;
    }
    return dpx_xdp_whole(ctx, s)
           && (body->flags & DPX_BODY_PLAIN
               || !ctx_unable(ctx_port(ctx, body->out)));
}

SEC("xdp.frags")
int
dpx_xdp(struct xdp_md *ctx)
{
    struct dpx_scratch *s = ctx_begin(ctx, ctx->ingress_ifindex);
    struct dpx_body *body;
    int reason;

    if (!s || dpx_parse(ctx, s)) {
        return XDP_PASS;
    }
    body = dpx_lookup_train(ctx, s);
    s->len = ctx_len(ctx);
    if (!body || !dpx_xdp_executes(ctx, s, body)) {
        return XDP_PASS;
    }
    s->verdict = XDP_DROP;
    reason = dpx_execute(ctx, s, body);
    if (reason && s->edited) {
        ctx_drop(ctx, s, s->key.in_port, reason);
        s->verdict = XDP_DROP;
    } else if (reason || s->verdict == XDP_PASS) {
        return XDP_PASS;
    }
    dpx_count_hit(ctx, s, body);
    return s->verdict;
}

char dpx_license[] SEC("license") = "Dual BSD/GPL";
