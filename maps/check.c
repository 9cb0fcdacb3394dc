/* SPDX-License-Identifier: Apache-2.0 */

/* Whether the table is what its comments promise. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "maps/table-private.h"

/* Who has each thing: 0 nobody yet, else one of these. */
enum owner { LIVE = 1, FREE, WAITING };

struct check {
    const struct dpx_maps *m;
    uint8_t *slots;
    uint8_t *flows;
    uint8_t *blocks;
    uint8_t *buckets;
    uint32_t *mask_flows;
};

static int
claim(const struct check *c, uint8_t *owners, const char *what, uint64_t id,
      uint64_t limit, enum owner owner)
{
    if (!id || id >= limit) {
        return dpx_error(EPROTO, "datapath %s: no %s %llu", c->m->name, what,
                         (unsigned long long) id);
    }
    if (owners[id]) {
        return dpx_error(EPROTO,
                         "datapath %s: %s %llu has two owners (%d, "
                         "%d)",
                         c->m->name, what, (unsigned long long) id, owners[id],
                         owner);
    }
    owners[id] = owner;
    return 0;
}

static int
claim_chain(struct check *c, uint32_t block, enum owner owner)
{
    int ret = 0;

    for (; block && !ret; block = c->m->blocks[block].next) {
        ret = claim(c, c->blocks, "block", block, c->m->meta->fresh_block,
                    owner);
    }
    return ret;
}

static int
claim_slot(struct check *c, uint32_t slot, enum owner owner)
{
    const struct dpx_maps *m = c->m;
    int ret = claim(c, c->slots, "slot", slot, m->meta->fresh_slot, owner);

    if (!ret && owner != FREE) {
        ret = claim_chain(c, m->bodies[slot].block, owner);
        ret = ret ? ret : claim_chain(c, m->actions[slot].block, owner);
    }
    return ret;
}

static int
wrong(const struct check *c, uint32_t id, const char *what)
{
    return dpx_error(EPROTO, "datapath %s: flow %u %s", c->m->name, id, what);
}

static int
check_flow(struct check *c, uint32_t id)
{
    const struct dpx_maps *m = c->m;
    const struct dpx_record *r = &m->records[id];
    const struct dpx_body *body = &m->bodies[r->slot];
    struct dpx_key key;
    struct dpx_masked masked;
    struct dpx_names names;
    int ret;

    ret = claim_slot(c, r->slot, LIVE);
    ret = ret ? ret
              : claim(c, c->flows, "flow", id, m->meta->fresh_flow, LIVE);
    ret = ret ? ret : claim_chain(c, r->block, LIVE);
    if (ret) {
        return ret;
    }
    if (body->flow != id || body->live != DPX_BODY_LIVE
        || body->mask >= m->conf.n_masks || !m->masks[body->mask].listed) {
        return wrong(c, id, "has a body that is not its own");
    }
    dpx_record_key(m, id, &key);
    dpx_mask_apply(m, body->mask, &key, &masked);
    if (body->n_more != masked.n_more
        || memcmp(&body->match, &masked.match,
                  dpx_match_size(masked.n_more))) {
        return wrong(c, id, "has a body with another key");
    }
    if (dpx_index_find(m, &masked) != r->slot) {
        return wrong(c, id, "is not in the index");
    }
    dpx_names_of_record(m, id, &names);
    if (!dpx_names_find_key(m, &names)
        || (names.ufid && dpx_names_find_ufid(m, &names) != id)) {
        return wrong(c, id, "is not found by its name");
    }
    c->mask_flows[body->mask]++;
    return 0;
}

static int
check_flows(struct check *c)
{
    const struct dpx_maps *m = c->m;
    uint32_t n_flows = 0, n_names = 0;
    uint32_t id, i;
    int ret = 0;

    for (id = 1; id < m->meta->fresh_flow && !ret; id++) {
        if (m->records[id].slot) {
            n_flows++;
            n_names += 1 + !!(m->records[id].flags & DPX_RECORD_UFID);
            ret = check_flow(c, id);
        }
    }
    if (!ret && n_flows != m->meta->n_flows) {
        ret = dpx_error(EPROTO, "datapath %s: %u flows, counted as %u",
                        m->name, n_flows, m->meta->n_flows);
    }
    for (i = 0; i <= m->conf.name_mask; i++) {
        n_names -= !!m->names[i];
    }
    if (!ret && n_names) {
        ret = dpx_error(EPROTO, "datapath %s: names without flows", m->name);
    }
    return ret;
}

