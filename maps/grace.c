/* SPDX-License-Identifier: Apache-2.0 */

/* Grace periods: when what was taken out of the table can be found by nobody
 * any more.
 *
 * meta.epoch is the number of the grace period that has not begun yet.  What
 * is taken out now is stamped with it and may be reused when meta.epoch_done
 * has reached the stamp: whoever waits advances meta.epoch under the lock,
 * waits (with the lock or without), and raises meta.epoch_done under the lock.
 *
 * Programs in the kernel run as RCU readers, and membarrier() waits for those.
 * Native readers of memory maps count themselves in and out in a row of their
 * own.  Native readers of pinned maps hold the datapath's lock, under which
 * alone things are reused: they are rare, and may be in any process. */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/error.h"
#include "maps/maps-private.h"
#include "maps/table-private.h"

void
dpx_read_begin(struct dpx_maps *maps, uint32_t cpu)
{
    if (!maps->readers) {
        dpx_maps_lock(maps);
        return;
    }
    __atomic_store_n(&maps->readers[cpu].seq, maps->readers[cpu].seq + 1,
                     __ATOMIC_RELAXED);
    /* Nothing is read before others can see that this thread reads. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
dpx_read_end(struct dpx_maps *maps, uint32_t cpu)
{
    if (!maps->readers) {
        dpx_maps_unlock(maps);
        return;
    }
    DPX_SET(&maps->readers[cpu].seq, maps->readers[cpu].seq + 1);
}

/* Waits until each native reader that reads now has stopped once. */
static void
wait_for_readers(const struct dpx_maps *maps)
{
    uint32_t cpu;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (cpu = 0; cpu < maps->conf.n_cpus; cpu++) {
        const uint64_t *seq = &maps->readers[cpu].seq;
        uint64_t now = DPX_GET(seq);

        while (now & 1 && DPX_GET(seq) == now) {
            sched_yield();
        }
    }
}

/* The kernel ends the update of a map of maps with a grace period of RCU, so
 * that a program cannot hold the old inner map. */
static int
wait_by_map_update(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts);
    uint32_t zero = 0;
    int inner, outer, error = 0;

    inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "dpx_grace", 4, 4, 1, NULL);
    opts.inner_map_fd = inner;
    outer = inner < 0 ? inner
                      : bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "dpx_grace",
                                       4, 4, 1, &opts);
    if (outer < 0 || bpf_map_update_elem(outer, &zero, &inner, BPF_ANY)) {
        error = errno;
    }
    if (outer >= 0) {
        close(outer);
    }
    if (inner >= 0) {
        close(inner);
    }
    return error;
}

int
dpx_grace(const struct dpx_maps *maps)
{
    int error = 0;

    if (maps->readers) {
        wait_for_readers(maps);
    } else if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0)) {
        error = wait_by_map_update();
    }
    return error ? dpx_error(error,
                             "datapath %s: cannot wait for running "
                             "programs: %s",
                             maps->name, strerror(error))
                 : 0;
}

void
dpx_epoch_passed(struct dpx_maps *maps, uint64_t epoch)
{
    if (maps->meta->epoch_done < epoch) {
        maps->meta->epoch_done = epoch;
    }
}

/* Waits for a grace period with the lock held. */
int
dpx_grace_locked(struct dpx_maps *maps)
{
    uint64_t epoch = maps->meta->epoch;
    int ret;

    maps->meta->epoch = epoch + 1;
    ret = dpx_grace(maps);
    if (!ret) {
        dpx_epoch_passed(maps, epoch);
    }
    return ret;
}
