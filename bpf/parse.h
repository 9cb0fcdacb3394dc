/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Packet -> flow key, as openvswitch.ko extracts it (key_extract() in
 * net/openvswitch/flow.c), for every plane.  Include a ctx_*.h first.
 *
 * What is cut short leaves its fields zero and is no error.  A header is
 * looked for in the first DPX_PARSE_MAX bytes of the frame.  Where it is in
 * the frame but not in linear memory, the answer is DPX_DROP_PULL: after
 * ctx_linear(ctx, DPX_PARSE_MAX) parse again, and if that does not help, drop
 * the packet for that reason.  So a plane need not make anything linear in
 * advance.
 *
 * The key is written in whole words, which lookup loads right afterwards; by
 * dpx_store64(), which natively lets the types differ.
 *
 * What plain IP packets do not need is in CTX_GLOBAL functions.  The verifier
 * checks those once, for any arguments, so they ask whether `s` is NULL. */

#ifndef DPX_PARSE_H
#define DPX_PARSE_H 1

#include "bpf/bytes.h"
#include "bpf/ctx.h"
#include "bpf/parse-tp.h"
#include "maps/layout.h"

#define DPX_ETH_LEN 14
#define DPX_ETH_IPV4 DPX_BE16(0x0800)
#define DPX_ETH_IPV6 DPX_BE16(0x86dd)
#define DPX_ETH_ARP DPX_BE16(0x0806)
#define DPX_ETH_RARP DPX_BE16(0x8035)
#define DPX_ETH_MPLS DPX_BE16(0x8847)
#define DPX_ETH_MPLS_MC DPX_BE16(0x8848)
#define DPX_ETH_LLC DPX_BE16(0x0004) /* Any LLC frame without a type. */
#define DPX_ETH_MIN 0x0600           /* Smaller ones are lengths. */

#define DPX_LOW_48 0xffffffffffffull

/* Network layer.  --------------------------------------------------------- */

/* Word 4 of the key. */
static __always_inline __u64
dpx_parse_ip_word(__u32 proto, __u32 tos, __u32 ttl, __u32 frag)
{
    return proto | tos << 8 | ttl << 16 | frag << 24;
}

static __always_inline int
dpx_parse_ipv4(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    const __u8 *p = ctx_header(ctx, s, ofs, 20);
    __u32 len, frag_off, proto, frag = DPX_FRAG_NONE;

    if (!p) {
        return dpx_parse_short(ctx, ofs + 20);
    }
    len = (p[0] & 0x0f) << 2;
    if (len != 20 && (len < 20 || !dpx_parse_has(ctx, s, ofs + len))) {
        return 0;
    }
    s->net_ofs = ofs;
    frag_off = dpx_load16(p + 6);
    if (frag_off & DPX_BE16(0x3fff)) {
        frag = frag_off & DPX_BE16(0x1fff) ? DPX_FRAG_LATER : DPX_FRAG_FIRST;
    }
    proto = p[9];
    dpx_parse_put(s, DPX_KEY_WORD(ip_proto),
                  dpx_parse_ip_word(proto, p[1], p[8], frag));
    dpx_parse_put(s, DPX_KEY_WORD(ipv4), dpx_load64(p + 12));
    if (frag == DPX_FRAG_LATER) {
        return 0;
    }
    return dpx_parse_tp(ctx, s, ofs + len, proto, false);
}

/* IPv6 extension headers, of which there may be any number. */

#define DPX_IPV6_ROUTING 43
#define DPX_IPV6_FRAGMENT 44
#define DPX_IPV6_AUTH 51
#define DPX_IPV6_NONE 59

/* Those to skip: hop-by-hop (0) and destination options (60), and these. */
static __always_inline bool
dpx_parse_is_ext(__u32 next)
{
    return next < 64
           && (1ull << DPX_IPV6_ROUTING | 1ull << DPX_IPV6_FRAGMENT
               | 1ull << DPX_IPV6_AUTH | 1ull << 60 | 1)
                      >> next
                  & 1;
}

struct dpx_ext_walk {
    ctx_t *ctx;
    struct dpx_scratch *s;
    __u32 ofs;
    __u32 next;
    __u32 frag;   /* enum dpx_frag. */
    __u32 broken; /* The chain does not end well. */
    int error;
};

