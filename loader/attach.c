/* SPDX-License-Identifier: Apache-2.0 */

/* Attaching a device: what is refused, what is set on the device, and in which
 * order the port comes to be. */

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

/* The longest packet that the programs know how to handle, less its headers
 * of Ethernet and two tags. */
#define MAX_MTU (65535 - 22)

struct attach {
    struct dpx_maps *maps;
    const struct dpx_attach_opts *opts;
    struct dpx_net net;
    struct dpx_link link; /* The port's device. */
    struct dpx_peer peer; /* If `reached`. */
    bool reached;
    uint32_t port;
    bool xdp; /* To have the XDP program. */
};

static void
warn(const struct attach *a, const char *format, ...)
{
    char text[512];
    va_list args;

    if (a->opts->warn) {
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        a->opts->warn(text, a->opts->aux);
    }
}

/* What is refused --------------------------------------------------------- */

static int
check_port(struct attach *a, const char *ifname)
{
    const struct dpx_port *ports = a->maps->ports;
    uint32_t port = a->opts->port;

    if (dpx_port_by_name(a->maps, ifname) != DPX_PORT_NONE) {
        return dpx_error(EEXIST, "%s is already port %u of datapath %s",
                         ifname, dpx_port_by_name(a->maps, ifname),
                         a->maps->name);
    } else if (port == DPX_PORT_NONE) {
        for (port = 1; port < DPX_MAX_PORTS && ports[port].ifindex; port++) {
            continue;
        }
        if (port == DPX_MAX_PORTS) {
            return dpx_error(EFBIG, "datapath %s has no free port number",
                             a->maps->name);
        }
    } else if (port >= DPX_MAX_PORTS) {
        return dpx_error(EFBIG, "port number %u is too large (0 to %d)", port,
                         DPX_MAX_PORTS - 1);
    } else if (ports[port].ifindex) {
        return dpx_error(EBUSY,
                         "port number %u of datapath %s is taken by "
                         "%.15s",
                         port, a->maps->name, ports[port].name);
    }
    a->port = port;
    return 0;
}

static int
check_name(const char *ifname)
{
    if (!ifname[0] || strlen(ifname) >= IFNAMSIZ || strchr(ifname, '/')
        || strpbrk(ifname, " \t\n%:") || !strcmp(ifname, ".")
        || !strcmp(ifname, "..")) {
        return dpx_error(EINVAL,
                         "\"%s\" cannot name a device (1 to 15 "
                         "characters, no '/', ':', '%%' or space)",
                         ifname);
    }
    return 0;
}

/* Refuses what is, or belongs to, a port of datapath `name`. */
static int
check_other(const char *name, void *a_)
{
    struct attach *a = a_;
    struct dpx_maps *maps;
    int error = 0;

    if (dpx_maps_open(name, &maps)) {
        return 0; /* Broken or foreign: not ours to judge. */
    }
    if (maps->meta->netns == a->maps->meta->netns) {
        for (uint32_t port = 0; port < DPX_MAX_PORTS && !error; port++) {
            const struct dpx_port *p = &maps->ports[port];

            if (p->ifindex
                && (p->ifindex == a->link.ifindex
                    || p->host == a->link.ifindex)) {
                error = dpx_error(strcmp(name, a->maps->name) ? EBUSY : EEXIST,
                                  "%s belongs to port %u (%.15s) of datapath "
                                  "%s (dpx-loader detach %s %.15s)",
                                  a->link.name, port, p->name, name, name,
                                  p->name);
            }
        }
    }
    dpx_maps_close(maps);
    return error;
}

static int
check_device(struct attach *a)
{
    const struct dpx_link *link = &a->link;
    struct dpx_link master;
    int error;

    if (link->type != ARPHRD_ETHER || link->flags & IFF_LOOPBACK) {
        return dpx_error(EINVAL, "%s is no Ethernet device", link->name);
    }
    error = dpx_maps_enumerate(check_other, a);
    if (error) {
        return error;
    }
    if (link->master) {
        const char *name = dpx_link_get(&a->net, -1, link->master, &master)
                               ? "something"
                               : master.name;

        return dpx_error(EBUSY,
                         "%s has a master, %s (ip link set dev %s "
                         "nomaster)",
                         link->name, name, link->name);
    } else if (link->xdp_id) {
        return dpx_error(EBUSY,
                         "%s has an XDP program of somebody else (ip "
                         "link set dev %s xdp off)",
                         link->name, link->name);
    } else if (link->mtu > MAX_MTU && !a->opts->internal) {
        return dpx_error(EMSGSIZE,
                         "the MTU of %s, %u, is beyond %u (ip link "
                         "set dev %s mtu %u)",
                         link->name, link->mtu, MAX_MTU, link->name, MAX_MTU);
    }
    return 0;
}

