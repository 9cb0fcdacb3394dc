/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* What bench/live.c measures with: a generator, the bare redirect that is the
 * peer, and a sink. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 out_ifindex; /* Where the generator sends. */
const volatile __u32 n_flows = 1; /* UDP source ports it goes through. */

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} bare_devmap SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} sunk SEC(".maps");

static __u16 next_port;

/* Frames come from BPF_PROG_TEST_RUN: Ethernet, IPv4, UDP without checksum. */
SEC("xdp.frags")
int
generate(struct xdp_md *ctx)
{
    __u8 *data = (void *) (long) ctx->data;
    __u8 *end = (void *) (long) ctx->data_end;

    if (data + 38 > end) {
        return XDP_ABORTED;
    }
    if (n_flows > 1) {
        __u16 port = next_port++ % n_flows;

        data[34] = 0x80 | port >> 8;
        data[35] = port;
    }
    return bpf_redirect(out_ifindex, 0);
}

SEC("xdp.frags")
int
bare(struct xdp_md *ctx)
{
    return bpf_redirect_map(&bare_devmap, 2, 0);
}

SEC("xdp.frags")
int
sink(struct xdp_md *ctx)
{
    __u64 *n = bpf_map_lookup_elem(&sunk, &(__u32){ 0 });

    if (n) {
        ++*n;
    }
    return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