/* Slots that are free or wait, with what waits with them. */
static int
check_idle(struct check *c)
{
    const struct dpx_maps *m = c->m;
    uint32_t i;
    int ret = 0;

    for (i = m->meta->free_slot; i && !ret; i = m->actions[i].retired.next) {
        ret = claim_slot(c, i, FREE);
        if (!ret && m->bodies[i].live) {
            ret = dpx_error(EPROTO, "datapath %s: slot %u is free and lives",
                            m->name, i);
        }
    }
    for (i = m->meta->retired_head; i && !ret;
         i = m->actions[i].retired.next) {
        const struct dpx_retired *r = &m->actions[i].retired;

        ret = claim_slot(c, i, WAITING);
        if (!ret && r->flow) {
            ret = claim(c, c->flows, "flow", r->flow, m->meta->fresh_flow,
                        WAITING);
            ret = ret ? ret
                      : claim_chain(c, m->records[r->flow].block, WAITING);
        }
        if (!ret && r->bucket) {
            ret = claim(c, c->buckets, "bucket", r->bucket,
                        m->meta->fresh_bucket, WAITING);
        }
    }
    for (i = m->meta->free_flow; i && !ret; i = m->records[i].block) {
        ret = claim(c, c->flows, "flow", i, m->meta->fresh_flow, FREE);
    }
    return ret ? ret : claim_chain(c, m->meta->free_block, FREE);
}

static int
check_index(struct check *c)
{
    const struct dpx_maps *m = c->m;
    uint32_t n = 0;
    uint32_t first, i;
    int cell, ret = 0;

    for (first = 0; first <= m->conf.bucket_mask; first++) {
        for (i = first; !ret; i = m->index[i].next) {
            for (cell = 0; cell < DPX_BUCKET_CELLS; cell++) {
                n += !!(m->index[i].tags >> 16 * cell & 0xffff);
            }
            if (!m->index[i].next) {
                break;
            }
            ret = claim(c, c->buckets, "bucket", m->index[i].next,
                        m->meta->fresh_bucket, LIVE);
        }
    }
    for (i = m->meta->free_bucket; i && !ret; i = m->index[i].next) {
        ret = claim(c, c->buckets, "bucket", i, m->meta->fresh_bucket, FREE);
    }
    if (!ret && n != m->meta->n_flows) {
        ret = dpx_error(EPROTO,
                        "datapath %s: %u flows, and %u entries in the "
                        "index",
                        m->name, m->meta->n_flows, n);
    }
    return ret;
}

static int
check_masks(struct check *c)
{
    const struct dpx_maps *m = c->m;
    uint32_t n_listed = 0, n_empty = 0;
    uint32_t id;

    for (id = 0; id < m->conf.n_masks; id++) {
        const struct dpx_mask *mask = &m->masks[id];

        if (mask->n_flows != c->mask_flows[id]) {
            return dpx_error(EPROTO,
                             "datapath %s: mask %u has %u flows, "
                             "counted as %u",
                             m->name, id, c->mask_flows[id], mask->n_flows);
        }
        n_listed += mask->listed;
        n_empty += mask->listed && !mask->n_flows;
    }
    if (n_listed != (m->meta->order & ~DPX_ORDER_HALF)
        || n_empty != m->meta->n_empty) {
        return dpx_error(EPROTO,
                         "datapath %s: %u masks (%u without flows), "
                         "counted as %u (%u)",
                         m->name, n_listed, n_empty,
                         m->meta->order & ~DPX_ORDER_HALF, m->meta->n_empty);
    }
    return 0;
}

/* Everything that was ever used must have an owner. */
static int
check_lost(const struct check *c, const uint8_t *owners, const char *what,
           uint32_t from, uint32_t to)
{
    for (; from < to; from++) {
        if (!owners[from]) {
            return dpx_error(EPROTO, "datapath %s: %s %u is lost", c->m->name,
                             what, from);
        }
    }
    return 0;
}

static void *
zeroed(size_t n)
{
    void *p = calloc(n, 1);

    if (!p) {
        abort();
    }
    return p;
}

int
dpx_table_check(struct dpx_table *t)
{
    const struct dpx_maps *m = t->maps;
    const struct dpx_config *conf = &m->conf;
    const struct dpx_meta *meta = m->meta;
    bool mine = dpx_table_is_mine(t);
    int ret = mine ? 0 : dpx_table_enter(t);
    struct check c = {
        .m = m,
        .slots = zeroed(conf->n_slots),
        .flows = zeroed(conf->n_flows),
        .blocks = zeroed(conf->n_blocks),
        .buckets = zeroed(conf->n_buckets),
        .mask_flows = zeroed(conf->n_masks * sizeof *c.mask_flows),
    };

    if (ret) {
        goto out;
    }
    ret = check_flows(&c);
    ret = ret ? ret : check_idle(&c);
    ret = ret ? ret : check_index(&c);
    ret = ret ? ret : check_masks(&c);
    ret = ret ? ret : check_lost(&c, c.slots, "slot", 1, meta->fresh_slot);
    ret = ret ? ret : check_lost(&c, c.flows, "flow", 1, meta->fresh_flow);
    ret = ret ? ret : check_lost(&c, c.blocks, "block", 1, meta->fresh_block);
    ret = ret ? ret
              : check_lost(&c, c.buckets, "bucket", conf->bucket_mask + 1,
                           meta->fresh_bucket);
    if (!mine) {
        dpx_table_leave(t);
    }
out:
    free(c.slots);
    free(c.flows);
    free(c.blocks);
    free(c.buckets);
    free(c.mask_flows);
    return ret;
}
