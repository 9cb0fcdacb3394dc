/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The packet vocabulary on struct __sk_buff, at tc ingress.  Clones share
 * their bytes until somebody writes: so everything is written by helpers,
 * which make a private copy first.  They also keep skb->csum
 * (CHECKSUM_COMPLETE) and checksums that are still to be completed
 * (CHECKSUM_PARTIAL) right. */

#ifndef DPX_CTX_TC_BPF_H
#define DPX_CTX_TC_BPF_H 1

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "bpf/bytes.h"
#include "bpf/ctx.h"

typedef struct __sk_buff ctx_t;

#include "bpf/csum.h"
#include "bpf/ctx_maps.bpf.h"
#include "bpf/output.bpf.h"
#include "bpf/set.h"
#include "bpf/upcall.bpf.h"

#define CTX_PLANE DPX_PLANE_TC
#define CTX_CLONES 1

#define DPX_F_IPV6 (1ULL << 7) /* BPF_F_IPV6 of 6.16 and newer kernels. */

static __always_inline void *
ctx_header(ctx_t *skb, struct dpx_scratch *s, __u32 ofs, __u32 n)
{
    return ctx_bytes((__u8 *) (long) skb->data, (__u8 *) (long) skb->data_end,
                     ofs, n);
}

static __always_inline __u32
ctx_len(ctx_t *skb)
{
    return skb->len;
}

static __always_inline int
ctx_linear(ctx_t *skb, __u32 n)
{
    __u32 len = skb->len;

    return bpf_skb_pull_data(skb, n < len ? n : len) ? DPX_DROP_PULL : 0;
}

static __always_inline bool
ctx_tag(ctx_t *skb, struct dpx_vlan *vlan)
{
    if (!skb->vlan_present) {
        return false;
    }
    vlan->tpid = skb->vlan_proto;
    vlan->tci = DPX_BE16(skb->vlan_tci);
    return true;
}

static __always_inline int
ctx_push_vlan(ctx_t *skb, __u16 tpid, __u16 tci)
{
    return bpf_skb_vlan_push(skb, DPX_BE16(tpid), tci) ? DPX_DROP_PUSH : 0;
}

static __always_inline int
ctx_pop_vlan(ctx_t *skb)
{
    return bpf_skb_vlan_pop(skb) ? DPX_DROP_WRITE : 0;
}

/* The transport checksum at `ofs` for a word of the pseudo-header that was
 * `old`.  In IPv6 no header checksum makes up for the word in skb->csum, which
 * older kernels do not know: what they take out is put back. */
static __always_inline int
ctx_fix_pseudo(ctx_t *skb, __u32 ofs, __u32 old, __u32 new, __u64 flags,
               bool ipv6)
{
    __u64 sum;

    flags |= BPF_F_PSEUDO_HDR | 4;
    if (!ipv6) {
        return bpf_l4_csum_replace(skb, ofs, old, new, flags);
    }
    if (!bpf_l4_csum_replace(skb, ofs, old, new, flags | DPX_F_IPV6)) {
        return 0;
    }
    if (bpf_l4_csum_replace(skb, ofs, old, new, flags)) {
        return -1;
    }
    sum = (__u64) new + (__u32) ~old;
    bpf_csum_update(skb, (__u32) sum + (sum >> 32));
    return 0;
}

static __always_inline int
ctx_fix_tp(ctx_t *skb, const struct dpx_scratch *s, const struct dpx_op *op,
           __u32 ofs, __u32 old, __u32 new)
{
    bool ipv6 = s->key.eth_type == DPX_BE16(0x86dd);
    __u64 flags = s->key.ip_proto == DPX_PROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

    if (op->csum & DPX_CSUM_PSEUDO) {
        return ctx_fix_pseudo(skb, ofs, old, new, flags, ipv6);
    }
    return bpf_l4_csum_replace(skb, ofs, old, new, flags | 4);
}

/* Where the transport checksum is that `op` concerns, or 0. */
static __always_inline __u32
ctx_tp_csum(ctx_t *skb, const struct dpx_scratch *s, const struct dpx_op *op)
{
    __u32 ofs = dpx_csum_tp_ofs(s, op);
    __u16 check;

    /* UDP's 0 means none. */
    if (ofs && s->key.ip_proto == DPX_PROTO_UDP
        && (bpf_skb_load_bytes(skb, ofs, &check, 2) || !check)) {
        return 0;
    }
    return ofs;
}

/* SCTP's CRC at `ofs` for the word at `word_ofs` that changed. */
static __always_inline int
ctx_fix_sctp(ctx_t *skb, __u32 ofs, __u32 word_ofs, __u32 old, __u32 new)
{
    __u32 crc;

    if (bpf_skb_load_bytes(skb, ofs, &crc, 4)) {
        return -1;
    }
    crc = dpx_crc32c_replace(crc, old, new, skb->len - word_ofs - 4);
    return bpf_skb_store_bytes(skb, ofs, &crc, 4, BPF_F_RECOMPUTE_CSUM);
}

/* skb->csum covers what lies behind the Ethernet header, checksums too.  Where
 * one of these makes up for the change, it stays as it is. */
static __always_inline int
ctx_set32(ctx_t *skb, struct dpx_scratch *s, const struct dpx_op *op)
{
    int ofs = dpx_set_ofs(s, op);
    __u32 tp_csum = ctx_tp_csum(skb, s, op);
    __u32 sctp_csum = dpx_csum_sctp_ofs(s, op);
    __u64 flags = op->layer == DPX_LAYER_ETH || op->csum & DPX_CSUM_IP
                          || tp_csum
                      ? 0
                      : BPF_F_RECOMPUTE_CSUM;
    __u32 old, new;

    if (ofs < 0) {
        return 0;
    }
    if (bpf_skb_load_bytes(skb, ofs, &old, 4)) {
        return DPX_DROP_WRITE;
    }
    new = dpx_set_word(op, old);
    if (new == old) {
        return 0;
    }
    if (bpf_skb_store_bytes(skb, ofs, &new, 4, flags)
        || (op->csum & DPX_CSUM_IP
            && bpf_l3_csum_replace(skb, s->net_ofs + DPX_IPV4_CSUM_OFS, old,
                                   new, 4))
        || (tp_csum && ctx_fix_tp(skb, s, op, tp_csum, old, new))
        || (sctp_csum && ctx_fix_sctp(skb, sctp_csum, ofs, old, new))) {
        return DPX_DROP_WRITE;
    }
    return 0;
}

static __always_inline int
ctx_set_metadata(ctx_t *skb, const struct dpx_scratch *s)
{
    skb->priority = s->key.skb_priority;
    skb->mark = s->key.skb_mark;
    return 0;
}

static __always_inline int
ctx_output(ctx_t *skb, struct dpx_scratch *s, __u32 out, bool last)
{
    return dpx_output(skb, out, last, &s->verdict);
}

static __always_inline int
ctx_upcall(ctx_t *skb, struct dpx_scratch *s, enum dpx_upcall_type type,
           __u32 pid)
{
    return dpx_upcall_send(skb, s, type, pid);
}

#endif /* bpf/ctx_tc.bpf.h */
