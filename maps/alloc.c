/* SPDX-License-Identifier: Apache-2.0 */

/* Slots, flows and buckets: who has them, who waits, who is free.
 *
 * Each kind has a list of free ones and, in meta.fresh_*, the first that was
 * never used; so nothing is initialized in advance.  What packets may still
 * see is retired: it waits in a queue of slots, with the flow and the bucket
 * that went with the slot, for the grace period that its stamp names.  Nobody
 * waits for that unless something has run out. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "maps/table-private.h"

void
dpx_slot_free(struct dpx_table *t, uint32_t slot)
{
    struct dpx_maps *m = t->maps;

    m->actions[slot].retired.next = m->meta->free_slot;
    m->meta->free_slot = slot;
}

/* Announces that a slot and a flow will be allocated and written: so much of
 * them as most flows need. */
void
dpx_alloc_prefetch(const struct dpx_maps *m)
{
    const struct dpx_meta *meta = m->meta;
    uint32_t slot = meta->free_slot      ? meta->free_slot
                    : meta->retired_head ? meta->retired_head
                                         : meta->fresh_slot;
    uint32_t flow = meta->free_flow ? meta->free_flow : meta->fresh_flow;
    const char *body = (const char *) &m->bodies[slot];
    const char *record = (const char *) &m->records[flow];
    size_t i;

    __builtin_prefetch(&m->actions[slot], 1);
    __builtin_prefetch(body, 1);
    __builtin_prefetch(body + DPX_CACHE_LINE, 1);
    __builtin_prefetch(body + offsetof(struct dpx_body, ops), 1);
    for (i = 0; i < 5; i++) {
        __builtin_prefetch(record + i * DPX_CACHE_LINE, 1);
    }
}

uint32_t
dpx_slot_alloc(struct dpx_table *t)
{
    struct dpx_maps *m = t->maps;
    uint32_t slot;

    /* Two for one, so that the queue shrinks when it can. */
    dpx_reclaim(t, 2);
    slot = m->meta->free_slot;
    if (slot) {
        m->meta->free_slot = m->actions[slot].retired.next;
    } else if (m->meta->fresh_slot < m->conf.n_slots) {
        slot = m->meta->fresh_slot++;
    }
    return slot;
}

void
dpx_flow_free(struct dpx_table *t, uint32_t flow)
{
    struct dpx_maps *m = t->maps;

    m->records[flow].block = m->meta->free_flow;
    m->meta->free_flow = flow;
}

uint32_t
dpx_flow_alloc(struct dpx_table *t)
{
    struct dpx_maps *m = t->maps;
    uint32_t flow = m->meta->free_flow;

    if (flow) {
        m->meta->free_flow = m->records[flow].block;
    } else if (m->meta->fresh_flow < m->conf.n_flows) {
        flow = m->meta->fresh_flow;
        DPX_SET(&m->meta->fresh_flow, flow + 1);
    }
    return flow;
}

void
dpx_bucket_free(struct dpx_table *t, uint32_t bucket)
{
    struct dpx_maps *m = t->maps;

    m->index[bucket].next = m->meta->free_bucket;
    m->meta->free_bucket = bucket;
}

uint32_t
dpx_bucket_alloc(struct dpx_table *t)
{
    struct dpx_maps *m = t->maps;
    uint32_t bucket = m->meta->free_bucket;

    if (bucket) {
        m->meta->free_bucket = m->index[bucket].next;
    } else if (m->meta->fresh_bucket < m->conf.n_buckets) {
        bucket = m->meta->fresh_bucket++;
    }
    return bucket;
}

static void
enqueue(struct dpx_maps *m, uint32_t slot)
{
    struct dpx_meta *meta = m->meta;

    m->actions[slot].retired.next = 0;
    if (meta->retired_head) {
        m->actions[meta->retired_tail].retired.next = slot;
    } else {
        meta->retired_head = slot;
    }
    meta->retired_tail = slot;
}

/* Queues `slot`, and `flow` and `bucket` unless 0, which packets can find no
 * more, but may have found. */
