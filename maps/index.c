/* SPDX-License-Identifier: Apache-2.0 */

/* The index: from the hash of masked words to slots, for all masks.
 *
 * Packets read it while it changes.  An entry never moves; its tag is stored
 * after its slot and cleared before it; a new bucket is complete before it is
 * linked; and an unlinked bucket keeps its `next` for those who are in it. */

#include <errno.h>
#include <string.h>

#include "bpf/hash.h"
#include "lib/error.h"
#include "maps/table-private.h"

static uint64_t
tag_shift(int cell)
{
    return 16 * cell;
}

static unsigned int
tag_get(uint64_t tags, int cell)
{
    return tags >> tag_shift(cell) & 0xffff;
}

static uint64_t
tag_set(uint64_t tags, int cell, uint64_t tag)
{
    return (tags & ~(UINT64_C(0xffff) << tag_shift(cell)))
           | tag << tag_shift(cell);
}

/* The tag under which a flow of `hash` is in its bucket. */
unsigned int
dpx_index_tag(uint64_t hash)
{
    return dpx_hash_tag(hash);
}

/* A place in the index. */
struct place {
    uint32_t bucket;
    uint32_t prev; /* Bucket in front; its own: none. */
    int cell;
};

/* Finds the cell with `tag` and, unless 0, `slot`; from bucket `p->bucket`
 * and cell `p->cell` + 1 on. */
static bool
next_cell(const struct dpx_maps *m, struct place *p, unsigned int tag,
          uint32_t slot)
{
    for (;;) {
        const struct dpx_bucket *b = &m->index[p->bucket];

        while (++p->cell < DPX_BUCKET_CELLS) {
            if (tag_get(b->tags, p->cell) == tag
                && (!slot || b->slots[p->cell] == slot)) {
                return true;
            }
        }
        if (!b->next) {
            return false;
        }
        p->prev = p->bucket;
        p->bucket = b->next;
        p->cell = -1;
    }
}

static struct place
first_cell(const struct dpx_maps *m, uint64_t hash)
{
    uint32_t bucket = hash & m->conf.bucket_mask;

    return (struct place){ bucket, bucket, -1 };
}

/* The hash under which `body` is, or would be, in the index. */
uint64_t
dpx_body_hash(const struct dpx_maps *m, const struct dpx_body *body)
{
    const struct dpx_mask *mask = &m->masks[body->mask];
    const __u64 *more = body->match.more;
    uint64_t h = mask->seed;
    int i;

    for (i = 0; i < mask->n_words; i++) {
        uint32_t offset = mask->offset[i];

        h = dpx_hash_add(&m->conf, h, offset,
                         offset < DPX_BODY_FIRST
                             ? body->match.first[offset].word
                             : *more++);
    }
    return dpx_hash_finish(h);
}

/* Announces that `hash` will be looked for. */
void
dpx_index_prefetch(const struct dpx_maps *m, uint64_t hash)
{
    __builtin_prefetch(&m->index[hash & m->conf.bucket_mask], 1);
}

/* The slot of the flow that matches exactly what `k` says, or 0. */
uint32_t
dpx_index_find(const struct dpx_maps *m, const struct dpx_masked *k)
{
    struct place p = first_cell(m, k->hash);

    while (next_cell(m, &p, dpx_index_tag(k->hash), 0)) {
        uint32_t slot = m->index[p.bucket].slots[p.cell];
        const struct dpx_body *body = &m->bodies[slot];

        if (body->mask == k->mask
            && !memcmp(&body->match, &k->match, dpx_match_size(k->n_more))) {
            return slot;
        }
    }
    return 0;
}

/* Whether packets of `hash` find `slot`. */
bool
dpx_index_has(const struct dpx_maps *m, uint64_t hash, uint32_t slot)
{
    struct place p = first_cell(m, hash);

    return next_cell(m, &p, dpx_index_tag(hash), slot);
}

/* Publishes `slot`.  ENOSPC: no bucket is left. */
int
dpx_index_insert(struct dpx_table *t, uint64_t hash, uint32_t slot)
{
    struct dpx_maps *m = t->maps;
    struct place p = first_cell(m, hash);
    struct dpx_bucket *b;
    uint32_t i, new;
    int n;

    if (next_cell(m, &p, 0, 0)) {
        b = &m->index[p.bucket];
        DPX_SET(&b->slots[p.cell], slot);
        DPX_SET(&b->tags, tag_set(b->tags, p.cell, dpx_hash_tag(hash)));
        return 0;
    }

    i = hash & m->conf.bucket_mask;
    for (n = 1; i != p.bucket; n++) {
        i = m->index[i].next;
    }
    new = n < DPX_BUCKET_CHAIN ? dpx_bucket_alloc(t) : 0;
    if (!new) {
        return dpx_error(ENOSPC, "datapath %s: the flow index is full",
                         m->name);
    }
    b = &m->index[new];
    memset(b, 0, sizeof *b);
    b->slots[0] = slot;
    b->tags = dpx_hash_tag(hash);
    DPX_SET(&m->index[p.bucket].next, new);
    return 0;
}

/* Lets packets find `to` where they found `from`. */
void
dpx_index_replace(struct dpx_maps *m, uint64_t hash, uint32_t from,
                  uint32_t to)
{
    struct place p = first_cell(m, hash);

    if (next_cell(m, &p, dpx_index_tag(hash), from)) {
        DPX_SET(&m->index[p.bucket].slots[p.cell], to);
    }
}

/* Lets packets find `slot` no more.  Returns the bucket that this has emptied
 * and unlinked, to be retired, or 0. */
uint32_t
dpx_index_remove(struct dpx_maps *m, uint64_t hash, uint32_t slot)
{
    struct place p = first_cell(m, hash);
    struct dpx_bucket *b;

    if (!next_cell(m, &p, dpx_index_tag(hash), slot)) {
        return 0;
    }
    b = &m->index[p.bucket];
    DPX_SET(&b->tags, tag_set(b->tags, p.cell, 0));
    if (b->tags || p.prev == p.bucket) {
        return 0;
    }
    DPX_SET(&m->index[p.prev].next, b->next);
    return p.bucket;
}
