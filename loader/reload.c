/* SPDX-License-Identifier: Apache-2.0 */

/* Replacing a datapath's programs while packets pass. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

static int
update_port(struct dpx_net *net, const struct dpx_maps *maps, uint32_t port,
            int xdp, int tc)
{
    const struct dpx_port *p = &maps->ports[port];
    int error = dpx_tc_update(net, maps->name, port, p->ifindex,
                              p->flags & DPX_PORT_TCX, tc);

    if (!error && p->flags & DPX_PORT_XDP) {
        error = dpx_link_update(maps->name, "xdp", port, xdp);
    }
    return error;
}

static int
update_ports(struct dpx_net *net, const struct dpx_maps *maps, int xdp, int tc)
{
    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        int error = maps->ports[port].ifindex
                        ? update_port(net, maps, port, xdp, tc)
                        : 0;

        if (error) {
            return error;
        }
    }
    return 0;
}

/* Puts back the programs of before. */
static void
revert_ports(struct dpx_net *net, const struct dpx_maps *maps)
{
    int xdp = dpx_maps_fd(maps, "xdp");
    int tc = dpx_maps_fd(maps, "tc");

    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        if (maps->ports[port].ifindex) {
            update_port(net, maps, port, xdp, tc);
        }
    }
    close(xdp);
    close(tc);
}

/* What to do with each pin NAME-new. */
struct turn {
    const char *dp;
    bool keep; /* Make it NAME, or remove it. */
    int error;
};

static void
turn_pin(const char *pin, void *turn_)
{
    struct turn *t = turn_;
    size_t len = strlen(pin);
    size_t suffix = strlen(DPX_PIN_NEW);
    char name[DPX_PIN_LEN];

    if (len <= suffix || strcmp(pin + len - suffix, DPX_PIN_NEW)) {
        return;
    }
    if (t->keep && !t->error) {
        snprintf(name, sizeof name, "%.*s", (int) (len - suffix), pin);
        t->error = dpx_pin_rename(t->dp, pin, name);
    } else {
        dpx_pin_remove(t->dp, pin);
    }
}

static int
turn_pins(const char *dp, bool keep)
{
    struct turn t = { dp, keep, 0 };
    int error = dpx_pin_each(dp, turn_pin, &t);

    return error ? error : t.error;
}

static int
replace(struct dpx_net *net, const struct dpx_maps *maps,
        const struct dpx_objects *o)
{
    char reason[512];
    int error;

    turn_pins(maps->name, false); /* Of a reload that was killed. */
    error = dpx_objects_pin_programs(o, maps->name, DPX_PIN_NEW);
    if (!error) {
        error = dpx_objects_attach(o, maps->name, DPX_PIN_NEW);
    }
    if (!error) {
        error = update_ports(net, maps, dpx_objects_program(o, "xdp"),
                             dpx_objects_program(o, "tc"));
    }
    if (!error) {
        return turn_pins(maps->name, true);
    }
    snprintf(reason, sizeof reason, "%s", dpx_error_text(error));
    revert_ports(net, maps);
    turn_pins(maps->name, false);
    return dpx_error(error, "%s", reason);
}

static int
reload_locked(const char *name)
{
    struct dpx_objects *o = NULL;
    struct dpx_maps *maps;
    struct dpx_net net;
    int error, home;

    error = dpx_maps_open(name, &maps);
    if (error) {
        return error;
    }
    error = dpx_sync_locked(maps, NULL, NULL);
    if (!error) {
        error = dpx_objects_load(&maps->conf, name, &o);
    }
    if (!error) {
        error = dpx_net_open_home(maps, &net, &home);
    }
    if (!error) {
        error = replace(&net, maps, o);
        dpx_net_close_home(&net, home);
    }
    dpx_objects_free(o);
    dpx_maps_close(maps);
    return error;
}

int
dpx_reload(const char *name)
{
    int error = dpx_name_check(name);
    int lock;

    if (!error) {
        error = dpx_kernel_check();
    }
    if (error) {
        return error;
    }
    lock = dpx_lock(false);
    if (lock == -ENODEV) {
        return dpx_error(ENODEV, "there is no datapath %s", name);
    } else if (lock < 0) {
        return -lock;
    }
    error = reload_locked(name);
    dpx_unlock(lock);
    return error;
}
