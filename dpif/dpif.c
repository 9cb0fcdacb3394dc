/* SPDX-License-Identifier: Apache-2.0 */

/* Datapaths: open, create, close, delete. */

#include "dpif/dpif-private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t events[DPIF_N_EVENTS];

void
dpif_count(enum dpif_event event)
{
    atomic_fetch_add_explicit(&events[event], 1, memory_order_relaxed);
}

/* How often `event` happened, over all datapaths of this process. */
uint64_t
dpif_event_count(enum dpif_event event)
{
    return event < DPIF_N_EVENTS ? events[event] : 0;
}

static unsigned int
hash_name(const char *name)
{
    unsigned int hash = 5381;

    while (*name) {
        hash = hash * 33 + (unsigned char) *name++;
    }
    return hash;
}

void
dpif_init(struct dpif *dpif, const struct dpif_class *class, const char *name)
{
    unsigned int hash = hash_name(name);

    dpif->dpif_class = class;
    dpif->base_name = strdup(name);
    if (!dpif->base_name
        || asprintf(&dpif->full_name, "%s@%s", class->type, name) < 0) {
        abort();
    }
    dpif->netflow_engine_type = hash >> 8;
    dpif->netflow_engine_id = hash;
}

static int
do_open(const char *name, const char *type, bool create, struct dpif **dpifp)
{
    struct registration *r;
    struct dpif *dpif = NULL;
    int error;

    error = dpif_class_ref(type, &r);
    if (!error) {
        error = dpif_class_of(r)->open(name, create, &dpif);
        if (error) {
            dpif_class_unref(r);
        } else {
            dpif->registration = r;
        }
    }
    *dpifp = error ? NULL : dpif;
    return error;
}

/* Opens the datapath.  ENODEV if there is none, EAFNOSUPPORT if there is no
 * such type.  The caller closes it. */
int
dpif_open(const char *name, const char *type, struct dpif **dpifp)
{
    int error = do_open(name, type, false, dpifp);

    dpif_log_class(type, name, "open", error);
    return error;
}

/* Makes the datapath and opens it.  EEXIST if it is there. */
int
dpif_create(const char *name, const char *type, struct dpif **dpifp)
{
    int error = do_open(name, type, true, dpifp);

    dpif_log_class(type, name, "create", error);
    return error;
}

/* Opens the datapath, which is made if it is not there. */
int
dpif_create_and_open(const char *name, const char *type, struct dpif **dpifp)
{
    int error = do_open(name, type, true, dpifp);

    if (error == EEXIST || error == EBUSY) {
        error = do_open(name, type, false, dpifp);
    }
    dpif_log_class(type, name, "create_and_open", error);
    return error;
}

/* Accepts NULL.  The datapath lives on. */
void
dpif_close(struct dpif *dpif)
{
    if (dpif) {
        struct registration *r = dpif->registration;
        char *base_name = dpif->base_name, *full_name = dpif->full_name;

        dpif->dpif_class->close(dpif);
        free(base_name);
        free(full_name);
        dpif_class_unref(r);
    }
}

/* Removes the ports and the datapath.  The handle is still to be closed. */
int
dpif_delete(struct dpif *dpif)
{
    int error;

    dpif_count(DPIF_EV_DESTROY);
    error = dpif->dpif_class->destroy(dpif);
    dpif_log_result(dpif, "delete", error);
    return error;
}

/* Periodic work, and arming the poll loop (lib/poll.h) for it. */
void
dpif_run(struct dpif *dpif)
{
    if (dpif->dpif_class->run) {
        dpif->dpif_class->run(dpif);
    }
}

void
dpif_wait(struct dpif *dpif)
{
    if (dpif->dpif_class->wait) {
        dpif->dpif_class->wait(dpif);
    }
}

/* "type@name". */
const char *
dpif_name(const struct dpif *dpif)
{
    return dpif->full_name;
}

const char *
dpif_base_name(const struct dpif *dpif)
{
    return dpif->base_name;
}

const char *
dpif_type(const struct dpif *dpif)
{
    return dpif->dpif_class->type;
}

int
dpif_get_dp_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    int error = dpif->dpif_class->get_stats(dpif, stats);

    if (error) {
        memset(stats, 0, sizeof *stats);
    }
    dpif_log_result(dpif, "get_stats", error);
    return error;
}

void
dpif_get_netflow_ids(const struct dpif *dpif, uint8_t *engine_type,
                     uint8_t *engine_id)
{
    *engine_type = dpif->netflow_engine_type;
    *engine_id = dpif->netflow_engine_id;
}

/* The packet priority that puts packets into queue `queue_id`; 0 on failure.
 */
int
dpif_queue_to_priority(const struct dpif *dpif, uint32_t queue_id,
                       uint32_t *priority)
{
    int error = dpif->dpif_class->queue_to_priority
                    ? dpif->dpif_class->queue_to_priority(dpif, queue_id,
                                                          priority)
                    : EOPNOTSUPP;

    if (error) {
        *priority = 0;
    }
    dpif_log_result(dpif, "queue_to_priority", error);
    return error;
}
