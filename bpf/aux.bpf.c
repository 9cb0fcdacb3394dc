/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* What helps the planes from outside: the clock, the frames that the kernel
 * loses behind XDP's redirects, and devices that stop. */

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

typedef void ctx_t;

#include "bpf/ctx_maps.bpf.h"
#include "bpf/device.bpf.h"

SEC("syscall")
int
dpx_clock(struct dpx_clock_args *args)
{
    args->jiffies = bpf_jiffies64();
    args->ns = bpf_ktime_get_ns();
    return 0;
}

/* The number of the port that `dev` is, or DPX_PORT_NONE.  Other namespaces'
 * devices have the same indexes. */
static __always_inline __u32
port_of(const struct net_device *dev)
{
    __u32 ifindex = BPF_CORE_READ(dev, ifindex);
    const __u32 *number = bpf_map_lookup_elem(&ifports, &ifindex);
    const struct dpx_meta *m = ctx_meta(NULL);

    if (!number || !m
        || BPF_CORE_READ(dev, nd_net.net, net_cookie) != m->netns) {
        return DPX_PORT_NONE;
    }
    return *number;
}

/* Counts `n` frames as lost behind a redirect to port `number`. */
static __always_inline void
count_lost(__u32 number, __u32 n)
{
    struct dpx_drop_key key = { number, DPX_DROP_DEVMAP };
    struct dpx_drop *drop, none = { 0, 0 };

    bpf_map_update_elem(&drops, &key, &none, BPF_NOEXIST);
    drop = bpf_map_lookup_elem(&drops, &key);
    if (drop) {
        drop->packets += n;
    }
}

/* The flags of a port that answered `err`, corrected: XDP sends to none that
 * is down or that takes no frames, but lets TC do it. */
static __always_inline void
learn(struct dpx_port *port, int err)
{
    if (err == -ENXIO || err == -EOPNOTSUPP) {
        __sync_fetch_and_and(&port->flags, ~DPX_PORT_RX_XDP);
    } else if (err == -ENETDOWN) {
        __sync_fetch_and_and(&port->flags, ~DPX_PORT_UP);
    }
}

/* Tracepoint xdp_devmap_xmit(from_dev, to_dev, sent, drops, err): a batch of
 * frames has been given to `to_dev`'s driver.  Those that a veth loses without
 * an error, it also counts itself. */
SEC("raw_tp/xdp_devmap_xmit")
int
dpx_devmap_lost(struct bpf_raw_tracepoint_args *ctx)
{
    int lost = ctx->args[3], err = ctx->args[4];
    struct dpx_port *port;
    __u32 number;

    /* Every batch of every device comes by, and mostly nothing is lost. */
    if (lost <= 0) {
        return 0;
    }
    number = port_of((const void *) ctx->args[1]);
    port = ctx_port(NULL, number);
    if (!port) {
        return 0;
    }
    count_lost(number, lost);
    learn(port, err);
    if (!err) {
        __sync_fetch_and_add(&port->refused, lost);
    }
    return 0;
}

/* Tracepoint xdp_redirect_err(dev, prog, tgt, err, map_type, map_id, index): a
 * frame has been refused before it came to that. */
SEC("raw_tp/xdp_redirect_err")
int
dpx_redirect_lost(struct bpf_raw_tracepoint_args *ctx)
{
    const struct dpx_meta *m = ctx_meta(NULL);
    struct dpx_port *port = ctx_port(NULL, ctx->args[6]);

    if (!port || !m || (__u32) ctx->args[5] != m->devmap) {
        return 0;
    }
    count_lost(ctx->args[6], 1);
    learn(port, ctx->args[3]);
    return 0;
}

/* Tracepoint qdisc_reset(qdisc): so a device stops that goes down or loses its
 * carrier, after which it, or on kernels before 6.10 nobody, counts what TC
 * redirects to it. */
SEC("raw_tp/qdisc_reset")
int
dpx_device_stopped(struct bpf_raw_tracepoint_args *ctx)
{
    const struct Qdisc *qdisc = (const void *) ctx->args[0];
    const struct net_device *dev = BPF_CORE_READ(qdisc, dev_queue, dev);
    struct dpx_port *port = ctx_port(NULL, port_of(dev));

    if (port && !dpx_device_up(dev)) {
        __sync_fetch_and_and(&port->flags, ~DPX_PORT_UP);
    }
    return 0;
}

char dpx_license[] SEC("license") = "Dual BSD/GPL";
