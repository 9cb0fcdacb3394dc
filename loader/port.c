/* SPDX-License-Identifier: Apache-2.0 */

/* A port's record, and taking a port off. */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

int
dpx_net_open_home(const struct dpx_maps *maps, struct dpx_net *net, int *homep)
{
    uint64_t cookie = maps->meta->netns;
    int fd, error;

    *homep = -1;
    memset(net, 0, sizeof *net);
    if (cookie && cookie != dpx_netns_cookie()) {
        fd = dpx_netns_by_cookie(cookie);
        if (fd < 0) {
            return dpx_error(-fd,
                             "the network namespace of datapath %s "
                             "cannot be found",
                             maps->name);
        }
        error = dpx_netns_enter(fd, homep);
        close(fd);
        if (error) {
            return error;
        }
    }
    error = dpx_net_open(net);
    if (error) {
        dpx_net_close_home(net, *homep);
    }
    return error;
}

void
dpx_net_close_home(struct dpx_net *net, int home)
{
    dpx_net_close(net);
    if (home >= 0) {
        dpx_netns_leave(home);
    }
}

void
dpx_internal_alias(char alias[64], const char *dp)
{
    snprintf(alias, 64, "port of dpx datapath %s", dp);
}

uint32_t
dpx_port_by_name(const struct dpx_maps *maps, const char *name)
{
    for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
        if (maps->ports[port].ifindex
            && !strncmp(maps->ports[port].name, name, DPX_NAME_LEN)) {
            return port;
        }
    }
    return DPX_PORT_NONE;
}

const char *
dpx_port_why_not_xdp(const struct dpx_maps *maps, uint32_t port)
{
    const struct dpx_port *p;

    if (port >= DPX_MAX_PORTS || !maps->ports[port].ifindex) {
        return "there is no such port";
    }
    p = &maps->ports[port];
    if (p->flags & DPX_PORT_XDP) {
        return NULL;
    } else if (p->flags & DPX_PORT_INTERNAL) {
        return "it is internal: the host would lose its offloads";
    } else if (p->mode == DPX_MODE_TC) {
        return "it was attached with mode tc";
    }
    return "its driver has no XDP, or is one for software devices, whose "
           "owner would lose offloads (mode xdp insists)";
}

int
dpx_port_attach_tc(struct dpx_net *net, struct dpx_maps *maps, uint32_t port,
                   const struct dpx_link *link)
{
    struct dpx_port *p = &maps->ports[port];
    bool tcx, qdisc;
    int error = dpx_tc_attach(net, maps->name, port, link, &tcx, &qdisc);

    p->flags |= tcx ? DPX_PORT_TCX : 0;
    p->undo |= qdisc ? DPX_UNDO_CLSACT : 0;
    return error;
}

static void
copy_name(char *dst, const char *src)
{
    memset(dst, 0, DPX_NAME_LEN);
    snprintf(dst, DPX_NAME_LEN, "%s", src);
}

bool
dpx_port_refresh(struct dpx_net *net, struct dpx_maps *maps, uint32_t port,
                 const struct dpx_link *link)
{
    struct dpx_port *p = &maps->ports[port];
    struct dpx_port now = *p;
    struct dpx_link peer;

    now.mtu = link->mtu;
    now.flags &= ~(DPX_PORT_UP | DPX_PORT_RX_XDP);
    if (link->flags & IFF_UP && link->flags & IFF_LOWER_UP) {
        now.flags |= DPX_PORT_UP;
    }
    if (dpx_link_rx_xdp(net, link, p->flags & DPX_PORT_XDP) == DPX_YES) {
        now.flags |= DPX_PORT_RX_XDP;
    }
    if (!(p->flags & DPX_PORT_INTERNAL)) {
        copy_name(now.name, link->name);
    }
    if (link->peer && !dpx_link_get(net, link->nsid, link->peer, &peer)) {
        /* A veth's end drops what is longer than its own MTU. */
        now.mtu = peer.mtu < now.mtu ? peer.mtu : now.mtu;
        if (p->flags & DPX_PORT_INTERNAL) {
            copy_name(now.name, peer.name);
            now.host = peer.ifindex;
        }
    }
    if (!memcmp(&now, p, sizeof now)) {
        return false;
    }
    memcpy(p->name, now.name, sizeof p->name);
    p->host = now.host;
    __atomic_store_n(&p->mtu, now.mtu, __ATOMIC_RELAXED);
    /* The packet path's programs change flags too. */
    __atomic_fetch_and(&p->flags, now.flags, __ATOMIC_RELEASE);
    __atomic_fetch_or(&p->flags, now.flags, __ATOMIC_RELEASE);
    __atomic_fetch_add(&p->serial, 1, __ATOMIC_RELEASE);
    return true;
}

/* Taking a port off ------------------------------------------------------- */

static void
restore_offloads(struct dpx_net *net, const struct dpx_link *link,
                 uint32_t undo)
{
    for (int i = 0; i < DPX_OFF_MAX; i++) {
        if (undo & 1u << i) {
            /* Attach turns GRO on and everything else off. */
            dpx_offload_set(net, link, i, i != DPX_OFF_GRO);
        }
    }
}

static void
restore_device(struct dpx_net *net, const struct dpx_link *link, uint32_t undo)
{
    struct dpx_peer peer;

    if (undo & DPX_UNDO_PROMISC) {
        dpx_link_set_flags(net, link->ifindex, 0, IFF_PROMISC);
    }
    if (undo >> 8 & 0xff && !dpx_peer_open(net, link, &peer)) {
        restore_offloads(&peer.net, &peer.link, undo >> 8 & 0xff);
        dpx_net_close(&peer.net);
    }
    restore_offloads(net, link, undo & 0xff);
}

static void
unpublish(struct dpx_maps *maps, uint32_t port, uint32_t ifindex)
{
    int devmap = dpx_maps_fd(maps, "devmap");
    int ifports = dpx_maps_fd(maps, "ifports");
    uint32_t other;

    if (devmap >= 0) {
        bpf_map_delete_elem(devmap, &port);
        close(devmap);
    }
    if (ifports >= 0) {
        if (!bpf_map_lookup_elem(ifports, &ifindex, &other) && other == port) {
            bpf_map_delete_elem(ifports, &ifindex);
        }
        close(ifports);
    }
    dpx_maps_forget(maps, ifindex);
}

void
dpx_port_remove(struct dpx_net *net, struct dpx_maps *maps, uint32_t port,
                const struct dpx_link *link)
{
    struct dpx_port *p = &maps->ports[port];
    uint32_t ifindex = p->ifindex;

    p->undo |= DPX_UNDO_ALL; /* Or the next sync would put it back. */
    dpx_link_detach(maps->name, "xdp", port);
    dpx_link_detach(maps->name, "tc", port);
    if (link && !(p->flags & DPX_PORT_TCX)) {
        dpx_tc_remove_filter(net, maps->name, ifindex,
                             p->undo & DPX_UNDO_CLSACT);
    }
    unpublish(maps, port, ifindex);
    if (link && p->flags & DPX_PORT_INTERNAL) {
        dpx_link_delete(net, ifindex);
    } else if (link) {
        restore_device(net, link, p->undo);
    }
    p->flags = 0;
    p->undo = 0;
    __atomic_store_n(&p->ifindex, 0, __ATOMIC_RELEASE);
    __atomic_fetch_add(&p->serial, 1, __ATOMIC_RELEASE);
}
