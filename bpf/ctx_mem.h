/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The packet vocabulary on memory: plane `user`.  The tag is always in the
 * frame, all of the frame is linear, and there is room to push. */

#ifndef DPX_CTX_MEM_H
#define DPX_CTX_MEM_H 1

#include "bpf/bytes.h"
#include "bpf/csum.h"
#include "bpf/ctx.h"
#include "bpf/set.h"
#include "bpf/user.h"

/* A packet on its way.  `maps` may be NULL where nothing looks up. */
typedef struct dpx_mem {
    struct dpx_maps *maps;
    __u32 cpu;
    struct dpx_packet *packet;
    const struct dpx_user_ops *ops;
} ctx_t;

#define CTX_PLANE DPX_PLANE_USER
#define CTX_CLONES 1
#define CTX_GLOBAL static

/* Packet.  ---------------------------------------------------------------- */

static inline __u32
ctx_len(ctx_t *ctx)
{
    return ctx->packet->frame.len;
}

/* The kernel's planes look no further than DPX_PARSE_MAX, and neither does
 * this one. */
static inline void *
ctx_header(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u32 n)
{
    __u32 len = ctx_len(ctx);

    (void) s;
    if (ofs > DPX_PARSE_MAX || n > len || ofs > len - n) {
        return NULL;
    }
    return dpx_buf_data(&ctx->packet->frame) + ofs;
}

static inline int
ctx_linear(ctx_t *ctx, __u32 n)
{
    (void) ctx;
    (void) n;
    return 0;
}

static inline bool
ctx_tag(ctx_t *ctx, struct dpx_vlan *vlan)
{
    (void) ctx;
    (void) vlan;
    return false;
}

static inline int
ctx_push_vlan(ctx_t *ctx, __u16 tpid, __u16 tci)
{
    __u8 *p;

    if (ctx_len(ctx) < 12) {
        return DPX_DROP_PUSH;
    }
    p = dpx_buf_push(&ctx->packet->frame, NULL, 4);
    memmove(p, p + 4, 12);
    dpx_store16(p + 12, DPX_BE16(tpid));
    dpx_store16(p + 14, DPX_BE16(tci));
    return 0;
}

/* Without a whole tag there is nothing to do. */
static inline int
ctx_pop_vlan(ctx_t *ctx)
{
    __u8 *p = ctx_header(ctx, NULL, 0, 18);
    __u16 tpid;

    if (!p) {
        return 0;
    }
    tpid = dpx_load16(p + 12);
    if (tpid == DPX_BE16(0x8100) || tpid == DPX_BE16(0x88a8)) {
        memmove(p + 4, p, 12);
        ctx->packet->frame.head += 4;
        ctx->packet->frame.len -= 4;
    }
    return 0;
}

static inline void
ctx_fix_csum(__u8 *p, __u32 old, __u32 new, bool udp)
{
    __u16 check = dpx_load16(p);

    dpx_store16(p, udp ? dpx_csum_replace_udp(check, old, new)
                       : dpx_csum_replace(check, old, new));
}

/* SCTP's CRC at `p` for a word at `ofs` that changed.  As in the kernel, what
 * the CRC covers reaches to the end of the frame. */
static inline void
ctx_fix_sctp(ctx_t *ctx, __u8 *p, __u32 ofs, __u32 old, __u32 new)
{
    dpx_store32(p, dpx_crc32c_replace(dpx_load32(p), old, new,
                                      ctx_len(ctx) - ofs - 4));
}

static inline int
ctx_set32(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    bool sctp = op->csum & DPX_CSUM_SCTP && s->tp_ofs
                && s->key.ip_proto == DPX_PROTO_SCTP;
    __u32 tp_csum = dpx_csum_tp_ofs(s, op);
    int ofs = dpx_set_ofs(s, op);
    __u8 *word, *ip, *tp, *crc;
    __u32 old, new;

    if (ofs < 0) {
        return 0;
    }
    word = ctx_header(ctx, s, ofs, 4);
    ip = ctx_header(ctx, s, s->net_ofs + DPX_IPV4_CSUM_OFS, 2);
    tp = ctx_header(ctx, s, tp_csum, 2);
    crc = ctx_header(ctx, s, s->tp_ofs + DPX_SCTP_CSUM_OFS, 4);
    if (!word || (op->csum & DPX_CSUM_IP && !ip) || !tp || (sctp && !crc)) {
        return DPX_DROP_WRITE;
    }
    old = dpx_load32(word);
    new = dpx_set_word(op, old);
    dpx_store32(word, new);
    if (op->csum & DPX_CSUM_IP) {
        ctx_fix_csum(ip, old, new, false);
    }
    if (tp_csum) {
        ctx_fix_csum(tp, old, new, s->key.ip_proto == DPX_PROTO_UDP);
    }
    if (sctp) {
        ctx_fix_sctp(ctx, crc, ofs, old, new);
    }
    return 0;
}

