/* SPDX-License-Identifier: Apache-2.0 */

/* A datapath's maps as memory.
 *
 * Every map that userspace reads or writes much is an mmapable array, so
 * "access" is a load or a store.  The same struct is made of pinned maps (the
 * datapath in the kernel) or of plain memory (the `netdev` provider, unit
 * tests, fuzzers), and whoever uses it cannot tell which.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text()
 * (lib/error.h). */

#ifndef DPX_MAPS_H
#define DPX_MAPS_H 1

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "maps/layout.h"

#define DPX_PIN_ROOT "/sys/fs/bpf/dpx"

/* Every map, in the order of layout.h's table.  X(name, value type, entries):
 * entries is an expression of `const struct dpx_config *c`. */
#define DPX_MMAPS(X)                                                          \
    X(meta, struct dpx_meta, 1)                                               \
    X(bodies, struct dpx_body, c->n_slots)                                    \
    X(actions, struct dpx_actions, c->n_slots)                                \
    X(records, struct dpx_record, c->n_flows)                                 \
    X(names, uint64_t, c->name_mask + 1)                                      \
    X(blocks, struct dpx_block, c->n_blocks)                                  \
    X(index, struct dpx_bucket, c->n_buckets)                                 \
    X(masks, struct dpx_mask, c->n_masks)                                     \
    X(order, uint64_t, 2 * c->n_masks)                                        \
    X(cache, uint64_t, c->cache_mask + 1)                                     \
    X(counters, struct dpx_counter, (uint64_t) c->n_flows * c->n_cpus)        \
    X(mask_hits, uint64_t, (uint64_t) c->n_masks * c->n_cpus)                 \
    X(cpus, struct dpx_cpu, c->n_cpus)                                        \
    X(ports, struct dpx_port, DPX_MAX_PORTS)                                  \
    X(backlog, uint64_t, DPX_MAX_PORTS)

struct dpx_maps {
    char name[DPX_NAME_LEN];
    int dir;                    /* The datapath's pin directory; -1: memory. */
    int clock;                  /* Program `clock`; -1: none. */
    pthread_mutex_t mutex;      /* See dpx_maps_lock(). */
    struct dpx_reader *readers; /* Memory: one per CPU.  See maps/grace.c. */
    struct dpx_config conf;     /* A copy of meta's, which must not change. */
#define X(NAME, TYPE, ENTRIES) TYPE *NAME;
    DPX_MMAPS(X)
#undef X
};

/* Fills `conf` with the sizes for `n_flows` flows and `n_masks` masks on
 * `n_cpus` CPUs, and with fresh random secrets.  EINVAL if out of range:
 * n_flows 1 to 4194304, n_masks 1 to 65535. */
int dpx_config_init(struct dpx_config *conf, uint32_t n_flows,
                    uint32_t n_masks, uint32_t n_cpus);

/* Number of entries that mmapable map `name` has under `conf`; 0 if there is
 * no such map.  The loader sizes the maps with it before it loads them. */
uint64_t dpx_config_entries(const struct dpx_config *conf, const char *name);

/* Makes an empty datapath `name` in plain memory.  The caller owns `*mapsp`
 * and frees it with dpx_maps_close().  ENOMEM. */
int dpx_maps_create_memory(const char *name, const struct dpx_config *conf,
                           struct dpx_maps **mapsp);

/* Writes the first state of an empty datapath into freshly loaded and pinned
 * maps, in the pin directory of `name`.  Nobody can open it before
 * dpx_maps_exist().  Called by the loader only.  The caller frees `*mapsp`
 * with dpx_maps_close(). */
int dpx_maps_init(const char *name, const struct dpx_config *conf,
                  struct dpx_maps **mapsp);

/* The last step that makes a datapath: from now on it can be opened. */
void dpx_maps_exist(struct dpx_maps *);

