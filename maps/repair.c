/* SPDX-License-Identifier: Apache-2.0 */

/* What the next holder of the lock does when a writer has died at work.
 *
 * The records are the truth: a flow exists if its record names a slot.  All
 * else is made to agree with them, in place, so that packets go on finding the
 * flows that exist; then, after a grace period, everything that no flow uses
 * is free.  A repair that is itself cut short is simply done again. */

#include <stdlib.h>
#include <string.h>

#include "maps/table-private.h"

struct repair {
    struct dpx_table *t;
    struct dpx_maps *m;
    uint8_t *slots;  /* By slot: 1 in use, 2 in the index. */
    uint8_t *blocks; /* 1: in use. */
    uint8_t *buckets;
};

static void *
zeroed(size_t n)
{
    void *p = calloc(n, 1);

    if (!p) {
        abort();
    }
    return p;
}

/* Whether flow `id` exists and, as far as can be told, is whole. */
static bool
flow_is_sound(const struct dpx_maps *m, uint32_t id)
{
    uint32_t slot = m->records[id].slot;

    return slot && slot < m->conf.n_slots && m->bodies[slot].flow == id
           && m->bodies[slot].mask < m->conf.n_masks;
}

static void
mark_chain(struct repair *r, uint32_t block)
{
    while (block && block < r->m->conf.n_blocks && !r->blocks[block]) {
        r->blocks[block] = 1;
        block = r->m->blocks[block].next;
    }
}

/* Marks what the flows use; counts them, and the masks' flows. */
static void
survey_flows(struct repair *r)
{
    struct dpx_maps *m = r->m;
    struct dpx_names names;
    uint32_t n_flows = 0;
    uint32_t id;

    for (id = 0; id < m->conf.n_masks; id++) {
        m->masks[id].n_flows = 0;
    }
    memset(m->names, 0, ((size_t) m->conf.name_mask + 1) * sizeof *m->names);
    for (id = 1; id < m->meta->fresh_flow; id++) {
        const struct dpx_record *record = &m->records[id];
        uint32_t slot = record->slot;

        if (!flow_is_sound(m, id)) {
            if (slot) {
                dpx_record_commit(m, id, 0);
            }
            continue;
        }
        n_flows++;
        r->slots[slot] = 1;
        m->masks[m->bodies[slot].mask].n_flows++;
        mark_chain(r, m->bodies[slot].block);
        mark_chain(r, m->actions[slot].block);
        mark_chain(r, record->block);
        dpx_names_of_record(m, id, &names);
        dpx_names_insert(m, id, &names);
    }
    DPX_SET(&m->meta->n_flows, n_flows);
}

/* Sees to it that each mask with flows is searched, and that no other is taken
 * for free before its time. */
static void
repair_masks(struct repair *r)
{
    struct dpx_maps *m = r->m;
    struct dpx_meta *meta = m->meta;
    const uint64_t *order =
        &m->order[meta->order & DPX_ORDER_HALF ? m->conf.n_masks : 0];
    uint32_t n = meta->order & ~DPX_ORDER_HALF;
    uint32_t id, i;

    for (id = 0; id < m->conf.n_masks; id++) {
        m->masks[id].listed = 0;
        m->masks[id].epoch = meta->epoch;
    }
    for (i = 0; i < n; i++) {
        if (order[i] < m->conf.n_masks) {
            m->masks[order[i]].listed = 1;
        }
    }
    meta->n_empty = 0;
    for (id = 0; id < meta->fresh_mask; id++) {
        if (m->masks[id].n_flows && !m->masks[id].listed) {
            dpx_mask_list(m, id);
        }
        meta->n_empty += m->masks[id].listed && !m->masks[id].n_flows;
    }
    meta->order_epoch = meta->epoch;
    meta->mask_serial++;
}

/* The slot that a cell with `slot` should name: that of the same flow, if it
 * is the same place in the index; else 0. */
static uint32_t
rightful_slot(const struct repair *r, uint32_t slot, uint32_t bucket,
              unsigned int tag)
{
    const struct dpx_maps *m = r->m;
    uint32_t flow = slot < m->conf.n_slots ? m->bodies[slot].flow : 0;
    uint64_t hash;

    if (!flow || flow >= m->meta->fresh_flow || !flow_is_sound(m, flow)) {
        return 0;
    }
    slot = m->records[flow].slot;
    hash = dpx_body_hash(m, &m->bodies[slot]);
    return r->slots[slot] == 1 && dpx_index_tag(hash) == tag
                   && (hash & m->conf.bucket_mask) == bucket
               ? slot
               : 0;
}

