/* SPDX-License-Identifier: Apache-2.0 */

/* Records: a flow's identity, written once and read without the lock. */

#include <string.h>

#include "maps/table-private.h"

_Static_assert(DPX_RECORD_INLINE >= 8 * DPX_KEY_WORDS,
               "a key's words are never in a block");

void
dpx_record_key(const struct dpx_maps *m, uint32_t flow, struct dpx_key *key)
{
    const struct dpx_record *r = &m->records[flow];
    uint32_t bitmap = r->key_words;
    size_t ofs = 0;

    memset(key, 0, sizeof *key);
    for (; bitmap; bitmap &= bitmap - 1) {
        memcpy((uint64_t *) key + __builtin_ctz(bitmap), r->bytes + ofs, 8);
        ofs += 8;
    }
}

/* Writes all but the slot.  `block` continues the record, and the record owns
 * it. */
void
dpx_record_write(struct dpx_maps *m, uint32_t id, const struct dpx_flow *flow,
                 const struct dpx_names *names, uint32_t block)
{
    struct dpx_record *r = &m->records[id];
    struct dpx_cursor c = { r->bytes, sizeof r->bytes, block };

    r->flags = names->ufid ? DPX_RECORD_UFID : 0;
    if (names->ufid) {
        memcpy(r->ufid, names->ufid, sizeof r->ufid);
    } else {
        memset(r->ufid, 0, sizeof r->ufid);
    }
    r->key_words = names->key_words;
    r->key_len = flow->key_len;
    r->mask_len = flow->mask_len;
    r->block = block;
    r->holder = 0;
    dpx_cursor_write(m, &c, names->words, 8 * names->n_words);
    dpx_cursor_write(m, &c, flow->key_attrs, flow->key_len);
    dpx_cursor_write(m, &c, flow->mask_attrs, flow->mask_len);
}

/* Makes the flow exist, with the body in `slot`; or, `slot` being 0, exist no
 * more.  One store. */
void
dpx_record_commit(struct dpx_maps *m, uint32_t flow, uint32_t slot)
{
    struct dpx_record *r = &m->records[flow];
    union {
        uint32_t u32[2];
        uint64_t u64;
    } pair = { .u32 = { slot, ++m->meta->generation } };

    DPX_SET((uint64_t *) (void *) &r->slot, pair.u64);
}