static __always_inline const __u8 *
dpx_parse_ext_header(struct dpx_ext_walk *walk, __u32 n)
{
    const __u8 *p = ctx_header(walk->ctx, walk->s, walk->ofs, n);

    if (!p) {
        walk->broken = 1;
        walk->error = dpx_parse_short(walk->ctx, walk->ofs + n);
    }
    return p;
}

/* One extension header.  A later fragment ends the chain, unless what follows
 * it would be one more extension header: then the kernel gives up, and says
 * that the packet is a first fragment.
 *
 * A header that is longer than the frame is skipped if its first two bytes
 * are there (four of a fragment header).  Kernels of 2026, and Debian's 6.1
 * since then, give up here too (protocol 59); those before did not. */
static long
dpx_parse_ext(__u32 i, void *walk_)
{
    struct dpx_ext_walk *walk = walk_;
    __u32 next, len;
    const __u8 *p;

    (void) i;
    if (!dpx_parse_is_ext(walk->next)) {
        return 1;
    }
    p = dpx_parse_ext_header(walk, 2);
    if (!p) {
        return 1;
    }
    next = p[0];
    len = p[1];
    switch (walk->next) {
    case DPX_IPV6_ROUTING:
        p = ctx_header(walk->ctx, walk->s, walk->ofs, 4);
        if (p && p[3]) {
            walk->s->flags |= DPX_PACKET_SEGMENTS_LEFT;
        } else if (!p && dpx_parse_short(walk->ctx, walk->ofs + 4)) {
            walk->error = DPX_DROP_PULL;
            return 1;
        }
        len = 8 * len + 8;
        break;
    case DPX_IPV6_FRAGMENT:
        walk->frag = DPX_FRAG_FIRST;
        p = dpx_parse_ext_header(walk, 4);
        if (!p) {
            return 1;
        }
        if (dpx_load16(p + 2) & DPX_BE16(0xfff8)) {
            if (dpx_parse_is_ext(next)) {
                walk->broken = 1;
            } else {
                walk->frag = DPX_FRAG_LATER;
            }
            return 1;
        }
        len = 8;
        break;
    case DPX_IPV6_AUTH:
        len = 4 * len + 8;
        break;
    default:
        len = 8 * len + 8;
        break;
    }
    walk->ofs += len;
    walk->next = next;
    return 0;
}

/* Skips the extension headers that begin at `ofs` with a `next`, and stores
 * `word`, word 4 of the key, with protocol and kind of fragment filled in.
 * Returns where the transport header is, 0 if there is none, or a negative
 * enum dpx_drop_reason. */
CTX_GLOBAL int
dpx_parse_exts(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u32 next,
               __u64 word)
{
    struct dpx_ext_walk walk = {
        .ctx = ctx, .s = s, .ofs = ofs, .next = next
    };

    if (!s) {
        return 0;
    }
    ctx_loop(DPX_PARSE_MAX / 8, dpx_parse_ext, &walk);
    next = walk.next;
    if (walk.broken) {
        next = DPX_IPV6_NONE;
    } else if (walk.frag == DPX_FRAG_LATER) {
        next = DPX_IPV6_FRAGMENT;
    }
    dpx_parse_put(s, DPX_KEY_WORD(ip_proto),
                  word | dpx_parse_ip_word(next, 0, 0, walk.frag));
    if (walk.error) {
        return -walk.error;
    }
    return walk.broken || walk.frag == DPX_FRAG_LATER ? 0 : walk.ofs;
}

static __always_inline int
dpx_parse_ipv6(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    const __u8 *p = ctx_header(ctx, s, ofs, 40);
    __u32 first, next;
    __u64 word;
    int tp_ofs;

    if (!p) {
        return dpx_parse_short(ctx, ofs + 40);
    }
    s->net_ofs = ofs;
    first = dpx_load32(p);
    next = p[6];
    word = dpx_parse_ip_word(0, (p[0] << 4 | p[1] >> 4) & 0xff, p[7],
                             DPX_FRAG_NONE)
           | (__u64) (first & DPX_BE32(0x000fffff)) << 32;
    dpx_parse_put(s, DPX_KEY_WORD(net), dpx_load64(p + 8));
    dpx_parse_put(s, DPX_KEY_WORD(net) + 1, dpx_load64(p + 16));
    dpx_parse_put(s, DPX_KEY_WORD(net) + 2, dpx_load64(p + 24));
    dpx_parse_put(s, DPX_KEY_WORD(net) + 3, dpx_load64(p + 32));
    tp_ofs = ofs + 40;
    if (dpx_parse_is_ext(next)) {
        tp_ofs = dpx_parse_exts(ctx, s, tp_ofs, next, word);
        if (tp_ofs <= 0) {
            return -tp_ofs;
        }
        next = s->key.ip_proto;
    } else {
        dpx_parse_put(s, DPX_KEY_WORD(ip_proto), word | next);
    }
    return dpx_parse_tp(ctx, s, tp_ofs, next, true);
}

