/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Checksums, updated and not computed: what a change of 32 bits of a packet
 * does to the checksums over them.  A wrong checksum stays wrong by the same
 * amount.  For BPF and natively. */

#ifndef DPX_CSUM_H
#define DPX_CSUM_H 1

#include "bpf/bytes.h"
#include "maps/layout.h"

enum dpx_csum_proto {
    DPX_PROTO_ICMP = 1,
    DPX_PROTO_TCP = 6,
    DPX_PROTO_UDP = 17,
    DPX_PROTO_ICMPV6 = 58,
    DPX_PROTO_SCTP = 132,
};

/* Offsets of checksums within their headers, and of what matters to them. */
#define DPX_IPV4_CSUM_OFS 10
#define DPX_TCP_CSUM_OFS 16
#define DPX_UDP_CSUM_OFS 6
#define DPX_ICMP_CSUM_OFS 2
#define DPX_SCTP_CSUM_OFS 8
#define DPX_IPV6_DST_OFS 24

/* `check` after the aligned word `old` under it became `new`: RFC 1624,
 * equation 3.  All three as they lie in memory: the ones' complement sum does
 * not care for byte order. */
static __always_inline __u16
dpx_csum_replace(__u16 check, __u32 old, __u32 new)
{
    __u64 sum = (__u16) ~check;

    sum += (__u32) ~old;
    sum += new;
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* The same for the checksum of UDP, of which 0 means that there is none: 0
 * stays 0, and a sum that comes out as 0 is written as 0xffff. */
static __always_inline __u16
dpx_csum_replace_udp(__u16 check, __u32 old, __u32 new)
{
    __u16 sum;

    if (!check) {
        return 0;
    }
    sum = dpx_csum_replace(check, old, new);
    return sum ? sum : 0xffff;
}

/* The offset from the frame's first byte of the transport checksum (16 bits)
 * that `op`, a DPX_OP_SET, has to keep right; 0: none.  As openvswitch.ko does
 * it, the destination of an IPv6 packet that has segments left to go is in no
 * checksum. */
static __always_inline __u32
dpx_csum_tp_ofs(const struct dpx_scratch *s, const struct dpx_op *op)
{
    __u8 kind = op->csum & (DPX_CSUM_PSEUDO | DPX_CSUM_TP);
    bool ipv6 = s->key.eth_type == DPX_BE16(0x86dd);

    if (!kind || !s->tp_ofs) {
        return 0;
    }
    if (kind & DPX_CSUM_PSEUDO && ipv6 && op->off >= DPX_IPV6_DST_OFS
        && s->flags & DPX_PACKET_SEGMENTS_LEFT) {
        return 0;
    }
    switch (s->key.ip_proto) {
    case DPX_PROTO_TCP:
        return s->tp_ofs + DPX_TCP_CSUM_OFS;
    case DPX_PROTO_UDP:
        return s->tp_ofs + DPX_UDP_CSUM_OFS;
    case DPX_PROTO_ICMPV6:
        return ipv6 ? s->tp_ofs + DPX_ICMP_CSUM_OFS : 0;
    case DPX_PROTO_ICMP:
        return !ipv6 && kind & DPX_CSUM_TP ? s->tp_ofs + DPX_ICMP_CSUM_OFS : 0;
    default:
        return 0;
    }
}

/* The same for SCTP's CRC (32 bits). */
static __always_inline __u32
dpx_csum_sctp_ofs(const struct dpx_scratch *s, const struct dpx_op *op)
{
    return op->csum & DPX_CSUM_SCTP && s->tp_ofs
                   && s->key.ip_proto == DPX_PROTO_SCTP
               ? s->tp_ofs + DPX_SCTP_CSUM_OFS
               : 0;
}

/* CRC-32c.  ----------------------------------------------------------------
 *
 * A CRC is linear: what a change does to it depends on the bits that changed
 * and on how many bytes follow them, so the packet itself need not be read.
 * Polynomials are bit-reflected, as usual: the top bit is x**0. */

#define DPX_CRC32C_POLY 0x82f63b78u

static __always_inline __u32
dpx_crc32c_multiply(__u32 a, __u32 b)
{
    __u32 product = 0;

    for (int i = 0; i < 32; i++) {
        product ^= b & -(a >> 31);
        b = b >> 1 ^ (DPX_CRC32C_POLY & -(b & 1));
        a <<= 1;
    }
    return product;
}

/* What to XOR into the CRC-32c of a packet when the bits `diff` (old ^ new, as
 * in memory) of four bytes are turned over, behind which `behind` bytes, at
 * most 131067, are checked.  SCTP stores a CRC in little-endian order, so the
 * result goes into the field as it is. */
static __attribute__((noinline, unused)) __u32
dpx_crc32c_delta(__u32 diff, __u32 behind)
{
    /* x**(8 * 2**i): passing over 2**i bytes. */
    static const __u32 powers[17] = {
        0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
        0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
        0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc, 0xfe7740e6,
    };
    __u32 bytes = behind + 4;

    for (int i = 0; i < 17; i++) {
        if (bytes >> i & 1) {
            diff = dpx_crc32c_multiply(diff, powers[i]);
        }
    }
    return diff;
}

/* The CRC-32c `crc` of an SCTP packet after the word `old`, with `behind`
 * bytes behind it, became `new`.  A field of 0 is one that the sender has left
 * to its device, which needs it to stay so. */
static __always_inline __u32
dpx_crc32c_replace(__u32 crc, __u32 old, __u32 new, __u32 behind)
{
    return crc ? crc ^ dpx_crc32c_delta(old ^ new, behind) : 0;
}

#endif /* bpf/csum.h */
