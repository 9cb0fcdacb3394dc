/* SPDX-License-Identifier: Apache-2.0 */

/* The flow table: put, modify, delete, get.
 *
 * Put:     body (dead) -> live -> index -> names -> record.  The record's slot
 *          commits it; before, a repair undoes the put.
 * Modify:  a second body -> live -> index (one store) -> record -> the first
 *          body is replaced, and retires.
 * Delete:  record -> names -> index -> body dies, and retires with the flow.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "maps/table-private.h"

int
dpx_table_open(struct dpx_maps *maps, struct dpx_table **tablep)
{
    struct dpx_table *t = calloc(1, sizeof *t);

    *tablep = NULL;
    if (!t) {
        return dpx_error(ENOMEM, "out of memory");
    }
    t->maps = maps;
    if (dpx_masks_open(t)) {
        dpx_table_close(t);
        return dpx_error(ENOMEM, "out of memory");
    }
    *tablep = t;
    return 0;
}

void
dpx_table_close(struct dpx_table *t)
{
    if (t) {
        dpx_masks_close(t);
        free(t);
    }
}

uint32_t
dpx_table_count(const struct dpx_table *t)
{
    return DPX_GET(&t->maps->meta->n_flows);
}

uint32_t
dpx_table_count_masks(const struct dpx_table *t)
{
    uint32_t n = DPX_GET(&t->maps->meta->order) & ~DPX_ORDER_HALF;
    uint32_t n_empty = DPX_GET(&t->maps->meta->n_empty);

    return n > n_empty ? n - n_empty : 0;
}

/* Bodies -------------------------------------------------------------------*/

/* Allocates a slot and writes operations, actions and baselines into it.  The
 * body is not live, and lacks its flow and words.  ENOSPC. */
static int
slot_write(struct dpx_table *t, const struct dpx_flow *flow,
           const struct dpx_flow_stats *base, uint32_t *slotp)
{
    struct dpx_maps *m = t->maps;
    uint32_t slot = dpx_slot_alloc(t);
    size_t ops_size = flow->n_ops * sizeof *flow->ops;
    struct dpx_cursor ops, attrs;
    struct dpx_actions *actions;
    struct dpx_body *body;
    uint32_t ops_block, attrs_block;
    int ret;

    if (!slot) {
        return dpx_error(ENOSPC, "datapath %s: no room to change flows",
                         m->name);
    }
    body = &m->bodies[slot];
    actions = &m->actions[slot];
    ret = dpx_chain_alloc(t, dpx_blocks_for(ops_size, sizeof body->ops),
                          &ops_block);
    if (ret) {
        goto free_slot;
    }
    ret = dpx_chain_alloc(
        t, dpx_blocks_for(flow->actions_len, sizeof actions->bytes),
        &attrs_block);
    if (ret) {
        goto free_ops;
    }

    body->flags = flow->body_flags;
    body->n_ops = flow->n_ops;
    body->out = flow->out;
    body->block = ops_block;
    ops = (struct dpx_cursor){ (uint8_t *) body->ops, sizeof body->ops,
                               ops_block };
    dpx_cursor_write(m, &ops, flow->ops, ops_size);

    actions->len = flow->actions_len;
    actions->block = attrs_block;
    actions->base_packets = base->packets;
    actions->base_bytes = base->bytes;
    attrs = (struct dpx_cursor){ actions->bytes, sizeof actions->bytes,
                                 attrs_block };
    dpx_cursor_write(m, &attrs, flow->actions, flow->actions_len);
    *slotp = slot;
    return 0;

free_ops:
    dpx_chain_free(t, ops_block);
free_slot:
    dpx_slot_free(t, slot);
    return ret;
}

/* Frees a slot that nobody has ever seen live. */
static void
slot_discard(struct dpx_table *t, uint32_t slot)
{
    struct dpx_maps *m = t->maps;

    DPX_SET(&m->bodies[slot].live, DPX_BODY_DEAD);
    dpx_chain_free(t, m->bodies[slot].block);
    dpx_chain_free(t, m->actions[slot].block);
    dpx_slot_free(t, slot);
}

static void
body_make_live(struct dpx_maps *m, uint32_t slot, uint32_t flow, uint32_t mask,
               const struct dpx_match *match, uint32_t n_more)
{
    struct dpx_body *body = &m->bodies[slot];

    body->flow = flow;
    body->mask = mask;
    body->n_more = n_more;
    memcpy(&body->match, match, dpx_match_size(n_more));
    DPX_SET(&body->live, DPX_BODY_LIVE);
}

/* Changes ------------------------------------------------------------------*/

