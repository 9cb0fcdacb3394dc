/* SPDX-License-Identifier: Apache-2.0 */

/* Names of flows: by ufid, if they were put with one, and by unmasked key.
 *
 * Open addressing; an entry is (hash << 32) | flow, and 0 is an empty one.
 * Only holders of the lock look here, so entries may be moved. */

#include <string.h>

#include "bpf/hash.h"
#include "maps/table-private.h"

static uint32_t
hash_ufid(const struct dpx_maps *m, const uint8_t *ufid)
{
    uint64_t w[2];
    uint64_t h = 1;

    memcpy(w, ufid, sizeof w);
    h = dpx_hash_add(&m->conf, h, 0, w[0]);
    h = dpx_hash_add(&m->conf, h, 1, w[1]);
    return dpx_hash_finish(h);
}

/* Hashes the words that are not 0: `words` are those that `bitmap` names. */
static uint32_t
hash_words(const struct dpx_maps *m, uint32_t bitmap, const uint64_t *words)
{
    uint64_t h = 0;

    for (; bitmap; bitmap &= bitmap - 1) {
        h = dpx_hash_add(&m->conf, h, __builtin_ctz(bitmap), *words++);
    }
    return dpx_hash_finish(h);
}

static uint64_t
entry_of(uint32_t hash, uint32_t flow)
{
    return (uint64_t) hash << 32 | flow;
}

static uint32_t
next(const struct dpx_maps *m, uint32_t i)
{
    return (i + 1) & m->conf.name_mask;
}

uint32_t
dpx_names_find_ufid(const struct dpx_maps *m, const uint8_t *ufid)
{
    uint32_t hash = hash_ufid(m, ufid);
    uint32_t i;

    for (i = hash & m->conf.name_mask; m->names[i]; i = next(m, i)) {
        const struct dpx_record *r = &m->records[(uint32_t) m->names[i]];

        if (m->names[i] >> 32 == hash && r->flags & DPX_RECORD_UFID
            && !memcmp(r->ufid, ufid, sizeof r->ufid)) {
            return m->names[i];
        }
    }
    return 0;
}

uint32_t
dpx_names_find_key(const struct dpx_maps *m, const struct dpx_key *key)
{
    uint64_t words[DPX_KEY_WORDS];
    uint32_t bitmap = dpx_key_pack(key, words);
    uint32_t hash = hash_words(m, bitmap, words);
    uint32_t i;

    for (i = hash & m->conf.name_mask; m->names[i]; i = next(m, i)) {
        const struct dpx_record *r = &m->records[(uint32_t) m->names[i]];

        if (m->names[i] >> 32 == hash && r->key_words == bitmap
            && !memcmp(r->bytes, words, 8 * __builtin_popcount(bitmap))) {
            return m->names[i];
        }
    }
    return 0;
}

static void
insert(struct dpx_maps *m, uint32_t hash, uint32_t flow)
{
    uint32_t i = hash & m->conf.name_mask;

    while (m->names[i]) {
        i = next(m, i);
    }
    m->names[i] = entry_of(hash, flow);
}

/* Removes an entry and moves those behind it up that may stand there. */
static void
remove_entry(struct dpx_maps *m, uint32_t hash, uint32_t flow)
{
    uint32_t mask = m->conf.name_mask;
    uint32_t hole = hash & mask;
    uint32_t i;

    while (m->names[hole] != entry_of(hash, flow)) {
        if (!m->names[hole]) {
            return;
        }
        hole = next(m, hole);
    }
    for (i = next(m, hole); m->names[i]; i = next(m, i)) {
        uint32_t home = m->names[i] >> 32 & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->names[hole] = m->names[i];
            hole = i;
        }
    }
    m->names[hole] = 0;
}

static void
each_name(struct dpx_maps *m, uint32_t flow,
          void (*cb)(struct dpx_maps *, uint32_t hash, uint32_t flow))
{
    const struct dpx_record *r = &m->records[flow];
    uint64_t words[DPX_KEY_WORDS];

    memcpy(words, r->bytes, 8 * __builtin_popcount(r->key_words));
    cb(m, hash_words(m, r->key_words, words), flow);
    if (r->flags & DPX_RECORD_UFID) {
        cb(m, hash_ufid(m, r->ufid), flow);
    }
}

/* Enters the names that the flow's record, which is complete, gives it. */
void
dpx_names_insert(struct dpx_maps *m, uint32_t flow)
{
    each_name(m, flow, insert);
}

void
dpx_names_remove(struct dpx_maps *m, uint32_t flow)
{
    each_name(m, flow, remove_entry);
}
