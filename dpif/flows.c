/* SPDX-License-Identifier: Apache-2.0 */

/* Flows of a datapath. */

#include "dpif/dpif-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/odp.h"
#include "lib/poll.h"

int
dpif_flow_flush(struct dpif *dpif)
{
    int error;

    dpif_count(DPIF_EV_FLOW_FLUSH);
    error = dpif->dpif_class->flow_flush(dpif);
    dpif_log_result(dpif, "flow_flush", error);
    return error;
}

/* Adds or modifies a flow.  Absent and CREATE: added.  Present and MODIFY: its
 * actions are replaced, and its counters zeroed if ZERO_STATS.  Else ENOENT or
 * EEXIST.  `mask` NULL: exact.  `stats`, which may be NULL, receives the
 * counters from before; zeros for a new flow and on error. */
int
dpif_flow_put(struct dpif *dpif, unsigned int flags, const struct nlattr *key,
              size_t key_len, const struct nlattr *mask, size_t mask_len,
              const struct nlattr *actions, size_t actions_len,
              struct dpif_flow_stats *stats)
{
    struct dpif_op op = {
        .type = DPIF_OP_FLOW_PUT,
        .u.flow_put = {
            .flags = flags, .key = key, .key_len = key_len,
            .mask = mask, .mask_len = mask_len,
            .actions = actions, .actions_len = actions_len, .stats = stats,
        },
    };

    dpif_operate(dpif, &(struct dpif_op *){ &op }, 1);
    return op.error;
}

/* The flow's actions, in a buffer for the caller to dpx_buf_free() and free(),
 * and its counters; either may be NULL.  NULL and zeros on error; ENOENT. */
int
dpif_flow_get(const struct dpif *dpif, const struct nlattr *key,
              size_t key_len, struct dpx_buf **actionsp,
              struct dpif_flow_stats *stats)
{
    struct dpif_flow_stats s = { 0, 0, 0, 0 };
    struct dpx_buf *actions = calloc(1, sizeof *actions);
    int error;

    if (!actions) {
        abort();
    }
    dpif_count(DPIF_EV_FLOW_GET);
    error = dpif->dpif_class->flow_get(dpif, key, key_len, actions, &s);
    if (error) {
        memset(&s, 0, sizeof s);
    }
    dpif_log_flow(dpif, "flow_get", error, key, key_len, NULL, 0, &s,
                  error ? NULL : (const void *) dpx_buf_data(actions),
                  error ? 0 : actions->len);
    if (stats) {
        *stats = s;
    }
    if (error || !actionsp) {
        dpx_buf_free(actions);
        free(actions);
        actions = NULL;
    }
    if (actionsp) {
        *actionsp = actions;
    }
    return error;
}

/* ENOENT.  `stats`, which may be NULL, receives the last counters. */
int
dpif_flow_del(struct dpif *dpif, const struct nlattr *key, size_t key_len,
              struct dpif_flow_stats *stats)
{
    struct dpif_op op = {
        .type = DPIF_OP_FLOW_DEL,
        .u.flow_del = { .key = key, .key_len = key_len, .stats = stats },
    };

    dpif_operate(dpif, &(struct dpif_op *){ &op }, 1);
    return op.error;
}

/* A dump of all flows.  Threads share `dump`, each with a state of its own. */
int
dpif_flow_dump_start(struct dpif_flow_dump *dump, const struct dpif *dpif)
{
    dump->dpif = dpif;
    dump->iter = NULL;
    dump->error = dpif->dpif_class->flow_dump_start(dpif, &dump->iter);
    dpif_log_result(dpif, "flow_dump_start", dump->error);
    return dump->error;
}

/* Returns 0 or an error; then there is no state, and `*statep` is NULL, which
 * state_uninit accepts. */
int
dpif_flow_dump_state_init(const struct dpif_flow_dump *dump, void **statep)
{
    const struct dpif *dpif = dump->dpif;
    int error = __atomic_load_n(&dump->error, __ATOMIC_RELAXED);

    *statep = NULL;
    if (!error) {
        error = dpif->dpif_class->flow_dump_state_init(dpif, dump->iter,
                                                       statep);
        if (error) {
            *statep = NULL;
            dpif_log_result(dpif, "flow_dump_state_init", error);
        }
    }
    return error;
}

