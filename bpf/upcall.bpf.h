/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* A packet, its key and its userdata into a handler's ring.
 *
 * A reservation's size has to be a constant, so a record takes the smallest of
 * a few sizes that holds it.  In it, userdata comes before the packet, in a
 * room of one of two sizes. */

#ifndef DPX_UPCALL_BPF_H
#define DPX_UPCALL_BPF_H 1

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/ctx_maps.bpf.h"

#define DPX_UPCALL_ROOM 64 /* For userdata as OVS mostly sends it. */
#define DPX_UPCALL_MAX_PACKET (65535 + 18) /* With header and tag. */

/* The ring for this packet: of the handler that `pid` names, or of the one
 * that the packet's hash does.  NULL: nobody listens. */
static __always_inline void *
dpx_upcall_ring(struct __sk_buff *skb, const struct dpx_scratch *s, __u32 pid)
{
    const struct dpx_meta *m = ctx_meta(skb);
    __u32 n = m ? m->n_handlers : 0;
    __u32 i;

    if (!n) {
        return NULL;
    }
    i = pid && pid <= n ? pid - 1 : s->hash % n;
    return bpf_map_lookup_elem(&upcalls, &i);
}

/* Copies the frame to `dst`, where there are `max` bytes (a constant), with
 * the tag that is beside it back in its place.  Returns 0 or an error. */
static __always_inline int
dpx_upcall_packet(struct __sk_buff *skb, __u8 *dst, __u32 max)
{
    __s64 len = skb->len;
    __u32 ofs = 0;

    if (skb->vlan_present) {
        if (bpf_skb_load_bytes(skb, 0, dst, 12)) {
            return -1;
        }
        dpx_store16(dst + 12, skb->vlan_proto);
        dpx_store16(dst + 14, DPX_BE16(skb->vlan_tci));
        dst += 16;
        max -= 16;
        ofs = 12;
        len -= 12;
    }
    /* The verifier must see both bounds, on the register that is passed;
     * clang would make one comparison of them. */
    asm volatile("" : "+r"(len));
    if (len < 1) {
        return -1;
    }
    asm volatile("" : "+r"(len));
    if (len > max) {
        return -1;
    }
    return bpf_skb_load_bytes(skb, ofs, dst, len);
}

/* What goes into a record besides the packet. */
struct dpx_upcall_args {
    void *ring;
    __u64 *backlog; /* The port's. */
    __u32 type;     /* enum dpx_upcall_type. */
    __u32 pid;
};

/* Fills a record of `size` bytes, of which `room` are for userdata (both
 * constants).  Returns 0 or an enum dpx_drop_reason. */
static __always_inline int
dpx_upcall_record(struct __sk_buff *skb, struct dpx_scratch *s,
                  const struct dpx_upcall_args *args, __u32 size, __u32 room)
{
    struct dpx_upcall *u = bpf_ringbuf_reserve(args->ring, size, 0);
    __u8 *data = (__u8 *) (u + 1);

    if (!u) {
        return DPX_DROP_LOST;
    }
    __builtin_memset(u, 0, offsetof(struct dpx_upcall, key));
    u->type = args->type;
    u->port = s->key.in_port;
    u->pid = args->pid;
    u->packet_ofs = sizeof *u + room;
    u->packet_len = skb->len + (skb->vlan_present ? 4 : 0);
    u->userdata_ofs = sizeof *u;
    u->userdata_len = s->userdata_len;
    u->gso_size = skb->gso_size;
    u->gso_segs = skb->gso_segs;
    u->charged = size;
    u->key = s->key;
    if (s->userdata_len) {
        bpf_probe_read_kernel(data, room, s->userdata);
    }
    if (dpx_upcall_packet(skb, data + room, size - sizeof *u - room)) {
        bpf_ringbuf_discard(u, 0);
        return DPX_DROP_PULL;
    }
    __sync_fetch_and_add(args->backlog, size);
    bpf_ringbuf_submit(u, 0);
    return 0;
}

/* Is there room in the ring for `size` bytes of a port that has `backlog`
 * bytes in it?  A port may hold as much as all leave free, so one port alone
 * gets half of the ring, and none can starve the others. */
static __always_inline bool
dpx_upcall_admits(const struct dpx_upcall_args *args, __u32 size)
{
    __u64 ring = bpf_ringbuf_query(args->ring, BPF_RB_RING_SIZE);
    __u64 used = bpf_ringbuf_query(args->ring, BPF_RB_AVAIL_DATA);

    return *(volatile __u64 *) args->backlog + used + size <= ring;
}

CTX_GLOBAL int
dpx_upcall_send(struct __sk_buff *skb, struct dpx_scratch *s, __u32 type,
                __u32 pid)
{
    struct dpx_upcall_args args = { .type = type, .pid = pid };
    __u32 port, room, total;

    if (!s) {
        return DPX_DROP_LOST;
    }
    args.ring = dpx_upcall_ring(skb, s, pid);
    if (!args.ring) {
        return DPX_DROP_NO_HANDLER;
    }
    port = s->key.in_port;
    args.backlog = bpf_map_lookup_elem(&backlog, &port);
    room = s->userdata_len <= DPX_UPCALL_ROOM ? DPX_UPCALL_ROOM
                                              : DPX_MAX_USERDATA;
    total = sizeof(struct dpx_upcall) + room + skb->len + 4;
    if (!args.backlog || !dpx_upcall_admits(&args, total)) {
        return DPX_DROP_LOST;
    }
    if (skb->len > DPX_UPCALL_MAX_PACKET) {
        return DPX_DROP_TOO_LONG;
    }
    if (room == DPX_UPCALL_ROOM) {
        if (total <= 512) {
            return dpx_upcall_record(skb, s, &args, 512, DPX_UPCALL_ROOM);
        } else if (total <= 1024) {
            return dpx_upcall_record(skb, s, &args, 1024, DPX_UPCALL_ROOM);
        } else if (total <= 2048) {
            return dpx_upcall_record(skb, s, &args, 2048, DPX_UPCALL_ROOM);
        } else if (total <= 10240) {
            return dpx_upcall_record(skb, s, &args, 10240, DPX_UPCALL_ROOM);
        } else if (total <= 32768) {
            return dpx_upcall_record(skb, s, &args, 32768, DPX_UPCALL_ROOM);
        }
    } else if (total <= 3072) {
        return dpx_upcall_record(skb, s, &args, 3072, DPX_MAX_USERDATA);
    }
    return dpx_upcall_record(skb, s, &args, 67584, DPX_MAX_USERDATA);
}

#endif /* bpf/upcall.bpf.h */