/* Goes through the chain of `first`: corrects cells, clears those without a
 * flow, and cuts the chain where it makes no sense. */
static void
repair_chain(struct repair *r, uint32_t first)
{
    struct dpx_maps *m = r->m;
    uint32_t i = first;
    int cell;

    for (;;) {
        struct dpx_bucket *b = &m->index[i];

        r->buckets[i] = 1;
        for (cell = 0; cell < DPX_BUCKET_CELLS; cell++) {
            unsigned int tag = b->tags >> 16 * cell & 0xffff;
            uint32_t slot = tag ? rightful_slot(r, b->slots[cell], first, tag)
                                : 0;

            if (slot) {
                r->slots[slot] = 2;
                DPX_SET(&m->bodies[slot].live, DPX_BODY_LIVE);
                DPX_SET(&b->slots[cell], slot);
            } else if (tag) {
                DPX_SET(&b->tags, b->tags & ~(UINT64_C(0xffff) << 16 * cell));
            }
        }
        if (b->next >= m->conf.n_buckets || r->buckets[b->next]) {
            DPX_SET(&b->next, 0);
        }
        if (!b->next) {
            return;
        }
        i = b->next;
    }
}

static void
repair_index(struct repair *r)
{
    struct dpx_maps *m = r->m;
    uint32_t i;

    r->buckets[0] = 1;
    for (i = 0; i <= m->conf.bucket_mask; i++) {
        repair_chain(r, i);
    }
    for (i = m->conf.bucket_mask + 1; i < m->meta->fresh_bucket; i++) {
        if (!r->buckets[i]) {
            dpx_bucket_free(r->t, i);
        }
    }
}

/* Publishes the flows that the index lacks.  Bodies without a flow are still
 * read by whoever found them, and by nobody from now on. */
static int
repair_bodies(struct repair *r)
{
    struct dpx_maps *m = r->m;
    uint32_t slot;
    int ret = 0;

    for (slot = 1; slot < m->meta->fresh_slot && !ret; slot++) {
        struct dpx_body *body = &m->bodies[slot];

        if (r->slots[slot] == 1) {
            DPX_SET(&body->live, DPX_BODY_LIVE);
            ret = dpx_index_insert(r->t, dpx_body_hash(m, body), slot);
        } else if (!r->slots[slot] && body->live == DPX_BODY_LIVE) {
            DPX_SET(&body->live, DPX_BODY_REPLACED);
        }
    }
    return ret;
}

/* Makes everything free that no flow uses.  No packet can see it. */
static void
rebuild_free_lists(struct repair *r)
{
    struct dpx_table *t = r->t;
    struct dpx_maps *m = r->m;
    uint32_t i;

    for (i = m->meta->fresh_slot; --i;) {
        if (!r->slots[i]) {
            DPX_SET(&m->bodies[i].live, DPX_BODY_DEAD);
            dpx_slot_free(t, i);
        }
    }
    for (i = m->meta->fresh_flow; --i;) {
        struct dpx_record *record = &m->records[i];

        if (!record->slot && !dpx_flow_held(record)) {
            record->holder = 0;
            dpx_counters_zero(m, i);
            dpx_flow_free(t, i);
        }
    }
    for (i = m->meta->fresh_block; --i;) {
        if (!r->blocks[i]) {
            m->blocks[i].next = 0;
            dpx_chain_free(t, i);
        }
    }
}

/* Called with the lock held, meta.dirty set.  Leaves it clear. */
int
dpx_table_repair(struct dpx_table *t)
{
    struct dpx_maps *m = t->maps;
    struct dpx_meta *meta = m->meta;
    const struct dpx_config *c = &m->conf;
    struct repair r = {
        .t = t,
        .m = m,
        .slots = zeroed(c->n_slots),
        .blocks = zeroed(c->n_blocks),
        .buckets = zeroed(c->n_buckets),
    };
    int ret;

    meta->repairs++;
    meta->retired_head = meta->retired_tail = 0;
    meta->free_slot = meta->free_flow = 0;
    meta->free_block = meta->free_bucket = 0;

    survey_flows(&r);
    repair_masks(&r);
    /* Buckets that fell out of the index may have packets in them. */
    ret = dpx_grace_locked(m);
    if (!ret) {
        repair_index(&r);
        ret = repair_bodies(&r);
    }
    ret = ret ? ret : dpx_grace_locked(m);
    if (!ret) {
        rebuild_free_lists(&r);
        DPX_SET(&meta->dirty, 0);
    }
    free(r.slots);
    free(r.blocks);
    free(r.buckets);
    return ret;
}