static inline int
ctx_set_metadata(ctx_t *ctx, const struct dpx_scratch *s)
{
    ctx->packet->skb_priority = s->key.skb_priority;
    ctx->packet->skb_mark = s->key.skb_mark;
    return 0;
}

/* Where packets go.  ------------------------------------------------------ */

static inline int
ctx_output(ctx_t *ctx, struct dpx_scratch *s, __u32 port, bool last)
{
    (void) s;
    (void) last;
    ctx->ops->output(ctx->ops->aux, port, ctx->packet);
    return 0;
}

static inline int
ctx_upcall(ctx_t *ctx, struct dpx_scratch *s, enum dpx_upcall_type type,
           __u32 pid)
{
    if (!ctx->ops->upcall) {
        return DPX_DROP_NO_HANDLER;
    }
    ctx->ops->upcall(ctx->ops->aux, type, pid, &s->key, s->userdata,
                     s->userdata_len, ctx->packet);
    return 0;
}

static inline void
ctx_drop(ctx_t *ctx, struct dpx_scratch *s, __u32 port,
         enum dpx_drop_reason reason)
{
    (void) s;
    if (ctx->ops->drop) {
        ctx->ops->drop(ctx->ops->aux, port, reason, ctx->packet);
    }
}

/* Tables, clock, loop.  --------------------------------------------------- */

#define CTX_TABLE(NAME, TYPE, MAP, ENTRIES)                                   \
    static inline TYPE *ctx_##NAME(ctx_t *ctx, __u32 i)                       \
    {                                                                         \
        struct dpx_maps *maps = ctx->maps;                                    \
                                                                              \
        return maps && i < (ENTRIES) ? (TYPE *) &maps->MAP[i] : NULL;         \
    }

CTX_TABLE(body, struct dpx_body, bodies, maps->conf.n_slots)
CTX_TABLE(mask, struct dpx_mask, masks, maps->conf.n_masks)
CTX_TABLE(order, __u64, order, 2 * maps->conf.n_masks)
CTX_TABLE(bucket, struct dpx_bucket, index, maps->conf.n_buckets)
CTX_TABLE(cache, __u64, cache, (__u64) maps->conf.cache_mask + 1)
CTX_TABLE(block, struct dpx_block, blocks, maps->conf.n_blocks)
CTX_TABLE(counter, struct dpx_counter, counters,
          (__u64) maps->conf.n_flows * maps->conf.n_cpus)
CTX_TABLE(mask_hits, __u64, mask_hits,
          (__u64) maps->conf.n_masks * maps->conf.n_cpus)
CTX_TABLE(port, struct dpx_port, ports, DPX_MAX_PORTS)
CTX_TABLE(cpu_row, struct dpx_cpu, cpus, maps->conf.n_cpus)

static inline __u32
ctx_cpu(ctx_t *ctx)
{
    return ctx->cpu;
}

static inline struct dpx_stats *
ctx_stats(ctx_t *ctx)
{
    struct dpx_cpu *cpu = ctx_cpu_row(ctx, ctx->cpu);

    return cpu ? &cpu->stats : NULL;
}

static inline struct dpx_stats *
ctx_stats_beside(ctx_t *ctx, struct dpx_scratch *s)
{
    (void) s;
    return ctx_stats(ctx);
}

static inline const struct dpx_meta *
ctx_meta(ctx_t *ctx)
{
    return ctx->maps ? ctx->maps->meta : NULL;
}

static inline const volatile struct dpx_config *
ctx_conf(ctx_t *ctx)
{
    return &ctx->maps->conf;
}

static inline __u64
ctx_now(ctx_t *ctx)
{
    struct dpx_clock clock;

    return dpx_clock_read(ctx->maps, &clock) ? 0 : clock.jiffies;
}

static inline void
ctx_loop(__u32 n, long (*callback)(__u32 i, void *state), void *state)
{
    for (__u32 i = 0; i < n; i++) {
        if (callback(i, state)) {
            break;
        }
    }
}

#endif /* bpf/ctx_mem.h */
