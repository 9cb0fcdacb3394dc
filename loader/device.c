/* SPDX-License-Identifier: Apache-2.0 */

/* Links, by rtnetlink. */

#include "loader/device.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

/* Starts a request about link `ifindex`. */
static struct nlmsghdr *
put_request(void *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
            struct ifinfomsg **ifip)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct ifinfomsg *ifi;

    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    ifi = mnl_nlmsg_put_extra_header(nlh, sizeof *ifi);
    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_index = ifindex;
    if (ifip) {
        *ifip = ifi;
    }
    return nlh;
}

/* Reading ----------------------------------------------------------------- */

static void
copy_string(char *dst, size_t size, const struct nlattr *attr)
{
    snprintf(dst, size, "%.*s", (int) mnl_attr_get_payload_len(attr),
             mnl_attr_get_str(attr));
}

static void
parse_xdp(const struct nlattr *nest, struct dpx_link *link)
{
    const struct nlattr *attr;

    mnl_attr_for_each_nested(attr, nest)
    {
        if (mnl_attr_get_type(attr) == IFLA_XDP_PROG_ID) {
            link->xdp_id = mnl_attr_get_u32(attr);
        } else if (mnl_attr_get_type(attr) == IFLA_XDP_ATTACHED
                   && mnl_attr_get_u8(attr) == XDP_ATTACHED_MULTI) {
            link->xdp_id = UINT32_MAX;
        }
    }
}

static void
parse_attr(const struct nlattr *attr, struct dpx_link *link)
{
    const struct nlattr *sub;

    switch (mnl_attr_get_type(attr)) {
    case IFLA_IFNAME:
        copy_string(link->name, sizeof link->name, attr);
        break;
    case IFLA_MTU:
        link->mtu = mnl_attr_get_u32(attr);
        break;
    case IFLA_MASTER:
        link->master = mnl_attr_get_u32(attr);
        break;
    case IFLA_LINK:
        link->peer = mnl_attr_get_u32(attr);
        break;
    case IFLA_LINK_NETNSID:
        link->nsid = mnl_attr_get_u32(attr);
        break;
    case IFLA_IFALIAS:
        copy_string(link->alias, sizeof link->alias, attr);
        break;
    case IFLA_PARENT_DEV_NAME:
        link->hardware = true;
        break;
    case IFLA_XDP:
        parse_xdp(attr, link);
        break;
    case IFLA_LINKINFO:
        mnl_attr_for_each_nested(sub, attr)
        {
            if (mnl_attr_get_type(sub) == IFLA_INFO_KIND) {
                copy_string(link->kind, sizeof link->kind, sub);
            }
        }
        break;
    }
}

static void
parse_link(const struct nlmsghdr *nlh, struct dpx_link *link)
{
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;

    memset(link, 0, sizeof *link);
    link->nsid = -1;
    link->ifindex = ifi->ifi_index;
    link->flags = ifi->ifi_flags;
    link->type = ifi->ifi_type;
    mnl_attr_for_each(attr, nlh, sizeof *ifi)
    {
        parse_attr(attr, link);
    }
    if (!dpx_link_is(link, "veth")) {
        link->peer = 0; /* A VLAN device's or the like. */
    }
}

static int
get_link(const struct nlmsghdr *nlh, void *link)
{
    parse_link(nlh, link);
    return MNL_CB_OK;
}

int
dpx_link_get(struct dpx_net *net, int nsid, uint32_t ifindex,
             struct dpx_link *link)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_GETLINK, 0, ifindex, NULL);
    int error;

    mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (nsid >= 0) {
        mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, nsid);
    }
    error = dpx_net_talk(net->route, nlh, get_link, link);
    return error ? dpx_error(error, "no device with index %u: %s", ifindex,
                             strerror(error))
                 : 0;
}

static int
get_dropped(const struct nlmsghdr *nlh, void *droppedp)
{
    struct rtnl_link_stats64 stats;
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg))
    {
        if (mnl_attr_get_type(attr) == IFLA_STATS64
            && mnl_attr_get_payload_len(attr)
                   >= offsetof(struct rtnl_link_stats64, multicast)) {
            memcpy(&stats, mnl_attr_get_payload(attr),
                   offsetof(struct rtnl_link_stats64, multicast));
            *(uint64_t *) droppedp = stats.tx_dropped;
        }
    }
    return MNL_CB_OK;
}

uint64_t
dpx_link_dropped(struct dpx_net *net, uint32_t ifindex)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_GETLINK, 0, ifindex, NULL);
    uint64_t dropped = 0;

    dpx_net_talk(net->route, nlh, get_dropped, &dropped);
    return dropped;
}

