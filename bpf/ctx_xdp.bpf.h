/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The packet vocabulary on struct xdp_md.  There is one copy of the packet and
 * nothing beside it: no tag, no checksum state.  Misses and whatever else XDP
 * does not do pass up to TC, unmodified. */

#ifndef DPX_CTX_XDP_BPF_H
#define DPX_CTX_XDP_BPF_H 1

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/bytes.h"
#include "bpf/ctx.h"

typedef struct xdp_md ctx_t;

#include "bpf/csum.h"
#include "bpf/ctx_maps.bpf.h"
#include "bpf/set.h"

#define CTX_PLANE DPX_PLANE_XDP
#define CTX_CLONES 0

static __always_inline void *
ctx_header(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u32 n)
{
    return ctx_bytes((__u8 *) (long) ctx->data, (__u8 *) (long) ctx->data_end,
                     ofs, n);
}

/* The kernel's, as far as it is read. */
struct xdp_buff {
    __u32 flags;
} __attribute__((preserve_access_index));

#define DPX_XDP_HAS_FRAGS 1 /* enum xdp_buff_flags. */

extern void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

/* Mostly there is the linear part alone, and from 6.2 on the kernel lets see
 * whether it is so: this saves a call. */
static __always_inline __u32
ctx_len(ctx_t *ctx)
{
    if (bpf_cast_to_kern_ctx) {
        const struct xdp_buff *xdp = bpf_cast_to_kern_ctx(ctx);

        if (!(xdp->flags & DPX_XDP_HAS_FRAGS)) {
            return ctx->data_end - ctx->data;
        }
    }
    return bpf_xdp_get_buff_len(ctx);
}

/* Headers are where they are. */
static __always_inline int
ctx_linear(ctx_t *ctx, __u32 n)
{
    return DPX_DROP_PULL;
}

static __always_inline bool
ctx_tag(ctx_t *ctx, struct dpx_vlan *vlan)
{
    return false;
}

static __always_inline int
ctx_push_vlan(ctx_t *ctx, __u16 tpid, __u16 tci)
{
    __u8 *p;

    if (bpf_xdp_adjust_head(ctx, -4)) {
        return DPX_DROP_PUSH;
    }
    p = ctx_header(ctx, NULL, 0, 18);
    if (!p) {
        return DPX_DROP_WRITE;
    }
    dpx_store64(p, dpx_load64(p + 4));
    dpx_store32(p + 8, dpx_load32(p + 12));
    dpx_store16(p + 12, DPX_BE16(tpid));
    dpx_store16(p + 14, DPX_BE16(tci));
    return 0;
}

static __always_inline int
ctx_pop_vlan(ctx_t *ctx)
{
    __u8 *p = ctx_header(ctx, NULL, 0, 18);
    __u32 macs_high;
    __u64 macs;
    __u16 tpid;

    if (!p) {
        return 0;
    }
    tpid = dpx_load16(p + 12);
    if (tpid != DPX_BE16(0x8100) && tpid != DPX_BE16(0x88a8)) {
        return 0;
    }
    macs = dpx_load64(p);
    macs_high = dpx_load32(p + 8);
    if (bpf_xdp_adjust_head(ctx, 4)) {
        return DPX_DROP_WRITE;
    }
    p = ctx_header(ctx, NULL, 0, 14);
    if (!p) {
        return DPX_DROP_WRITE;
    }
    dpx_store64(p, macs);
    dpx_store32(p + 8, macs_high);
    return 0;
}

/* The checksum at `ofs`, if not 0, for a word under it that changed.  `udp`:
 * 0 means none. */
static __always_inline void
ctx_fix_csum(__u8 *p, __u32 old, __u32 new, bool udp)
{
    __u16 check;

    if (p) {
        check = dpx_load16(p);
        dpx_store16(p, udp ? dpx_csum_replace_udp(check, old, new)
                           : dpx_csum_replace(check, old, new));
    }
}

