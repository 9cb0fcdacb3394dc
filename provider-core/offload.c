/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-core/offload.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/bytes.h"
#include "bpf/csum.h"
#include "lib/error.h"

enum {
    IPV4_MIN = 20,
    IPV6_LEN = 40,
    TCP_MIN = 20,
    UDP_LEN = 8,
    SCTP_LEN = 12,
    GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, Linux 6.2. */
};

static uint16_t
get16(const uint8_t *p)
{
    return DPX_BE16(dpx_load16(p));
}

/* Ones' complement sums (RFC 1071), of memory in its own byte order. */
static uint64_t
sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
    for (; n >= 4; n -= 4, p += 4) {
        sum += dpx_load32(p);
    }
    if (n & 2) {
        sum += dpx_load16(p);
        p += 2;
    }
    return n & 1 ? sum + *p : sum;
}

static uint16_t
sum_fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint32_t
crc32c(const uint8_t *p, size_t n)
{
    uint32_t crc = UINT32_MAX;

    while (n--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (DPX_CRC32C_POLY & -(crc & 1));
        }
    }
    return ~crc;
}

/* Skips tags and labels.  Returns the offset of what is behind them, and its
 * type in `*type`; 0 if it is cut off. */
static size_t
skip_l2(const uint8_t *frame, size_t len, uint16_t *type)
{
    size_t ofs = ETH_HLEN;

    if (len < ofs) {
        return 0;
    }
    *type = get16(frame + ofs - 2);
    while (*type == ETH_P_8021Q || *type == ETH_P_8021AD) {
        ofs += 4;
        if (len < ofs) {
            return 0;
        }
        *type = get16(frame + ofs - 2);
    }
    if (*type == ETH_P_MPLS_UC || *type == ETH_P_MPLS_MC) {
        do {
            ofs += 4;
            if (len < ofs + 1) {
                return 0;
            }
        } while (!(frame[ofs - 2] & 1)); /* Bottom of stack. */
        *type = frame[ofs] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6;
    }
    return ofs;
}

static bool
find_ipv4(const uint8_t *frame, size_t len, bool gso, struct dpx_layers *l)
{
    const uint8_t *ip = frame + l->net;
    size_t room = len - l->net;
    size_t ihl, total;

    if (room < IPV4_MIN || ip[0] >> 4 != 4) {
        return false;
    }
    ihl = (ip[0] & 15) * 4;
    total = gso ? room : get16(ip + 2);
    if (ihl < IPV4_MIN || total < ihl || total > room
        || get16(ip + 6) & 0x3fff) { /* A fragment. */
        return false;
    }
    l->proto = ip[9];
    l->tp = l->net + ihl;
    l->end = l->net + total;
    return true;
}

static bool
find_ipv6(const uint8_t *frame, size_t len, bool gso, struct dpx_layers *l)
{
    const uint8_t *ip = frame + l->net;
    size_t room = len - l->net;
    size_t total;

    if (room < IPV6_LEN || ip[0] >> 4 != 6) {
        return false;
    }
    total = gso ? room : (size_t) IPV6_LEN + get16(ip + 4);
    if (total > room) {
        return false;
    }
    l->ipv6 = true;
    l->proto = ip[6];
    l->tp = l->net + IPV6_LEN;
    l->end = l->net + total;
    while (l->proto == IPPROTO_HOPOPTS || l->proto == IPPROTO_ROUTING
           || l->proto == IPPROTO_DSTOPTS || l->proto == IPPROTO_AH) {
        const uint8_t *ext = frame + l->tp;

        if (l->end - l->tp < 8) {
            return false;
        }
        l->tp += l->proto == IPPROTO_AH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
        l->proto = ext[0];
        if (l->tp > l->end) {
            return false;
        }
    }
    return true;
}

bool
dpx_layers_find(const uint8_t *frame, size_t len, bool gso,
                struct dpx_layers *l)
{
    size_t n, room;
    uint16_t type;

    memset(l, 0, sizeof *l);
    l->net = skip_l2(frame, len, &type);
    if (!l->net
        || !(type == ETH_P_IP     ? find_ipv4(frame, len, gso, l)
             : type == ETH_P_IPV6 ? find_ipv6(frame, len, gso, l)
                                  : false)) {
        return false;
    }
    room = l->end - l->tp;
    switch (l->proto) {
    case IPPROTO_TCP:
        if (room < TCP_MIN) {
            return false;
        }
        n = (frame[l->tp + 12] >> 4) * 4;
        if (n < TCP_MIN) {
            return false;
        }
        break;
    case IPPROTO_UDP:
        n = UDP_LEN;
        break;
    case IPPROTO_SCTP:
        n = SCTP_LEN;
        break;
    default:
        return false;
    }
    l->payload = l->tp + n;
    return n <= room;
}

/* Offset from the frame's start of the transport checksum. */
static size_t
csum_ofs(const struct dpx_layers *l)
{
    return l->tp
           + (l->proto == IPPROTO_TCP   ? DPX_TCP_CSUM_OFS
              : l->proto == IPPROTO_UDP ? DPX_UDP_CSUM_OFS
                                        : DPX_SCTP_CSUM_OFS);
}

/* Sum of the pseudo-header of a transport packet of `len` bytes. */
static uint64_t
pseudo_sum(const uint8_t *frame, const struct dpx_layers *l, size_t len)
{
    uint64_t sum = (uint64_t) DPX_BE32((uint32_t) len)
                   + DPX_BE32((uint32_t) l->proto);

    return l->ipv6 ? sum_add(sum, frame + l->net + 8, 32)
                   : sum_add(sum, frame + l->net + 12, 8);
}

