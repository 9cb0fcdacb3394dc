/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Execution of a flow's operations, on every plane.  An operation that fails
 * ends the packet; an output that fails costs that copy alone. */

#ifndef DPX_ACTIONS_H
#define DPX_ACTIONS_H 1

#include "bpf/bytes.h"
#include "bpf/count.h"
#include "bpf/parse.h"
#include "bpf/set.h"

/* The parser as a function of its own, for planes that call it twice. */
CTX_GLOBAL int
dpx_parse_linear(ctx_t *ctx, struct dpx_scratch *s)
{
    return s ? dpx_parse(ctx, s) : DPX_DROP_PULL;
}

/* Parses the packet, wherever its headers lie. */
static __always_inline int
dpx_parse_packet(ctx_t *ctx, struct dpx_scratch *s)
{
    int reason = dpx_parse_linear(ctx, s);

    if (reason == DPX_DROP_PULL) {
        reason = ctx_linear(ctx, DPX_PARSE_MAX);
        if (!reason) {
            reason = dpx_parse_linear(ctx, s);
        }
    }
    return reason;
}

/* Sends the packet to userspace, or counts that it could not be sent. */
static __always_inline void
dpx_upcall(ctx_t *ctx, struct dpx_scratch *s, enum dpx_upcall_type type,
           __u32 pid)
{
    int reason = ctx_upcall(ctx, s, type, pid);

    if (reason) {
        dpx_count_lost(ctx);
        ctx_drop(ctx, s, s->key.in_port, reason);
    }
}

/* A packet that no flow matches. */
static __always_inline void
dpx_miss(ctx_t *ctx, struct dpx_scratch *s)
{
    dpx_count_miss(ctx, s);
    dpx_upcall(ctx, s, DPX_UPCALL_MISS, 0);
}

static __always_inline void
dpx_do_output(ctx_t *ctx, struct dpx_scratch *s, __u32 port, bool last)
{
    int reason = ctx_output(ctx, s, port, last);

    if (reason) {
        ctx_drop(ctx, s, port, reason);
    }
}

static __always_inline int
dpx_do_set_key(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    __u32 off = op->off;
    __u8 *word;

    if (off > sizeof s->key - 4) {
        return DPX_DROP_UNKNOWN_OP;
    }
    word = (__u8 *) &s->key + off;
    dpx_store32(word, dpx_set_word(op, dpx_load32(word)));
    return ctx_set_metadata(ctx, s);
}

/* A push or a pop: what lies behind moves. */
static __always_inline int
dpx_do_vlan(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    __u32 len = ctx_len(ctx);
    __s32 moved;
    int reason;

    if (op->type == DPX_OP_PUSH_VLAN) {
        reason = ctx_push_vlan(ctx, op->a >> 16,
                               op->a & 0xffff & ~DPX_VLAN_PRESENT);
    } else {
        reason = ctx_pop_vlan(ctx);
    }
    if (reason) {
        return reason;
    }
    moved = ctx_len(ctx) - len;
    s->mpls_ofs += s->mpls_ofs ? moved : 0;
    s->net_ofs += s->net_ofs ? moved : 0;
    s->tp_ofs += s->tp_ofs ? moved : 0;
    s->edited = 1;
    return 0;
}

static __always_inline int
dpx_do_set(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    int reason = ctx_set32(ctx, s, op);

    if (!reason) {
        s->edited = 1;
    }
    return reason;
}

static __always_inline int
dpx_do_data(struct dpx_scratch *s, const struct dpx_op *op)
{
    __u32 len = s->userdata_len;

    if (len > DPX_MAX_USERDATA - 8) {
        return DPX_DROP_UNKNOWN_OP;
    }
    dpx_store32(&s->userdata[len], op->a);
    dpx_store32(&s->userdata[len + 4], op->b);
    s->userdata_len = len + 8;
    return 0;
}

/* Hands the packet up as it is now, with a key that says so. */
static __always_inline int
dpx_do_userspace(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    if (s->edited) {
        int reason = dpx_parse_packet(ctx, s);

        if (reason) {
            return reason;
        }
        s->edited = 0;
    }
    s->userdata_len = op->off;
    dpx_upcall(ctx, s, DPX_UPCALL_ACTION, op->a);
    s->userdata_len = 0;
    return 0;
}

/* 0, or why the packet ends here. */
static __always_inline int
dpx_do(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op, bool last)
{
    switch (op->type) {
    case DPX_OP_NONE:
        return 0;
    case DPX_OP_OUTPUT:
        dpx_do_output(ctx, s, op->a, last);
        return 0;
    case DPX_OP_SET:
        return dpx_do_set(ctx, s, op);
    case DPX_OP_SET_KEY:
        return dpx_do_set_key(ctx, s, op);
    case DPX_OP_PUSH_VLAN:
    case DPX_OP_POP_VLAN:
        return dpx_do_vlan(ctx, s, op);
    case DPX_OP_DATA:
        return dpx_do_data(s, op);
    case DPX_OP_USERSPACE:
        return dpx_do_userspace(ctx, s, op);
    default:
        return DPX_DROP_UNKNOWN_OP;
    }
}

struct dpx_execution {
    ctx_t *ctx;
    struct dpx_scratch *s;
    struct dpx_body *body;
    int reason; /* Why it ended early, or 0. */
};

/* The next operation: the body's, then those of its chain of blocks.  NULL at
 * the chain's end.  Where it stands is kept in `s`, whose contents the
 * verifier takes for unknown: so one pass of a loop is all that it follows. */
static __always_inline const struct dpx_op *
dpx_next_op(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_body *body)
{
    const struct dpx_block *block;
    __u32 pos = s->pos;

    if (!s->block) {
        if (pos < DPX_BODY_OPS) {
            s->pos = pos + 1;
            return &body->ops[pos];
        }
        s->block = body->block;
        pos = 0;
    }
    block = s->block ? ctx_block(ctx, s->block) : NULL;
    if (block && pos >= DPX_BLOCK_OPS) {
        s->block = block->next;
        block = s->block ? ctx_block(ctx, s->block) : NULL;
        pos = 0;
    }
    s->pos = pos + 1;
    return block && pos < DPX_BLOCK_OPS ? &block->ops[pos] : NULL;
}

static long
dpx_step(__u32 i, void *execution_)
{
    struct dpx_execution *e = execution_;
    const struct dpx_op *op = dpx_next_op(e->ctx, e->s, e->body);

    if (!op) {
        return 1;
    }
    e->reason = dpx_do(e->ctx, e->s, op, i + 1 == e->body->n_ops);
    return e->reason != 0;
}

/* Executes the flow of `body` on the packet.  `s->verdict` must hold the
 * verdict for a packet that is output nowhere, and holds the packet's then.
 * Returns 0, or the enum dpx_drop_reason for which the packet ended early. */
static __always_inline int
dpx_execute(ctx_t *ctx, struct dpx_scratch *s, struct dpx_body *body)
{
    struct dpx_execution e = { ctx, s, body, 0 };

    if (body->flags & DPX_BODY_PLAIN) {
        if (body->out != DPX_PORT_NONE) {
            dpx_do_output(ctx, s, body->out, true);
        }
        return 0;
    }
    s->block = 0;
    s->pos = 0;
    ctx_loop(body->n_ops, dpx_step, &e);
    return e.reason;
}

#endif /* bpf/actions.h */
