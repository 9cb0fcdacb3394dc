/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the provider share. */

#ifndef DPX_DP_H
#define DPX_DP_H 1

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/user.h"
#include "lib/odp.h"
#include "provider-xdp/output.h"
#include "provider-xdp/provider.h"

struct dpx_batch;
struct dpx_handlers;
struct dpx_port_watch;

struct dpx_dp {
    char name[DPX_NAME_LEN];
    struct dpx_maps *maps;
    struct dpx_table *table;
    struct dpx_output *output;
    struct dpx_port_watch *watch;
    struct dpx_handlers *handlers;
    pthread_mutex_t batch_lock;
    struct dpx_batch *batches;  /* Unused ones, under batch_lock. */
};

#define DPX_FRAME_HEADROOM 128  /* In front of packets, for what is pushed. */

/* Makes `frame` a copy of `data`, with headroom; reuses its memory. */
static inline void
dpx_frame_copy(struct dpx_buf *frame, const void *data, size_t len)
{
    frame->head = frame->len = 0;
    if (frame->allocated < DPX_FRAME_HEADROOM + len) {
        dpx_buf_reserve(frame, DPX_FRAME_HEADROOM, len);
    }
    frame->head = DPX_FRAME_HEADROOM;
    dpx_buf_put(frame, data, len);
}

/* flows.c: frees the unused batches. */
void dpx_batches_free(struct dpx_dp *);

/* ports.c: what tells of changes of ports.  Accepts NULL. */
int dpx_port_watch_open(struct dpx_dp *);
void dpx_port_watch_close(struct dpx_port_watch *);

/* upcall.c: the receiving side.  Close turns receiving off if it is `dp` that
 * receives, and may be called without open. */
int dpx_handlers_open(struct dpx_dp *);
void dpx_handlers_close(struct dpx_dp *);

/* Queues an upcall of this process for its own handlers, as long as the queue
 * has room and they receive; else drops it, counted.  The arguments are those
 * of dpx_user_ops.upcall. */
void dpx_handlers_queue(struct dpx_dp *, enum dpx_upcall_type, uint32_t pid,
                        const struct dpx_key *, const void *userdata,
                        size_t userdata_len, const struct dpx_packet *);

/* execute.c ---------------------------------------------------------------
 *
 * Executes `ex` in two steps: prepare checks and compiles; run does it, within
 * dpx_output_begin() and dpx_output_end().  `prog` is reused. */
int dpx_execute_prepare(const struct dpx_execute *ex, struct dpx_key *,
                        struct dpx_program *prog);
void dpx_execute_run(struct dpx_dp *, const struct dpx_execute *ex,
                     const struct dpx_key *, const struct dpx_program *prog,
                     struct dpx_packet *work);

#endif /* provider-xdp/dp.h */