void
dpx_slot_retire(struct dpx_table *t, uint32_t slot, uint32_t flow,
                uint32_t bucket)
{
    struct dpx_maps *m = t->maps;
    struct dpx_retired *r = &m->actions[slot].retired;

    r->epoch = m->meta->epoch;
    r->flow = flow;
    r->bucket = bucket;
    enqueue(m, slot);
}

/* Whether a living process is still to read the deleted flow's counters. */
bool
dpx_flow_held(const struct dpx_record *r)
{
    return r->holder && (!kill(r->holder, 0) || errno == EPERM);
}

/* The counters must be 0 for the next flow.  No packet counts here now. */
void
dpx_counters_zero(struct dpx_maps *m, uint32_t flow)
{
    uint32_t cpu;

    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        struct dpx_counter *c =
            &m->counters[(size_t) cpu * m->conf.n_flows + flow];

        if (c->seq || c->packets) {
            memset(c, 0, sizeof *c);
        }
    }
}

/* Forgets which TCP flags `flow` has seen and which planes ran it, while
 * packets go on counting: unlike packets and bytes, these cannot be had by
 * subtracting a baseline.  A packet that is writing a row right now may put
 * the old ones back there, or have its own forgotten; no later packet. */
__attribute__((no_sanitize("thread"))) void
dpx_counters_clear_flags(struct dpx_maps *m, uint32_t flow)
{
    uint32_t cpu;

    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        struct dpx_counter *c =
            &m->counters[(size_t) cpu * m->conf.n_flows + flow];

        __atomic_store_n(&c->tcp_flags, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&c->planes, 0, __ATOMIC_RELAXED);
    }
}

static void
reclaim_slot(struct dpx_table *t, uint32_t slot)
{
    struct dpx_maps *m = t->maps;
    struct dpx_body *body = &m->bodies[slot];
    struct dpx_actions *actions = &m->actions[slot];
    uint32_t flow = actions->retired.flow;

    DPX_SET(&body->live, DPX_BODY_DEAD);
    dpx_chain_free(t, body->block);
    dpx_chain_free(t, actions->block);
    if (actions->retired.bucket) {
        dpx_bucket_free(t, actions->retired.bucket);
    }
    if (flow) {
        dpx_chain_free(t, m->records[flow].block);
        m->records[flow].holder = 0;
        dpx_counters_zero(m, flow);
        dpx_flow_free(t, flow);
    }
    dpx_slot_free(t, slot);
}

/* Makes up to `n` retired slots free whose grace period has passed. */
void
dpx_reclaim(struct dpx_table *t, unsigned int n)
{
    struct dpx_maps *m = t->maps;
    struct dpx_meta *meta = m->meta;
    uint32_t last = meta->retired_tail;

    while (n-- && meta->retired_head) {
        uint32_t slot = meta->retired_head;
        const struct dpx_retired *r = &m->actions[slot].retired;

        if (r->epoch > meta->epoch_done) {
            break;
        }
        meta->retired_head = r->next;
        if (r->flow && dpx_flow_held(&m->records[r->flow])) {
            enqueue(m, slot);
        } else {
            reclaim_slot(t, slot);
        }
        if (slot == last) {
            break;
        }
    }
}

/* Called when something has run out: waits for a grace period if that can
 * bring anything back.  Returns whether to try again. */
bool
dpx_make_room(struct dpx_table *t)
{
    struct dpx_meta *meta = t->maps->meta;

    if (!meta->retired_head && !meta->n_empty
        && meta->order_epoch <= meta->epoch_done) {
        return false;
    }
    if (meta->n_empty && meta->order_epoch > meta->epoch_done
        && dpx_grace_locked(t->maps)) {
        return false;
    }
    if (meta->n_empty) {
        dpx_masks_rank(t);
    }
    if (dpx_grace_locked(t->maps)) {
        return false;
    }
    dpx_pending_finish(t, &t->pending);
    dpx_reclaim(t, -1);
    return true;
}
