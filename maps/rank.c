/* SPDX-License-Identifier: Apache-2.0 */

/* The order in which masks are searched: those that hit most first.
 *
 * The ranking is written to the half of `order` that is not in force, and one
 * store puts it in force.  That half may still be in a packet's hands until a
 * grace period after the last change; and so may the masks that the ranking
 * drops, those without flows, until one after this change. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maps/table-private.h"

#define RANK_INTERVAL 4000 /* ms. */

struct ranked {
    uint64_t hits; /* Since the last look. */
    uint32_t rank; /* Until now. */
    uint32_t id;
};

static uint64_t
mask_hits(const struct dpx_maps *m, uint32_t id)
{
    uint64_t hits = 0;
    uint32_t cpu;

    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        uint64_t row;

        dpx_copy_shared(&row,
                        &m->mask_hits[(size_t) cpu * m->conf.n_masks + id],
                        sizeof row);
        hits += row;
    }
    return hits;
}

static int
compare(const void *a_, const void *b_)
{
    const struct ranked *a = a_;
    const struct ranked *b = b_;

    return a->hits != b->hits ? (a->hits < b->hits ? 1 : -1)
                              : (a->rank > b->rank) - (a->rank < b->rank);
}

/* The masks in force, malloc()ed, in order. */
static struct ranked *
list(const struct dpx_table *t, uint32_t *n)
{
    const struct dpx_maps *m = t->maps;
    uint32_t order = m->meta->order;
    const uint64_t *ids =
        &m->order[order & DPX_ORDER_HALF ? m->conf.n_masks : 0];
    struct ranked *masks;
    uint32_t i;

    *n = order & ~DPX_ORDER_HALF;
    masks = malloc((*n + 1) * sizeof *masks);
    if (!masks) {
        abort();
    }
    for (i = 0; i < *n; i++) {
        masks[i] = (struct ranked){
            mask_hits(m, ids[i]) - t->last_hits[ids[i]], i, ids[i]
        };
    }
    return masks;
}

/* Masks that a hit has looked at, times hits. */
static uint64_t
cost(const struct ranked *masks, uint32_t n)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        sum += (i + 1) * masks[i].hits;
    }
    return sum;
}

/* Whether another order would save an eighth of the search. */
static bool
pays(struct dpx_table *t)
{
    uint32_t n, i;
    struct ranked *masks = list(t, &n);
    uint64_t before = cost(masks, n);
    bool result;

    qsort(masks, n, sizeof *masks, compare);
    result = cost(masks, n) < before - before / 8;
    for (i = 0; !result && i < n; i++) {
        t->last_hits[masks[i].id] += masks[i].hits;
    }
    free(masks);
    return result;
}

/* Whether the masks should be ranked anew: too many are without flows, or
 * others have the hits. */
bool
dpx_masks_due(struct dpx_table *t)
{
    const struct dpx_meta *meta = t->maps->meta;
    struct timespec ts;
    uint64_t now;

    if (meta->n_empty > 8 + (meta->order & ~DPX_ORDER_HALF) / 4) {
        return true;
    }
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    now = ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
    if (!t->ranked) {
        t->ranked = now;
    }
    if (now - t->ranked < RANK_INTERVAL) {
        return false;
    }
    t->ranked = now;
    return pays(t);
}

/* Ranks the masks and drops those without flows, unless somebody may still be
 * in the half of `order` that it needs. */
void
dpx_masks_rank(struct dpx_table *t)
{
    struct dpx_maps *m = t->maps;
    struct dpx_meta *meta = m->meta;
    uint32_t half = ~meta->order & DPX_ORDER_HALF;
    uint64_t *ids = &m->order[half ? m->conf.n_masks : 0];
    struct ranked *masks;
    uint32_t n, i, kept = 0;

    if (meta->order_epoch > meta->epoch_done) {
        return;
    }
    masks = list(t, &n);
    qsort(masks, n, sizeof *masks, compare);
    for (i = 0; i < n; i++) {
        t->last_hits[masks[i].id] += masks[i].hits;
        if (m->masks[masks[i].id].n_flows) {
            ids[kept++] = masks[i].id;
        }
    }
    DPX_SET(&meta->order, half | kept);
    meta->order_epoch = meta->epoch;
    for (i = 0; i < n; i++) {
        struct dpx_mask *mask = &m->masks[masks[i].id];

        if (!mask->n_flows) {
            mask->epoch = meta->epoch;
            mask->listed = 0;
        }
    }
    meta->n_empty = 0;
    meta->mask_serial++;
    free(masks);
}

int
dpx_table_masks(struct dpx_table *t,
                void (*cb)(uint32_t id, const struct dpx_mask *, uint64_t hits,
                           void *aux),
                void *aux)
{
    const struct dpx_maps *m = t->maps;
    bool mine = dpx_table_is_mine(t);
    uint32_t order, n, i;
    int ret = mine ? 0 : dpx_table_enter(t);

    if (ret) {
        return ret;
    }
    order = m->meta->order;
    n = order & ~DPX_ORDER_HALF;
    for (i = 0; i < n; i++) {
        uint32_t id =
            m->order[(order & DPX_ORDER_HALF ? m->conf.n_masks : 0) + i];

        if (m->masks[id].n_flows) {
            cb(id, &m->masks[id], mask_hits(m, id), aux);
        }
    }
    if (!mine) {
        dpx_table_leave(t);
    }
    return 0;
}
