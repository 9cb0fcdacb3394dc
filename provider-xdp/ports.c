/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/error.h"
#include "provider-xdp/dp.h"

/* Changes of ports are found by comparing the ports with what was last told of
 * them, so that those made by other processes, and by other handles of this
 * one, are seen too.  The kernel's notices say when to look; what comes
 * without is found at the next tick. */

enum { TICK_MS = 1000 };

/* What has been told of a port. */
struct seen {
    uint32_t ifindex;
    uint32_t serial;
    char name[DPX_NAME_LEN];
};

struct dpx_port_watch {
    int epoll;     /* Of the two that follow. */
    int links;     /* dpx_watch_open(). */
    int ticks;     /* A timerfd. */
    uint32_t next; /* Port to compare; DPX_MAX_PORTS: none. */
    struct seen seen[DPX_MAX_PORTS];
};

/* Copies port `port`, while it may be changing.  False if there is none. */
static bool
read_port(const struct dpx_dp *dp, uint32_t port, struct dpx_port *copy)
{
    const struct dpx_port *p;
    uint32_t serial;

    if (port >= DPX_MAX_PORTS) {
        return false;
    }
    p = &dp->maps->ports[port];
    do {
        serial = __atomic_load_n(&p->serial, __ATOMIC_ACQUIRE);
        *copy = *p;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&p->serial, __ATOMIC_RELAXED) != serial);
    copy->name[DPX_NAME_LEN - 1] = '\0';
    return copy->ifindex != 0;
}

static int
watch_fd(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

int
dpx_port_watch_open(struct dpx_dp *dp)
{
    const struct itimerspec tick = {
        .it_interval.tv_sec = TICK_MS / 1000,
        .it_value.tv_sec = TICK_MS / 1000,
    };
    struct dpx_port_watch *w = calloc(1, sizeof *w);
    int error;

    if (!w) {
        return dpx_error(ENOMEM, "no memory to watch ports");
    }
    dp->watch = w;
    w->links = w->ticks = -1;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->ticks = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (w->epoll < 0 || w->ticks < 0
        || timerfd_settime(w->ticks, 0, &tick, NULL)) {
        return dpx_error(errno, "cannot watch ports: %s", strerror(errno));
    }
    error = dpx_watch_open(&w->links);
    if (error) {
        return error;
    }
    error = watch_fd(w->epoll, w->links);
    if (!error) {
        error = watch_fd(w->epoll, w->ticks);
    }
    if (error) {
        return dpx_error(error, "cannot watch ports: %s", strerror(error));
    }
    for (uint32_t i = 0; i < DPX_MAX_PORTS; i++) {
        struct dpx_port p;

        if (read_port(dp, i, &p)) {
            w->seen[i].ifindex = p.ifindex;
            w->seen[i].serial = p.serial;
            memcpy(w->seen[i].name, p.name, DPX_NAME_LEN);
        }
    }
    w->next = DPX_MAX_PORTS;
    return 0;
}

void
dpx_port_watch_close(struct dpx_port_watch *w)
{
    if (!w) {
        return;
    }
    if (w->links >= 0) {
        close(w->links);
    }
    if (w->ticks >= 0) {
        close(w->ticks);
    }
    if (w->epoll >= 0) {
        close(w->epoll);
    }
    free(w);
}

static void
port_changed(uint32_t port, const char *name, void *aux)
{
    (void) port, (void) name, (void) aux;
}

/* Compares port `port` with what was told of it.  If it has changed, takes
 * note and writes the name to tell: the old one first of a port that has
 * another now. */
static bool
tell(struct dpx_dp *dp, uint32_t port, char name[DPX_NAME_LEN])
{
    struct seen *seen = &dp->watch->seen[port];
    struct dpx_port p;
    bool exists = read_port(dp, port, &p);

    if (!exists && !seen->ifindex) {
        return false;
    }
    if (exists && p.ifindex == seen->ifindex && p.serial == seen->serial) {
        return false;
    }
    if (p.ifindex != seen->ifindex && seen->ifindex) {
        dpx_output_forget(dp->output, port);
    }
    if (seen->ifindex && (!exists || strcmp(p.name, seen->name))) {
        memcpy(name, seen->name, DPX_NAME_LEN);
        memset(seen, 0, sizeof *seen);
    } else {
        memcpy(name, p.name, DPX_NAME_LEN);
        memcpy(seen->name, p.name, DPX_NAME_LEN);
        seen->ifindex = p.ifindex;
        seen->serial = p.serial;
    }
    return true;
}

int
dpx_port_poll(struct dpx_dp *dp, char name[DPX_NAME_LEN])
{
    struct dpx_port_watch *w = dp->watch;
    uint64_t ticks;

    if (dpx_watch_read(w->links) != EAGAIN) {
        int error = dpx_ports_sync(dp->maps, port_changed, NULL);

        if (error) {
            return error;
        }
        w->next = 0;
    }
    if (read(w->ticks, &ticks, sizeof ticks) == sizeof ticks) {
        w->next = 0;
        if (dpx_maps_deleted(dp->maps)) {
            return dpx_error(ENODEV, "datapath %s has been deleted", dp->name);
        }
    }
    for (; w->next < DPX_MAX_PORTS; w->next++) {
        if (tell(dp, w->next, name)) {
            return 0; /* The port's new name may be next. */
        }
    }
    return EAGAIN;
}

int
dpx_port_poll_fd(struct dpx_dp *dp)
{
    return dp->watch->epoll;
}

int
dpx_port_add(struct dpx_dp *dp, const char *name,
             const struct dpx_attach_opts *opts, uint32_t *portp)
{
    return dpx_attach(dp->maps, name, opts, portp);
}

int
dpx_port_del(struct dpx_dp *dp, uint32_t port)
{
    struct dpx_port p;
    int error;

    if (!read_port(dp, port, &p)) {
        return dpx_error(ENOENT, "datapath %s has no port %u", dp->name, port);
    }
    dpx_output_forget(dp->output, port);
    error = dpx_detach(dp->maps, port);
    return error == ENODEV ? dpx_error(ENOENT, "datapath %s has no port %u",
                                       dp->name, port)
                           : error;
}

static void
fill_info(uint32_t port, const struct dpx_port *p, struct dpx_port_info *info)
{
    info->port = port;
    memcpy(info->name, p->name, DPX_NAME_LEN);
    info->type = p->flags & DPX_PORT_INTERNAL ? "internal" : "system";
}

int
dpx_port_query(struct dpx_dp *dp, uint32_t port, struct dpx_port_info *info)
{
    struct dpx_port p;

    memset(info, 0, sizeof *info);
    if (!read_port(dp, port, &p)) {
        return dpx_error(ENOENT, "datapath %s has no port %u", dp->name, port);
    }
    fill_info(port, &p, info);
    return 0;
}

int
dpx_port_query_name(struct dpx_dp *dp, const char *name,
                    struct dpx_port_info *info)
{
    uint32_t port = dpx_port_by_name(dp->maps, name);

    if (port == DPX_PORT_NONE || dpx_port_query(dp, port, info)) {
        memset(info, 0, sizeof *info);
        return dpx_error(ENODEV, "datapath %s has no port \"%s\"", dp->name,
                         name);
    }
    return 0;
}

int
dpx_port_next(struct dpx_dp *dp, uint32_t *next, struct dpx_port_info *info)
{
    struct dpx_port p;

    for (; *next < DPX_MAX_PORTS; ++*next) {
        if (read_port(dp, *next, &p)) {
            fill_info((*next)++, &p, info);
            return 0;
        }
    }
    return EOF;
}
