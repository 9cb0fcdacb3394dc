/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool port: the ports of datapaths. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/dpxtool/tool.h"

static const char *
port_name(uint32_t port, void *dp)
{
    static struct dpx_port_info info;

    return dpx_port_query(dp, port, &info) ? NULL : info.name;
}

static uint32_t
port_number(const char *name, void *dp)
{
    struct dpx_port_info info;

    return dpx_port_query_name(dp, name, &info) ? DPX_PORT_NONE : info.port;
}

struct dpx_port_names
port_names(struct dpx_dp *dp, bool names)
{
    return (struct dpx_port_names){ names ? port_name : NULL, port_number,
                                    dp };
}

static const char *
mode_name(const struct dpx_port *port)
{
    static const char *names[] = { "auto", "xdp", "tc" };

    return port->mode < 3 ? names[port->mode] : "unknown";
}

static json_t *
show(struct dpx_dp *dp)
{
    struct dpx_maps *maps = dpx_dp_maps(dp);
    json_t *ports = json_array();
    struct dpx_port_info info;
    uint32_t next = 0;

    if (!json_wanted) {
        printf("xdp@%s:\n", dpx_dp_name(dp));
    }
    while (!dpx_port_next(dp, &next, &info)) {
        const struct dpx_port *port = &maps->ports[info.port];
        const char *why = dpx_port_why_not_xdp(maps, info.port);
        uint32_t flags = port->flags;

        if (json_wanted) {
            json_array_append_new(
                ports,
                json_pack(
                    "{s:i, s:o, s:s, s:s, s:i, s:i, s:b, s:b, s:b, s:s?}",
                    "port", (int) info.port, "name", json_text(info.name),
                    "type", info.type, "mode", mode_name(port), "ifindex",
                    (int) port->ifindex, "mtu", (int) port->mtu, "up",
                    (flags & DPX_PORT_UP) != 0, "xdp",
                    (flags & DPX_PORT_XDP) != 0, "receives_xdp",
                    (flags & DPX_PORT_RX_XDP) != 0, "why_not_xdp", why));
            continue;
        }
        printf("  port %" PRIu32 ": %s (%s) ifindex %" PRIu32 " mtu %" PRIu32
               " %s mode %s%s\n",
               info.port, info.name, info.type, port->ifindex, port->mtu,
               flags & DPX_PORT_UP ? "up" : "down", mode_name(port),
               flags & DPX_PORT_RX_XDP ? " receives XDP" : "");
        if (why) {
            printf("    xdp: no: %s\n", why);
        } else {
            puts("    xdp: yes");
        }
    }
    if (json_wanted) {
        return json_pack("{s:s, s:o}", "dp", dpx_dp_name(dp), "ports", ports);
    }
    json_decref(ports);
    return NULL;
}

static void
port_show(struct args *a)
{
    for_each_dp(a, show);
}

const struct command port_commands[] = {
    { "show", port_show, "[dp DP]" },
    { "list", port_show, "[dp DP]" },
    { NULL, NULL, NULL },
};
