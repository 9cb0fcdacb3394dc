/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The transport layer's part of the parser (bpf/parse.h). */

#ifndef DPX_PARSE_TP_H
#define DPX_PARSE_TP_H 1

#include "bpf/bytes.h"
#include "bpf/csum.h"
#include "bpf/ctx.h"
#include "maps/layout.h"

/* Words of the key, by their first field. */
static __always_inline void
dpx_parse_put(struct dpx_scratch *s, __u32 word, __u64 value)
{
    dpx_store64((__u8 *) &s->key + 8 * word, value);
}

/* For a header that ctx_header() does not give and that would end at `end`:
 * 0 if the frame is that short, DPX_DROP_PULL if it lies beyond the linear
 * part. */
static __always_inline int
dpx_parse_short(ctx_t *ctx, __u32 end)
{
    return end <= ctx_len(ctx) ? DPX_DROP_PULL : DPX_DROP_NONE;
}

/* Does the frame have `end` bytes?  Says so mostly without asking for its
 * length, which costs a helper call in XDP. */
static __always_inline bool
dpx_parse_has(ctx_t *ctx, struct dpx_scratch *s, __u32 end)
{
    return ctx_header(ctx, s, end - 1, 1) || end <= ctx_len(ctx);
}

#define DPX_ND_LEN 24 /* Up to the options. */
#define DPX_ND_SOLICITATION 135
#define DPX_ND_ADVERTISEMENT 136

struct dpx_nd_walk {
    ctx_t *ctx;
    struct dpx_scratch *s;
    __u32 ofs;
    __u32 end;
    int error;
};

/* One option.  Two of the same kind make the whole message invalid. */
static long
dpx_parse_nd_option(__u32 i, void *walk_)
{
    struct dpx_nd_walk *walk = walk_;
    struct dpx_key *key = &walk->s->key;
    const __u8 *p;
    __u32 word, len;
    __u64 mac;

    (void) i;
    if (walk->end < walk->ofs + 8) {
        return 1;
    }
    p = ctx_header(walk->ctx, walk->s, walk->ofs, 8);
    if (!p) {
        walk->error = DPX_DROP_PULL;
        return 1;
    }
    len = 8 * p[1];
    if (!len || len > walk->end - walk->ofs) {
        return 1;
    }
    if (len == 8 && (p[0] == 1 || p[0] == 2)) {
        word = p[0] == 1 ? DPX_KEY_WORD(nd_sll) : DPX_KEY_WORD(nd_tll);
        mac = dpx_load64(p) >> 16;
        if (p[0] == 1 ? dpx_load64(key->nd_sll) : dpx_load64(key->nd_tll)) {
            dpx_parse_put(walk->s, DPX_KEY_WORD(nd_target), 0);
            dpx_parse_put(walk->s, DPX_KEY_WORD(nd_target) + 1, 0);
            dpx_parse_put(walk->s, DPX_KEY_WORD(nd_sll), 0);
            dpx_parse_put(walk->s, DPX_KEY_WORD(nd_tll), 0);
            return 1;
        }
        dpx_parse_put(walk->s, word, mac);
    }
    walk->ofs += len;
    return 0;
}

/* A neighbour solicitation or advertisement whose ICMPv6 header is at `ofs`.
 * The kernel counts all bytes of the frame as the message, padding too. */
CTX_GLOBAL int
dpx_parse_nd(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    struct dpx_nd_walk walk = {
        .ctx = ctx,
        .s = s,
        .ofs = ofs + DPX_ND_LEN,
        .end = ctx_len(ctx),
    };
    const __u8 *p = ctx_header(ctx, s, ofs, DPX_ND_LEN);

    if (!s) {
        return 0;
    }
    if (!p) {
        return dpx_parse_short(ctx, ofs + DPX_ND_LEN);
    }
    dpx_parse_put(s, DPX_KEY_WORD(nd_target), dpx_load64(p + 8));
    dpx_parse_put(s, DPX_KEY_WORD(nd_target) + 1, dpx_load64(p + 16));
    ctx_loop(DPX_PARSE_MAX / 8, dpx_parse_nd_option, &walk);
    return walk.error;
}

static __always_inline int
dpx_parse_tcp(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    const __u8 *p = ctx_header(ctx, s, ofs, 20);
    __u32 len, flags;

    if (!p) {
        return dpx_parse_short(ctx, ofs + 20);
    }
    s->tp_ofs = ofs;
    flags = dpx_load16(p + 12);
    len = (flags & 0xf0) >> 2;
    if (len != 20 && (len < 20 || !dpx_parse_has(ctx, s, ofs + len))) {
        return 0;
    }
    dpx_parse_put(s, DPX_KEY_WORD(tp_src),
                  dpx_load32(p) | (__u64) (flags & DPX_BE16(0x0fff)) << 32);
    return 0;
}

/* UDP and SCTP, whose headers have `len` bytes (a constant). */
static __always_inline int
dpx_parse_ports(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u32 len)
{
    const __u8 *p = ctx_header(ctx, s, ofs, len);

    if (!p) {
        return dpx_parse_short(ctx, ofs + len);
    }
    s->tp_ofs = ofs;
    dpx_parse_put(s, DPX_KEY_WORD(tp_src), dpx_load32(p));
    return 0;
}

static __always_inline int
dpx_parse_icmp(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, bool ipv6)
{
    const __u8 *p = ctx_header(ctx, s, ofs, 8);
    __u32 type, code;

    if (!p) {
        return dpx_parse_short(ctx, ofs + 8);
    }
    s->tp_ofs = ofs;
    type = p[0];
    code = p[1];
    dpx_parse_put(s, DPX_KEY_WORD(tp_src), type << 8 | code << 24);
    if (ipv6 && !code
        && (type == DPX_ND_SOLICITATION || type == DPX_ND_ADVERTISEMENT)) {
        return dpx_parse_nd(ctx, s, ofs);
    }
    return 0;
}

static __always_inline int
dpx_parse_tp(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u32 proto,
             bool ipv6)
{
    if (proto == DPX_PROTO_TCP) {
        return dpx_parse_tcp(ctx, s, ofs);
    } else if (proto == DPX_PROTO_UDP) {
        return dpx_parse_ports(ctx, s, ofs, 8);
    } else if (proto == (ipv6 ? DPX_PROTO_ICMPV6 : DPX_PROTO_ICMP)) {
        return dpx_parse_icmp(ctx, s, ofs, ipv6);
    } else if (proto == DPX_PROTO_SCTP) {
        return dpx_parse_ports(ctx, s, ofs, 12);
    }
    return 0;
}

#endif /* bpf/parse-tp.h */
