/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* What helps the planes from outside: the clock, and the frames that the
 * kernel loses behind XDP's redirects. */

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef void ctx_t;

#include "bpf/ctx_maps.bpf.h"

/* The kernel's, as far as it is read. */
struct net_device {
    int ifindex;
} __attribute__((preserve_access_index));

SEC("syscall")
int
dpx_clock(struct dpx_clock_args *args)
{
    args->jiffies = bpf_jiffies64();
    args->ns = bpf_ktime_get_ns();
    return 0;
}

/* Tracepoint xdp_devmap_xmit(from_dev, to_dev, sent, drops, err): a batch of
 * frames has been given to `to_dev`'s driver.  A port whose driver says that
 * it takes none gets no more. */
SEC("raw_tp/xdp_devmap_xmit")
int
dpx_devmap_lost(struct bpf_raw_tracepoint_args *ctx)
{
    const struct net_device *to = (const void *) ctx->args[1];
    int lost = ctx->args[3], err = ctx->args[4];
    __u32 ifindex = BPF_CORE_READ(to, ifindex);
    __u32 *number = bpf_map_lookup_elem(&ifports, &ifindex);
    struct dpx_drop_key key = { .reason = DPX_DROP_DEVMAP };
    struct dpx_drop *drop, none = { 0, 0 };
    struct dpx_port *port;

    if (!number || lost <= 0) {
        return 0;
    }
    key.port = *number;
    bpf_map_update_elem(&drops, &key, &none, BPF_NOEXIST);
    drop = bpf_map_lookup_elem(&drops, &key);
    if (drop) {
        drop->packets += lost;
    }
    port = ctx_port(NULL, key.port);
    if (port && (err == -ENXIO || err == -EOPNOTSUPP)) {
        __sync_fetch_and_and(&port->flags, ~DPX_PORT_RX_XDP);
    }
    return 0;
}

char dpx_license[] SEC("license") = "Dual BSD/GPL";
