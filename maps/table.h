/* SPDX-License-Identifier: Apache-2.0 */

/* The flow table, as its writers see it: put, modify, delete, get, dump.
 *
 * Writers in any number of threads and processes exclude one another with one
 * lock per datapath: a mutex within the process and flock() on the pin
 * directory across processes, which dies with its holder.  meta.dirty says
 * that a holder died at work; the next to take the lock repairs the table from
 * the records.  The packet path takes no lock and never sees half a flow: see
 * layout.h, bodies and index.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text().
 */

#ifndef DPX_TABLE_H
#define DPX_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/maps.h"

struct dpx_table;

/* A flow's counters. */
struct dpx_flow_stats {
    uint64_t packets;
    uint64_t bytes;
    uint64_t used;      /* ms of CLOCK_MONOTONIC; 0: never. */
    uint16_t tcp_flags; /* Host order. */
    uint16_t planes;    /* Bits 1 << enum dpx_plane that ran it. */
};

/* How a flow is named: its ufid, and the words of its unmasked key that are
 * not 0. */
struct dpx_names {
    const uint8_t *ufid; /* NULL: none. */
    bool keyed;          /* The rest counts. */
    uint32_t ufid_hash;
    uint32_t key_hash;
    uint32_t key_words; /* Bitmap. */
    uint32_t n_words;
    uint64_t words[DPX_KEY_WORDS];
};

/* A key under a mask: a place in the index. */
struct dpx_masked {
    uint32_t mask;
    uint32_t n_more; /* Words in match.more. */
    uint64_t hash;
    struct dpx_match match;
};

/* Where a flow is to be looked for: by dpx_table_prepare(), and for the
 * table's eyes only. */
struct dpx_place {
    struct dpx_names names;
    bool known;           /* Its mask exists: `masked` counts, while */
    uint32_t mask_serial; /* meta's is this. */
    struct dpx_masked masked;
};

/* A flow as put.  All pointers are the caller's. */
struct dpx_flow {
    const struct dpx_place *place; /* By dpx_table_prepare(), or NULL. */
    const uint8_t *ufid;           /* 16 bytes, or NULL. */
    const struct dpx_key *key;     /* Unmasked.  May be NULL with a ufid, but
                                 * not to put. */
    const struct dpx_key *mask;
    const void *key_attrs; /* As put, to be returned by get and dump. */
    size_t key_len;
    const void *mask_attrs;
    size_t mask_len;
    const void *actions;
    size_t actions_len;
    const struct dpx_op *ops; /* The actions, compiled. */
    size_t n_ops;
    uint8_t body_flags; /* enum dpx_body_flags. */
    uint32_t out;       /* As dpx_body.out. */
};

/* What get and dump return; points to memory of the caller's `buf`. */
struct dpx_flow_view {
    uint32_t id; /* Of the flow, while it lives. */
    bool has_ufid;
    uint8_t ufid[16];
    const void *key_attrs;
    size_t key_len;
    const void *mask_attrs;
    size_t mask_len;
    const void *actions;
    size_t actions_len;
    uint16_t mask; /* Mask id. */
    uint8_t body_flags;
    uint32_t out;
    struct dpx_flow_stats stats;
};

struct dpx_flow_buf {
    void *data; /* malloc()ed, grown as needed; free() it. */
    size_t size;
};

enum dpx_put_flags {
    DPX_PUT_CREATE = 1,
    DPX_PUT_MODIFY = 2,
    DPX_PUT_ZERO_STATS = 4,
};

/* A writer's and reader's handle on the table in `maps`, which must outlive
 * it.  May be shared by threads. */
int dpx_table_open(struct dpx_maps *, struct dpx_table **);
void dpx_table_close(struct dpx_table *);

/* Everything that writes happens between begin and end, by one thread.  begin
 * takes the lock and repairs what a dead writer left.  end releases it, and
 * then, if a delete asked for stats, waits for a grace period (5 to 25 ms) to
 * fill them in.  Batch: one begin and end around many calls. */
int dpx_table_begin(struct dpx_table *);
void dpx_table_end(struct dpx_table *);

/* Works out where `flow` is to be looked for, and has the memory there brought
 * into the cache: many flows that are prepared, and then put, deleted or got
 * with `flow->place` pointing to `place`, wait for it less.  To be called
 * after dpx_table_begin(); good until dpx_table_end(). */
void dpx_table_prepare(struct dpx_table *, const struct dpx_flow *flow,
                       struct dpx_place *place);

/* Puts a flow, as dpif_flow_put() of DPIF.md.  `stats` may be NULL.
 * Errors: EEXIST: present (same ufid, else same unmasked key; or another flow
 * matches exactly the same packets) and no MODIFY.  ENOENT: absent and no
 * CREATE; or present under this ufid with another key.  ENOSPC: table, masks
 * or blocks full.  E2BIG: more than a flow can hold. */
int dpx_table_put(struct dpx_table *, unsigned int flags,
                  const struct dpx_flow *, struct dpx_flow_stats *stats);

/* Deletes the flow that `flow` names by ufid or else by key.  `stats`, if not
 * NULL, is written by dpx_table_end() and must stay valid until then.
 * ENOENT. */
int dpx_table_del(struct dpx_table *, const struct dpx_flow *,
                  struct dpx_flow_stats *stats);

int dpx_table_flush(struct dpx_table *);

/* Reads the flow that `flow` names, consistently, into `view` and `buf`.
 * Takes the lock by itself unless the caller is between begin and end.
 * ENOENT. */
int dpx_table_get(struct dpx_table *, const struct dpx_flow *flow,
                  struct dpx_flow_view *view, struct dpx_flow_buf *buf);

/* Dump.  Any number of threads share one dump by sharing `*cursor` (0 at the
 * start), each with a view and buffer of its own; no lock is taken.  Each flow
 * present throughout is seen exactly once.  Returns false at the end. */
bool dpx_table_dump_next(struct dpx_table *, _Atomic uint32_t *cursor,
                         const struct dpx_clock *, struct dpx_flow_view *,
                         struct dpx_flow_buf *);

/* Finds the flow that matches `key` as the packet path would.  Adds the masks
 * looked at to `*n_masks` if not NULL.  The slot, or 0. */
uint32_t dpx_table_match(struct dpx_table *, const struct dpx_key *key,
                         uint32_t *n_masks);

/* Flows that exist now, and the masks that they have. */
uint32_t dpx_table_count(const struct dpx_table *);
uint32_t dpx_table_count_masks(const struct dpx_table *);

/* Masks: calls `cb` for each mask in force, in search order, with its number
 * of flows and its hits. */
int dpx_table_masks(struct dpx_table *,
                    void (*cb)(uint32_t id, const struct dpx_mask *,
                               uint64_t hits, void *aux),
                    void *aux);

/* Checks every invariant of the table, under the lock.  EPROTO, with a message
 * that says which flow, slot, mask or block is wrong. */
int dpx_table_check(struct dpx_table *);

/* Waits until no packet that is being processed now can see what was removed
 * before the call. */
int dpx_grace(const struct dpx_maps *);

#endif /* maps/table.h */
