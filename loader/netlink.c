/* SPDX-License-Identifier: Apache-2.0 */

/* Netlink sockets, and one request with its answer. */

#include "loader/device.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"

static int
get_family(const struct nlmsghdr *nlh, void *familyp)
{
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
    {
        if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID) {
            *(uint16_t *) familyp = mnl_attr_get_u16(attr);
        }
    }
    return MNL_CB_OK;
}

/* The number of generic netlink family "netdev", 0 where there is none. */
static uint16_t
find_netdev_family(struct mnl_socket *generic)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct genlmsghdr *genl;
    uint16_t family = 0;

    nlh->nlmsg_type = GENL_ID_CTRL;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    genl = mnl_nlmsg_put_extra_header(nlh, sizeof *genl);
    genl->cmd = CTRL_CMD_GETFAMILY;
    genl->version = 1;
    mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
    return dpx_net_talk(generic, nlh, get_family, &family) ? 0 : family;
}

static struct mnl_socket *
open_socket(int bus)
{
    struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);

    if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
        mnl_socket_close(nl);
        nl = NULL;
    }
    return nl;
}

int
dpx_net_open(struct dpx_net *net)
{
    int error;

    memset(net, 0, sizeof *net);
    net->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    net->route = open_socket(NETLINK_ROUTE);
    net->generic = open_socket(NETLINK_GENERIC);
    if (net->control < 0 || !net->route || !net->generic) {
        error = errno;
        dpx_net_close(net);
        return dpx_error(error, "no netlink socket: %s", strerror(error));
    }
    net->netdev = find_netdev_family(net->generic);
    return 0;
}

void
dpx_net_close(struct dpx_net *net)
{
    if (net->route) {
        mnl_socket_close(net->route);
    }
    if (net->generic) {
        mnl_socket_close(net->generic);
    }
    if (net->control > 0) {
        close(net->control);
    }
    for (size_t i = 0; i < net->n_known; i++) {
        free(net->known[i].path);
    }
    free(net->known);
    memset(net, 0, sizeof *net);
}

/* Skips what answers an earlier request, which ended before its answer. */
static int
read_answer(struct mnl_socket *nl, uint32_t seq, mnl_cb_t cb, void *aux)
{
    _Alignas(8) uint8_t buf[DPX_NET_BUF];
    int n;

    do {
        ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof buf);

        if (len < 0) {
            return errno;
        }
        if (((struct nlmsghdr *) buf)->nlmsg_seq != seq) {
            n = MNL_CB_OK;
            continue;
        }
        n = mnl_cb_run(buf, len, seq, mnl_socket_get_portid(nl), cb, aux);
    } while (n > MNL_CB_STOP);
    return n < 0 ? errno : 0;
}

int
dpx_net_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
             void *aux)
{
    static _Atomic uint32_t last_seq;
    int error;

    do {
        nlh->nlmsg_seq = ++last_seq;
        if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
            return errno;
        }
        error = read_answer(nl, nlh->nlmsg_seq, cb, aux);
    } while (error == EINTR); /* A dump that a change interrupted. */
    return error;
}
