/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the flow table share.  All functions here that change
 * something are called with the datapath's lock held. */

#ifndef DPX_TABLE_PRIVATE_H
#define DPX_TABLE_PRIVATE_H 1

#include "maps/table.h"

/* Loads and stores of what others read at the same time without the lock. */
#define DPX_GET(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define DPX_SET(P, VALUE) __atomic_store_n(P, VALUE, __ATOMIC_RELEASE)

/* A deleted flow whose counters are to be read after a grace period. */
struct dpx_pending {
    uint32_t flow;
    uint32_t repairs; /* meta.repairs when it was deleted. */
    uint64_t base_packets;
    uint64_t base_bytes;
    struct dpx_flow_stats *stats;
};

struct dpx_pendings {
    struct dpx_pending *p;
    size_t n;
    size_t allocated;
};

struct dpx_table {
    struct dpx_maps *maps;
    const void *owner;           /* Marks the thread between begin and end. */
    struct dpx_pendings pending; /* Of this batch. */
    /* masks.c: finds a mask by its seed.  Open addressing of ids + 1. */
    uint32_t *finder;
    uint32_t finder_mask;
    uint32_t finder_serial; /* The meta.mask_serial that it is as of. */
    uint32_t free_hint;
    uint32_t memo_id;     /* The mask that was found last, if */
    uint32_t memo_serial; /* this is finder_serial. */
    struct dpx_key memo;
    uint64_t *last_hits; /* Of each mask, when ranked last. */
    uint64_t ranked;     /* ms of CLOCK_MONOTONIC. */
};

/* Bytes in use of a struct dpx_match. */
static inline size_t
dpx_match_size(uint32_t n_more)
{
    return offsetof(struct dpx_match, more) + 8 * n_more;
}

/* lock.c */
bool dpx_table_is_mine(const struct dpx_table *);
int dpx_table_enter(struct dpx_table *); /* Lock, and repair. */
void dpx_table_leave(struct dpx_table *);
int dpx_table_round(struct dpx_table *); /* Unlock, grace, lock. */

/* alloc.c: slots, flows and buckets; their retirement. */
void dpx_alloc_prefetch(const struct dpx_maps *);
uint32_t dpx_slot_alloc(struct dpx_table *); /* 0: none left. */
void dpx_slot_free(struct dpx_table *, uint32_t slot);
void dpx_slot_retire(struct dpx_table *, uint32_t slot, uint32_t flow,
                     uint32_t bucket);
uint32_t dpx_flow_alloc(struct dpx_table *); /* 0: none left. */
void dpx_flow_free(struct dpx_table *, uint32_t flow);
void dpx_counters_zero(struct dpx_maps *, uint32_t flow);
void dpx_counters_clear_flags(struct dpx_maps *, uint32_t flow);
bool dpx_flow_held(const struct dpx_record *);
uint32_t dpx_bucket_alloc(struct dpx_table *); /* 0: none left. */
void dpx_bucket_free(struct dpx_table *, uint32_t bucket);
void dpx_reclaim(struct dpx_table *, unsigned int n);
bool dpx_make_room(struct dpx_table *);

/* blocks.c: chains of blocks, and what flows keep in them. */
int dpx_chain_alloc(struct dpx_table *, size_t n, uint32_t *head);
void dpx_chain_free(struct dpx_table *, uint32_t head);
size_t dpx_blocks_for(size_t bytes, size_t room);

/* Walks memory that begins in a struct and goes on in a chain. */
struct dpx_cursor {
    uint8_t *at;
    size_t left; /* Bytes from `at` on, before `block`. */
    uint32_t block;
};
void dpx_cursor_write(struct dpx_maps *, struct dpx_cursor *, const void *,
                      size_t n);
bool dpx_cursor_read(const struct dpx_maps *, struct dpx_cursor, void *to,
                     size_t n);
void dpx_copy_shared(void *to, const void *from, size_t n);

/* index.c */
uint32_t dpx_index_find(const struct dpx_maps *, const struct dpx_masked *);
int dpx_index_insert(struct dpx_table *, uint64_t hash, uint32_t slot);
void dpx_index_replace(struct dpx_maps *, uint64_t hash, uint32_t from,
                       uint32_t to);
uint32_t dpx_index_remove(struct dpx_maps *, uint64_t hash, uint32_t slot);
bool dpx_index_has(const struct dpx_maps *, uint64_t hash, uint32_t slot);
unsigned int dpx_index_tag(uint64_t hash);
void dpx_index_prefetch(const struct dpx_maps *, uint64_t hash);
uint64_t dpx_body_hash(const struct dpx_maps *, const struct dpx_body *);

/* names.c: flows by ufid and by unmasked key. */
void dpx_names_of(const struct dpx_maps *, const uint8_t *ufid,
                  const struct dpx_key *, struct dpx_names *);
void dpx_names_of_record(const struct dpx_maps *, uint32_t flow,
                         struct dpx_names *);
uint32_t
dpx_names_find_ufid(const struct dpx_maps *, const struct dpx_names *);
uint32_t dpx_names_find_key(const struct dpx_maps *, const struct dpx_names *);
void
dpx_names_insert(struct dpx_maps *, uint32_t flow, const struct dpx_names *);
void dpx_names_remove(struct dpx_maps *, uint32_t flow);

/* record.c: a flow's identity. */
void dpx_record_write(struct dpx_maps *, uint32_t id, const struct dpx_flow *,
                      const struct dpx_names *, uint32_t block);
void dpx_record_key(const struct dpx_maps *, uint32_t flow, struct dpx_key *);
void dpx_record_commit(struct dpx_maps *, uint32_t flow, uint32_t slot);

/* view.c: reading flows. */
bool
dpx_flow_read(const struct dpx_maps *, uint32_t flow, const struct dpx_clock *,
              struct dpx_flow_view *, struct dpx_flow_buf *);
void dpx_flow_counters(const struct dpx_maps *, uint32_t flow,
                       uint64_t base_packets, uint64_t base_bytes,
                       const struct dpx_clock *, struct dpx_flow_stats *);

/* masks.c */
int dpx_masks_open(struct dpx_table *);
void dpx_masks_close(struct dpx_table *);
bool
dpx_mask_find(struct dpx_table *, const struct dpx_key *mask, uint32_t *id);
int
dpx_mask_make(struct dpx_table *, const struct dpx_key *mask, uint32_t *id);
void dpx_mask_ref(struct dpx_maps *, uint32_t id);
void dpx_mask_unref(struct dpx_maps *, uint32_t id);
void dpx_mask_apply(const struct dpx_maps *, uint32_t id,
                    const struct dpx_key *, struct dpx_masked *);
void dpx_mask_list(struct dpx_maps *, uint32_t id);

/* rank.c */
bool dpx_masks_due(struct dpx_table *);
void dpx_masks_rank(struct dpx_table *);

/* grace.c */
void dpx_epoch_passed(struct dpx_maps *, uint64_t epoch);
int dpx_grace_locked(struct dpx_maps *);

/* table.c */
void
dpx_flow_remove(struct dpx_table *, uint32_t flow, struct dpx_flow_stats *);
/* pending.c */
void dpx_pending_add(struct dpx_table *, uint32_t flow, uint32_t slot,
                     struct dpx_flow_stats *);
void dpx_pending_finish(struct dpx_table *, struct dpx_pendings *);

/* repair.c */
int dpx_table_repair(struct dpx_table *);

#endif /* maps/table-private.h */
