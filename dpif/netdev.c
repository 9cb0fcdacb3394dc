/* SPDX-License-Identifier: Apache-2.0 */

/* The class "netdev": its datapaths. */

#include "dpif/netdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dpif/requests.h"
#include "lib/error.h"

enum { N_FLOWS = 262144, N_MASKS = 1024 };

/* Guards the list of datapaths, and what struct netdev_dp says. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct netdev_dp *datapaths;

static struct netdev_dp **
find(const char *name)
{
    struct netdev_dp **dp = &datapaths;

    while (*dp && strcmp((*dp)->name, name)) {
        dp = &(*dp)->next;
    }
    return dp;
}

static int
netdev_enumerate(struct dpif_set *names)
{
    pthread_mutex_lock(&mutex);
    for (const struct netdev_dp *dp = datapaths; dp; dp = dp->next) {
        dpif_set_add(names, dp->name);
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

static const char *
netdev_port_open_type(const char *port_type)
{
    /* A device that does not exist for anybody else. */
    return strcmp(port_type, "internal") ? port_type : "dummy";
}

static void
dp_free(struct netdev_dp *dp)
{
    netdev_devices_close(dp);
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        if (dp->ports[i]) {
            netdev_port_remove(dp, dp->ports[i]);
        }
    }
    netdev_upcalls_close(dp);
    dpx_core_close(&dp->core);
    dpx_maps_close(dp->maps);
    for (size_t i = 0; i < NETDEV_ROWS; i++) {
        pthread_mutex_destroy(&dp->rows[i]);
    }
    pthread_rwlock_destroy(&dp->lock);
    free(dp);
}

/* A lock that lets writers through when readers never pause. */
static void
init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;

    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(
        &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}

static int
dp_create(const char *name, struct netdev_dp **dpp)
{
    struct netdev_dp *dp;
    struct dpx_config conf;
    int error = dpx_name_check(name);

    if (!error) {
        error = dpx_config_init(&conf, N_FLOWS, N_MASKS, NETDEV_ROWS);
    }
    if (error) {
        return error;
    }
    dp = dpif_xzalloc(sizeof *dp);
    snprintf(dp->name, sizeof dp->name, "%s", name);
    dp->epoll = dp->stop = dp->watch = -1;
    init_lock(&dp->lock);
    for (size_t i = 0; i < NETDEV_ROWS; i++) {
        pthread_mutex_init(&dp->rows[i], NULL);
    }
    netdev_upcalls_open(dp);
    error = dpx_maps_create_memory(name, &conf, &dp->maps);
    if (!error) {
        error = dpx_core_open(&dp->core, dp->maps);
    }
    if (!error) {
        netdev_packets_open(dp);
        error = netdev_ports_open(dp);
    }
    if (error) {
        dp_free(dp);
        return error;
    }
    *dpp = dp;
    return 0;
}

/* Finds or makes the datapath, and takes a reference to it. */
static int
dp_ref(const char *name, bool create, struct netdev_dp **dpp)
{
    struct netdev_dp **place;
    int error = 0;

    pthread_mutex_lock(&mutex);
    place = find(name);
    if (*place && create) {
        error = dpx_error(EEXIST, "datapath netdev@%s exists", name);
    } else if (!*place) {
        error = create ? dp_create(name, place)
                       : dpx_error(ENODEV,
                                   "there is no datapath netdev@%s in this "
                                   "process",
                                   name);
    }
    if (!error) {
        (*place)->refs++;
        *dpp = *place;
    }
    pthread_mutex_unlock(&mutex);
    return error;
}

static void
dp_unref(struct netdev_dp *dp)
{
    bool dead;

    pthread_mutex_lock(&mutex);
    dead = !--dp->refs && dp->deleted;
    pthread_mutex_unlock(&mutex);
    if (dead) {
        dp_free(dp);
    }
}

static int
netdev_open(const char *name, bool create, struct dpif **dpifp)
{
    struct dpif_netdev_dp *handle;
    struct netdev_dp *dp;
    int error = dp_ref(name, create, &dp);

    if (error) {
        return error;
    }
    handle = dpif_xzalloc(sizeof *handle);
    handle->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (handle->event < 0) {
        error = dpx_error(errno, "cannot watch ports: %s", strerror(errno));
        free(handle);
        dp_unref(dp);
        return error;
    }
    dpif_init(&handle->up, &dpif_netdev_class, name);
    pthread_mutex_init(&handle->lock, NULL);
    handle->n_handlers = 1;
    handle->dp = dp;

    pthread_rwlock_wrlock(&dp->lock);
    handle->next = dp->handles;
    dp->handles = handle;
    pthread_rwlock_unlock(&dp->lock);
    *dpifp = &handle->up;
    return 0;
}

