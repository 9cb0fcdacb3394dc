/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The hash of keys: sums of products of 32-bit halves, each with a secret
 * added, then a finish that spreads them over all 64 bits.  The secrets are
 * random for each datapath, so nobody outside can make keys collide.
 *
 * The low bits pick a bucket or a cache entry, the top ones are the tag. */

#ifndef DPX_HASH_H
#define DPX_HASH_H 1

#include "maps/layout.h"

/* Loops over the words of a mask are written out in BPF: with the number of a
 * word known, most of what they load has a constant address. */
#ifdef __bpf__
#define DPX_UNROLL _Pragma("clang loop unroll(full)")
#define DPX_UNKNOWN(X) asm volatile("" : "+r"(X))
#else
#define DPX_UNROLL
#define DPX_UNKNOWN(X)
#endif

/* Adds word `w`, which is number `i` of its key, to the sum `h`. */
static inline __attribute__((always_inline)) __u64
dpx_hash_add(const volatile struct dpx_config *conf, __u64 h, __u32 i, __u64 w)
{
    __u32 lo = (__u32) w + (__u32) conf->secret_lo[i];
    __u32 hi = (__u32) (w >> 32) + (__u32) conf->secret_hi[i];

    return h + (__u64) lo * hi;
}

static inline __attribute__((always_inline)) __u64
dpx_hash_finish(__u64 h)
{
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15ull;
    return h ^ h >> 32;
}

/* The hash of `key`'s words under `mask`: a flow's place in the index. */
static inline __attribute__((always_inline)) __u64
dpx_hash_masked(const volatile struct dpx_config *conf,
                const struct dpx_key *key, const struct dpx_mask *mask)
{
    const __u64 *words = (const __u64 *) key;
    __u64 h = mask->seed;
    __u32 n = mask->n_words;

    DPX_UNROLL
    for (__u32 i = 0; i < DPX_KEY_WORDS; i++) {
        __u32 w;

        DPX_UNKNOWN(n);
        if (i >= n) {
            break;
        }
        w = mask->offset[i] % DPX_KEY_WORDS;
        h = dpx_hash_add(conf, h, w, words[w] & mask->bits[i]);
    }
    return dpx_hash_finish(h);
}

/* The tag of a hash in a bucket: 16 bits, never 0. */
static inline __attribute__((always_inline)) __u64
dpx_hash_tag(__u64 h)
{
    return h >> 48 ? h >> 48 : 1;
}

/* The hash of a packet, for the cache and for choosing a handler: what stays
 * the same throughout a connection.  Words are folded in pairs, for a
 * collision costs time and nothing else. */
static inline __attribute__((always_inline)) __u64
dpx_hash_packet(const volatile struct dpx_config *conf,
                const struct dpx_key *key)
{
    const __u64 *w = (const __u64 *) key;
    __u64 ip = (__u64) key->ip_frag << 32 | (__u64) key->ip_proto << 40;
    __u64 ports = (__u32) w[5]; /* Without TCP's flags. */
    __u64 h = 0;

    h = dpx_hash_add(conf, h, 0, w[0] ^ w[3]);
    h = dpx_hash_add(conf, h, 1, w[1] ^ (w[2] << 16 | w[2] >> 48));
    h = dpx_hash_add(conf, h, 2, ip | ports);
    h = dpx_hash_add(conf, h, 3, w[6]);
    if (key->eth_type == __builtin_bswap16(0x86dd)) {
        h = dpx_hash_add(conf, h, 4, w[7]);
        h = dpx_hash_add(conf, h, 5, w[8]);
        h = dpx_hash_add(conf, h, 6, w[9]);
    }
    return dpx_hash_finish(h);
}

#endif /* bpf/hash.h */