int
dpx_link_find(struct dpx_net *net, const char *name, struct dpx_link *link)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_GETLINK, 0, 0, NULL);
    int error = ENODEV;

    if (name[0] && strlen(name) < IFNAMSIZ) {
        mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
        mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        error = dpx_net_talk(net->route, nlh, get_link, link);
    }
    return error ? dpx_error(error, "no device %s here: %s", name,
                             strerror(error))
                 : 0;
}

struct each {
    void (*cb)(const struct dpx_link *, void *aux);
    void *aux;
};

static int
each_link(const struct nlmsghdr *nlh, void *each_)
{
    const struct each *each = each_;
    struct dpx_link link;

    parse_link(nlh, &link);
    each->cb(&link, each->aux);
    return MNL_CB_OK;
}

int
dpx_link_each(struct dpx_net *net,
              void (*cb)(const struct dpx_link *, void *aux), void *aux)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_GETLINK, NLM_F_DUMP, 0, NULL);
    struct each each = { cb, aux };
    int error;

    mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    error = dpx_net_talk(net->route, nlh, each_link, &each);
    return error ? dpx_error(error, "cannot list the devices: %s",
                             strerror(error))
                 : 0;
}

int
dpx_peer_open(struct dpx_net *net, const struct dpx_link *link,
              struct dpx_peer *peer)
{
    int error, fd = -1, home;

    memset(peer, 0, sizeof *peer);
    if (!link->peer) {
        return ENOENT;
    }
    if (link->nsid >= 0) {
        fd = dpx_netns_by_id(net, link->nsid);
        if (fd < 0) {
            return -fd;
        }
        error = dpx_netns_enter(fd, &home);
        close(fd);
        if (error) {
            return error;
        }
    }
    error = dpx_net_open(&peer->net);
    if (fd >= 0) {
        dpx_netns_leave(home);
    }
    if (!error) {
        error = dpx_link_get(&peer->net, -1, link->peer, &peer->link);
    }
    if (error) {
        dpx_net_close(&peer->net);
    }
    return error;
}

struct routes {
    uint32_t ifindex;
    bool found;
};

static int
get_route(const struct nlmsghdr *nlh, void *routes_)
{
    struct routes *routes = routes_;
    const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;

    if (rtm->rtm_dst_len || rtm->rtm_type != RTN_UNICAST) {
        return MNL_CB_OK;
    }
    mnl_attr_for_each(attr, nlh, sizeof *rtm)
    {
        if (mnl_attr_get_type(attr) == RTA_OIF
            && mnl_attr_get_u32(attr) == routes->ifindex) {
            routes->found = true;
        } else if (mnl_attr_get_type(attr) == RTA_MULTIPATH) {
            const struct rtnexthop *hop = mnl_attr_get_payload(attr);
            int left = mnl_attr_get_payload_len(attr);

            for (; RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
                routes->found |= (uint32_t) hop->rtnh_ifindex
                                 == routes->ifindex;
                left -= RTNH_ALIGN(hop->rtnh_len);
            }
        }
    }
    return MNL_CB_OK;
}

bool
dpx_link_has_default_route(struct dpx_net *net, uint32_t ifindex)
{
    static const uint8_t families[] = { AF_INET, AF_INET6 };
    struct routes routes = { ifindex, false };

    for (size_t i = 0; i < sizeof families; i++) {
        _Alignas(8) uint8_t buf[256];
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        struct rtmsg *rtm;

        nlh->nlmsg_type = RTM_GETROUTE;
        nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        rtm = mnl_nlmsg_put_extra_header(nlh, sizeof *rtm);
        rtm->rtm_family = families[i];
        dpx_net_talk(net->route, nlh, get_route, &routes);
    }
    return routes.found;
}

/* Writing ----------------------------------------------------------------- */

int
dpx_link_set_flags(struct dpx_net *net, uint32_t ifindex, uint32_t flags,
                   uint32_t mask)
{
    _Alignas(8) uint8_t buf[256];
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = put_request(buf, RTM_SETLINK, 0, ifindex, &ifi);
    int error;

    ifi->ifi_flags = flags;
    ifi->ifi_change = mask;
    error = dpx_net_talk(net->route, nlh, NULL, NULL);
    return error ? dpx_error(error, "cannot set flags of device %u: %s",
                             ifindex, strerror(error))
                 : 0;
}

