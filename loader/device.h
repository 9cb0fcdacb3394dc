/* SPDX-License-Identifier: Apache-2.0 */

/* Network devices, as the loader needs them: links, veth pairs, offloads,
 * namespaces.  Internal to loader/.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text()
 * unless said otherwise. */

#ifndef DPX_LOADER_DEVICE_H
#define DPX_LOADER_DEVICE_H 1

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"

/* Sockets into one network namespace, where they stay even if the thread goes
 * elsewhere.  One thread at a time. */
struct dpx_net {
    struct mnl_socket *route;   /* NETLINK_ROUTE. */
    struct mnl_socket *generic; /* NETLINK_GENERIC. */
    int control;                /* For ioctl(). */
    uint16_t netdev;            /* Generic family "netdev"; 0: none (< 6.3). */
    /* Other namespaces, as found by the first search. */
    struct dpx_net_known {
        int nsid;
        char *path;
    } * known;
    size_t n_known;
    bool searched;
};

/* Opens the sockets in the thread's namespace.  close accepts what open has
 * filled in, or zeros. */
int dpx_net_open(struct dpx_net *);
void dpx_net_close(struct dpx_net *);

/* Sends `nlh` and calls `cb` for each message of the answer.  A positive errno
 * without a message of ours. */
int dpx_net_talk(struct mnl_socket *, struct nlmsghdr *nlh, mnl_cb_t cb,
                 void *aux);

/* Room for a request, and for what comes back. */
#define DPX_NET_BUF 32768

/* Namespaces: netns.c ----------------------------------------------------- */

/* The number that the kernel gives each namespace once and for all (0: it
 * does not tell). */
uint64_t dpx_netns_cookie(void);

/* A file descriptor of the namespace that `net`'s knows as `nsid`, or that has
 * `cookie`; -ENOENT if neither /run/netns nor a process leads there.  `net`
 * searches once. */
int dpx_netns_by_id(struct dpx_net *, int nsid);
int dpx_netns_by_cookie(uint64_t cookie);

/* Takes the calling thread to namespace `fd`; `*homep` is for going back,
 * which never fails. */
int dpx_netns_enter(int fd, int *homep);
void dpx_netns_leave(int home);

/* Links: device.c --------------------------------------------------------- */

struct dpx_link {
    uint32_t ifindex;
    uint32_t flags; /* IFF_*. */
    uint32_t mtu;
    uint32_t master; /* Of bridge, bond, ...; 0: none. */
    uint32_t peer;   /* veth: the other end; 0: none. */
    int nsid;        /* Namespace of `peer`; -1: the same. */
    uint32_t xdp_id; /* XDP program; 0: none. */
    uint16_t type;   /* ARPHRD_*. */
    bool hardware;   /* On a bus, not made of software. */
    char name[DPX_NAME_LEN];
    char kind[DPX_NAME_LEN]; /* "veth", "bridge", ...; "": none. */
    char alias[64];
};

static inline bool
dpx_link_is(const struct dpx_link *link, const char *kind)
{
    return !__builtin_strcmp(link->kind, kind);
}

/* Reads the link numbered `ifindex` in the namespace `nsid` of `net` (-1:
 * `net`'s own), or the one of that name.  ENODEV. */
int
dpx_link_get(struct dpx_net *, int nsid, uint32_t ifindex, struct dpx_link *);
int dpx_link_find(struct dpx_net *, const char *name, struct dpx_link *);

/* Packets that the link has dropped instead of transmitting them; 0 if there
 * is no such link. */
uint64_t dpx_link_dropped(struct dpx_net *, uint32_t ifindex);

/* Calls `cb` for each link of the namespace. */
int dpx_link_each(struct dpx_net *,
                  void (*cb)(const struct dpx_link *, void *aux), void *aux);

/* Sets the IFF_* in `mask` to those in `flags`. */
int dpx_link_set_flags(struct dpx_net *, uint32_t ifindex, uint32_t flags,
                       uint32_t mask);

/* Makes an internal port's veth pair: the host's end, down, named `name`; the
 * port's end, up, named by the kernel and with no addresses, which is read
 * into `port`.  Replaces a pair that an attach was killed over.  EEXIST. */
int dpx_link_make_internal(struct dpx_net *, const char *name,
                           const char *alias, struct dpx_link *port);
int dpx_link_delete(struct dpx_net *, uint32_t ifindex);

/* Whether a default route leaves through the link. */
bool dpx_link_has_default_route(struct dpx_net *, uint32_t ifindex);

/* The other end of a veth, wherever it is.  ENOENT, without a message, if its
 * namespace cannot be found.  The caller closes `peer->net`. */
struct dpx_peer {
    struct dpx_net net;
    struct dpx_link link;
};
int dpx_peer_open(struct dpx_net *, const struct dpx_link *,
                  struct dpx_peer *peer);

/* Offloads: ethtool.c ----------------------------------------------------- */

enum dpx_offload {
    DPX_OFF_LRO,
    DPX_OFF_RXVLAN,
    DPX_OFF_RXSTAG,
    DPX_OFF_TXVLAN,
    DPX_OFF_TXSTAG,
    DPX_OFF_TXCSUM,
    DPX_OFF_TXSCTP,
    DPX_OFF_GRO,
    DPX_OFF_MAX
};

/* What ethtool -K calls it. */
const char *dpx_offload_name(enum dpx_offload);

/* Whether the offload is on.  A device without it, or without ethtool, has it
 * off. */
bool
dpx_offload_get(struct dpx_net *, const struct dpx_link *, enum dpx_offload);

/* Switches the offload.  EOPNOTSUPP if it stayed as it was. */
int dpx_offload_set(struct dpx_net *, const struct dpx_link *,
                    enum dpx_offload, bool on);

/* Name of the driver, "" if unknown.  `driver` has 32 bytes. */
void
dpx_link_driver(struct dpx_net *, const struct dpx_link *, char driver[32]);

/* XDP: xdp.c -------------------------------------------------------------- */

enum dpx_answer { DPX_NO, DPX_YES, DPX_UNKNOWN };

/* Whether XDP frames sent to the link arrive.  `ours`: our XDP program is on
 * it. */
enum dpx_answer
dpx_link_rx_xdp(struct dpx_net *, const struct dpx_link *, bool ours);

#endif /* loader/device.h */
