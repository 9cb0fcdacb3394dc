/* SPDX-License-Identifier: Apache-2.0 */

/* The packet path's own search, for those who only want to know. */

#include "bpf/ctx_mem.h"
#include "bpf/lookup.h"
#include "maps/table-private.h"

uint32_t
dpx_table_match(struct dpx_table *t, const struct dpx_key *key,
                uint32_t *n_masks)
{
    struct dpx_mem ctx = { .maps = t->maps };
    bool mine = dpx_table_is_mine(t);
    struct dpx_scratch s;
    uint32_t slot;

    if (!mine && dpx_table_enter(t)) {
        return 0;
    }
    memset(&s, 0, offsetof(struct dpx_scratch, userdata));
    s.key = *key;
    slot = dpx_search(&ctx, &s);
    if (n_masks) {
        *n_masks += s.n_masks;
    }
    if (!mine) {
        dpx_table_leave(t);
    }
    return slot;
}