/* ARP and RARP for IPv4 on Ethernet; others have no fields. */
static __always_inline int
dpx_parse_arp(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    const __u8 *p = ctx_header(ctx, s, ofs, 28);
    __u64 word;

    if (!p) {
        return dpx_parse_short(ctx, ofs + 28);
    }
    word = dpx_load64(p);
    if ((word & DPX_LOW_48) != 0x040600080100ull) {
        return 0;
    }
    s->net_ofs = ofs;
    /* An opcode of more than eight bits counts as none. */
    dpx_parse_put(s, DPX_KEY_WORD(ip_proto), p[6] ? 0 : p[7]);
    dpx_parse_put(s, DPX_KEY_WORD(arp.sip),
                  dpx_load32(p + 14) | (__u64) dpx_load32(p + 24) << 32);
    dpx_parse_put(s, DPX_KEY_WORD(arp.sha), dpx_load64(p + 8) & DPX_LOW_48);
    dpx_parse_put(s, DPX_KEY_WORD(arp.tha), dpx_load64(p + 18) & DPX_LOW_48);
    return 0;
}

/* Up to three labels.  In a stack without a bottom openvswitch.ko counts none,
 * and so can install no flow for it; here, as in OVS's userspace, those found
 * count. */
static __always_inline int
dpx_parse_mpls(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs)
{
    s->mpls_ofs = ofs;
    for (__u32 i = 0; i < 3; i++) {
        const __u8 *p = ctx_header(ctx, s, ofs + 4 * i, 4);

        if (!p) {
            return dpx_parse_short(ctx, ofs + 4 * i + 4);
        }
        dpx_store32(&s->key.mpls.lse[i], dpx_load32(p));
        dpx_store32(&s->key.mpls.n, DPX_BE32(i + 1));
        if (p[2] & 1) {
            break;
        }
    }
    return 0;
}

/* What is neither IPv4 nor IPv6. */
CTX_GLOBAL int
dpx_parse_other(ctx_t *ctx, struct dpx_scratch *s, __u32 ofs, __u16 type)
{
    if (!s) {
        return 0;
    }
    if (type == DPX_ETH_ARP || type == DPX_ETH_RARP) {
        return dpx_parse_arp(ctx, s, ofs);
    } else if (type == DPX_ETH_MPLS || type == DPX_ETH_MPLS_MC) {
        return dpx_parse_mpls(ctx, s, ofs);
    }
    return 0;
}

/* Link layer.  ------------------------------------------------------------ */

static __always_inline bool
dpx_parse_is_vlan(__u16 type)
{
    return type == DPX_BE16(0x8100) || type == DPX_BE16(0x88a8);
}

/* A struct dpx_vlan as an integer. */
static __always_inline __u32
dpx_parse_tag(__u16 tpid, __u16 tci)
{
    return tpid | (__u32) (tci | DPX_BE16(DPX_VLAN_PRESENT)) << 16;
}

/* Where the parser is in the link layer. */
struct dpx_link {
    __u32 ofs; /* Behind the EtherType. */
    __u16 type;
    __u64 tags; /* Word 3 of the key; 0: none yet. */
};

/* Takes the tag that `link` is at, if it is whole. */
static __always_inline int
dpx_parse_take_tag(ctx_t *ctx, struct dpx_scratch *s, struct dpx_link *link)
{
    const __u8 *p;
    __u64 tag;

    if (!dpx_parse_is_vlan(link->type)) {
        return 0;
    }
    p = ctx_header(ctx, s, link->ofs, 4);
    if (!p) {
        return dpx_parse_short(ctx, link->ofs + 4);
    }
    tag = dpx_parse_tag(link->type, dpx_load16(p));
    link->tags |= link->tags ? tag << 32 : tag;
    link->type = dpx_load16(p + 2);
    link->ofs += 4;
    return 0;
}