/* Opens the pinned datapath `name`.  Read-write, for root.  ENODEV if there is
 * none; ENODATA if its pins are there, in part, and it does not exist: it was
 * not created, or not deleted, to the end; EPROTO for another layout version,
 * a foreign or a corrupt pin (the message names the pin and what is wrong with
 * it); EPERM, EACCES for others than root.  The caller frees `*mapsp` with
 * dpx_maps_close(). */
int dpx_maps_open(const char *name, struct dpx_maps **mapsp);

/* Accepts NULL. */
void dpx_maps_close(struct dpx_maps *);

/* Whether the open datapath has been deleted since, perhaps made anew. */
bool dpx_maps_deleted(const struct dpx_maps *);

/* A new file descriptor of the pinned object `pin` of the datapath (maps and
 * programs alike), or -errno.  The caller closes it. */
int dpx_maps_fd(const struct dpx_maps *, const char *pin);

/* EINVAL, with a message, unless `name` can name a datapath: 1 to 15 of
 * letters, digits, '-' and '_'. */
int dpx_name_check(const char *name);

/* Calls `cb` with the name of each pinned datapath.  Stops at the first
 * non-zero return, and returns it. */
int dpx_maps_enumerate(int (*cb)(const char *name, void *aux), void *aux);

/* The datapath's lock: excludes every other thread, and every process, that
 * changes the datapath (a mutex, and flock() on the pin directory, which dies
 * with its holder).  Not recursive: dpx_table_begin() takes it too. */
int dpx_maps_lock(struct dpx_maps *);
void dpx_maps_unlock(struct dpx_maps *);

/* Brackets everything that plane `user` does with bodies, masks and blocks,
 * as the kernel brackets a program's run: nothing that can be found in between
 * is reused before read_end.  `cpu` is the row that the thread counts in.
 * Cheap on memory maps; on pinned ones it is the datapath's lock.  In between
 * the thread must not write to the table, which would wait for itself. */
void dpx_read_begin(struct dpx_maps *, uint32_t cpu);
void dpx_read_end(struct dpx_maps *, uint32_t cpu);

/* Drops ----------------------------------------------------------------- */

/* Calls `cb` for each {port, reason} that has dropped packets, summed over the
 * CPUs.  Lost XDP redirects are among them. */
int dpx_maps_drops(const struct dpx_maps *,
                   void (*cb)(const struct dpx_drop_key *,
                              const struct dpx_drop *, void *aux),
                   void *aux);

/* Counts packets that userspace drops; takes the datapath's lock.  Nothing is
 * counted on memory maps. */
void
dpx_maps_count_drop(struct dpx_maps *, uint32_t port, enum dpx_drop_reason,
                    uint64_t packets, uint64_t bytes);

/* Makes the packet path forget which port `ifindex` was: to be called when it
 * no longer is in map `ifports`.  Waits for a grace period, whose error it
 * returns: then what runs may still remember. */
int dpx_maps_forget(struct dpx_maps *, uint32_t ifindex);

/* Sum of the CPUs' statistics. */
void dpx_maps_stats(const struct dpx_maps *, struct dpx_stats *);

/* Time ------------------------------------------------------------------ */

/* Now in the packet path's clock (jiffies64; memory: the same unit made up of
 * CLOCK_MONOTONIC), and how to turn its times into milliseconds of
 * CLOCK_MONOTONIC. */
struct dpx_clock {
    uint64_t jiffies; /* Now. */
    uint64_t msec;    /* The same moment. */
    uint32_t hz;
};

int dpx_clock_read(const struct dpx_maps *, struct dpx_clock *);

/* Now, as plane `user` counts it in memory maps: ms of CLOCK_MONOTONIC. */
static inline uint64_t
dpx_clock_memory(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* `jiffies` in ms of CLOCK_MONOTONIC; 0 stays 0, never. */
uint64_t dpx_clock_msec(const struct dpx_clock *, uint64_t jiffies);

#endif /* maps/maps.h */
