/* SPDX-License-Identifier: Apache-2.0 */

/* Who receives upcalls: turning it on and off, taking it over. */

#include "provider-xdp/handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/error.h"
#include "provider-xdp/ring.h"

int
dpx_handlers_open(struct dpx_dp *dp)
{
    struct dpx_handlers *hs = calloc(1, sizeof *hs);

    if (!hs) {
        return dpx_error(ENOMEM, "no memory for handlers");
    }
    pthread_mutex_init(&hs->lock, NULL);
    hs->n = 1;
    for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        struct dpx_handler *h = &hs->handlers[i];

        pthread_mutex_init(&h->lock, NULL);
        h->dp = dp;
        h->epoll = h->queue.event = h->ring_fd = -1;
    }
    dp->handlers = hs;
    return 0;
}

/* Adds `fd` to what the handler's thread polls. */
static int
poll_also(struct dpx_handler *h, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

int
dpx_handler_epoll(struct dpx_handler *h)
{
    if (h->epoll >= 0) {
        return 0;
    }
    h->queue.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->epoll = h->queue.event < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
    if (h->epoll < 0) {
        int error = errno;

        if (h->queue.event >= 0) {
            close(h->queue.event);
            h->queue.event = -1;
        }
        return error;
    }
    return poll_also(h, h->queue.event);
}

/* Lets go of the handler's ring and of what is in it. */
static void
drop_ring(struct dpx_handler *h)
{
    pthread_mutex_lock(&h->lock);
    dpx_handler_purge(h);
    if (h->ring_fd >= 0) {
        epoll_ctl(h->epoll, EPOLL_CTL_DEL, h->ring_fd, NULL);
        ring_buffer__free(h->ring);
        close(h->ring_fd);
        h->ring = NULL;
        h->ring_fd = -1;
    }
    pthread_mutex_unlock(&h->lock);
}

/* Gives the handler a new, empty ring. */
static int
make_ring(struct dpx_handler *h, uint32_t *id)
{
    int error;

    pthread_mutex_lock(&h->lock);
    error = dpx_ring_create(h->dp->maps, &h->ring_fd, id);
    if (!error) {
        h->ring = ring_buffer__new(h->ring_fd, dpx_handler_record, h, NULL);
        error = h->ring ? dpx_handler_epoll(h) : errno;
        if (!error) {
            error = poll_also(h, h->ring_fd);
        }
        if (error) {
            dpx_error(error, "cannot receive upcalls: %s", strerror(error));
        }
    }
    pthread_mutex_unlock(&h->lock);
    return error;
}

static void
drop_rings(struct dpx_handlers *hs)
{
    for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        drop_ring(&hs->handlers[i]);
    }
}

/* Turns receiving off, if it is still we that receive. */
static void
stop(struct dpx_dp *dp)
{
    struct dpx_handlers *hs = dp->handlers;

    if (!hs->ring_id) {
        return;
    }
    if (!dpx_maps_lock(dp->maps)) {
        if (dpx_ring_id(dp->maps, 0) == hs->ring_id) {
            __atomic_store_n(&dp->maps->meta->n_handlers, 0, __ATOMIC_RELEASE);
            dpx_rings_install(dp->maps, NULL, 0);
        }
        dpx_maps_unlock(dp->maps);
    }
    hs->ring_id = 0;
    drop_rings(hs);
}

/* Turns receiving on, with new rings for all handlers.  What others have in
 * theirs stays with them, and is forgiven. */
static int
start(struct dpx_dp *dp)
{
    struct dpx_handlers *hs = dp->handlers;
    struct dpx_maps *maps = dp->maps;
    int fds[DPX_MAX_HANDLERS];
    uint32_t id, first = 0;
    int error = 0;

    for (uint32_t i = 0; i < hs->n && !error; i++) {
        error = make_ring(&hs->handlers[i], &id);
        fds[i] = hs->handlers[i].ring_fd;
        first = i ? first : id;
    }
    if (!error) {
        error = dpx_maps_lock(maps);
    }
    if (error) {
        drop_rings(hs);
        return error;
    }
    __atomic_store_n(&maps->meta->n_handlers, 0, __ATOMIC_RELEASE);
    error = dpx_rings_install(maps, fds, hs->n);
    if (!error) {
        for (uint32_t i = 0; i < DPX_MAX_PORTS; i++) {
            __atomic_store_n(&maps->backlog[i], 0, __ATOMIC_RELAXED);
        }
        hs->ring_id = first;
        __atomic_store_n(&maps->meta->n_handlers, hs->n, __ATOMIC_RELEASE);
    }
    dpx_maps_unlock(maps);
    if (error) {
        drop_rings(hs);
    }
    return error;
}

int
dpx_recv_set(struct dpx_dp *dp, bool enable)
{
    struct dpx_handlers *hs = dp->handlers;
    int error = 0;

    pthread_mutex_lock(&hs->lock);
    if (!enable) {
        stop(dp);
    } else if (!hs->ring_id || dpx_ring_id(dp->maps, 0) != hs->ring_id) {
        stop(dp);
        error = start(dp);
    }
    pthread_mutex_unlock(&hs->lock);
    return error;
}

int
dpx_handlers_set(struct dpx_dp *dp, uint32_t n)
{
    struct dpx_handlers *hs = dp->handlers;
    int error = 0;

    if (n < 1 || n > DPX_MAX_HANDLERS) {
        return dpx_error(EINVAL, "%u handlers: must be 1 to %d", n,
                         DPX_MAX_HANDLERS);
    }
    pthread_mutex_lock(&hs->lock);
    if (n != hs->n) {
        bool receiving = hs->ring_id != 0;

        stop(dp);
        hs->n = n;
        error = receiving ? start(dp) : 0;
    }
    pthread_mutex_unlock(&hs->lock);
    return error;
}

void
dpx_handlers_close(struct dpx_dp *dp)
{
    struct dpx_handlers *hs = dp->handlers;

    if (!hs) {
        return;
    }
    stop(dp);
    for (uint32_t i = 0; i < DPX_MAX_HANDLERS; i++) {
        struct dpx_handler *h = &hs->handlers[i];

        if (h->epoll >= 0) {
            close(h->epoll);
            close(h->queue.event);
        }
        pthread_mutex_destroy(&h->lock);
    }
    pthread_mutex_destroy(&hs->lock);
    free(hs);
}

int
dpx_recv_fd(struct dpx_dp *dp, uint32_t handler)
{
    struct dpx_handler *h;
    int fd;

    h = &dp->handlers->handlers[handler % DPX_MAX_HANDLERS];
    pthread_mutex_lock(&h->lock);
    dpx_handler_epoll(h);
    fd = h->epoll;
    pthread_mutex_unlock(&h->lock);
    return fd;
}

uint32_t
dpx_port_get_pid(struct dpx_dp *dp, uint32_t port, uint32_t hash)
{
    uint32_t n = __atomic_load_n(&dp->maps->meta->n_handlers,
                                 __ATOMIC_ACQUIRE);

    return dpx_upcall_pid(n, port, hash);
}

int
dpx_ring_query(struct dpx_dp *dp, uint32_t handler, struct dpx_ring_info *info)
{
    if (handler
        >= __atomic_load_n(&dp->maps->meta->n_handlers, __ATOMIC_ACQUIRE)) {
        memset(info, 0, sizeof *info);
        return dpx_error(ENOENT, "datapath %s has no handler %u", dp->name,
                         handler);
    }
    return dpx_ring_measure(dp->maps, handler, &info->size, &info->backlog);
}
