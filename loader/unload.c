/* SPDX-License-Identifier: Apache-2.0 */

/* Removing a datapath, whatever state it is in. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

struct cleaning {
    const char *dp;
    struct dpx_net *net;
    char alias[64];
};

/* What no record tells of, but the device itself. */
static void
clean_link(const struct dpx_link *link, void *cleaning_)
{
    struct cleaning *c = cleaning_;

    dpx_tc_remove_filter(c->net, c->dp, link->ifindex, false);
    if (dpx_link_is(link, "veth") && !strcmp(link->alias, c->alias)) {
        dpx_link_delete(c->net, link->ifindex);
    }
}

/* Cleans the devices of this network namespace. */
static void
clean_devices(const char *dp)
{
    struct dpx_net list, net;
    struct cleaning c = { .dp = dp, .net = &net };

    dpx_internal_alias(c.alias, dp);
    if (!dpx_net_open(&list)) {
        if (!dpx_net_open(&net)) {
            dpx_link_each(&list, clean_link, &c);
            dpx_net_close(&net);
        }
        dpx_net_close(&list);
    }
}

static void
detach_all(struct dpx_maps *maps)
{
    struct dpx_net net;
    int home;

    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        if (maps->ports[port].ifindex) {
            dpx_detach_locked(maps, port);
        }
    }
    if (!dpx_net_open_home(maps, &net, &home)) {
        clean_devices(maps->name);
        dpx_net_close_home(&net, home);
    }
}

/* Links first: the program goes off the device with it, even if somebody else
 * has the link open. */
static void
remove_pin(const char *pin, void *dp)
{
    char hook[16];
    uint32_t port;

    if (sscanf(pin, "link-%15[a-z]-%u", hook, &port) == 2) {
        dpx_link_detach(dp, hook, port);
    }
    dpx_pin_remove(dp, pin);
}

int
dpx_unload_locked(const char *dp)
{
    char path[DPX_PATH_LEN];
    struct dpx_maps *maps;
    int error;

    if (access(dpx_pin_path(path, dp, NULL), F_OK)) {
        return dpx_error(ENODEV, "there is no datapath %s", dp);
    }
    if (!dpx_maps_open(dp, &maps)) {
        detach_all(maps);
        dpx_maps_close(maps);
    } else {
        clean_devices(dp);
    }
    dpx_pin_remove(dp, "meta"); /* It exists no more. */
    error = dpx_pin_each(dp, remove_pin, (void *) dp);
    if (!error && rmdir(path)) {
        error = dpx_error(errno, "cannot remove %s: %s", path,
                          strerror(errno));
    }
    return error;
}

int
dpx_unload(const char *name)
{
    int error = dpx_name_check(name);
    int lock;

    if (error) {
        return error;
    }
    lock = dpx_lock(false);
    if (lock == -ENODEV) {
        return dpx_error(ENODEV, "there is no datapath %s", name);
    } else if (lock < 0) {
        return -lock;
    }
    error = dpx_unload_locked(name);
    dpx_unlock(lock);
    return error;
}
