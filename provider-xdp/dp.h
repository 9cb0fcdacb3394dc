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

struct dpx_handlers;
struct dpx_port_watch;

struct dpx_dp {
    char name[DPX_NAME_LEN];
    struct dpx_maps *maps;
    struct dpx_core core;
    struct dpx_output *output;
    struct dpx_port_watch *watch;
    struct dpx_handlers *handlers;
};

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

/* execute.c: lets `dp->core` execute packets out of dp->output. */
void dpx_execute_open(struct dpx_dp *);

#endif /* provider-xdp/dp.h */