int
dpx_link_delete(struct dpx_net *net, uint32_t ifindex)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_DELLINK, 0, ifindex, NULL);
    int error = dpx_net_talk(net->route, nlh, NULL, NULL);

    return error ? dpx_error(error, "cannot delete device %u: %s", ifindex,
                             strerror(error))
                 : 0;
}

/* An MTU on the port's end that is never in the way of the host's. */
#define INTERNAL_MTU 65535

/* The name, for the kernel to fill in, of an internal port's other end. */
#define INTERNAL_NAME "dpx%d"

static void
put_internal(struct nlmsghdr *nlh, const char *name)
{
    struct nlattr *info, *data, *peer;
    struct ifinfomsg *ifi;

    mnl_attr_put_strz(nlh, IFLA_IFNAME, INTERNAL_NAME);
    mnl_attr_put_u32(nlh, IFLA_MTU, INTERNAL_MTU);
    info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
    mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
    data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
    peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
    ifi = mnl_nlmsg_put_extra_header(nlh, sizeof *ifi);
    memset(ifi, 0, sizeof *ifi);
    mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    mnl_attr_nest_end(nlh, peer);
    mnl_attr_nest_end(nlh, data);
    mnl_attr_nest_end(nlh, info);
}

/* Settings that the kernel ignores while it makes a link: the alias, and no
 * IPv6 address, so that the port's end says nothing by itself. */
static int
set_internal(struct dpx_net *net, uint32_t ifindex, const char *alias)
{
    _Alignas(8) uint8_t buf[512];
    struct nlmsghdr *nlh = put_request(buf, RTM_SETLINK, 0, ifindex, NULL);
    struct nlattr *spec, *inet6;
    int error;

    mnl_attr_put_strz(nlh, IFLA_IFALIAS, alias);
    error = dpx_net_talk(net->route, nlh, NULL, NULL);
    if (error) {
        return error;
    }
    nlh = put_request(buf, RTM_SETLINK, 0, ifindex, NULL);
    spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
    inet6 = mnl_attr_nest_start(nlh, AF_INET6);
    mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(nlh, inet6);
    mnl_attr_nest_end(nlh, spec);
    error = dpx_net_talk(net->route, nlh, NULL, NULL);
    return error == EAFNOSUPPORT ? 0 : error; /* A kernel without IPv6. */
}

/* Whether `link` is the port's end of a pair over which an attach was killed:
 * before or after it got its alias. */
static bool
is_orphan(const struct dpx_link *link, const char *alias)
{
    return strspn(link->name, "dpx0123456789") == strlen(link->name)
           && (link->alias[0] ? !strcmp(link->alias, alias)
                              : !(link->flags & IFF_UP));
}

/* Deletes such a pair, whose host's end is `name`. */
static int
delete_orphan(struct dpx_net *net, const char *name, const char *alias)
{
    struct dpx_link host, port;

    if (dpx_link_find(net, name, &host) || !dpx_link_is(&host, "veth")
        || dpx_link_get(net, host.nsid, host.peer, &port) || host.nsid >= 0
        || !is_orphan(&port, alias)) {
        return EEXIST;
    }
    return dpx_link_delete(net, host.ifindex);
}

static int
make_pair(struct dpx_net *net, const char *name)
{
    _Alignas(8) uint8_t buf[1024];
    struct nlmsghdr *nlh = put_request(buf, RTM_NEWLINK,
                                       NLM_F_CREATE | NLM_F_EXCL, 0, NULL);

    put_internal(nlh, name);
    return dpx_net_talk(net->route, nlh, NULL, NULL);
}

int
dpx_link_make_internal(struct dpx_net *net, const char *name,
                       const char *alias, struct dpx_link *port)
{
    struct dpx_link host;
    int error = make_pair(net, name);

    if (error == EEXIST && !delete_orphan(net, name, alias)) {
        error = make_pair(net, name);
    }
    if (error == EEXIST) {
        return dpx_error(error, "a device %s exists already", name);
    } else if (error) {
        return dpx_error(error, "cannot make a veth pair %s: %s", name,
                         strerror(error));
    }
    error = dpx_link_find(net, name, &host);
    if (error) {
        return error;
    }
    error = set_internal(net, host.peer, alias);
    if (error) {
        dpx_error(error, "cannot set up %s: %s", name, strerror(error));
    } else {
        error = dpx_link_set_flags(net, host.peer, IFF_UP, IFF_UP);
    }
    if (!error) {
        error = dpx_link_get(net, -1, host.peer, port);
    }
    if (error) {
        dpx_link_delete(net, host.ifindex);
    }
    return error;
}
