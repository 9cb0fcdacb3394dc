/* SPDX-License-Identifier: Apache-2.0 */

/* What is the same for maps of both kinds, and what is read from them. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/error.h"
#include "maps/maps-private.h"
#include "maps/table-private.h"

int
dpx_name_check(const char *name)
{
    size_t len = strlen(name);
    size_t i;

    for (i = 0; i < len; i++) {
        if (!isalnum((unsigned char) name[i]) && !strchr("-_", name[i])) {
            break;
        }
    }
    if (!len || i < len || len >= DPX_NAME_LEN) {
        return dpx_error(EINVAL,
                         "\"%s\" is no name for a datapath: 1 to %d "
                         "of letters, digits, '-' and '_'",
                         name, DPX_NAME_LEN - 1);
    }
    return 0;
}

/* An empty struct without maps; NULL if there is no memory. */
struct dpx_maps *
dpx_maps_alloc(const char *name, const struct dpx_config *conf)
{
    struct dpx_maps *m = calloc(1, sizeof *m);

    if (m) {
        snprintf(m->name, sizeof m->name, "%s", name);
        m->conf = *conf;
        m->dir = m->clock = -1;
        pthread_mutex_init(&m->mutex, NULL);
    }
    return m;
}

void
dpx_maps_close(struct dpx_maps *m)
{
    const struct dpx_config *c;

    if (!m) {
        return;
    }
    c = &m->conf;
#define X(NAME, TYPE, ENTRIES)                                                \
    if (m->NAME) {                                                            \
        size_t size = (size_t) (ENTRIES) * sizeof(TYPE);                      \
                                                                              \
        if (m->dir >= 0) {                                                    \
            munmap(m->NAME, size);                                            \
        } else {                                                              \
            dpx_memory_unmap(m->NAME, size);                                  \
        }                                                                     \
    }
    DPX_MMAPS(X)
#undef X
    if (m->dir >= 0) {
        close(m->dir);
    }
    if (m->clock >= 0) {
        close(m->clock);
    }
    pthread_mutex_destroy(&m->mutex);
    free(m->readers);
    free(m);
}

/* The state of an empty datapath, in zeroed memory, but for `magic`. */
void
dpx_meta_init(struct dpx_meta *meta, const char *name,
              const struct dpx_config *conf)
{
    meta->version = DPX_LAYOUT_VERSION;
    meta->size = sizeof *meta;
    snprintf(meta->name, sizeof meta->name, "%s", name);
    meta->conf = *conf;
    meta->epoch = 1;
    meta->fresh_flow = meta->fresh_slot = meta->fresh_block = 1;
    meta->fresh_bucket = conf->bucket_mask + 1;
}

void
dpx_maps_exist(struct dpx_maps *m)
{
    __atomic_store_n(&m->meta->magic, DPX_LAYOUT_MAGIC, __ATOMIC_RELEASE);
}

/* Drops --------------------------------------------------------------------*/

/* Adds one key's values of all CPUs to `sum`.  `per_cpu` has room for them. */
static void
add_drops(int fd, const struct dpx_drop_key *key, struct dpx_drop *per_cpu,
          int n_cpus, struct dpx_drop *sum)
{
    int i;

    if (bpf_map_lookup_elem(fd, key, per_cpu)) {
        return;
    }
    for (i = 0; i < n_cpus; i++) {
        sum->packets += per_cpu[i].packets;
        sum->bytes += per_cpu[i].bytes;
    }
}

