/* SPDX-License-Identifier: Apache-2.0 */

/* Names of flows: by ufid, if they were put with one, and by unmasked key.
 *
 * Open addressing; an entry is (hash << 32) | flow, and 0 is an empty one.
 * Only holders of the lock look here, so entries may be moved. */

#include <string.h>

#include "bpf/hash.h"
#include "maps/table-private.h"

static void
hash_names(const struct dpx_maps *m, struct dpx_names *names)
{
    uint32_t bitmap = names->key_words;
    uint64_t h = 0;
    int i;

    for (i = 0; bitmap; bitmap &= bitmap - 1) {
        h = dpx_hash_add(&m->conf, h, __builtin_ctz(bitmap),
                         names->words[i++]);
    }
    names->key_hash = dpx_hash_finish(h);
    names->n_words = i;
    __builtin_prefetch(&m->names[names->key_hash & m->conf.name_mask], 1);

    if (names->ufid) {
        uint64_t w[2];

        memcpy(w, names->ufid, sizeof w);
        h = dpx_hash_add(&m->conf, 1, 0, w[0]);
        h = dpx_hash_add(&m->conf, h, 1, w[1]);
        names->ufid_hash = dpx_hash_finish(h);
        __builtin_prefetch(&m->names[names->ufid_hash & m->conf.name_mask], 1);
    }
}

/* The names that `ufid` and `key` are, of which one may be NULL. */
void
dpx_names_of(const struct dpx_maps *m, const uint8_t *ufid,
             const struct dpx_key *key, struct dpx_names *names)
{
    const uint64_t *w = (const uint64_t *) key;
    int i, n = 0;

    names->ufid = ufid;
    names->keyed = key != NULL;
    names->key_words = 0;
    for (i = 0; key && i < DPX_KEY_WORDS; i++) {
        if (w[i]) {
            names->words[n++] = w[i];
            names->key_words |= UINT32_C(1) << i;
        }
    }
    hash_names(m, names);
}

/* The names of flow `id`, as its record has them. */
void
dpx_names_of_record(const struct dpx_maps *m, uint32_t id,
                    struct dpx_names *names)
{
    const struct dpx_record *r = &m->records[id];

    names->ufid = r->flags & DPX_RECORD_UFID ? r->ufid : NULL;
    names->keyed = true;
    names->key_words = r->key_words;
    memcpy(names->words, r->bytes, 8 * __builtin_popcount(r->key_words));
    hash_names(m, names);
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
dpx_names_find_ufid(const struct dpx_maps *m, const struct dpx_names *names)
{
    uint32_t hash = names->ufid_hash;
    uint32_t i;

    for (i = hash & m->conf.name_mask; m->names[i]; i = next(m, i)) {
        const struct dpx_record *r = &m->records[(uint32_t) m->names[i]];

        if (m->names[i] >> 32 == hash && r->flags & DPX_RECORD_UFID
            && !memcmp(r->ufid, names->ufid, sizeof r->ufid)) {
            return m->names[i];
        }
    }
    return 0;
}

uint32_t
dpx_names_find_key(const struct dpx_maps *m, const struct dpx_names *names)
{
    uint32_t hash = names->key_hash;
    uint32_t i;

    for (i = hash & m->conf.name_mask; m->names[i]; i = next(m, i)) {
        const struct dpx_record *r = &m->records[(uint32_t) m->names[i]];

        if (m->names[i] >> 32 == hash && r->key_words == names->key_words
            && !memcmp(r->bytes, names->words, 8 * names->n_words)) {
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

void
dpx_names_insert(struct dpx_maps *m, uint32_t flow,
                 const struct dpx_names *names)
{
    insert(m, names->key_hash, flow);
    if (names->ufid) {
        insert(m, names->ufid_hash, flow);
    }
}

/* Removes the names that the flow's record gives it. */
void
dpx_names_remove(struct dpx_maps *m, uint32_t flow)
{
    struct dpx_names names;

    dpx_names_of_record(m, flow, &names);
    remove_entry(m, names.key_hash, flow);
    if (names.ufid) {
        remove_entry(m, names.ufid_hash, flow);
    }
}
