/* SPDX-License-Identifier: Apache-2.0 */

/* Reading flows, with or without the lock.
 *
 * A reader copies a flow and then looks whether its record still names the
 * same slot with the same serial.  If so, nothing that it copied has been
 * reused meanwhile: a slot is retired only after its record has changed. */

#include <stdlib.h>
#include <string.h>

#include "maps/table-private.h"

/* Reads one CPU's counters, whole: not while they are being written.  Gives up
 * when the row stays odd, which a dead thread of plane `user` leaves behind.
 */
static void
read_counter(const struct dpx_counter *row, struct dpx_counter *c)
{
    int tries;

    for (tries = 0; tries < 10000; tries++) {
        uint32_t seq = DPX_GET(&row->seq);

        dpx_copy_shared(c, row, sizeof *c);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(seq & 1)
            && __atomic_load_n(&row->seq, __ATOMIC_RELAXED) == seq) {
            return;
        }
    }
}

/* Sums up the counters of `flow`, less the baseline.  What was before the
 * baseline is gone: without packets since, there is no time and there are no
 * flags. */
void
dpx_flow_counters(const struct dpx_maps *m, uint32_t flow,
                  uint64_t base_packets, uint64_t base_bytes,
                  const struct dpx_clock *clock, struct dpx_flow_stats *stats)
{
    uint64_t used = 0;
    uint32_t cpu;

    memset(stats, 0, sizeof *stats);
    stats->packets = -base_packets;
    stats->bytes = -base_bytes;
    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        struct dpx_counter c;

        read_counter(&m->counters[(size_t) cpu * m->conf.n_flows + flow], &c);
        stats->packets += c.packets;
        stats->bytes += c.bytes;
        stats->tcp_flags |= c.tcp_flags;
        stats->planes |= c.planes;
        if (c.used > used) {
            used = c.used;
        }
    }
    if (!stats->packets) {
        stats->tcp_flags = stats->planes = 0;
    } else if (clock) {
        stats->used = dpx_clock_msec(clock, used);
    }
}

/* Rounded up, so that what follows is aligned. */
static size_t
align8(size_t n)
{
    return (n + 7) & ~(size_t) 7;
}

static void *
buf_reserve(struct dpx_flow_buf *buf, size_t size)
{
    if (buf->size < size) {
        free(buf->data);
        buf->size = size < 1024 ? 1024 : size;
        buf->data = malloc(buf->size);
        if (!buf->data) {
            abort();
        }
    }
    return buf->data;
}

/* One try.  False: the copy is of no use, if nothing has changed even. */
static bool
copy_flow(const struct dpx_maps *m, uint32_t flow, const struct dpx_record *r,
          const struct dpx_clock *clock, struct dpx_flow_view *view,
          struct dpx_flow_buf *buf)
{
    const struct dpx_record *record = &m->records[flow];
    const struct dpx_actions *actions = &m->actions[r->slot];
    size_t words = 8 * __builtin_popcount(r->key_words);
    size_t size = words + r->key_len + r->mask_len;
    struct dpx_cursor identity, attrs;
    struct dpx_actions a;
    struct dpx_body b;
    uint8_t *data;

    dpx_copy_shared(&b, &m->bodies[r->slot], offsetof(struct dpx_body, match));
    dpx_copy_shared(&a, actions, offsetof(struct dpx_actions, bytes));
    if (a.len > DPX_MAX_ACTIONS) {
        return false;
    }
    data = buf_reserve(buf, align8(size) + align8(a.len));
    identity = (struct dpx_cursor){ (uint8_t *) record->bytes,
                                    sizeof record->bytes, r->block };
    attrs = (struct dpx_cursor){ (uint8_t *) actions->bytes,
                                 sizeof actions->bytes, a.block };
    if (!dpx_cursor_read(m, identity, data, size)
        || !dpx_cursor_read(m, attrs, data + align8(size), a.len)) {
        return false;
    }
    dpx_flow_counters(m, flow, a.base_packets, a.base_bytes, clock,
                      &view->stats);

    view->id = flow;
    view->has_ufid = r->flags & DPX_RECORD_UFID;
    memcpy(view->ufid, r->ufid, sizeof view->ufid);
    view->key_attrs = data + words;
    view->key_len = r->key_len;
    view->mask_attrs = r->mask_len ? data + words + r->key_len : NULL;
    view->mask_len = r->mask_len;
    view->actions = data + align8(size);
    view->actions_len = a.len;
    view->mask = b.mask;
    view->body_flags = b.flags;
    view->out = b.out;
    return true;
}

/* Reads `flow` into `view` and `buf`, consistently.  False if it does not
 * exist.  Without a clock, `used` is 0. */
bool
dpx_flow_read(const struct dpx_maps *m, uint32_t flow,
              const struct dpx_clock *clock, struct dpx_flow_view *view,
              struct dpx_flow_buf *buf)
{
    const struct dpx_record *record = &m->records[flow];

    for (;;) {
        struct dpx_record r, again;
        bool ok;

        if (!DPX_GET(&record->slot)) {
            return false;
        }
        dpx_copy_shared(&r, record, offsetof(struct dpx_record, bytes));
        ok = r.slot && r.slot < m->conf.n_slots
             && copy_flow(m, flow, &r, clock, view, buf);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        dpx_copy_shared(&again, record, 8);
        if (again.slot == r.slot && again.serial == r.serial) {
            return ok;
        }
    }
}

bool
dpx_table_dump_next(struct dpx_table *t, _Atomic uint32_t *cursor,
                    const struct dpx_clock *clock, struct dpx_flow_view *view,
                    struct dpx_flow_buf *buf)
{
    const struct dpx_maps *m = t->maps;

    for (;;) {
        uint32_t flow = (*cursor)++ + 1;

        if (flow >= DPX_GET(&m->meta->fresh_flow)) {
            return false;
        }
        if (dpx_flow_read(m, flow, clock, view, buf)) {
            return true;
        }
    }
}
