/* SPDX-License-Identifier: Apache-2.0 */

/* Keeping ports true to their devices, detaching, and watching for changes. */

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

/* The port's device, as far as it can be told: its number may by now belong to
 * another, and somebody may have taken our program off it. */
enum state { GONE, UNFINISHED, STRIPPED, WHOLE };

static enum state
find_device(struct dpx_net *net, const struct dpx_maps *maps, uint32_t port,
            struct dpx_link *link)
{
    const struct dpx_port *p = &maps->ports[port];
    struct dpx_link peer;
    const char *name;

    if (dpx_link_get(net, -1, p->ifindex, link)) {
        return GONE;
    } else if (p->undo & DPX_UNDO_ALL) {
        return UNFINISHED;
    } else if (dpx_tc_present(net, maps->name, port, p->ifindex,
                              p->flags & DPX_PORT_TCX)) {
        return WHOLE;
    }
    name = link->name;
    if (p->flags & DPX_PORT_INTERNAL) {
        name = dpx_link_get(net, link->nsid, link->peer, &peer) ? ""
                                                                : peer.name;
    }
    if (p->flags & DPX_PORT_XDP && !link->xdp_id) {
        return GONE; /* Nobody takes both off: it is a new one. */
    }
    return strcmp(name, p->name) ? GONE : STRIPPED;
}

static bool
sync_port(struct dpx_net *net, struct dpx_maps *maps, uint32_t port)
{
    struct dpx_link link;

    switch (find_device(net, maps, port, &link)) {
    case GONE:
        dpx_port_remove(net, maps, port, NULL);
        return true;
    case STRIPPED:
        dpx_link_detach(maps->name, "tc", port);
        if (!dpx_port_attach_tc(net, maps, port, &link)) {
            break;
        }
        /* Fall through. */
    case UNFINISHED:
        dpx_port_remove(net, maps, port, &link);
        return true;
    case WHOLE:
        break;
    }
    return dpx_port_refresh(net, maps, port, &link);
}

int
dpx_sync_locked(struct dpx_maps *maps,
                void (*changed)(uint32_t port, const char *name, void *aux),
                void *aux)
{
    char name[DPX_NAME_LEN];
    struct dpx_net net;
    int home, error;

    error = dpx_net_open_home(maps, &net, &home);
    if (error) {
        return error == ENOENT ? 0 : error; /* Nothing to be seen from here. */
    }
    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        if (maps->ports[port].ifindex) {
            memcpy(name, maps->ports[port].name, sizeof name);
            if (sync_port(&net, maps, port) && changed) {
                changed(port, name, aux);
            }
        }
    }
    dpx_net_close_home(&net, home);
    return 0;
}

int
dpx_ports_sync(struct dpx_maps *maps,
               void (*changed)(uint32_t port, const char *name, void *aux),
               void *aux)
{
    int lock = dpx_lock(false);
    int error;

    if (lock < 0) {
        return -lock;
    }
    error = dpx_sync_locked(maps, changed, aux);
    dpx_unlock(lock);
    return error;
}

int
dpx_detach_locked(struct dpx_maps *maps, uint32_t port)
{
    struct dpx_link link;
    struct dpx_net net;
    int home, error;

    error = dpx_net_open_home(maps, &net, &home);
    if (error == ENOENT) { /* Its namespace is gone, and so is it. */
        home = -1;
        error = dpx_net_open(&net);
        if (!error) {
            dpx_port_remove(&net, maps, port, NULL);
        }
    } else if (!error) {
        bool gone = find_device(&net, maps, port, &link) == GONE;

        dpx_port_remove(&net, maps, port, gone ? NULL : &link);
    }
    if (!error) {
        dpx_net_close_home(&net, home);
    }
    return error;
}

int
dpx_detach(struct dpx_maps *maps, uint32_t port)
{
    int lock = dpx_lock(false);
    int error;

    if (lock < 0) {
        return -lock;
    }
    if (port < DPX_MAX_PORTS && maps->ports[port].ifindex) {
        error = dpx_detach_locked(maps, port);
    } else {
        error = dpx_error(ENODEV, "datapath %s has no port %u", maps->name,
                          port);
    }
    dpx_unlock(lock);
    return error;
}

/* Watching ---------------------------------------------------------------- */

int
dpx_watch_open(int *fdp)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    NETLINK_ROUTE);
    int one = 1;
    int error;

    if (fd < 0 || bind(fd, (struct sockaddr *) &addr, sizeof addr)) {
        error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return dpx_error(error, "cannot watch the devices: %s",
                         strerror(error));
    }
    /* Peers in other namespaces matter too; where that is not allowed, they
     * are looked at when something changes here. */
    setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof one);
    *fdp = fd;
    return 0;
}

int
dpx_watch_read(int fd)
{
    _Alignas(8) char buf[DPX_NET_BUF];
    int error = EAGAIN;

    for (;;) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? error : errno;
        } else if (n >= (ssize_t) sizeof(struct nlmsghdr)) {
            uint16_t type = ((struct nlmsghdr *) buf)->nlmsg_type;

            if (type == RTM_NEWLINK || type == RTM_DELLINK) {
                error = 0;
            }
        }
    }
}
