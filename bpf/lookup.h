/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* From a packet's key to its flow: the cache's guess, or else a search of the
 * masks in their order.  Whatever is found is compared word by word, so stale
 * and colliding entries of cache and index cost time and nothing else. */

#ifndef DPX_LOOKUP_H
#define DPX_LOOKUP_H 1

#include "bpf/bytes.h"
#include "bpf/hash.h"

#define DPX_SEARCH_CHUNK 8 /* Masks per call of the loop's body. */

/* Loads and stores of what others write at the same time: in one piece. */
#ifdef __bpf__
#define DPX_LOAD(P) (*(const volatile __typeof__(*(P)) *) (P))
#define DPX_STORE(P, X) (*(volatile __typeof__(*(P)) *) (P) = (X))
#else
#define DPX_LOAD(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define DPX_STORE(P, X) __atomic_store_n(P, X, __ATOMIC_RELAXED)
#endif

/* The body in `slot` if it lives, else NULL.  What is read through the result
 * is read after `live`: where the CPU does not see to it, by an address that
 * depends on what was loaded. */
static __always_inline struct dpx_body *
dpx_live(ctx_t *ctx, __u32 slot)
{
    struct dpx_body *body = ctx_body(ctx, slot);
    __u64 live;

    if (!body) {
        return NULL;
    }
    live = DPX_LOAD(&body->live);
    if (!live) {
        return NULL;
    }
#ifdef __TARGET_ARCH_arm64
    asm volatile("%0 &= 0" : "+r"(live));
    body = (struct dpx_body *) ((__u8 *) body + live);
#endif
    return body;
}

/* Whether the words of `key` from DPX_BODY_FIRST on are what `body` matches.
 * Differences are gathered, not tested one by one: each test would double what
 * the verifier has to follow. */
CTX_GLOBAL int
dpx_match_more(ctx_t *ctx, const struct dpx_key *key,
               const struct dpx_body *body)
{
    const __u64 *words = (const __u64 *) key;
    const struct dpx_mask *mask;
    __u32 n, skip;
    __u64 diff = 0;

    /* The kernel's tables need no context, so clang would pass none, but the
     * verifier wants one for every parameter of this type. */
    asm volatile("" ::"r"(ctx));
    if (!key || !body) {
        return 0;
    }
    mask = ctx_mask(ctx, body->mask);
    if (!mask) {
        return 0;
    }
    n = body->n_more;
    skip = mask->n_words - n;
    DPX_UNROLL
    for (__u32 i = 0; i < DPX_KEY_WORDS - DPX_BODY_FIRST; i++) {
        __u32 j = (skip + i) % DPX_KEY_WORDS;

        DPX_UNKNOWN(n);
        if (i >= n) {
            break;
        }
        diff |= (words[mask->offset[j] % DPX_KEY_WORDS] & mask->bits[j])
                ^ body->match.more[i];
    }
    return !diff;
}

/* Whether `key` is what `body` matches. */
static __always_inline bool
dpx_match(ctx_t *ctx, const struct dpx_key *key, const struct dpx_body *body)
{
    const __u64 *words = (const __u64 *) key;
    __u64 diff = 0;

    DPX_UNROLL
    for (__u32 i = 0; i < DPX_BODY_FIRST; i++) {
        diff |= (words[i] & body->match.first[i].bits)
                ^ body->match.first[i].word;
    }
    return !diff && (!body->n_more || dpx_match_more(ctx, key, body));
}

/* Bit 15 of each of the four tags in `tags` that may equal `tag`; 0: none
 * does. */
static __always_inline __u64
dpx_tags_match(__u64 tags, __u64 tag)
{
    __u64 x = tags ^ tag * 0x0001000100010001ull;

    return (x - 0x0001000100010001ull) & ~x & 0x8000800080008000ull;
}

/* The flow with hash `h` in the buckets from `i` on that matches `s->key`
 * under mask number `id`: its slot, or 0. */
CTX_GLOBAL __u32
dpx_find(ctx_t *ctx, struct dpx_scratch *s, __u32 id, __u64 h, __u32 i)
{
    __u64 tag = dpx_hash_tag(h);

    asm volatile("" ::"r"(ctx));
    if (!s) {
        return 0;
    }
    for (int n = 0; n < DPX_BUCKET_CHAIN; n++) {
        struct dpx_bucket *bucket = ctx_bucket(ctx, i);
        __u64 tags;

        if (!bucket) {
            return 0;
        }
        tags = DPX_LOAD(&bucket->tags);
        for (int cell = 0; cell < DPX_BUCKET_CELLS; cell++) {
            struct dpx_body *body;
            __u32 slot;

            if ((__u16) (tags >> 16 * cell) != tag) {
                continue;
            }
            slot = DPX_LOAD(&bucket->slots[cell]);
            body = dpx_live(ctx, slot);
            if (body && body->mask == id && dpx_match(ctx, &s->key, body)) {
                return slot;
            }
        }
        i = DPX_LOAD(&bucket->next);
        if (!i) {
            return 0;
        }
    }
    return 0;
}