/* The next flow, in memory that is `state`'s until its next call.  Any output
 * may be NULL.  False, and NULL and 0 everywhere, at the end. */
bool
dpif_flow_dump_next(struct dpif_flow_dump *dump, void *state,
                    const struct nlattr **key, size_t *key_len,
                    const struct nlattr **mask, size_t *mask_len,
                    const struct nlattr **actions, size_t *actions_len,
                    const struct dpif_flow_stats **stats)
{
    const struct dpif *dpif = dump->dpif;
    const struct nlattr *k = NULL, *m = NULL, *a = NULL;
    size_t k_len = 0, m_len = 0, a_len = 0;
    const struct dpif_flow_stats *s = NULL;
    int error = __atomic_load_n(&dump->error, __ATOMIC_RELAXED);

    if (!error) {
        error = dpif->dpif_class->flow_dump_next(
            dpif, dump->iter, state, &k, &k_len, &m, &m_len, &a, &a_len, &s);
        if (!error) {
            dpif_log_flow(dpif, "flow_dump", 0, k, k_len, m, m_len, s, a,
                          a_len);
        } else {
            k = m = a = NULL;
            k_len = m_len = a_len = 0;
            s = NULL;
            if (error == EOF) {
                dpif_log_debug(dpif, "dumped all flows");
            } else {
                dpif_log_result(dpif, "flow_dump", error);
                __atomic_store_n(&dump->error, error, __ATOMIC_RELAXED);
            }
        }
    }
#define OUT(POINTER, VALUE)                                                   \
    if (POINTER) {                                                            \
        *(POINTER) = (VALUE);                                                 \
    }
    OUT(key, k);
    OUT(key_len, k_len);
    OUT(mask, m);
    OUT(mask_len, m_len);
    OUT(actions, a);
    OUT(actions_len, a_len);
    OUT(stats, s);
#undef OUT
    return !error;
}

bool
dpif_flow_dump_next_may_destroy_keys(struct dpif_flow_dump *dump, void *state)
{
    const struct dpif_class *class = dump->dpif->dpif_class;

    return class->flow_dump_next_may_destroy_keys
               ? class->flow_dump_next_may_destroy_keys(state)
               : true;
}

void
dpif_flow_dump_state_uninit(const struct dpif_flow_dump *dump, void *state)
{
    if (state) {
        dump->dpif->dpif_class->flow_dump_state_uninit(dump->dpif, state);
    }
}

/* Returns the error of the whole dump. */
int
dpif_flow_dump_done(struct dpif_flow_dump *dump)
{
    const struct dpif *dpif = dump->dpif;
    int error = dump->error;

    if (dump->iter) {
        int done = dpif->dpif_class->flow_dump_done(dpif, dump->iter);

        dump->iter = NULL;
        error = error ? error : done;
    }
    dpif_log_result(dpif, "flow_dump_done", error);
    return error;
}

/* Statistics -------------------------------------------------------------- */

void
dpif_flow_stats_extract(const struct nlattr *key, size_t key_len,
                        const struct dpx_buf *packet, long long int used,
                        struct dpif_flow_stats *stats)
{
    struct dpx_key k;

    stats->n_packets = 1;
    stats->n_bytes = packet->len;
    stats->used = used;
    stats->tcp_flags = dpx_key_parse(key, key_len, &k) ? 0
                                                       : ntohs(k.tcp_flags);
}

void
dpif_flow_stats_format(const struct dpif_flow_stats *stats,
                       struct dpx_buf *text)
{
    dpx_buf_printf(text, "packets:%" PRIu64 ", bytes:%" PRIu64 ", used:",
                   stats->n_packets, stats->n_bytes);
    if (stats->used) {
        dpx_buf_printf(text, "%.3fs",
                       (dpx_time_msec() - stats->used) / 1000.0);
    } else {
        dpx_buf_printf(text, "never");
    }
    if (stats->tcp_flags) {
        dpx_buf_printf(text, ", flags:");
        dpx_format_tcp_flags(stats->tcp_flags, text);
    }
}
