/* SPDX-License-Identifier: Apache-2.0 */

/* Ports of netdev datapaths, and the notices of their changes. */

#include "dpif/netdev.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpif/requests.h"
#include "lib/error.h"
#include "lib/poll.h"

static const struct {
    const char *type;
    enum netdev_kind kind;
} types[] = {
    { "system", NETDEV_SYSTEM },
    { "tap", NETDEV_TAP },
    { "dummy", NETDEV_MEMORY },
    { "internal", NETDEV_MEMORY },
};

enum { N_TYPES = sizeof types / sizeof types[0] };

/* Notes a change of the port called `name` for every handle. */
void
netdev_notify(struct netdev_dp *dp, const char *name)
{
    for (struct dpif_netdev_dp *h = dp->handles; h; h = h->next) {
        uint64_t one = 1;

        pthread_mutex_lock(&h->lock);
        if (h->n_notices < NETDEV_NOTICES) {
            snprintf(h->notices[h->n_notices++], DPX_NAME_LEN, "%s", name);
        } else {
            h->overflow = true;
        }
        if (write(h->event, &one, sizeof one) < 0) {
            /* It is signalled already. */
        }
        pthread_mutex_unlock(&h->lock);
    }
}

/* Makes the port, and its device if it has one. */
static int
port_create(struct netdev_dp *dp, const char *name, const char *type,
            uint32_t number)
{
    struct netdev_port *port;
    size_t i = 0;
    int error = 0;

    while (i < N_TYPES && strcmp(types[i].type, type)) {
        i++;
    }
    if (i == N_TYPES) {
        return dpx_error(EAFNOSUPPORT,
                         "port %s: type %s is not one of "
                         "netdev's",
                         name, type);
    } else if (!name[0] || strlen(name) >= DPX_NAME_LEN) {
        return dpx_error(EINVAL, "port \"%s\": a name has 1 to %d bytes", name,
                         DPX_NAME_LEN - 1);
    }
    port = dpif_xzalloc(sizeof *port);
    port->number = number;
    port->kind = types[i].kind;
    port->type = types[i].type;
    port->fd = -1;
    snprintf(port->name, sizeof port->name, "%s", name);
    pthread_mutex_init(&port->lock, NULL);
    if (port->kind != NETDEV_MEMORY) {
        error = netdev_device_open(dp, port);
    }
    if (error) {
        pthread_mutex_destroy(&port->lock);
        free(port);
        return error;
    }
    dp->ports[number] = port;
    netdev_notify(dp, name);
    return 0;
}

void
netdev_port_remove(struct netdev_dp *dp, struct netdev_port *port)
{
    struct netdev_frame *frame, *next;

    dp->ports[port->number] = NULL;
    netdev_notify(dp, port->name);
    netdev_device_close(port);
    for (frame = port->first; frame; frame = next) {
        next = frame->next;
        free(frame);
    }
    pthread_mutex_destroy(&port->lock);
    free(port);
}

/* The host knows nothing of a datapath in a process, so its local port is in
 * memory. */
int
netdev_ports_open(struct netdev_dp *dp)
{
    return port_create(dp, dp->name, "internal", DPX_PORT_LOCAL);
}

static struct netdev_port *
find_name(const struct netdev_dp *dp, const char *name)
{
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        if (dp->ports[i] && !strcmp(dp->ports[i]->name, name)) {
            return dp->ports[i];
        }
    }
    return NULL;
}

/* The number for a port that wants `wanted`. */
static int
choose_number(const struct netdev_dp *dp, uint32_t wanted, uint32_t *number)
{
    if (wanted != DPIF_PORT_NONE) {
        *number = wanted;
        return wanted >= DPX_MAX_PORTS
                   ? dpx_error(EFBIG, "port %u: the highest number is %u",
                               wanted, DPX_MAX_PORTS - 1)
               : dp->ports[wanted] ? dpx_error(EBUSY, "port %u is taken by %s",
                                               wanted, dp->ports[wanted]->name)
                                   : 0;
    }
    for (*number = 1; *number < DPX_MAX_PORTS; ++*number) {
        if (!dp->ports[*number]) {
            return 0;
        }
    }
    return dpx_error(EFBIG, "datapath %s has %u ports, and can have no more",
                     dp->name, DPX_MAX_PORTS - 1);
}

