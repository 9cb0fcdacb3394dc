/* SPDX-License-Identifier: Apache-2.0 */

/* Frames for tests, with checksums from scratch. */

#ifndef DPX_TESTS_FRAMES_H
#define DPX_TESTS_FRAMES_H 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MAX_FRAME 256

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132 };
enum { ROUTING = 43, FRAGMENT = 44 };

/* What a packet is to have.  Zero fields: nothing of the kind. */
struct recipe {
    uint8_t version; /* 4 or 6. */
    uint8_t proto;
    uint8_t tags;
    uint8_t options; /* Words of IPv4 options. */
    uint8_t ext;     /* An IPv6 extension header. */
    uint8_t segments_left;
    uint16_t frag;   /* As in IPv4's header. */
    uint8_t no_sum;  /* UDP without a checksum. */
    uint8_t payload; /* Bytes. */
};

struct frame {
    uint8_t data[MAX_FRAME];
    size_t len, net, tp;
};

static inline uint32_t
add(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    return sum;
}

static inline uint16_t
finish(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static inline uint32_t
crc32c(const uint8_t *p, size_t n)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1));
        }
    }
    return ~crc;
}

static inline void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static inline uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static inline size_t
tp_len(uint8_t proto)
{
    return proto == TCP ? 20 : proto == SCTP ? 12 : 8;
}

static inline size_t
csum_ofs(uint8_t proto)
{
    return proto == TCP ? 16 : proto == UDP ? 6 : 2;
}

static inline int
is_later(const struct recipe *r)
{
    return r->frag & 0x1fff;
}

/* Writes the checksums that `f` should have. */
static inline void
checksum(const struct recipe *r, struct frame *f)
{
    uint8_t *net = f->data + f->net, *tp = f->data + f->tp;
    size_t len = f->len - f->tp;
    uint32_t sum = 0;

    if (r->version == 4) {
        put16(net + 10, 0);
        put16(net + 10, finish(add(0, net, f->tp - f->net)));
    }
    if (is_later(r)) {
        return;
    }
    if (r->proto == SCTP) {
        uint32_t crc;

        memset(tp + 8, 0, 4);
        crc = crc32c(tp, len);
        memcpy(tp + 8, &crc, 4); /* Little-endian, like the host. */
        return;
    }
    if (r->proto != ICMP) {
        sum = r->version == 4 ? add(0, net + 12, 8) : add(0, net + 8, 32);
        sum += r->proto + len;
    }
    put16(tp + csum_ofs(r->proto), 0);
    sum = finish(add(sum, tp, len));
    if (r->proto == UDP) {
        sum = r->no_sum ? 0 : sum ? sum : 0xffff;
    }
    put16(tp + csum_ofs(r->proto), sum);
}

static inline size_t
cook_ipv4(const struct recipe *r, uint8_t *p, size_t tp_bytes)
{
    size_t len = 20 + 4 * r->options;

    p[0] = 0x40 | len / 4;
    p[1] = 0x2e;
    put16(p + 2, len + tp_bytes);
    put16(p + 6, r->frag);
    p[8] = 64;
    p[9] = r->proto;
    memcpy(p + 12, "\x0a\x01\x02\x03\xc0\xa8\x11\x12", 8);
    memset(p + 20, 1, len - 20);
    return len;
}

static inline size_t
cook_ipv6(const struct recipe *r, uint8_t *p, size_t tp_bytes)
{
    p[0] = 0x62;
    p[1] = 0xe1;
    put16(p + 4, tp_bytes + (r->ext ? 8 : 0));
    p[6] = r->ext ? r->ext : r->proto;
    p[7] = 64;
    for (int i = 0; i < 32; i++) {
        p[8 + i] = 0x20 + 3 * i;
    }
    if (!r->ext) {
        return 40;
    }
    p[40] = r->proto;
    if (r->ext == FRAGMENT) {
        put16(p + 42, (r->frag & 0x1fff) << 3 | r->frag >> 13);
    } else if (r->ext == ROUTING) {
        p[43] = r->segments_left;
    }
    return 48;
}

static inline struct frame
cook(const struct recipe *r)
{
    struct frame f = { .net = 14 + 4 * r->tags };
    size_t tp_bytes = tp_len(r->proto) + r->payload;
    uint8_t *p = f.data;

    memcpy(p, "\x02\x11\x22\x33\x44\x55\x02\xaa\xbb\xcc\xdd\xee", 12);
    for (int i = 0; i < r->tags; i++) {
        put16(p + 12 + 4 * i, i ? 0x8100 : 0x88a8);
        put16(p + 14 + 4 * i, 0x2064 + i);
    }
    put16(p + f.net - 2, r->version == 4 ? 0x0800 : 0x86dd);
    f.tp = f.net
           + (r->version == 4 ? cook_ipv4(r, p + f.net, tp_bytes)
                              : cook_ipv6(r, p + f.net, tp_bytes));
    f.len = f.tp + tp_bytes;
    for (size_t i = f.tp; i < f.len; i++) {
        p[i] = 7 * i;
    }
    if (r->proto == TCP) {
        put16(p + f.tp + 12, 0x5b12);
    } else if (r->proto == ICMPV6) {
        memcpy(p + f.tp, "\x80\x00", 2);
    }
    checksum(r, &f);
    return f;
}

static const struct recipe recipes[] = {
    { .version = 4, .proto = TCP, .payload = 9 },
    { .version = 4, .proto = TCP, .tags = 2, .options = 3 },
    { .version = 4, .proto = UDP, .payload = 4, .tags = 1 },
    { .version = 4, .proto = UDP, .payload = 5, .no_sum = 1 },
    { .version = 4, .proto = UDP, .payload = 40, .frag = 0x2000 },
    { .version = 4, .proto = UDP, .payload = 40, .frag = 0x2005 },
    { .version = 4, .proto = TCP, .payload = 40, .frag = 0x0006 },
    { .version = 4, .proto = SCTP, .payload = 21 },
    { .version = 4, .proto = ICMP, .payload = 8, .options = 10 },
    { .version = 6, .proto = TCP, .payload = 1, .tags = 1 },
    { .version = 6, .proto = UDP, .payload = 30 },
    { .version = 6, .proto = UDP, .payload = 3, .ext = 60 },
    { .version = 6, .proto = TCP, .payload = 8, .ext = ROUTING },
    { .version = 6,
      .proto = UDP,
      .payload = 8,
      .ext = FRAGMENT,
      .frag = 0x2000 },
    { .version = 6,
      .proto = UDP,
      .payload = 8,
      .ext = FRAGMENT,
      .frag = 0x0007 },
    { .version = 6, .proto = SCTP, .payload = 16, .tags = 2 },
    { .version = 6, .proto = ICMPV6, .payload = 24 },
};
#define N_RECIPES (sizeof recipes / sizeof *recipes)

#endif /* tests/unit/frames.h */
