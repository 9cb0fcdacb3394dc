/* SPDX-License-Identifier: Apache-2.0 */

/* What devices lost behind TC's redirects. */

#include <errno.h>

#include "loader/private.h"

/* Packets that the port's device dropped since the attach and nobody counts in
 * `drops`.  A veth's counter has some of those, too. */
static uint64_t
lost_of(struct dpx_net *net, const struct dpx_port *p)
{
    uint64_t counted = __atomic_load_n(&p->refused, __ATOMIC_RELAXED);
    uint64_t dropped = dpx_link_dropped(net, p->ifindex);
    struct dpx_link link;

    if (dpx_link_get(net, -1, p->ifindex, &link)) {
        return 0;
    }
    counted = p->tx_dropped + (dpx_link_is(&link, "veth") ? counted : 0);
    return dropped > counted ? dropped - counted : 0;
}

int
dpx_ports_lost(struct dpx_maps *maps,
               void (*cb)(uint32_t port, uint64_t packets, void *aux),
               void *aux)
{
    struct dpx_net net;
    int home, error;

    error = dpx_net_open_home(maps, &net, &home);
    if (error) {
        return error == ENOENT ? 0 : error; /* Nothing to be seen from here. */
    }
    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        if (maps->ports[port].ifindex) {
            uint64_t packets = lost_of(&net, &maps->ports[port]);

            if (packets) {
                cb(port, packets, aux);
            }
        }
    }
    dpx_net_close_home(&net, home);
    return 0;
}
