/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The tables' part of the packet vocabulary, in the kernel.  The context says
 * nothing about tables there. */

#ifndef DPX_CTX_MAPS_BPF_H
#define DPX_CTX_MAPS_BPF_H 1

#include "bpf/bytes.h"
#include "bpf/ctx.h"
#include "maps/maps.bpf.h"

/* Set by the loader before it loads. */
const volatile struct dpx_config dpx_conf = { 0 };

/* A function that the verifier checks once, by itself. */
#define CTX_GLOBAL __noinline

#define CTX_TABLE(NAME, TYPE, MAP)                                            \
    static __always_inline TYPE *ctx_##NAME(ctx_t *ctx, __u32 i)              \
    {                                                                         \
        (void) ctx;                                                           \
        return bpf_map_lookup_elem(&MAP, &i);                                 \
    }

CTX_TABLE(body, struct dpx_body, bodies)
CTX_TABLE(mask, struct dpx_mask, masks)
CTX_TABLE(order, __u64, order)
CTX_TABLE(bucket, struct dpx_bucket, index)
CTX_TABLE(cache, __u64, cache)
CTX_TABLE(block, struct dpx_block, blocks)
CTX_TABLE(counter, struct dpx_counter, counters)
CTX_TABLE(mask_hits, __u64, mask_hits)
CTX_TABLE(port, struct dpx_port, ports)
CTX_TABLE(cpu_row, struct dpx_cpu, cpus)

static __always_inline __u32
ctx_cpu(ctx_t *ctx)
{
    return bpf_get_smp_processor_id();
}

static __always_inline struct dpx_stats *
ctx_stats(ctx_t *ctx)
{
    struct dpx_cpu *cpu = ctx_cpu_row(ctx, ctx_cpu(ctx));

    return cpu ? &cpu->stats : NULL;
}

/* The same, in the program that has made `s`. */
static __always_inline struct dpx_stats *
ctx_stats_beside(ctx_t *ctx, struct dpx_scratch *s)
{
    return &((struct dpx_cpu *) ((__u8 *) s
                                 - offsetof(struct dpx_cpu, scratch)))
                ->stats;
}

static __always_inline const struct dpx_meta *
ctx_meta(ctx_t *ctx)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&meta, &zero);
}

static __always_inline const volatile struct dpx_config *
ctx_conf(ctx_t *ctx)
{
    return &dpx_conf;
}

static __always_inline __u64
ctx_now(ctx_t *ctx)
{
    return bpf_jiffies64();
}

static __always_inline void
ctx_drop(ctx_t *ctx, struct dpx_scratch *s, __u32 port,
         enum dpx_drop_reason reason)
{
    struct dpx_drop_key key = { port, reason };
    struct dpx_drop *drop = bpf_map_lookup_elem(&drops, &key);

    if (drop) {
        drop->packets++;
        drop->bytes += s->len;
    } else {
        struct dpx_drop first = { 1, s->len };

        bpf_map_update_elem(&drops, &key, &first, BPF_NOEXIST);
    }
}

/* `n` calls at most of `callback(i, state)`, until one returns 1. */
#define ctx_loop(N, CALLBACK, STATE) bpf_loop(N, CALLBACK, STATE, 0)

/* `n` (constant) bytes at `data + ofs`, which must end at `end` or before; or
 * NULL.  Unless `ofs` is constant, the verifier must see it bounded in the
 * register that is added, and the sum checked in the register that is used:
 * so clang is kept from making others of them. */
static __always_inline void *
ctx_bytes(__u8 *data, __u8 *end, __u64 ofs, __u32 n)
{
    if (__builtin_constant_p(ofs)) {
        data += ofs;
        return data + n <= end ? data : NULL;
    }
    asm volatile("" : "+r"(ofs));
    if (ofs > DPX_PARSE_MAX) {
        return NULL;
    }
    data += ofs;
    asm volatile("" : "+r"(data));
    return data + n <= end ? data : NULL;
}

/* The number of the port that `ifindex` is, or DPX_PORT_NONE.  Mostly the
 * guess is right and saves the lookup in a hash map. */
static __always_inline __u32
ctx_arrived(ctx_t *ctx, struct dpx_cpu *cpu, __u32 ifindex)
{
    struct dpx_guess *guess = &cpu->guess[ifindex % DPX_GUESSES];
    __u32 *number;

    if (guess->ifindex != ifindex) {
        number = bpf_map_lookup_elem(&ifports, &ifindex);
        if (!number) {
            return DPX_PORT_NONE;
        }
        guess->port = *number;
        guess->ifindex = ifindex;
    }
    return guess->port;
}

/* The work area for a packet that came from `ifindex`, with words 0, 14 and 15
 * of its key; NULL if that is not a port of this datapath. */
static __always_inline struct dpx_scratch *
ctx_begin(ctx_t *ctx, __u32 ifindex)
{
    struct dpx_cpu *cpu = ctx_cpu_row(ctx, ctx_cpu(ctx));
    struct dpx_scratch *s;
    __u32 port;

    if (!cpu) {
        return NULL;
    }
    port = ctx_arrived(ctx, cpu, ifindex);
    if (port == DPX_PORT_NONE) {
        return NULL;
    }
    s = &cpu->scratch;
    /* Words are stored as they will be loaded: a load that spans two stores
     * waits for both. */
    dpx_store64(&s->key.in_port, port);
    dpx_store64(&s->key.skb_priority, 0);
    dpx_store64(&s->key.dp_hash, 0);
    s->edited = 0;
    s->userdata_len = 0;
    return s;
}

#endif /* bpf/ctx_maps.bpf.h */