int
dpx_maps_drops(const struct dpx_maps *m,
               void (*cb)(const struct dpx_drop_key *, const struct dpx_drop *,
                          void *aux),
               void *aux)
{
    struct dpx_drop_key key, *prev = NULL;
    struct dpx_drop *values;
    int n_cpus, fd;

    if (m->dir < 0) {
        return 0; /* Plane `user` tells its caller of drops. */
    }
    n_cpus = libbpf_num_possible_cpus();
    fd = dpx_maps_fd(m, "drops");
    if (fd < 0 || n_cpus < 0) {
        return dpx_error(fd < 0 ? -fd : -n_cpus,
                         "datapath %s: cannot read drops", m->name);
    }
    values = calloc(n_cpus, sizeof *values);
    if (!values) {
        abort();
    }
    for (; !bpf_map_get_next_key(fd, prev, &key); prev = &key) {
        struct dpx_drop_key kernel = key, user = key;
        struct dpx_drop sum = { 0, 0 };

        kernel.reason &= ~DPX_DROP_USER;
        user.reason |= DPX_DROP_USER;
        add_drops(fd, &kernel, values, n_cpus, &sum);
        if (sum.packets && key.reason & DPX_DROP_USER) {
            continue; /* The kernel's key tells of both. */
        }
        add_drops(fd, &user, values, n_cpus, &sum);
        cb(&kernel, &sum, aux);
    }
    free(values);
    close(fd);
    return 0;
}

int
dpx_maps_forget(struct dpx_maps *m, uint32_t ifindex)
{
    int ret = dpx_grace(m);
    uint32_t cpu;

    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        struct dpx_guess *guess = &m->cpus[cpu].guess[ifindex % DPX_GUESSES];

        if (__atomic_load_n(&guess->ifindex, __ATOMIC_RELAXED) == ifindex) {
            __atomic_store_n(&guess->ifindex, 0, __ATOMIC_RELAXED);
        }
    }
    return ret;
}

void
dpx_maps_stats(const struct dpx_maps *m, struct dpx_stats *sum)
{
    uint32_t cpu;

    memset(sum, 0, sizeof *sum);
    for (cpu = 0; cpu < m->conf.n_cpus; cpu++) {
        const struct dpx_stats *s = &m->cpus[cpu].stats;

        sum->hit += __atomic_load_n(&s->hit, __ATOMIC_RELAXED);
        sum->missed += __atomic_load_n(&s->missed, __ATOMIC_RELAXED);
        sum->lost += __atomic_load_n(&s->lost, __ATOMIC_RELAXED);
        sum->mask_hit += __atomic_load_n(&s->mask_hit, __ATOMIC_RELAXED);
        sum->cache_hit += __atomic_load_n(&s->cache_hit, __ATOMIC_RELAXED);
    }
    sum->hit += sum->cache_hit;
    sum->mask_hit += sum->cache_hit;
}

/* Time ---------------------------------------------------------------------*/

/* The kernel's HZ: its coarse clocks advance once in a jiffy. */
static uint32_t
kernel_hz(void)
{
    struct timespec ts;

    clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_nsec ? (1000000000 + ts.tv_nsec / 2) / ts.tv_nsec : 1000;
}

int
dpx_clock_read(const struct dpx_maps *m, struct dpx_clock *clock)
{
    struct dpx_clock_args args;
    LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args,
                .ctx_size_in = sizeof args);

    memset(&args, 0, sizeof args);
    if (m->dir < 0) {
        clock->msec = clock->jiffies = dpx_clock_memory();
        clock->hz = 1000;
        return 0;
    }
    if (m->clock < 0 || bpf_prog_test_run_opts(m->clock, &opts)) {
        return dpx_error(m->clock < 0 ? EPROTO : errno,
                         "datapath %s: cannot "
                         "run the pinned program clock: %s",
                         m->name, strerror(m->clock < 0 ? ENOENT : errno));
    }
    clock->jiffies = args.jiffies;
    clock->msec = args.ns / 1000000;
    clock->hz = kernel_hz();
    return 0;
}

uint64_t
dpx_clock_msec(const struct dpx_clock *clock, uint64_t jiffies)
{
    uint64_t ago = (clock->jiffies - jiffies) * 1000 / clock->hz;

    if (!jiffies) {
        return 0;
    }
    if (jiffies >= clock->jiffies) {
        return clock->msec; /* Counted since the clock was read. */
    }
    return ago < clock->msec ? clock->msec - ago : 1;
}