static __always_inline int
ctx_set32(ctx_t *ctx, struct dpx_scratch *s, const struct dpx_op *op)
{
    int ofs = dpx_set_ofs(s, op);
    __u32 tp_csum = dpx_csum_tp_ofs(s, op);
    __u32 sctp_csum = dpx_csum_sctp_ofs(s, op);
    __u8 *word, *ip = NULL, *tp = NULL, *crc = NULL;
    __u32 old, new;

    if (ofs < 0) {
        return 0;
    }
    /* All that is to be written first, so that failing leaves no trace. */
    word = ctx_header(ctx, s, ofs, 4);
    if (!word) {
        return DPX_DROP_WRITE;
    }
    if (op->csum & DPX_CSUM_IP) {
        ip = ctx_header(ctx, s, s->net_ofs + DPX_IPV4_CSUM_OFS, 2);
        if (!ip) {
            return DPX_DROP_WRITE;
        }
    }
    if (tp_csum) {
        tp = ctx_header(ctx, s, tp_csum, 2);
        if (!tp) {
            return DPX_DROP_WRITE;
        }
    }
    if (sctp_csum) {
        crc = ctx_header(ctx, s, sctp_csum, 4);
        if (!crc) {
            return DPX_DROP_WRITE;
        }
    }
    old = dpx_load32(word);
    new = dpx_set_word(op, old);
    dpx_store32(word, new);
    ctx_fix_csum(ip, old, new, false);
    ctx_fix_csum(tp, old, new, s->key.ip_proto == DPX_PROTO_UDP);
    if (crc) {
        dpx_store32(crc, dpx_crc32c_replace(dpx_load32(crc), old, new,
                                            ctx_len(ctx) - ofs - 4));
    }
    return 0;
}

/* A frame has no metadata, and what sets some is TC's to execute. */
static __always_inline int
ctx_set_metadata(ctx_t *ctx, const struct dpx_scratch *s)
{
    return DPX_DROP_UNKNOWN_OP;
}

/* Why `port` cannot take frames from here, or 0. */
static __always_inline int
ctx_unable(const struct dpx_port *port)
{
    if (!port || !port->ifindex) {
        return DPX_DROP_NO_PORT;
    }
    if (!(port->flags & DPX_PORT_UP)) {
        return DPX_DROP_PORT_DOWN;
    }
    return port->flags & DPX_PORT_RX_XDP ? 0 : DPX_DROP_REDIRECT;
}

/* Why this frame cannot go to `port`, or 0.  As with openvswitch.ko, a frame
 * may be longer than the MTU by one tag.  An edited frame cannot pass up: so
 * if it is too long by the record, which may be old, the device is asked. */
static __always_inline int
ctx_refused(ctx_t *ctx, const struct dpx_scratch *s,
            const struct dpx_port *port)
{
    __u32 len = s->edited ? ctx_len(ctx) : s->len;
    int reason = ctx_unable(port);
    const __u8 *p;

    if (reason || len <= port->mtu + 14) {
        return reason;
    }
    p = ctx_header(ctx, NULL, 12, 2);
    if (p
        && (dpx_load16(p) == DPX_BE16(0x8100)
            || dpx_load16(p) == DPX_BE16(0x88a8))) {
        len -= 4;
    }
    len -= 14;
    return len > port->mtu
                   && (!s->edited
                       || bpf_check_mtu(ctx, port->ifindex, &len, 0, 0))
               ? DPX_DROP_MTU
               : 0;
}

/* A frame that is still what arrived passes up where XDP cannot send it. */
static __always_inline int
ctx_output(ctx_t *ctx, struct dpx_scratch *s, __u32 out, bool last)
{
    int reason = last ? ctx_refused(ctx, s, ctx_port(ctx, out))
                      : DPX_DROP_UNKNOWN_OP;

    if (!reason) {
        int verdict = bpf_redirect_map(&devmap, out, XDP_PASS);

        if (verdict == XDP_REDIRECT) {
            s->verdict = verdict;
            return 0;
        }
        reason = DPX_DROP_REDIRECT;
    }
    if (!s->edited) {
        s->verdict = XDP_PASS;
        return 0;
    }
    return reason;
}

/* Misses and USERSPACE are TC's, and no flow that XDP executes has one. */
static __always_inline int
ctx_upcall(ctx_t *ctx, struct dpx_scratch *s, enum dpx_upcall_type type,
           __u32 pid)
{
    return DPX_DROP_UNKNOWN_OP;
}

#endif /* bpf/ctx_xdp.bpf.h */
