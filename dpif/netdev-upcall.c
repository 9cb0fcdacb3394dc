/* SPDX-License-Identifier: Apache-2.0 */

/* Upcalls of netdev datapaths: a queue for each handler, with the budgets that
 * the kernel's planes keep (bpf/upcall.bpf.h). */

#include "dpif/netdev.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bpf/hash.h"
#include "dpif/requests.h"
#include "lib/error.h"
#include "lib/poll.h"

void
netdev_upcalls_open(struct netdev_dp *dp)
{
    for (size_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        pthread_mutex_init(&dp->handlers[i].lock, NULL);
        dp->handlers[i].queue.event = -1;
    }
}

/* Throws away what waits for handler `i`. */
static void
purge(struct netdev_dp *dp, uint32_t i)
{
    struct netdev_handler *h = &dp->handlers[i];
    struct dpx_queued *q;

    pthread_mutex_lock(&h->lock);
    while ((q = dpx_upcall_get(&h->queue))) {
        dpx_upcall_give_back(dp->maps, q->record.port, q->record.charged);
        free(q);
    }
    pthread_mutex_unlock(&h->lock);
}

void
netdev_upcalls_close(struct netdev_dp *dp)
{
    for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        purge(dp, i);
        if (dp->handlers[i].queue.event >= 0) {
            close(dp->handlers[i].queue.event);
        }
        pthread_mutex_destroy(&dp->handlers[i].lock);
    }
}

/* Queues the upcall.  False: over the budget. */
static bool
queue(struct netdev_dp *dp, struct netdev_handler *h,
      enum dpx_upcall_type type, uint32_t pid, const struct dpx_key *key,
      const void *userdata, size_t userdata_len,
      const struct dpx_packet *packet)
{
    size_t size = dpx_upcall_size(userdata_len, packet);
    size_t room = 2 * (size_t) dp->maps->conf.ring_bytes;
    uint64_t *backlog = key->in_port < DPX_MAX_PORTS
                            ? &dp->maps->backlog[key->in_port]
                            : NULL;
    uint64_t outstanding = backlog ? __atomic_load_n(backlog, __ATOMIC_RELAXED)
                                   : 0;
    bool ok;

    pthread_mutex_lock(&h->lock);
    ok = outstanding + h->queue.bytes + size <= room
         && dpx_upcall_put(&h->queue, type, pid, key, userdata, userdata_len,
                           packet, size);
    if (ok && backlog) {
        __atomic_fetch_add(backlog, size, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&h->lock);
    return ok;
}

/* The lock is held for reading. */
void
netdev_upcall(void *dp_, enum dpx_upcall_type type, uint32_t pid,
              const struct dpx_key *key, const void *userdata,
              size_t userdata_len, const struct dpx_packet *packet)
{
    struct netdev_dp *dp = dp_;
    enum dpx_drop_reason reason = DPX_DROP_NO_HANDLER;
    uint32_t n = dp->n_handlers;

    if (n) {
        uint32_t i = pid && pid <= n
                         ? pid - 1
                         : dpx_hash_packet(&dp->maps->conf, key) % n;

        reason = DPX_DROP_LOST;
        if (queue(dp, &dp->handlers[i], type, pid, key, userdata, userdata_len,
                  packet)) {
            return;
        }
    }
    dp->n_lost++;
    dpx_maps_count_drop(dp->maps, key->in_port, reason, 1, packet->frame.len);
}

uint32_t
netdev_port_get_pid(const struct dpif *dpif, uint32_t port_no, uint32_t hash)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    uint32_t pid;

    pthread_rwlock_rdlock(&dp->lock);
    pid = dpx_upcall_pid(dp->n_handlers, port_no, hash);
    pthread_rwlock_unlock(&dp->lock);
    return pid;
}

int
netdev_recv_set(struct dpif *dpif, bool enable)
{
    struct dpif_netdev_dp *handle = netdev_handle(dpif);
    struct netdev_dp *dp = handle->dp;

    pthread_rwlock_wrlock(&dp->lock);
    if ((dp->receiver == handle) != enable) {
        dp->receiver = enable ? handle : NULL;
        dp->n_handlers = enable ? handle->n_handlers : 0;
        for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
            purge(dp, i);
        }
    }
    pthread_rwlock_unlock(&dp->lock);
    return 0;
}

int
netdev_handlers_set(struct dpif *dpif, uint32_t n)
{
    struct dpif_netdev_dp *handle = netdev_handle(dpif);
    struct netdev_dp *dp = handle->dp;

    if (n < 1 || n > DPX_MAX_HANDLERS) {
        return dpx_error(EINVAL, "%u handlers: must be 1 to %d", n,
                         DPX_MAX_HANDLERS);
    }
    pthread_rwlock_wrlock(&dp->lock);
    handle->n_handlers = n;
    if (dp->receiver == handle) {
        dp->n_handlers = n;
        /* What waits for handlers that are no more goes to others. */
        for (uint32_t i = n; i < DPX_MAX_HANDLERS; i++) {
            dpx_upcall_move(&dp->handlers[i].queue,
                            &dp->handlers[i % n].queue);
        }
    }
    pthread_rwlock_unlock(&dp->lock);
    return 0;
}

int
netdev_recv(struct dpif *dpif, uint32_t handler, struct dpif_upcall *upcall,
            struct dpx_buf *buf)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    struct dpx_upcall_info info;
    struct netdev_handler *h;
    struct dpx_queued *q = NULL;

    pthread_rwlock_rdlock(&dp->lock);
    if (dp->receiver == netdev_handle(dpif) && handler < dp->n_handlers) {
        h = &dp->handlers[handler];
        pthread_mutex_lock(&h->lock);
        q = dpx_upcall_get(&h->queue);
        pthread_mutex_unlock(&h->lock);
    }
    pthread_rwlock_unlock(&dp->lock);
    if (!q) {
        return EAGAIN;
    }
    dpx_upcall_give_back(dp->maps, q->record.port, q->record.charged);
    dpx_upcall_read(&q->record, q->size, &info, buf, &upcall->packet);
    dpif_core_upcall(&info, buf, upcall);
    free(q);
    return 0;
}

void
netdev_recv_wait(struct dpif *dpif, uint32_t handler)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    struct netdev_handler *h;

    if (handler >= DPX_MAX_HANDLERS) {
        return;
    }
    h = &dp->handlers[handler];
    pthread_rwlock_rdlock(&dp->lock);
    pthread_mutex_lock(&h->lock);
    if (h->queue.event < 0) {
        h->queue.event = eventfd(h->queue.first != NULL,
                                 EFD_CLOEXEC | EFD_NONBLOCK);
    }
    dpx_poll_fd_wait(h->queue.event, POLLIN);
    pthread_mutex_unlock(&h->lock);
    pthread_rwlock_unlock(&dp->lock);
}

void
netdev_recv_purge(struct dpif *dpif)
{
    struct netdev_dp *dp = netdev_dp(dpif);

    pthread_rwlock_rdlock(&dp->lock);
    if (dp->receiver == netdev_handle(dpif)) {
        for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
            purge(dp, i);
        }
    }
    pthread_rwlock_unlock(&dp->lock);
}
