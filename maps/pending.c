/* SPDX-License-Identifier: Apache-2.0 */

/* Final counters of deleted flows.
 *
 * A packet that found the flow before it was deleted may count a moment later,
 * so they are read after a grace period.  Until then record.holder keeps the
 * flow from being used again, as long as the process named there lives. */

#include <stdlib.h>
#include <unistd.h>

#include "maps/table-private.h"

void
dpx_pending_add(struct dpx_table *t, uint32_t flow, uint32_t slot,
                struct dpx_flow_stats *stats)
{
    struct dpx_pendings *pending = &t->pending;

    if (pending->n == pending->allocated) {
        pending->allocated = 2 * pending->allocated + 16;
        pending->p = realloc(pending->p,
                             pending->allocated * sizeof *pending->p);
        if (!pending->p) {
            abort();
        }
    }
    pending->p[pending->n++] = (struct dpx_pending){
        .flow = flow,
        .repairs = t->maps->meta->repairs,
        .base_packets = t->maps->actions[slot].base_packets,
        .base_bytes = t->maps->actions[slot].base_bytes,
        .stats = stats,
    };
}

/* Called with the lock held after a grace period: reads the counters and lets
 * go of the flows. */
void
dpx_pending_finish(struct dpx_table *t, struct dpx_pendings *pending)
{
    struct dpx_maps *m = t->maps;
    struct dpx_clock clock;
    bool timed = pending->n && !dpx_clock_read(m, &clock);
    size_t i;

    for (i = 0; i < pending->n; i++) {
        const struct dpx_pending *p = &pending->p[i];

        dpx_flow_counters(m, p->flow, p->base_packets, p->base_bytes,
                          timed ? &clock : NULL, p->stats);
        m->records[p->flow].holder = 0;
        if (p->repairs != m->meta->repairs) {
            /* A repair has left it to its holder. */
            dpx_counters_zero(m, p->flow);
            dpx_flow_free(t, p->flow);
        }
    }
    free(pending->p);
    *pending = (struct dpx_pendings){ NULL, 0, 0 };
}
