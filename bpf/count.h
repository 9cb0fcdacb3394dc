/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Counting, as openvswitch.ko counts: a packet, GSO or not, is one; its bytes
 * are its length with its tag.  Every row belongs to one CPU. */

#ifndef DPX_COUNT_H
#define DPX_COUNT_H 1

#include "bpf/bytes.h"

/* Adds 1 to `seq`, with memory ordered before and behind it, for readers on
 * other CPUs. */
static __always_inline void
dpx_seq_next(__u32 *seq)
{
#ifndef __bpf__
    __atomic_fetch_add(seq, 1, __ATOMIC_SEQ_CST);
#elif defined(__TARGET_ARCH_arm64)
    /* An addition whose result is used is a full barrier there. */
    __u32 was = __sync_fetch_and_add(seq, 1);

    asm volatile("" ::"r"(was) : "memory");
#else
    asm volatile("" ::: "memory");
    ++*seq;
    asm volatile("" ::: "memory");
#endif
}

/* Adds `n` to a number of this CPU's, which others may be reading. */
static __always_inline void
dpx_add(__u64 *p, __u64 n)
{
#ifdef __bpf__
    *p += n;
#else
    __atomic_store_n(p, *p + n, __ATOMIC_RELAXED);
#endif
}

/* The packet of `s` as one that `body`'s flow takes. */
static __always_inline void
dpx_count_hit(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_body *body)
{
    const volatile struct dpx_config *conf = ctx_conf(ctx);
    __u32 cpu = ctx_cpu(ctx);
    struct dpx_counter *row = ctx_counter(ctx,
                                          cpu * conf->n_flows + body->flow);
    struct dpx_stats *stats = ctx_stats_beside(ctx, s);

    if (row) {
        dpx_seq_next(&row->seq);
        row->packets++;
        row->bytes += s->len;
        row->used = ctx_now(ctx);
        row->seen |= DPX_BE16(s->key.tcp_flags) | 0x10000 << CTX_PLANE;
        dpx_seq_next(&row->seq);
    }
    if (stats && s->cached) {
        dpx_add(&stats->cache_hit, 1);
    } else if (stats) {
        __u64 *hits = ctx_mask_hits(ctx, cpu * conf->n_masks + body->mask);

        dpx_add(&stats->hit, 1);
        dpx_add(&stats->mask_hit, s->n_masks);
        if (hits) {
            dpx_add(hits, 1);
        }
    }
}

/* The packet of `s` as one that no flow matches. */
static __always_inline void
dpx_count_miss(ctx_t *ctx, const struct dpx_scratch *s)
{
    struct dpx_stats *stats = ctx_stats(ctx);

    if (stats) {
        dpx_add(&stats->missed, 1);
        dpx_add(&stats->mask_hit, s->n_masks);
    }
}

/* An upcall that did not come about. */
static __always_inline void
dpx_count_lost(ctx_t *ctx)
{
    struct dpx_stats *stats = ctx_stats(ctx);

    if (stats) {
        dpx_add(&stats->lost, 1);
    }
}

#endif /* bpf/count.h */
