/* SPDX-License-Identifier: Apache-2.0 */

/* Who may write, and what the dead leave behind. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "lib/error.h"
#include "maps/table-private.h"

/* Its address is another in each thread. */
static __thread char thread_marker;

int
dpx_maps_lock(struct dpx_maps *maps)
{
    pthread_mutex_lock(&maps->mutex);
    while (maps->dir >= 0 && flock(maps->dir, LOCK_EX)) {
        if (errno != EINTR) {
            int error = errno;

            pthread_mutex_unlock(&maps->mutex);
            return dpx_error(error, "datapath %s: cannot lock: %s", maps->name,
                             strerror(error));
        }
    }
    return 0;
}

void
dpx_maps_unlock(struct dpx_maps *maps)
{
    if (maps->dir >= 0) {
        flock(maps->dir, LOCK_UN);
    }
    pthread_mutex_unlock(&maps->mutex);
}

bool
dpx_table_is_mine(const struct dpx_table *t)
{
    return DPX_GET(&t->owner) == &thread_marker;
}

/* Takes the lock and leaves the table repaired. */
int
dpx_table_enter(struct dpx_table *t)
{
    int ret = dpx_maps_lock(t->maps);

    if (ret) {
        return ret;
    }
    DPX_SET(&t->owner, (const void *) &thread_marker);
    if (t->maps->meta->dirty) {
        ret = dpx_table_repair(t);
        if (ret) {
            dpx_table_leave(t);
        }
    }
    return ret;
}

void
dpx_table_leave(struct dpx_table *t)
{
    DPX_SET(&t->owner, (const void *) NULL);
    dpx_maps_unlock(t->maps);
}

/* Lets a grace period pass with the lock released.  On error the lock is not
 * held any more. */
int
dpx_table_round(struct dpx_table *t)
{
    struct dpx_meta *meta = t->maps->meta;
    uint64_t epoch = meta->epoch;
    int error, ret;

    meta->epoch = epoch + 1;
    DPX_SET(&meta->dirty, 0);
    dpx_table_leave(t);

    error = dpx_grace(t->maps);

    ret = dpx_table_enter(t);
    if (!ret) {
        DPX_SET(&meta->dirty, 1);
        if (!error) {
            dpx_epoch_passed(t->maps, epoch);
        }
    }
    return ret;
}

int
dpx_table_begin(struct dpx_table *t)
{
    int ret = dpx_table_enter(t);

    if (!ret) {
        DPX_SET(&t->maps->meta->dirty, 1);
    }
    return ret;
}

void
dpx_table_end(struct dpx_table *t)
{
    struct dpx_meta *meta = t->maps->meta;
    struct dpx_pendings pending = t->pending;
    bool rank = dpx_masks_due(t);

    memset(&t->pending, 0, sizeof t->pending);
    if (pending.n || (rank && meta->order_epoch > meta->epoch_done)) {
        if (dpx_table_round(t)) {
            free(pending.p); /* The counters are lost, and stay 0. */
            return;
        }
        dpx_pending_finish(t, &pending);
    }
    if (rank) {
        dpx_masks_rank(t);
    }
    DPX_SET(&meta->dirty, 0);
    dpx_table_leave(t);
}
