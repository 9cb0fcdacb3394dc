/* SPDX-License-Identifier: Apache-2.0 */

/* XDP: what a device can do with it, and our program on a device. */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

/* Whether XDP frames sent to a device arrive ------------------------------ */

/* From the kernel's <linux/netdev.h>, which came with 6.3. */
enum {
    NETDEV_CMD_DEV_GET = 1,
    NETDEV_A_DEV_IFINDEX = 1,
    NETDEV_A_DEV_XDP_FEATURES = 3,
    NETDEV_XDP_ACT_NDO_XMIT = 4,
};

static int
get_features(const struct nlmsghdr *nlh, void *featuresp)
{
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
    {
        if (mnl_attr_get_type(attr) == NETDEV_A_DEV_XDP_FEATURES) {
            *(uint64_t *) featuresp = mnl_attr_get_u64(attr);
        }
    }
    return MNL_CB_OK;
}

static bool
has_ndo_xmit(struct dpx_net *net, uint32_t ifindex)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct genlmsghdr *genl;
    uint64_t features = 0;

    nlh->nlmsg_type = net->netdev;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    genl = mnl_nlmsg_put_extra_header(nlh, sizeof *genl);
    genl->cmd = NETDEV_CMD_DEV_GET;
    genl->version = 1;
    mnl_attr_put_u32(nlh, NETDEV_A_DEV_IFINDEX, ifindex);
    return !dpx_net_talk(net->generic, nlh, get_features, &features)
           && features & NETDEV_XDP_ACT_NDO_XMIT;
}

/* A veth's end takes XDP frames off the other if it has a program or GRO.  The
 * kernel's own word on that may be old: it is not brought up to date for what
 * changed while the peer was down. */
static enum dpx_answer
veth_receives(struct dpx_net *net, const struct dpx_link *link)
{
    struct dpx_peer peer;
    enum dpx_answer answer;

    if (!dpx_peer_open(net, link, &peer)) {
        answer = peer.link.xdp_id
                         || dpx_offload_get(&peer.net, &peer.link, DPX_OFF_GRO)
                     ? DPX_YES
                     : DPX_NO;
        dpx_net_close(&peer.net);
        return answer;
    } else if (net->netdev) {
        return has_ndo_xmit(net, link->ifindex) ? DPX_YES : DPX_NO;
    }
    return DPX_UNKNOWN;
}

/* Before 6.3 the kernel does not tell: drivers that transmit XDP frames while
 * they have a program, as most need for it. */
static bool
driver_transmits(struct dpx_net *net, const struct dpx_link *link)
{
    static const char *const drivers[] = {
        "bnxt_en", "dpaa2-eth", "ena",    "gve",        "i40e",   "ice",
        "igb",     "igc",       "ixgbe",  "mlx5_core",  "mvneta", "mvpp2",
        "qede",    "sfc",       "stmmac", "virtio_net",
    };
    char driver[32];

    dpx_link_driver(net, link, driver);
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (!strcmp(driver, drivers[i])) {
            return true;
        }
    }
    return false;
}

enum dpx_answer
dpx_link_rx_xdp(struct dpx_net *net, const struct dpx_link *link, bool ours)
{
    if (dpx_link_is(link, "veth")) {
        return veth_receives(net, link);
    } else if (net->netdev) {
        return has_ndo_xmit(net, link->ifindex) ? DPX_YES : DPX_NO;
    } else if (dpx_link_is(link, "tun")) {
        return DPX_YES;
    }
    return ours && driver_transmits(net, link) ? DPX_YES : DPX_NO;
}

/* Programs ---------------------------------------------------------------- */

static int
refuse(int error, const struct dpx_link *link)
{
    switch (error) {
    case EOPNOTSUPP:
        return dpx_error(ENOTSUP,
                         "the driver of %s has no XDP (--mode tc "
                         "does without)",
                         link->name);
    case ERANGE:
        return dpx_error(EMSGSIZE,
                         "the MTU of %s or of its peer is too "
                         "large for XDP (ip link set dev %s mtu 1500, or "
                         "--mode tc)",
                         link->name, link->name);
    case ENOSPC:
        return dpx_error(ENOTSUP,
                         "%s has fewer receive queues than its peer "
                         "transmit queues (ethtool -L), or --mode tc",
                         link->name);
    case EBUSY:
        return dpx_error(EBUSY,
                         "%s has another XDP program (ip link set "
                         "dev %s xdp off)",
                         link->name, link->name);
    default:
        return dpx_error(error == EINVAL ? ENOTSUP : error,
                         "the driver of "
                         "%s refuses the XDP program: %s (--mode tc does "
                         "without)",
                         link->name, strerror(error));
    }
}

int
dpx_xdp_attach(const char *dp, uint32_t port, const struct dpx_link *link)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
    char pin[DPX_PIN_LEN];
    int prog = dpx_pin_get(dp, "xdp");
    int fd, error;

    if (prog < 0) {
        return -prog;
    }
    fd = bpf_link_create(prog, link->ifindex, BPF_XDP, &opts);
    close(prog);
    if (fd < 0) {
        return refuse(-fd, link);
    }
    error = dpx_pin_put(dp, dpx_pin_link(pin, "xdp", port), fd);
    close(fd);
    return error;
}

void
dpx_link_detach(const char *dp, const char *hook, uint32_t port)
{
    char pin[DPX_PIN_LEN], path[DPX_PATH_LEN];
    int fd;

    dpx_pin_path(path, dp, dpx_pin_link(pin, hook, port));
    fd = bpf_obj_get(path);
    if (fd >= 0) {
        bpf_link_detach(fd); /* Also if somebody else has it open. */
        close(fd);
    }
    dpx_pin_remove(dp, pin);
}

int
dpx_link_update(const char *dp, const char *hook, uint32_t port, int prog)
{
    char pin[DPX_PIN_LEN];
    int fd = dpx_pin_get(dp, dpx_pin_link(pin, hook, port));
    int error;

    if (fd < 0) {
        return -fd;
    }
    error = -bpf_link_update(fd, prog, NULL);
    close(fd);
    return error ? dpx_error(error, "cannot replace the program of %s: %s",
                             pin, strerror(error))
                 : 0;
}