int
netdev_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
                uint32_t *port_no)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    const char *type = netdev->type && netdev->type[0] ? netdev->type
                                                       : "system";
    uint32_t number = 0;
    int error;

    pthread_rwlock_wrlock(&dp->lock);
    if (dp->deleted) {
        error = dpx_error(ENODEV, "datapath %s is deleted", dp->name);
    } else if (find_name(dp, netdev->name)) {
        error = dpx_error(EEXIST, "datapath %s has a port %s already",
                          dp->name, netdev->name);
    } else {
        error = choose_number(dp, *port_no, &number);
    }
    if (!error) {
        error = port_create(dp, netdev->name, type, number);
    }
    pthread_rwlock_unlock(&dp->lock);
    if (!error) {
        *port_no = number;
    }
    return error;
}

static int
no_number(const struct netdev_dp *dp, uint32_t port_no)
{
    return dpx_error(ENOENT, "datapath %s has no port %u", dp->name, port_no);
}

int
netdev_port_del(struct dpif *dpif, uint32_t port_no)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    int error = 0;

    pthread_rwlock_wrlock(&dp->lock);
    if (port_no >= DPX_MAX_PORTS || !dp->ports[port_no]) {
        error = no_number(dp, port_no);
    } else if (port_no == DPX_PORT_LOCAL) {
        error = dpx_error(EINVAL, "the local port goes with its datapath");
    } else {
        netdev_port_remove(dp, dp->ports[port_no]);
    }
    pthread_rwlock_unlock(&dp->lock);
    return error;
}

static void
answer(const struct netdev_port *port, struct dpif_port *result)
{
    if (result) {
        result->name = dpif_xstrdup(port->name);
        result->type = dpif_xstrdup(port->type);
        result->port_no = port->number;
    }
}

int
netdev_port_query_by_number(const struct dpif *dpif, uint32_t port_no,
                            struct dpif_port *result)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    int error = 0;

    pthread_rwlock_rdlock(&dp->lock);
    if (port_no < DPX_MAX_PORTS && dp->ports[port_no]) {
        answer(dp->ports[port_no], result);
    } else {
        error = no_number(dp, port_no);
    }
    pthread_rwlock_unlock(&dp->lock);
    return error;
}

int
netdev_port_query_by_name(const struct dpif *dpif, const char *name,
                          struct dpif_port *result)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    const struct netdev_port *port;
    int error = 0;

    pthread_rwlock_rdlock(&dp->lock);
    port = find_name(dp, name);
    if (port) {
        answer(port, result);
    } else {
        error = dpx_error(ENODEV, "datapath %s has no port \"%s\"", dp->name,
                          name);
    }
    pthread_rwlock_unlock(&dp->lock);
    return error;
}

struct port_dump {
    uint32_t next;
    char name[DPX_NAME_LEN];
};

int
netdev_port_dump_start(const struct dpif *dpif, void **state)
{
    (void) dpif;
    *state = dpif_xzalloc(sizeof(struct port_dump));
    return 0;
}

int
netdev_port_dump_next(const struct dpif *dpif, void *dump_,
                      struct dpif_port *result)
{
    struct netdev_dp *dp = netdev_dp(dpif);
    struct port_dump *dump = dump_;
    int error = EOF;

    pthread_rwlock_rdlock(&dp->lock);
    for (; dump->next < DPX_MAX_PORTS && error; dump->next++) {
        const struct netdev_port *port = dp->ports[dump->next];

        if (port) {
            memcpy(dump->name, port->name, sizeof dump->name);
            result->name = dump->name;
            result->type = (char *) port->type;
            result->port_no = port->number;
            error = 0;
        }
    }
    pthread_rwlock_unlock(&dp->lock);
    return error;
}

int
netdev_port_dump_done(const struct dpif *dpif, void *dump)
{
    (void) dpif;
    free(dump);
    return 0;
}

int
netdev_port_poll(const struct dpif *dpif, char **devname)
{
    struct dpif_netdev_dp *h = netdev_handle(dpif);
    uint64_t value;
    int error = 0;

    pthread_mutex_lock(&h->lock);
    if (h->overflow) {
        h->overflow = false;
        h->n_notices = 0;
        error = ENOBUFS;
    } else if (h->n_notices) {
        *devname = dpif_xstrdup(h->notices[0]);
        memmove(h->notices[0], h->notices[1],
                --h->n_notices * sizeof h->notices[0]);
    } else {
        error = EAGAIN;
    }
    if (!h->n_notices && read(h->event, &value, sizeof value) < 0) {
        /* There was nothing. */
    }
    pthread_mutex_unlock(&h->lock);
    return error;
}

void
netdev_port_poll_wait(const struct dpif *dpif)
{
    dpx_poll_fd_wait(netdev_handle(dpif)->event, POLLIN);
}