static void
netdev_close(struct dpif *dpif)
{
    struct dpif_netdev_dp *handle = netdev_handle(dpif), **place;
    struct netdev_dp *dp = handle->dp;

    netdev_recv_set(dpif, false);
    pthread_rwlock_wrlock(&dp->lock);
    place = &dp->handles;
    while (*place != handle) {
        place = &(*place)->next;
    }
    *place = handle->next;
    pthread_rwlock_unlock(&dp->lock);

    dp_unref(dp);
    close(handle->event);
    pthread_mutex_destroy(&handle->lock);
    free(handle);
}

static int
netdev_destroy(struct dpif *dpif)
{
    struct netdev_dp *dp = netdev_dp(dpif), **place;

    pthread_mutex_lock(&mutex);
    if (dp->deleted) {
        pthread_mutex_unlock(&mutex);
        return dpx_error(ENODEV, "datapath %s is deleted", dp->name);
    }
    dp->deleted = true;
    place = &datapaths;
    while (*place != dp) {
        place = &(*place)->next;
    }
    *place = dp->next;
    pthread_mutex_unlock(&mutex);

    pthread_rwlock_wrlock(&dp->lock);
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        if (dp->ports[i]) {
            netdev_port_remove(dp, dp->ports[i]);
        }
    }
    pthread_rwlock_unlock(&dp->lock);
    return 0;
}

static int
netdev_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    struct dpx_stats sum;

    dpx_maps_stats(dp->maps, &sum);
    *stats = (struct dpif_dp_stats){
        .n_hit = sum.hit,
        .n_missed = sum.missed,
        .n_lost = dp->n_lost,
        .n_flows = dpx_table_count(dp->core.table),
        .n_mask_hit = sum.mask_hit,
        .n_masks = dpx_table_count_masks(dp->core.table),
    };
    return 0;
}

/* Flows ------------------------------------------------------------------- */

static struct dpx_core *
core_of(const struct dpif *dpif)
{
    return &netdev_dp(dpif)->core;
}

static int
netdev_flow_flush(struct dpif *dpif)
{
    return dpx_core_flush(core_of(dpif));
}

static void
netdev_operate(struct dpif *dpif, struct dpif_op **ops, size_t n_ops)
{
    dpif_core_operate(core_of(dpif), ops, n_ops);
}

static int
netdev_flow_get(const struct dpif *dpif, const struct nlattr *key,
                size_t key_len, struct dpx_buf *actions,
                struct dpif_flow_stats *stats)
{
    return dpif_core_flow_get(core_of(dpif), key, key_len, actions, stats);
}

static int
netdev_flow_dump_start(const struct dpif *dpif, void **iter)
{
    return dpif_core_flow_dump_start(core_of(dpif), iter);
}

const struct dpif_class dpif_netdev_class = {
    .type = "netdev",
    .enumerate = netdev_enumerate,
    .port_open_type = netdev_port_open_type,
    .open = netdev_open,
    .close = netdev_close,
    .destroy = netdev_destroy,
    .get_stats = netdev_get_stats,
    .port_add = netdev_port_add,
    .port_del = netdev_port_del,
    .port_query_by_number = netdev_port_query_by_number,
    .port_query_by_name = netdev_port_query_by_name,
    .port_get_pid = netdev_port_get_pid,
    .port_dump_start = netdev_port_dump_start,
    .port_dump_next = netdev_port_dump_next,
    .port_dump_done = netdev_port_dump_done,
    .port_poll = netdev_port_poll,
    .port_poll_wait = netdev_port_poll_wait,
    .flow_flush = netdev_flow_flush,
    .flow_get = netdev_flow_get,
    .flow_dump_start = netdev_flow_dump_start,
    .flow_dump_state_init = dpif_core_flow_dump_state_init,
    .flow_dump_next = dpif_core_flow_dump_next,
    .flow_dump_state_uninit = dpif_core_flow_dump_state_uninit,
    .flow_dump_done = dpif_core_flow_dump_done,
    .operate = netdev_operate,
    .recv_set = netdev_recv_set,
    .handlers_set = netdev_handlers_set,
    .recv = netdev_recv,
    .recv_wait = netdev_recv_wait,
    .recv_purge = netdev_recv_purge,
    .queue_to_priority = dpif_core_queue_to_priority,
};