/* The flow that matches `s->key` under the mask that lies at `i` in the order:
 * its slot, or 0.  Mostly the tags of one bucket say that there is none. */
static __always_inline __u32
dpx_probe(ctx_t *ctx, struct dpx_scratch *s, __u32 i)
{
    const volatile struct dpx_config *conf = ctx_conf(ctx);
    __u64 *order = ctx_order(ctx, i);
    struct dpx_bucket *bucket;
    struct dpx_mask *mask;
    __u32 id;
    __u64 h;

    if (!order) {
        return 0;
    }
    id = DPX_LOAD(order);
    mask = ctx_mask(ctx, id);
    if (!mask) {
        return 0;
    }
    h = dpx_hash_masked(conf, &s->key, mask);
    bucket = ctx_bucket(ctx, h & conf->bucket_mask);
    if (!bucket
        || (!dpx_tags_match(DPX_LOAD(&bucket->tags), dpx_hash_tag(h))
            && !DPX_LOAD(&bucket->next))) {
        return 0;
    }
    return dpx_find(ctx, s, id, h, h & conf->bucket_mask);
}

struct dpx_search {
    ctx_t *ctx;
    struct dpx_scratch *s;
    __u32 n;    /* Masks in force. */
    __u32 base; /* The first one's place in the order. */
    __u32 slot; /* What was found. */
};

/* The next few masks: a call for each would cost more than to look at it. */
static long
dpx_search_chunk(__u32 chunk, void *search_)
{
    struct dpx_search *search = search_;

#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
    for (__u32 j = 0; j < DPX_SEARCH_CHUNK; j++) {
        __u32 rank = chunk * DPX_SEARCH_CHUNK + j;

        if (rank >= search->n) {
            return 1;
        }
        search->slot = dpx_probe(search->ctx, search->s, search->base + rank);
        if (search->slot) {
            search->s->n_masks = rank + 1;
            return 1;
        }
    }
    return 0;
}

/* The flow that matches `s->key`, by all masks in force: its slot, or 0.
 * Writes the number of masks it looked at to `s->n_masks`. */
CTX_GLOBAL __u32
dpx_search(ctx_t *ctx, struct dpx_scratch *s)
{
    const struct dpx_meta *meta = ctx_meta(ctx);
    struct dpx_search search = { .ctx = ctx, .s = s };
    __u32 order;

    if (!s || !meta) {
        return 0;
    }
    order = DPX_LOAD(&meta->order);
    search.n = order & ~DPX_ORDER_HALF;
    search.base = order & DPX_ORDER_HALF ? ctx_conf(ctx)->n_masks : 0;
    s->n_masks = search.n;
    ctx_loop((search.n + DPX_SEARCH_CHUNK - 1) / DPX_SEARCH_CHUNK,
             dpx_search_chunk, &search);
    return search.slot;
}

/* The flow in `slot`, if it is one of `s->key`; else NULL. */
static __always_inline struct dpx_body *
dpx_try(ctx_t *ctx, struct dpx_scratch *s, __u32 slot)
{
    struct dpx_body *body = dpx_live(ctx, slot);

    if (!body || DPX_LOAD(&body->live) != DPX_BODY_LIVE) {
        return NULL; /* Replaced: the index knows by what. */
    }
    return dpx_match(ctx, &s->key, body) ? body : NULL;
}

/* The flow of the packet whose key is `s->key`, live, or NULL: a miss. */
static __always_inline struct dpx_body *
dpx_lookup(ctx_t *ctx, struct dpx_scratch *s)
{
    const volatile struct dpx_config *conf = ctx_conf(ctx);
    struct dpx_body *body;
    __u64 *cell, entry;
    __u32 slot;

    s->hash = dpx_hash_packet(conf, &s->key);
    cell = ctx_cache(ctx, s->hash & conf->cache_mask);
    if (!cell) {
        return NULL;
    }
    entry = DPX_LOAD(cell);
    body = entry >> 32 == s->hash >> 32 ? dpx_try(ctx, s, entry) : NULL;
    if (body) {
        s->train = s->found == (__u32) entry ? entry : 0;
        s->found = entry;
        s->cached = 1;
        return body;
    }
    s->cached = 0;
    slot = dpx_search(ctx, s);
    if (!slot) {
        return NULL;
    }
    DPX_STORE(cell, (s->hash >> 32 << 32) | slot);
    return dpx_live(ctx, slot);
}

/* The same, for a plane that has no use for s->hash.  Packets come in trains:
 * after two of a flow the next one is compared with it before anything else,
 * which costs less than to hash it, and after one of another flow is not. */
static __always_inline struct dpx_body *
dpx_lookup_train(ctx_t *ctx, struct dpx_scratch *s)
{
    struct dpx_body *body = s->train ? dpx_try(ctx, s, s->train) : NULL;

    if (body) {
        s->cached = 1;
        return body;
    }
    s->train = 0;
    return dpx_lookup(ctx, s);
}

#endif /* bpf/lookup.h */
