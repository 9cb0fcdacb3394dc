/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* What the kernel knows of a device, read where it keeps it: a port's record
 * is as old as the last process that looked. */

#ifndef DPX_DEVICE_BPF_H
#define DPX_DEVICE_BPF_H 1

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

/* The kernel's structs, as far as they are read. */
#pragma clang attribute push(__attribute__((preserve_access_index)),          \
                             apply_to = record)

struct net_device;

struct hlist_node {
    struct hlist_node *next;
};

struct hlist_head {
    struct hlist_node *first;
};

struct net {
    struct hlist_head *dev_index_head;
    __u64 net_cookie;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct netdev_queue {
    struct net_device *dev;
    struct Qdisc *qdisc;
};

struct Qdisc {
    unsigned int flags;
    struct netdev_queue *dev_queue;
};

struct net_device {
    int ifindex;
    unsigned int flags;
    unsigned long state;
    struct netdev_queue *_tx;
    struct hlist_node index_hlist;
    possible_net_t nd_net;
};

struct sk_buff {
    struct net_device *dev;
};

#pragma clang attribute pop

#define DPX_IFF_UP 1           /* net_device.flags. */
#define DPX_NOCARRIER (1 << 2) /* net_device.state. */
#define DPX_QDISC_BUILTIN 1    /* Qdisc.flags. */
#define DPX_DEVICE_HASH 256
#define DPX_DEVICE_CHAIN 64 /* Devices looked at, at most. */

/* Whether what is sent to the device goes out.  While it is down, or a little
 * behind its carrier, its qdisc is one that drops all. */
static __always_inline bool
dpx_device_up(const struct net_device *dev)
{
    return BPF_CORE_READ(dev, flags) & DPX_IFF_UP
           && !(BPF_CORE_READ(dev, state) & DPX_NOCARRIER)
           && !(BPF_CORE_READ(dev, _tx, qdisc, flags) & DPX_QDISC_BUILTIN);
}

/* The device numbered `ifindex` in the namespace of the skb's, or NULL. */
static __always_inline const struct net_device *
dpx_device_find(const struct sk_buff *skb, __u32 ifindex)
{
    const struct hlist_head *heads = BPF_CORE_READ(skb, dev, nd_net.net,
                                                   dev_index_head);
    const struct hlist_node *node;

    node = BPF_CORE_READ(&heads[ifindex % DPX_DEVICE_HASH], first);
    for (int i = 0; i < DPX_DEVICE_CHAIN && node; i++) {
        const struct net_device *dev = (const void *) node
                                       - bpf_core_field_offset(
                                           struct net_device, index_hlist);

        if ((__u32) BPF_CORE_READ(dev, ifindex) == ifindex) {
            return dev;
        }
        node = BPF_CORE_READ(node, next);
    }
    return NULL;
}

#endif /* bpf/device.bpf.h */