static int
flow_create(struct dpx_table *t, const struct dpx_flow *flow,
            const struct dpx_place *place)
{
    static const struct dpx_flow_stats zero;
    const struct dpx_names *names = &place->names;
    const struct dpx_masked *masked = &place->masked;
    size_t size = 8 * names->n_words + flow->key_len + flow->mask_len;
    struct dpx_maps *m = t->maps;
    struct dpx_masked own;
    uint32_t mask, id, slot, block;
    int ret;

    id = dpx_flow_alloc(t);
    if (!id) {
        return dpx_error(ENOSPC, "datapath %s: flow table is full (%u flows)",
                         m->name, m->conf.n_flows - 1);
    }
    if (!place->known) {
        ret = dpx_mask_make(t, flow->mask, &mask);
        if (ret) {
            goto free_flow;
        }
        dpx_mask_apply(m, mask, flow->key, &own);
        masked = &own;
    }
    ret = slot_write(t, flow, &zero, &slot);
    if (ret) {
        goto free_flow;
    }
    ret = dpx_chain_alloc(t, dpx_blocks_for(size, DPX_RECORD_INLINE), &block);
    if (ret) {
        goto free_slot;
    }
    dpx_record_write(m, id, flow, names, block);
    body_make_live(m, slot, id, masked->mask, &masked->match, masked->n_more);
    ret = dpx_index_insert(t, masked->hash, slot);
    if (ret) {
        goto free_block;
    }
    dpx_mask_ref(m, masked->mask);
    dpx_names_insert(m, id, names);
    dpx_record_commit(m, id, slot);
    DPX_SET(&m->meta->n_flows, m->meta->n_flows + 1);
    dpx_alloc_prefetch(m);
    return 0;

free_block:
    dpx_chain_free(t, block);
free_slot:
    slot_discard(t, slot);
free_flow:
    dpx_flow_free(t, id);
    return ret;
}

static int
flow_modify(struct dpx_table *t, uint32_t id, unsigned int flags,
            const struct dpx_flow *flow, struct dpx_flow_stats *stats)
{
    struct dpx_maps *m = t->maps;
    uint32_t old = m->records[id].slot;
    const struct dpx_body *body = &m->bodies[old];
    struct dpx_flow_stats base = {
        .packets = m->actions[old].base_packets,
        .bytes = m->actions[old].base_bytes,
    };
    uint32_t slot;
    int ret = slot_write(t, flow, &base, &slot);

    if (ret) {
        return ret;
    }
    if (flags & DPX_PUT_ZERO_STATS || stats) {
        struct dpx_flow_stats now;
        struct dpx_clock clock;
        bool timed = stats && !dpx_clock_read(m, &clock);

        dpx_flow_counters(m, id, base.packets, base.bytes,
                          timed ? &clock : NULL, &now);
        if (flags & DPX_PUT_ZERO_STATS) {
            m->actions[slot].base_packets += now.packets;
            m->actions[slot].base_bytes += now.bytes;
            dpx_counters_clear_flags(m, id);
        }
        if (stats) {
            *stats = now;
        }
    }
    body_make_live(m, slot, id, body->mask, &body->match, body->n_more);
    dpx_index_replace(m, dpx_body_hash(m, body), old, slot);
    dpx_record_commit(m, id, slot);
    DPX_SET(&m->bodies[old].live, DPX_BODY_REPLACED);
    dpx_slot_retire(t, old, 0, 0);
    return 0;
}

/* Deletes flow `id`.  Its final counters are written to `stats`, if not NULL,
 * by dpx_pending_finish(). */
void
dpx_flow_remove(struct dpx_table *t, uint32_t id, struct dpx_flow_stats *stats)
{
    struct dpx_maps *m = t->maps;
    uint32_t slot = m->records[id].slot;
    struct dpx_body *body = &m->bodies[slot];
    uint32_t bucket;

    if (stats) {
        dpx_pending_add(t, id, slot, stats);
        m->records[id].holder = getpid();
    }
    dpx_record_commit(m, id, 0);
    DPX_SET(&m->meta->n_flows, m->meta->n_flows - 1);
    dpx_names_remove(m, id);
    bucket = dpx_index_remove(m, dpx_body_hash(m, body), slot);
    DPX_SET(&body->live, DPX_BODY_DEAD);
    dpx_mask_unref(m, body->mask);
    dpx_slot_retire(t, slot, id, bucket);
}

/* Finding ------------------------------------------------------------------*/

/* Whether `key` is one that flow `id` matches. */
static bool
flow_matches(const struct dpx_maps *m, uint32_t id, const struct dpx_key *key)
{
    const struct dpx_body *body = &m->bodies[m->records[id].slot];
    struct dpx_masked masked;

    dpx_mask_apply(m, body->mask, key, &masked);
    return !memcmp(&body->match, &masked.match, dpx_match_size(masked.n_more));
}

/* The flow that the ufid or else the key names, or 0. */
static uint32_t
find_named(const struct dpx_maps *m, const struct dpx_names *names)
{
    if (names->ufid) {
        return dpx_names_find_ufid(m, names);
    }
    return names->keyed ? dpx_names_find_key(m, names) : 0;
}

/* The flow that stands in the way of putting `flow`, or 0: one of that name,
 * one of that key without a name of its own, or one that matches exactly the
 * same packets. */