/* Turns the length that `link` is at into an EtherType. */
static __always_inline int
dpx_parse_llc(ctx_t *ctx, struct dpx_scratch *s, struct dpx_link *link)
{
    const __u8 *p = ctx_header(ctx, s, link->ofs, 8);

    link->type = DPX_ETH_LLC;
    if (!p) {
        return dpx_parse_short(ctx, link->ofs + 8);
    }
    if (p[0] == 0xaa && p[1] == 0xaa && !p[3] && !p[4] && !p[5]) {
        __u16 type = dpx_load16(p + 6);

        link->ofs += 8;
        if (DPX_BE16(type) >= DPX_ETH_MIN) {
            link->type = type;
        }
    }
    return 0;
}

/* What stands in front of the network layer, other than a plain EtherType of
 * IP: `type` follows the addresses, `tag` is the one beside the frame or 0.
 * Stores the tags.  Returns the innermost EtherType, and in bits 16 up the
 * offset of what it announces; 0: DPX_DROP_PULL. */
CTX_GLOBAL __u32
dpx_parse_link(ctx_t *ctx, struct dpx_scratch *s, __u16 type, __u32 tag)
{
    struct dpx_link link = { .ofs = DPX_ETH_LEN, .type = type, .tags = tag };
    int error;

    if (!s) {
        return 0;
    }
    error = dpx_parse_take_tag(ctx, s, &link);
    if (!error && !tag) {
        error = dpx_parse_take_tag(ctx, s, &link);
    }
    if (!error && DPX_BE16(link.type) < DPX_ETH_MIN) {
        error = dpx_parse_llc(ctx, s, &link);
    }
    dpx_parse_put(s, DPX_KEY_WORD(vlan), link.tags);
    return error ? 0 : link.type | link.ofs << 16;
}

/* Fills words 1 to 13 of s->key, and the offsets and flags of `s`, from the
 * packet.  Word 0 and the words from DPX_KEY_TAIL on are the caller's.
 * Returns 0 or an enum dpx_drop_reason. */
static __always_inline int
dpx_parse(ctx_t *ctx, struct dpx_scratch *s)
{
    struct dpx_vlan beside = { 0, 0 };
    const __u8 *p = ctx_header(ctx, s, 0, DPX_ETH_LEN);
    __u32 tag = 0, ofs = DPX_ETH_LEN;
    __u64 dst, src;
    __u16 type;

    for (__u32 word = 1; word < DPX_KEY_TAIL; word++) {
        dpx_parse_put(s, word, 0);
    }
    dpx_store64(&s->mpls_ofs, 0);
    if (!p) {
        return DPX_DROP_PULL;
    }
    dst = dpx_load64(p) & DPX_LOW_48;
    src = dpx_load64(p + 6);
    type = src >> 48;
    if (ctx_tag(ctx, &beside)) {
        tag = dpx_parse_tag(beside.tpid, beside.tci);
        dpx_parse_put(s, DPX_KEY_WORD(vlan), tag);
    }
    if (type != DPX_ETH_IPV4 && type != DPX_ETH_IPV6) {
        __u32 link = dpx_parse_link(ctx, s, type, tag);

        if (!link) {
            return DPX_DROP_PULL;
        }
        type = link;
        ofs = link >> 16;
    }
    dpx_parse_put(s, DPX_KEY_WORD(eth_dst), dst | (__u64) type << 48);
    dpx_parse_put(s, DPX_KEY_WORD(eth_src), src & DPX_LOW_48);
    if (type == DPX_ETH_IPV4) {
        return dpx_parse_ipv4(ctx, s, ofs);
    } else if (type == DPX_ETH_IPV6) {
        return dpx_parse_ipv6(ctx, s, ofs);
    }
    return dpx_parse_other(ctx, s, ofs, type);
}

_Static_assert(offsetof(struct dpx_scratch, flags)
                   == offsetof(struct dpx_scratch, mpls_ofs) + 6,
               "offsets and flags are cleared together");

#endif /* bpf/parse.h */
