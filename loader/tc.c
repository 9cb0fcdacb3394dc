/* SPDX-License-Identifier: Apache-2.0 */

/* TC: our program at the ingress of a device, by a tcx link where the kernel
 * has them (6.6), else as a filter of clsact. */

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

#define TCX_INGRESS 46 /* enum bpf_attach_type, from 6.6. */

/* Where our filter lies in clsact. */
#define PRIORITY 0xd50
#define HANDLE 1
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* clsact ------------------------------------------------------------------ */

static struct nlmsghdr *
put_request(void *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
            uint32_t parent)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct tcmsg *tcm;

    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    tcm = mnl_nlmsg_put_extra_header(nlh, sizeof *tcm);
    tcm->tcm_family = AF_UNSPEC;
    tcm->tcm_ifindex = ifindex;
    tcm->tcm_parent = parent;
    return nlh;
}

static struct nlmsghdr *
put_filter(void *buf, uint16_t type, uint16_t flags, uint32_t ifindex)
{
    struct nlmsghdr *nlh = put_request(buf, type, flags, ifindex, INGRESS);
    struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);

    tcm->tcm_handle = HANDLE;
    tcm->tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
    mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
    return nlh;
}

static int
get_filter(const struct nlmsghdr *nlh, void *idp)
{
    const struct nlattr *attr, *sub;

    mnl_attr_for_each(attr, nlh, sizeof(struct tcmsg))
    {
        if (mnl_attr_get_type(attr) == TCA_OPTIONS) {
            mnl_attr_for_each_nested(sub, attr)
            {
                if (mnl_attr_get_type(sub) == TCA_BPF_ID) {
                    *(uint32_t *) idp = mnl_attr_get_u32(sub);
                }
            }
        }
    }
    return MNL_CB_OK;
}

/* The number of the program at our place in the device's clsact; 0: none. */
static uint32_t
filter_prog_id(struct dpx_net *net, uint32_t ifindex)
{
    _Alignas(8) uint8_t buf[256];
    uint32_t id = 0;

    dpx_net_talk(net->route, put_filter(buf, RTM_GETTFILTER, 0, ifindex),
                 get_filter, &id);
    return id;
}

static bool
filter_is_ours(struct dpx_net *net, const char *dp, uint32_t ifindex)
{
    uint32_t id = filter_prog_id(net, ifindex);

    return id
           && (id == dpx_pin_prog_id(dp, "tc")
               || id == dpx_pin_prog_id(dp, "tc" DPX_PIN_NEW));
}

static int
put_filter_prog(struct dpx_net *net, const char *dp, uint32_t ifindex,
                uint16_t flags, int prog)
{
    _Alignas(8) uint8_t buf[512];
    struct nlmsghdr *nlh = put_filter(buf, RTM_NEWTFILTER,
                                      NLM_F_CREATE | flags, ifindex);
    struct nlattr *nest;
    char name[32];

    snprintf(name, sizeof name, "dpx:%s", dp);
    nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);
    mnl_attr_put_u32(nlh, TCA_BPF_FD, prog);
    mnl_attr_put_strz(nlh, TCA_BPF_NAME, name);
    mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(nlh, nest);
    return dpx_net_talk(net->route, nlh, NULL, NULL);
}

static int
count_filter(const struct nlmsghdr *nlh, void *np)
{
    (void) nlh;
    ++*(unsigned int *) np;
    return MNL_CB_OK;
}

/* Deletes the device's clsact, unless somebody has filters in it. */
static void
delete_qdisc(struct dpx_net *net, uint32_t ifindex)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh;
    struct tcmsg *tcm;
    unsigned int n = 0;

    nlh = put_request(buf, RTM_GETTFILTER, NLM_F_DUMP, ifindex, INGRESS);
    dpx_net_talk(net->route, nlh, count_filter, &n);
    nlh = put_request(buf, RTM_GETTFILTER, NLM_F_DUMP, ifindex, EGRESS);
    dpx_net_talk(net->route, nlh, count_filter, &n);
    if (!n) {
        nlh = put_request(buf, RTM_DELQDISC, 0, ifindex, TC_H_CLSACT);
        tcm = mnl_nlmsg_get_payload(nlh);
        tcm->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
        mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
        dpx_net_talk(net->route, nlh, NULL, NULL);
    }
}