static uint32_t
find_present(const struct dpx_maps *m, const struct dpx_place *place)
{
    const struct dpx_names *names = &place->names;
    uint32_t id = find_named(m, names);
    uint32_t slot;

    if (!id && names->ufid) {
        id = dpx_names_find_key(m, names);
        if (id && m->records[id].flags & DPX_RECORD_UFID) {
            id = 0;
        }
    }
    slot = id || !place->known ? 0 : dpx_index_find(m, &place->masked);
    return slot ? m->bodies[slot].flow : id;
}

/* The place of `flow`: the one that it comes with, if that is still right;
 * else `own`, filled in. */
static const struct dpx_place *
place_of(struct dpx_table *t, const struct dpx_flow *flow,
         struct dpx_place *own)
{
    if (flow->place
        && flow->place->mask_serial == t->maps->meta->mask_serial) {
        return flow->place;
    }
    dpx_table_prepare(t, flow, own);
    return own;
}

static int
not_found(const struct dpx_table *t)
{
    return dpx_error(ENOENT, "datapath %s: no such flow", t->maps->name);
}

/* Interface ----------------------------------------------------------------*/

void
dpx_table_prepare(struct dpx_table *t, const struct dpx_flow *flow,
                  struct dpx_place *place)
{
    struct dpx_maps *m = t->maps;
    uint32_t mask;

    dpx_names_of(m, flow->ufid, flow->key, &place->names);
    place->known = flow->mask && dpx_mask_find(t, flow->mask, &mask);
    place->mask_serial = m->meta->mask_serial;
    if (place->known) {
        dpx_mask_apply(m, mask, flow->key, &place->masked);
        dpx_index_prefetch(m, place->masked.hash);
    }
}

static int
put(struct dpx_table *t, unsigned int flags, const struct dpx_flow *flow,
    struct dpx_flow_stats *stats)
{
    struct dpx_place own;
    const struct dpx_place *place = place_of(t, flow, &own);
    uint32_t id = find_present(t->maps, place);

    if (!id) {
        return flags & DPX_PUT_CREATE ? flow_create(t, flow, place)
                                      : not_found(t);
    }
    if (!(flags & DPX_PUT_MODIFY)) {
        return dpx_error(EEXIST, "datapath %s: flow exists", t->maps->name);
    }
    if (!flow_matches(t->maps, id, flow->key)) {
        return dpx_error(ENOENT,
                         "datapath %s: the flow with this ufid has "
                         "another key",
                         t->maps->name);
    }
    return flow_modify(t, id, flags, flow, stats);
}

int
dpx_table_put(struct dpx_table *t, unsigned int flags,
              const struct dpx_flow *flow, struct dpx_flow_stats *stats)
{
    int ret;

    if (stats) {
        memset(stats, 0, sizeof *stats);
    }
    if (flow->n_ops > DPX_MAX_OPS) {
        return dpx_error(E2BIG,
                         "actions need %zu operations, and a flow can "
                         "have %d",
                         flow->n_ops, DPX_MAX_OPS);
    }
    if (flow->actions_len > DPX_MAX_ACTIONS || flow->key_len > UINT16_MAX
        || flow->mask_len > UINT16_MAX) {
        return dpx_error(E2BIG, "%zu bytes of actions, and a flow can have %d",
                         flow->actions_len, DPX_MAX_ACTIONS);
    }
    ret = put(t, flags, flow, stats);
    if (ret == ENOSPC && dpx_make_room(t)) {
        ret = put(t, flags, flow, stats);
    }
    return ret;
}

int
dpx_table_del(struct dpx_table *t, const struct dpx_flow *flow,
              struct dpx_flow_stats *stats)
{
    struct dpx_place own;
    uint32_t id;

    if (stats) {
        memset(stats, 0, sizeof *stats);
    }
    id = find_named(t->maps, &place_of(t, flow, &own)->names);
    if (!id) {
        return not_found(t);
    }
    dpx_flow_remove(t, id, stats);
    return 0;
}

int
dpx_table_flush(struct dpx_table *t)
{
    uint32_t id;

    for (id = 1; id < t->maps->meta->fresh_flow; id++) {
        if (t->maps->records[id].slot) {
            dpx_flow_remove(t, id, NULL);
        }
    }
    /* Else the next to put would wait until all this can be used again. */
    if (t->maps->meta->retired_head && !dpx_grace_locked(t->maps)) {
        dpx_reclaim(t, -1);
    }
    return 0;
}

int
dpx_table_get(struct dpx_table *t, const struct dpx_flow *flow,
              struct dpx_flow_view *view, struct dpx_flow_buf *buf)
{
    bool mine = dpx_table_is_mine(t);
    struct dpx_place own;
    struct dpx_clock clock;
    uint32_t id;
    int ret = dpx_clock_read(t->maps, &clock);

    if (!ret && !mine) {
        ret = dpx_table_enter(t);
    }
    if (ret) {
        return ret;
    }
    id = find_named(t->maps, &place_of(t, flow, &own)->names);
    if (!id || !dpx_flow_read(t->maps, id, &clock, view, buf)) {
        ret = not_found(t);
    }
    if (!mine) {
        dpx_table_leave(t);
    }
    return ret;
}