/* Whether XDP is wanted, and by mode auto only tried. */
static int
choose_mode(struct attach *a)
{
    switch (a->opts->mode) {
    case DPX_MODE_XDP:
        if (a->opts->internal) {
            return dpx_error(ENOTSUP,
                             "an internal port cannot be in XDP: "
                             "the host would lose its offloads (--mode tc)");
        }
        a->xdp = true;
        return 0;
    case DPX_MODE_AUTO:
        a->xdp = a->link.hardware && !a->link.kind[0];
        return 0;
    case DPX_MODE_TC:
        a->xdp = false;
        return 0;
    }
    return dpx_error(EINVAL, "there is no port mode %d", a->opts->mode);
}

/* What is set on the device ----------------------------------------------- */

/* Sets the offload, noting first what to undo.  Returns whether it is as it
 * should be. */
static bool
set_offload(struct attach *a, enum dpx_offload offload, bool peer, bool on)
{
    struct dpx_net *net = peer ? &a->peer.net : &a->net;
    const struct dpx_link *link = peer ? &a->peer.link : &a->link;

    if (dpx_offload_get(net, link, offload) == on) {
        return true;
    }
    a->maps->ports[a->port].undo |= peer ? DPX_UNDO_PEER(offload)
                                         : DPX_UNDO_OWN(offload);
    return !dpx_offload_set(net, link, offload, on);
}

/* XDP sees neither the tag nor the checksum that the peer's stack leaves to
 * its device, and what is sent to the peer by XDP arrives only if it has
 * GRO. */
static void
prepare_peer(struct attach *a)
{
    static const enum dpx_offload offs[] = {
        DPX_OFF_TXCSUM,
        DPX_OFF_TXSCTP,
        DPX_OFF_TXVLAN,
        DPX_OFF_TXSTAG,
    };

    if (!a->reached) {
        warn(a,
             "the peer of %s is in a network namespace that cannot be "
             "found: packets that it sends with checksum or VLAN offload "
             "will be wrong; there, run: ethtool -K PEER tx off txvlan off "
             "tx-vlan-stag-hw-insert off gro on",
             a->link.name);
        return;
    }
    for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
        if (!set_offload(a, offs[i], true, false)) {
            warn(a,
                 "%s of %s, the peer of %s, cannot be turned off: packets "
                 "that use it will be wrong",
                 dpx_offload_name(offs[i]), a->peer.link.name, a->link.name);
        }
    }
    set_offload(a, DPX_OFF_GRO, true, true);
}

static int
prepare_device(struct attach *a)
{
    struct dpx_port *p = &a->maps->ports[a->port];
    const char *name = a->link.name;
    int error;

    if (!(a->link.flags & IFF_PROMISC)) {
        p->undo |= DPX_UNDO_PROMISC;
        error = dpx_link_set_flags(&a->net, a->link.ifindex, IFF_PROMISC,
                                   IFF_PROMISC);
        if (error) {
            return error;
        }
    }
    if (!set_offload(a, DPX_OFF_LRO, false, false)) {
        return dpx_error(ENOTSUP,
                         "lro of %s cannot be turned off: it merges "
                         "packets that are to be forwarded",
                         name);
    }
    if (a->xdp) {
        if (!set_offload(a, DPX_OFF_RXVLAN, false, false)
            || !set_offload(a, DPX_OFF_RXSTAG, false, false)) {
            warn(a,
                 "the VLAN receive offload of %s cannot be turned off: "
                 "tagged packets will look untagged (--mode tc)",
                 name);
        }
        if (dpx_link_is(&a->link, "veth")) {
            prepare_peer(a);
        } else if (dpx_link_is(&a->link, "tun")) {
            warn(a,
                 "packets that the owner of %s sends with partial "
                 "checksums will be wrong: turn its checksum offload off, or "
                 "use --mode tc",
                 name);
        }
    }
    if (dpx_link_has_default_route(&a->net, a->link.ifindex)) {
        warn(a,
             "%s carries the default route, and the host no longer "
             "receives from it: move its addresses to port %u of %s or "
             "another internal port",
             name, DPX_PORT_LOCAL, a->maps->name);
    }
    return 0;
}

/* What makes it a port ---------------------------------------------------- */

static int
update_map(const struct dpx_maps *maps, const char *name, uint32_t key,
           uint32_t value)
{
    int fd = dpx_maps_fd(maps, name);
    int error;

    if (fd < 0) {
        return -fd;
    }
    error = -bpf_map_update_elem(fd, &key, &value, BPF_ANY);
    close(fd);
    return error ? dpx_error(error, "cannot write map %s: %s", name,
                             strerror(error))
                 : 0;
}

static void
forget_drops(const struct dpx_maps *maps, uint32_t port)
{
    int fd = dpx_maps_fd(maps, "drops");

    if (fd >= 0) {
        for (uint32_t reason = 0; reason < DPX_DROP_MAX; reason++) {
            struct dpx_drop_key key = { port, reason };
            struct dpx_drop_key user = { port, reason | DPX_DROP_USER };

            bpf_map_delete_elem(fd, &key);
            bpf_map_delete_elem(fd, &user);
        }
        close(fd);
    }
}