static int
attach_filter(struct dpx_net *net, const char *dp, const struct dpx_link *link,
              int prog, bool *qdiscp)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = put_request(buf, RTM_NEWQDISC,
                                       NLM_F_CREATE | NLM_F_EXCL,
                                       link->ifindex, TC_H_CLSACT);
    struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
    int error;

    tcm->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
    error = dpx_net_talk(net->route, nlh, NULL, NULL);
    if (error && error != EEXIST) {
        return dpx_error(error, "cannot make a clsact qdisc on %s: %s",
                         link->name, strerror(error));
    }
    *qdiscp = !error;
    error = put_filter_prog(net, dp, link->ifindex, NLM_F_EXCL, prog);
    if (!error) {
        return 0;
    }
    if (*qdiscp) {
        delete_qdisc(net, link->ifindex);
        *qdiscp = false;
    }
    return error == EEXIST
               ? dpx_error(EBUSY,
                           "%s has a foreign filter at ingress, priority "
                           "%u (tc filter del dev %s ingress prio %u)",
                           link->name, PRIORITY, link->name, PRIORITY)
               : dpx_error(error, "cannot put a filter on %s: %s", link->name,
                           strerror(error));
}

/* tcx --------------------------------------------------------------------- */

static int
attach_tcx(const char *dp, uint32_t port, const struct dpx_link *link,
           int prog)
{
    char pin[DPX_PIN_LEN];
    int fd = bpf_link_create(prog, link->ifindex,
                             (enum bpf_attach_type) TCX_INGRESS, NULL);
    int error;

    if (fd < 0) {
        return dpx_error(-fd, "cannot put the program on %s: %s", link->name,
                         strerror(-fd));
    }
    error = dpx_pin_put(dp, dpx_pin_link(pin, "tc", port), fd);
    close(fd);
    return error;
}

/* BPF_PROG_QUERY's attributes, as of 6.6. */
struct query {
    uint32_t ifindex;
    uint32_t attach_type;
    uint32_t query_flags;
    uint32_t attach_flags;
    uint64_t prog_ids;
    uint32_t n;
    uint32_t pad;
    uint64_t prog_attach_flags;
    uint64_t link_ids;
    uint64_t link_attach_flags;
    uint64_t revision;
};

static bool
tcx_present(const char *dp, uint32_t port, uint32_t ifindex)
{
    uint32_t progs[64], links[64];
    struct query query = {
        .ifindex = ifindex,
        .attach_type = TCX_INGRESS,
        .prog_ids = (uintptr_t) progs,
        .n = sizeof links / sizeof *links,
        .link_ids = (uintptr_t) links,
    };
    struct bpf_link_info info = { 0 };
    uint32_t len = sizeof info;
    char pin[DPX_PIN_LEN];
    int fd = dpx_pin_get(dp, dpx_pin_link(pin, "tc", port));
    bool found = false;

    if (fd < 0) {
        return false;
    }
    if (!bpf_obj_get_info_by_fd(fd, &info, &len)
        && !syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof query)) {
        for (uint32_t i = 0; i < query.n && !found; i++) {
            found = links[i] == info.id;
        }
    }
    close(fd);
    return found;
}

/* Either ------------------------------------------------------------------ */

int
dpx_tc_attach(struct dpx_net *net, const char *dp, uint32_t port,
              const struct dpx_link *link, bool *tcxp, bool *qdiscp)
{
    int prog = dpx_pin_get(dp, "tc");
    int error;

    *tcxp = *qdiscp = false;
    if (prog < 0) {
        return -prog;
    }
    error = attach_tcx(dp, port, link, prog);
    if (error == EINVAL) { /* A kernel without tcx. */
        error = attach_filter(net, dp, link, prog, qdiscp);
    } else {
        *tcxp = !error;
    }
    close(prog);
    return error;
}

void
dpx_tc_remove_filter(struct dpx_net *net, const char *dp, uint32_t ifindex,
                     bool qdisc)
{
    if (filter_is_ours(net, dp, ifindex)) {
        _Alignas(8) uint8_t buf[256];

        dpx_net_talk(net->route, put_filter(buf, RTM_DELTFILTER, 0, ifindex),
                     NULL, NULL);
        if (qdisc) {
            delete_qdisc(net, ifindex);
        }
    }
}

int
dpx_tc_update(struct dpx_net *net, const char *dp, uint32_t port,
              uint32_t ifindex, bool tcx, int prog)
{
    int error;

    if (tcx) {
        return dpx_link_update(dp, "tc", port, prog);
    } else if (!filter_is_ours(net, dp, ifindex)) {
        return dpx_error(ENOENT, "the filter of port %u is gone", port);
    }
    error = put_filter_prog(net, dp, ifindex, NLM_F_REPLACE, prog);
    return error ? dpx_error(error,
                             "cannot replace the filter of port %u: "
                             "%s",
                             port, strerror(error))
                 : 0;
}

bool
dpx_tc_present(struct dpx_net *net, const char *dp, uint32_t port,
               uint32_t ifindex, bool tcx)
{
    return tcx ? tcx_present(dp, port, ifindex)
               : filter_is_ours(net, dp, ifindex);
}
