/* SPDX-License-Identifier: Apache-2.0 */

/* Masks: found by what they say, made when first used.
 *
 * A mask's seed is a hash of its contents, so equal masks have equal seeds,
 * and each process finds masks through a small hash table of its own, rebuilt
 * when another process has made or unlisted some.  A mask without flows stays
 * in `order` until the ranking drops it (maps/rank.c). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/hash.h"
#include "lib/error.h"
#include "maps/table-private.h"

int
dpx_masks_open(struct dpx_table *t)
{
    uint32_t n = 2;

    while (n < 2 * t->maps->conf.n_masks) {
        n *= 2;
    }
    t->finder = calloc(n, sizeof *t->finder);
    t->last_hits = calloc(t->maps->conf.n_masks, sizeof *t->last_hits);
    t->finder_mask = n - 1;
    t->finder_serial = t->maps->meta->mask_serial - 1;
    t->memo_serial = t->finder_serial - 1;
    return t->finder && t->last_hits ? 0 : ENOMEM;
}

void
dpx_masks_close(struct dpx_table *t)
{
    free(t->finder);
    free(t->last_hits);
}

/* Writes what identifies a mask: words, bits and seed. */
static void
mask_content(const struct dpx_maps *m, const struct dpx_key *key,
             struct dpx_mask *mask)
{
    const uint64_t *w = (const uint64_t *) key;
    uint64_t h = 0;
    int i;

    memset(mask, 0, sizeof *mask);
    for (i = 0; i < DPX_KEY_WORDS; i++) {
        if (w[i]) {
            mask->offset[mask->n_words] = i;
            mask->bits[mask->n_words++] = w[i];
            h = dpx_hash_add(&m->conf, h, i, w[i]);
        }
    }
    mask->seed = dpx_hash_finish(h + mask->n_words);
}

static bool
mask_equal(const struct dpx_mask *a, const struct dpx_mask *b)
{
    return a->seed == b->seed && a->n_words == b->n_words
           && !memcmp(a->offset, b->offset, a->n_words)
           && !memcmp(a->bits, b->bits, 8 * a->n_words);
}

static void
finder_add(struct dpx_table *t, uint32_t id)
{
    uint32_t i = t->maps->masks[id].seed & t->finder_mask;

    while (t->finder[i]) {
        i = (i + 1) & t->finder_mask;
    }
    t->finder[i] = id + 1;
}

/* Brings the finder up to date with what other processes did. */
static void
finder_sync(struct dpx_table *t)
{
    const struct dpx_meta *meta = t->maps->meta;
    uint32_t id;

    if (t->finder_serial == meta->mask_serial) {
        return;
    }
    memset(t->finder, 0, ((size_t) t->finder_mask + 1) * sizeof *t->finder);
    for (id = 0; id < meta->fresh_mask; id++) {
        if (t->maps->masks[id].listed) {
            finder_add(t, id);
        }
    }
    t->finder_serial = meta->mask_serial;
}

static bool
find(struct dpx_table *t, const struct dpx_mask *mask, uint32_t *id)
{
    uint32_t i;

    for (i = mask->seed & t->finder_mask; t->finder[i];
         i = (i + 1) & t->finder_mask) {
        *id = t->finder[i] - 1;
        if (mask_equal(&t->maps->masks[*id], mask)) {
            return true;
        }
    }
    return false;
}

bool
dpx_mask_find(struct dpx_table *t, const struct dpx_key *key, uint32_t *id)
{
    struct dpx_mask mask;

    finder_sync(t);
    if (t->memo_serial == t->finder_serial
        && !memcmp(&t->memo, key, sizeof *key)) {
        *id = t->memo_id;
        return true;
    }
    mask_content(t->maps, key, &mask);
    if (!find(t, &mask, id)) {
        return false;
    }
    t->memo = *key;
    t->memo_id = *id;
    t->memo_serial = t->finder_serial;
    return true;
}

/* Takes a mask that nobody can be looking at. */
static bool
mask_alloc(struct dpx_table *t, uint32_t *id)
{
    struct dpx_maps *m = t->maps;
    uint32_t i, cpu;

    if (m->meta->fresh_mask < m->conf.n_masks) {
        *id = m->meta->fresh_mask++;
        return true;
    }
    for (i = 0; i < m->conf.n_masks; i++) {
        uint32_t at = (t->free_hint + i) % m->conf.n_masks;

        if (!m->masks[at].listed
            && m->masks[at].epoch <= m->meta->epoch_done) {
            for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
                m->mask_hits[(size_t) cpu * m->conf.n_masks + at] = 0;
            }
            t->free_hint = at + 1;
            *id = at;
            return true;
        }
    }
    return false;
}

/* Puts a mask at the end of the search. */
void
dpx_mask_list(struct dpx_maps *m, uint32_t id)
{
    uint32_t order = m->meta->order;
    uint32_t n = order & ~DPX_ORDER_HALF;

    m->masks[id].listed = 1;
    m->order[(order & DPX_ORDER_HALF ? m->conf.n_masks : 0) + n] = id;
    DPX_SET(&m->meta->order, order + 1);
    m->meta->mask_serial++;
}

/* Finds or makes the mask that `key` is.  ENOSPC. */
int
dpx_mask_make(struct dpx_table *t, const struct dpx_key *key, uint32_t *id)
{
    struct dpx_maps *m = t->maps;
    struct dpx_mask mask;

    if (dpx_mask_find(t, key, id)) {
        return 0;
    }
    mask_content(m, key, &mask);
    if (!mask_alloc(t, id)) {
        return dpx_error(ENOSPC, "datapath %s: all %u masks are in use",
                         m->name, m->conf.n_masks);
    }
    m->masks[*id] = mask;
    m->meta->n_empty++;
    t->last_hits[*id] = 0;
    dpx_mask_list(m, *id);
    finder_add(t, *id);
    t->finder_serial = m->meta->mask_serial;
    return 0;
}

void
dpx_mask_ref(struct dpx_maps *m, uint32_t id)
{
    if (!m->masks[id].n_flows++) {
        m->meta->n_empty--;
    }
}

void
dpx_mask_unref(struct dpx_maps *m, uint32_t id)
{
    if (!--m->masks[id].n_flows) {
        m->meta->n_empty++;
    }
}

/* Where in the index a flow of this key and mask is. */
void
dpx_mask_apply(const struct dpx_maps *m, uint32_t id,
               const struct dpx_key *key, struct dpx_masked *masked)
{
    const uint64_t *w = (const uint64_t *) key;
    const struct dpx_mask *mask = &m->masks[id];
    uint64_t h = mask->seed;
    int i;

    masked->mask = id;
    masked->n_more = 0;
    memset(masked->match.first, 0, sizeof masked->match.first);
    for (i = 0; i < mask->n_words; i++) {
        uint32_t offset = mask->offset[i];
        uint64_t word = w[offset] & mask->bits[i];

        h = dpx_hash_add(&m->conf, h, offset, word);
        if (offset < DPX_BODY_FIRST) {
            masked->match.first[offset].bits = mask->bits[i];
            masked->match.first[offset].word = word;
        } else {
            masked->match.more[masked->n_more++] = word;
        }
    }
    masked->hash = dpx_hash_finish(h);
}