/* The record, not yet up: the port may be named, and is not used. */
static void
publish_record(struct attach *a)
{
    struct dpx_port *p = &a->maps->ports[a->port];

    forget_drops(a->maps, a->port);
    p->flags = a->opts->internal ? DPX_PORT_INTERNAL : 0;
    p->mtu = 0;
    p->host = a->opts->internal ? a->link.peer : 0;
    p->mode = a->opts->mode;
    p->undo = DPX_UNDO_ALL;
    p->refused = 0;
    p->tx_dropped = dpx_link_dropped(&a->net, a->link.ifindex);
    memset(p->name, 0, sizeof p->name);
    memcpy(p->name, a->link.name, sizeof p->name);
    __atomic_store_n(&p->ifindex, a->link.ifindex, __ATOMIC_RELEASE);
}

static int
attach_xdp(struct attach *a)
{
    struct dpx_port *p = &a->maps->ports[a->port];
    int error = dpx_xdp_attach(a->maps->name, a->port, &a->link);

    if (error && a->opts->mode == DPX_MODE_AUTO) {
        a->xdp = false; /* TC alone does it all. */
        return 0;
    } else if (error) {
        return error;
    }
    p->flags |= DPX_PORT_XDP;
    if (dpx_link_is(&a->link, "veth")) {
        switch (dpx_link_rx_xdp(&a->net, &a->link, true)) {
        case DPX_NO:
            return dpx_error(ENOTSUP,
                             "%s, the peer of %s, cannot receive "
                             "XDP frames (ethtool -K %s gro on, in its "
                             "namespace; or --mode tc)",
                             a->reached ? a->peer.link.name : "PEER",
                             a->link.name,
                             a->reached ? a->peer.link.name : "PEER");
        case DPX_UNKNOWN:
            warn(a,
                 "whether the peer of %s receives XDP frames cannot be "
                 "told, so none are sent to it",
                 a->link.name);
            break;
        case DPX_YES:
            break;
        }
    }
    return 0;
}

static int
make_port(struct attach *a)
{
    struct dpx_port *p = &a->maps->ports[a->port];
    int error;

    publish_record(a);
    error = prepare_device(a);
    if (!error) {
        error = update_map(a->maps, "ifports", a->link.ifindex, a->port);
    }
    if (!error) {
        error = update_map(a->maps, "devmap", a->port, a->link.ifindex);
    }
    if (!error) {
        error = dpx_port_attach_tc(&a->net, a->maps, a->port, &a->link);
    }
    if (!error && a->xdp) {
        error = attach_xdp(a);
    }
    if (!error) {
        error = dpx_link_get(&a->net, -1, a->link.ifindex, &a->link);
    }
    if (error) {
        char reason[512];

        snprintf(reason, sizeof reason, "%s", dpx_error_text(error));
        dpx_port_remove(&a->net, a->maps, a->port, &a->link);
        return dpx_error(error, "%s", reason);
    }
    dpx_port_refresh(&a->net, a->maps, a->port, &a->link);
    p->undo &= ~DPX_UNDO_ALL;
    return 0;
}

static int
find_or_make_device(struct attach *a, const char *ifname)
{
    char alias[64];

    if (a->opts->internal) {
        dpx_internal_alias(alias, a->maps->name);
        return dpx_link_make_internal(&a->net, ifname, alias, &a->link);
    }
    return dpx_link_find(&a->net, ifname, &a->link);
}

static int
attach_here(struct attach *a, const char *ifname)
{
    int error = find_or_make_device(a, ifname);

    if (error) {
        return error;
    }
    error = check_device(a);
    if (!error) {
        error = choose_mode(a);
    }
    if (error) {
        if (a->opts->internal) {
            dpx_link_delete(&a->net, a->link.ifindex);
        }
        return error;
    }
    a->reached = a->xdp && !dpx_peer_open(&a->net, &a->link, &a->peer);
    error = make_port(a);
    if (a->reached) {
        dpx_net_close(&a->peer.net);
    }
    return error;
}

int
dpx_attach_locked(struct dpx_maps *maps, const char *ifname,
                  const struct dpx_attach_opts *opts, uint32_t *portp)
{
    struct attach a = { .maps = maps, .opts = opts };
    int error = check_name(ifname);

    *portp = DPX_PORT_NONE;
    if (error) {
        return error;
    }
    if (maps->meta->netns != dpx_netns_cookie()) {
        return dpx_error(EINVAL,
                         "datapath %s lives in another network "
                         "namespace, and so must its ports",
                         maps->name);
    }
    error = dpx_sync_locked(maps, NULL, NULL);
    if (error) {
        return error;
    }
    error = check_port(&a, ifname);
    if (!error) {
        error = dpx_net_open(&a.net);
    }
    if (!error) {
        error = attach_here(&a, ifname);
        dpx_net_close(&a.net);
    }
    if (!error) {
        *portp = a.port;
    }
    return error;
}

int
dpx_attach(struct dpx_maps *maps, const char *ifname,
           const struct dpx_attach_opts *opts, uint32_t *portp)
{
    int lock = dpx_lock(false);
    int error;

    if (lock < 0) {
        return -lock;
    }
    error = dpx_attach_locked(maps, ifname, opts, portp);
    dpx_unlock(lock);
    return error;
}