/* Stores the right TCP or UDP checksum. */
static void
csum_store(uint8_t *frame, const struct dpx_layers *l)
{
    size_t len = l->end - l->tp;
    uint8_t *field = frame + csum_ofs(l);
    uint16_t csum;

    dpx_store16(field, 0);
    csum = ~sum_fold(sum_add(pseudo_sum(frame, l, len), frame + l->tp, len));
    dpx_store16(field, csum || l->proto != IPPROTO_UDP ? csum : 0xffff);
}

static bool
complete_sctp(uint8_t *frame, const struct dpx_layers *l)
{
    uint8_t *field = frame + csum_ofs(l);
    uint32_t crc;

    if (dpx_load32(field)) {
        return false;
    }
    crc = crc32c(frame + l->tp, l->end - l->tp);
    dpx_store32(field, crc);
    return crc != 0;
}

bool
dpx_csum_complete(uint8_t *frame, size_t len)
{
    struct dpx_layers l;
    uint64_t pseudo;
    size_t n;

    if (!dpx_layers_find(frame, len, false, &l)) {
        return false;
    }
    if (l.proto == IPPROTO_SCTP) {
        return complete_sctp(frame, &l);
    }
    n = l.end - l.tp;
    pseudo = pseudo_sum(frame, &l, n);
    if (dpx_load16(frame + csum_ofs(&l)) != sum_fold(pseudo)
        || sum_fold(sum_add(pseudo, frame + l.tp, n)) == 0xffff) {
        return false;
    }
    csum_store(frame, &l);
    return true;
}

/* Makes `seg`, a copy of the packet's headers and of part of its payload, the
 * `i`th segment: `ofs` is where in the payload it begins, `last` whether it
 * ends with it. */
static void
fix_segment(uint8_t *seg, const struct dpx_layers *l, size_t i, size_t ofs,
            bool last)
{
    uint8_t *ip = seg + l->net;
    uint8_t *tp = seg + l->tp;

    if (l->ipv6) {
        dpx_store16(ip + 4, DPX_BE16(l->end - l->net - IPV6_LEN));
    } else {
        dpx_store16(ip + 2, DPX_BE16(l->end - l->net));
        dpx_store16(ip + 4, DPX_BE16(get16(ip + 4) + i));
        dpx_store16(ip + DPX_IPV4_CSUM_OFS, 0);
        dpx_store16(ip + DPX_IPV4_CSUM_OFS,
                    ~sum_fold(sum_add(0, ip, (ip[0] & 15) * 4)));
    }
    if (l->proto == IPPROTO_TCP) {
        dpx_store32(tp + 4, DPX_BE32(DPX_BE32(dpx_load32(tp + 4)) + ofs));
        if (i) {
            tp[13] &= ~0x80; /* CWR: the first only. */
        }
        if (!last) {
            tp[13] &= ~0x09; /* FIN, PSH: the last only. */
        }
    } else {
        dpx_store16(tp + 4, DPX_BE16(l->end - l->tp));
        if (!l->ipv6 && !dpx_load16(tp + DPX_UDP_CSUM_OFS)) {
            return; /* Sent without a checksum. */
        }
    }
    csum_store(seg, l);
}

int
dpx_segment(const uint8_t *frame, size_t len, uint16_t gso_size,
            void (*cb)(void *aux, const uint8_t *frame, size_t len), void *aux)
{
    uint8_t seg[65536 + 512];
    struct dpx_layers l;
    size_t i, ofs, payload;

    if (!gso_size || !dpx_layers_find(frame, len, true, &l)) {
        return dpx_error(EINVAL,
                         "cannot segment a packet of %zu bytes: "
                         "no TCP, UDP or SCTP headers",
                         len);
    }
    if (l.proto == IPPROTO_SCTP) {
        return dpx_error(EOPNOTSUPP,
                         "cannot segment an SCTP packet of %zu "
                         "bytes",
                         len);
    }
    payload = len - l.payload;
    if (l.payload + gso_size > sizeof seg) {
        return dpx_error(EINVAL,
                         "cannot segment a packet with %zu bytes of "
                         "headers into segments of %u",
                         l.payload, gso_size);
    }
    for (i = ofs = 0; ofs < payload || !i; i++, ofs += gso_size) {
        size_t n = payload - ofs < gso_size ? payload - ofs : gso_size;

        memcpy(seg, frame, l.payload);
        memcpy(seg + l.payload, frame + l.payload + ofs, n);
        l.end = l.payload + n;
        fix_segment(seg, &l, i, ofs, ofs + n == payload);
        cb(aux, seg, l.end);
    }
    return 0;
}

size_t
dpx_gso_describe(const uint8_t *frame, size_t len, uint16_t gso_size,
                 struct virtio_net_hdr *vnet, uint8_t *headers, size_t size)
{
    struct dpx_layers l;
    bool ecn;

    if (!dpx_layers_find(frame, len, true, &l) || l.proto == IPPROTO_SCTP
        || l.payload > size || len - l.net > UINT16_MAX) {
        return 0;
    }
    memcpy(headers, frame, l.payload);
    ecn = l.proto == IPPROTO_TCP && headers[l.tp + 13] & 0x80;
    dpx_store16(headers + csum_ofs(&l),
                sum_fold(pseudo_sum(frame, &l, len - l.tp)));
    *vnet = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = (l.proto == IPPROTO_UDP ? GSO_UDP_L4
                     : l.ipv6               ? VIRTIO_NET_HDR_GSO_TCPV6
                                            : VIRTIO_NET_HDR_GSO_TCPV4)
                    | (ecn ? VIRTIO_NET_HDR_GSO_ECN : 0),
        .hdr_len = l.payload,
        .gso_size = gso_size,
        .csum_start = l.tp,
        .csum_offset = csum_ofs(&l) - l.tp,
    };
    return l.payload;
}
