/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Output from TC.  A port's record says whether its device is up, and its MTU,
 * as the last process saw them, and the last process may be long gone.  So a
 * record that permits is followed, and corrected if that fails; one that
 * forbids is not believed: the device itself is asked. */

#ifndef DPX_OUTPUT_BPF_H
#define DPX_OUTPUT_BPF_H 1

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#include "bpf/ctx_maps.bpf.h"
#include "bpf/device.bpf.h"

#define DPX_XMIT_DROP 1 /* The kernel's NET_XMIT_DROP. */

/* Bytes by which the packet may be longer than the MTU: those of one tag, as
 * with openvswitch.ko.  One beside the frame is not in its length. */
static __always_inline __u32
dpx_output_spare(const struct __sk_buff *skb)
{
    return !skb->vlan_present
                   && (skb->protocol == DPX_BE16(0x8100)
                       || skb->protocol == DPX_BE16(0x88a8))
               ? 4
               : 0;
}

/* Whether the packet is too long by the record.  GSO packets are cut later. */
static __always_inline bool
dpx_output_too_long(const struct __sk_buff *skb, const struct dpx_port *port)
{
    return !skb->gso_size && skb->len - dpx_output_spare(skb) > port->mtu + 14;
}

/* The same by the devices: of an internal port the host's end, too. */
static __always_inline bool
dpx_output_exceeds(struct __sk_buff *skb, const struct dpx_port *port)
{
    __s32 spare = dpx_output_spare(skb);
    __u32 mtu = 0;

    if (bpf_check_mtu(skb, port->ifindex, &mtu, -spare, 0)
        == BPF_MTU_CHK_RET_FRAG_NEEDED) {
        return true;
    }
    mtu = 0;
    return port->host
           && bpf_check_mtu(skb, port->host, &mtu, -spare, 0)
                  == BPF_MTU_CHK_RET_FRAG_NEEDED;
}

static __always_inline bool
dpx_output_up(struct __sk_buff *skb, const struct dpx_port *port)
{
    const struct net_device *dev;

    dev = dpx_device_find((const struct sk_buff *) skb, port->ifindex);
    return dev && dpx_device_up(dev);
}

/* The reason for which bpf_clone_redirect() to port `out` returned `error`.
 * What a veth refuses it also counts itself. */
CTX_GLOBAL int
dpx_output_failed(struct __sk_buff *skb, __u32 out, int error)
{
    struct dpx_port *port = ctx_port(skb, out);

    if (!port) {
        return DPX_DROP_NO_PORT;
    }
    if (error == DPX_XMIT_DROP || error == -ENETDOWN) {
        __sync_fetch_and_add(&port->refused, 1);
    }
    if (!dpx_output_up(skb, port)) {
        __sync_fetch_and_and(&port->flags, ~DPX_PORT_UP);
        return DPX_DROP_PORT_DOWN;
    }
    return dpx_output_too_long(skb, port) || dpx_output_exceeds(skb, port)
               ? DPX_DROP_MTU
               : DPX_DROP_REDIRECT;
}

/* Output to port `out`, whose record forbids it.  Returns 0 or an
 * enum dpx_drop_reason. */
CTX_GLOBAL int
dpx_output_anyway(struct __sk_buff *skb, __u32 out)
{
    struct dpx_port *port = ctx_port(skb, out);
    int error;

    if (!port) {
        return DPX_DROP_NO_PORT;
    } else if (!dpx_output_up(skb, port)) {
        return DPX_DROP_PORT_DOWN;
    } else if (dpx_output_exceeds(skb, port)) {
        return DPX_DROP_MTU;
    }
    error = bpf_clone_redirect(skb, port->ifindex, 0);
    if (error) {
        return dpx_output_failed(skb, out, error);
    }
    if (!(port->flags & DPX_PORT_UP)) {
        __sync_fetch_and_or(&port->flags, DPX_PORT_UP);
    }
    return 0;
}

/* Output to port `out`; `last`: the packet need not survive, and `*verdict` is
 * what the program is to return. */
static __always_inline int
dpx_output(struct __sk_buff *skb, __u32 out, bool last, __u32 *verdict)
{
    const struct dpx_port *port = ctx_port(skb, out);
    int error;

    if (!port || !port->ifindex) {
        return DPX_DROP_NO_PORT;
    }
    if (!(port->flags & DPX_PORT_UP) || dpx_output_too_long(skb, port)) {
        return dpx_output_anyway(skb, out);
    }
    if (last) {
        *verdict = bpf_redirect(port->ifindex, 0);
        return 0;
    }
    error = bpf_clone_redirect(skb, port->ifindex, 0);
    return error ? dpx_output_failed(skb, out, error) : 0;
}

#endif /* bpf/output.bpf.h */
