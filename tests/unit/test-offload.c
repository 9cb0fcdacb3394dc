/* SPDX-License-Identifier: Apache-2.0 */

/* Partial checksums and segmentation, against packets that are built field by
 * field, with checksums added up byte by byte. */

#include <errno.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider-core/offload.h"

enum { TCP = 6, UDP = 17, SCTP = 132 };
enum csum { FULL, PARTIAL, NONE };

/* A packet to build. */
struct spec {
    const char *name;
    int n_vlans, n_labels;
    bool ipv6, ext;    /* With a destination options header. */
    int proto, n_opts; /* Bytes of TCP options. */
    uint16_t id;
    uint32_t seq;
    uint8_t flags;
    enum csum csum;
    const uint8_t *payload;
    size_t n;
    size_t padding; /* Behind the IP packet. */
};

static const struct spec specs[] = {
    { .name = "tcp", .proto = TCP, .flags = 0x10 },
    { .name = "tcp, options", .proto = TCP, .n_opts = 12, .flags = 0x18 },
    { .name = "tcp6", .proto = TCP, .ipv6 = true, .flags = 0x10 },
    { .name = "tcp6, ext",
      .proto = TCP,
      .ipv6 = true,
      .ext = true,
      .n_opts = 40 },
    { .name = "tcp, vlan", .proto = TCP, .n_vlans = 1, .n_opts = 12 },
    { .name = "tcp6, 2 vlans", .proto = TCP, .n_vlans = 2, .ipv6 = true },
    { .name = "tcp, mpls", .proto = TCP, .n_labels = 2 },
    { .name = "udp", .proto = UDP },
    { .name = "udp, vlan", .proto = UDP, .n_vlans = 1 },
    { .name = "udp6", .proto = UDP, .ipv6 = true },
    { .name = "udp6, ext, mpls",
      .proto = UDP,
      .ipv6 = true,
      .ext = true,
      .n_labels = 1 },
    { .name = "sctp", .proto = SCTP },
    { .name = "sctp6, vlan", .proto = SCTP, .ipv6 = true, .n_vlans = 1 },
};

#define N_SPECS (sizeof specs / sizeof specs[0])

static uint8_t payload[65536];

static uint8_t *
be16(uint8_t *p, unsigned int x)
{
    p[0] = x >> 8;
    p[1] = x;
    return p + 2;
}

static uint32_t
naive_sum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* CRC-32c, table-driven, unlike the one under test. */
static uint32_t
naive_crc(const uint8_t *p, size_t n)
{
    uint32_t table[256], crc = 0xffffffff;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++) {
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82f63b78
                                    : table[i] >> 1;
        }
    }
    while (n--) {
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
    }
    return crc ^ 0xffffffff;
}

static uint8_t *
build_l2(const struct spec *s, uint8_t *p)
{
    memcpy(p, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
    p += 12;
    for (int i = 0; i < s->n_vlans; i++) {
        p = be16(p, i + 1 < s->n_vlans ? 0x88a8 : 0x8100);
        p = be16(p, 100 + i);
    }
    p = be16(p, s->n_labels ? 0x8847 : s->ipv6 ? 0x86dd : 0x0800);
    for (int i = 0; i < s->n_labels; i++) {
        p = be16(p, i);
        *p++ = 0x10 | (i + 1 == s->n_labels);
        *p++ = 64;
    }
    return p;
}

static void
transport_csum(const struct spec *s, const uint8_t *addrs, uint8_t *tp,
               size_t len)
{
    uint8_t *field = tp + (s->proto == TCP ? 16 : s->proto == UDP ? 6 : 8);
    uint32_t sum;

    if (s->csum == NONE) {
        return;
    }
    if (s->proto == SCTP) {
        uint32_t crc = s->csum == PARTIAL ? 0 : naive_crc(tp, len);

        for (int i = 0; i < 4; i++) {
            field[i] = crc >> 8 * i;
        }
        return;
    }
    sum = naive_sum(s->proto, addrs, s->ipv6 ? 32 : 8);
    sum += len;
    sum = (sum & 0xffff) + (sum >> 16);
    if (s->csum == FULL) {
        sum = ~naive_sum(sum, tp, len) & 0xffff;
        sum = sum || s->proto != UDP ? sum : 0xffff;
    }
    be16(field, sum);
}

/* Builds the packet in `frame`; returns its length. */
static size_t
build(const struct spec *s, uint8_t *frame)
{
    size_t tp_len = s->n
                    + (s->proto == TCP   ? 20 + s->n_opts
                       : s->proto == UDP ? 8
                                         : 12);
    uint8_t *p, *ip, *tp;

    memset(frame, 0, 256);
    p = ip = build_l2(s, frame);
    if (s->ipv6) {
        p[0] = 0x60;
        be16(p + 4, tp_len + (s->ext ? 8 : 0));
        p[6] = s->ext ? 60 : s->proto;
        p[7] = 64;
        memset(p + 8, 0x20, 16);
        memset(p + 24, 0x21, 16);
        p += 40;
        if (s->ext) {
            p[0] = s->proto;
            p[2] = 1; /* PadN of 4. */
            p[3] = 4;
            p += 8;
        }
    } else {
        p[0] = 0x45;
        be16(p + 2, 20 + tp_len);
        be16(p + 4, s->id);
        p[8] = 64;
        p[9] = s->proto;
        memcpy(p + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
        be16(p + 10, ~naive_sum(0, p, 20));
        p += 20;
    }
    tp = p;
    be16(tp, 1234);
    be16(tp + 2, 80);
    if (s->proto == TCP) {
        be16(tp + 4, s->seq >> 16);
        be16(tp + 6, s->seq);
        tp[12] = (20 + s->n_opts) / 4 << 4;
        tp[13] = s->flags;
        memset(tp + 20, 1, s->n_opts);
        p += 20 + s->n_opts;
    } else {
        if (s->proto == UDP) {
            be16(tp + 4, tp_len);
        }
        p += s->proto == UDP ? 8 : 12;
    }
    memcpy(p, s->payload, s->n);
    transport_csum(s, ip + (s->ipv6 ? 8 : 12), tp, tp_len);
    memset(p + s->n, 0xee, s->padding);
    return p + s->n + s->padding - frame;
}

/* A copy in memory of its own, so that ASan sees every byte too many. */
static uint8_t *
exact(const uint8_t *frame, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    memcpy(copy, frame, len);
    return copy;
}

static void
test_complete(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 101, 1400 };
    uint8_t want[2048], got[2048];

    (void) state;
    for (size_t i = 0; i < N_SPECS; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            struct spec s = specs[i];
            uint8_t *frame;
            size_t len;

            s.payload = payload + 7 * j;
            s.n = sizes[j];
            s.padding = j % 2 * 5;
            len = build(&s, want);
            memcpy(got, want, len);
            assert_false(dpx_csum_complete(got, len));
            assert_memory_equal(got, want, len);

            s.csum = PARTIAL;
            assert_int_equal(build(&s, got), len);
            frame = exact(got, len);
            assert_true(dpx_csum_complete(frame, len));
            assert_memory_equal(frame, want, len);
            free(frame);
        }
    }
}

/* A UDP checksum that comes out as 0 is written as 0xffff: RFC 768. */
static void
test_complete_zero(void **state)
{
    uint8_t zero[2] = { 0, 0 }, frame[256];
    struct spec s = { .proto = UDP, .payload = zero, .n = 2 };

    (void) state;
    build(&s, frame);
    memcpy(zero, frame + 14 + 20 + 6, 2);
    s.csum = PARTIAL;
    assert_true(dpx_csum_complete(frame, build(&s, frame)));
    assert_memory_equal(frame + 14 + 20 + 6, "\xff\xff", 2);
}

/* What is wrong already, and what is a fragment, stays as it is. */
static void
test_complete_not(void **state)
{
    struct spec s = {
        .proto = UDP, .payload = payload, .n = 64, .csum = PARTIAL
    };
    uint8_t frame[256], before[256];
    size_t len = build(&s, frame);

    (void) state;
    frame[14 + 20 + 6] ^= 1;
    memcpy(before, frame, len);
    assert_false(dpx_csum_complete(frame, len));
    assert_memory_equal(frame, before, len);

    build(&s, frame);
    frame[14 + 6] = 0x20; /* More fragments. */
    memcpy(before, frame, len);
    assert_false(dpx_csum_complete(frame, len));
    assert_memory_equal(frame, before, len);

    s.csum = NONE;
    build(&s, frame);
    assert_false(dpx_csum_complete(frame, len));
}

struct expect {
    struct spec packet; /* The GSO packet. */
    size_t gso_size, i;
};

static void
check_segment(void *e_, const uint8_t *frame, size_t len)
{
    struct expect *e = e_;
    struct spec s = e->packet;
    size_t ofs = e->i * e->gso_size;
    uint8_t want[4096];

    s.n = s.n - ofs < e->gso_size ? s.n - ofs : e->gso_size;
    s.payload += ofs;
    s.seq += ofs;
    s.id += e->i;
    s.csum = e->packet.csum == NONE ? NONE : FULL;
    if (e->i) {
        s.flags &= ~0x80;
    }
    if (ofs + s.n < e->packet.n) {
        s.flags &= ~0x09;
    }
    assert_int_equal(len, build(&s, want));
    assert_memory_equal(frame, want, len);
    e->i++;
}

static void
segment(struct spec s, size_t n, size_t gso_size)
{
    uint8_t *frame = malloc(n + 512), *copy;
    struct expect e = { .gso_size = gso_size };
    size_t len;

    s.payload = payload;
    s.n = n;
    s.id = 0xfffe; /* Wraps. */
    s.seq = 0xfffffc00;
    e.packet = s;
    len = build(&s, frame);
    copy = exact(frame, len);
    assert_int_equal(dpx_segment(copy, len, gso_size, check_segment, &e), 0);
    assert_int_equal(e.i, (n + gso_size - 1) / gso_size);
    free(copy);
    free(frame);
}

static void
test_segment(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_SPECS; i++) {
        struct spec s = specs[i];

        if (s.proto == SCTP) {
            continue;
        }
        s.csum = PARTIAL;
        s.flags = 0x99; /* CWR, ACK, PSH, FIN. */
        segment(s, 64000, 1448);
        segment(s, 2 * 1400, 1400);
        segment(s, 1401, 1400);
        segment(s, 100, 1400);
        segment(s, 17, 3);
    }
    segment((struct spec){ .proto = UDP, .csum = NONE }, 3000, 1472);
}

static void
no_segment(void *aux, const uint8_t *frame, size_t len)
{
    (void) aux, (void) frame, (void) len;
    fail();
}

static void
test_segment_not(void **state)
{
    struct spec s = { .proto = SCTP, .payload = payload, .n = 64 };
    uint8_t frame[256];
    size_t len = build(&s, frame);

    (void) state;
    assert_int_equal(dpx_segment(frame, len, 20, no_segment, NULL),
                     EOPNOTSUPP);
    s.proto = TCP;
    len = build(&s, frame);
    assert_int_equal(dpx_segment(frame, len, 0, no_segment, NULL), EINVAL);
    assert_int_equal(dpx_segment(frame, 50, 20, no_segment, NULL), EINVAL);
    memset(frame + 12, 0x77, 2);
    assert_int_equal(dpx_segment(frame, len, 20, no_segment, NULL), EINVAL);
}

static void
test_describe(void **state)
{
    static uint8_t frame[66000], got[512];

    (void) state;
    for (size_t i = 0; i < N_SPECS; i++) {
        struct spec s = specs[i];
        struct virtio_net_hdr vnet;
        size_t len, n;

        s.payload = payload;
        s.n = 60000;
        s.flags |= i % 2 ? 0x80 : 0;
        len = build(&s, frame);
        n = dpx_gso_describe(frame, len, 1000, &vnet, got, sizeof got);
        if (s.proto == SCTP) {
            assert_int_equal(n, 0);
            continue;
        }
        s.csum = PARTIAL;
        build(&s, frame);
        assert_int_equal(n, len - s.n);
        assert_memory_equal(got, frame, n);
        assert_int_equal(vnet.hdr_len, n);
        assert_int_equal(vnet.gso_size, 1000);
        assert_int_equal(vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
        assert_int_equal(vnet.gso_type,
                         s.proto == UDP
                             ? 5
                             : (s.ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                       : VIRTIO_NET_HDR_GSO_TCPV4)
                                   | (i % 2 ? VIRTIO_NET_HDR_GSO_ECN : 0));
        assert_int_equal(vnet.csum_start,
                         n - (s.proto == TCP ? 20 + s.n_opts : 8));
        assert_int_equal(vnet.csum_offset, s.proto == TCP ? 16 : 6);
        assert_int_equal(dpx_gso_describe(frame, len, 1000, &vnet, got, n - 1),
                         0);
    }
}

static void
any_segment(void *sum, const uint8_t *frame, size_t len)
{
    *(uint32_t *) sum += naive_sum(0, frame, len);
}

/* Whatever the bytes are, nothing is read or written outside of them. */
static void
test_hostile(void **state)
{
    uint8_t frame[512], headers[512];
    struct virtio_net_hdr vnet;
    uint32_t sum = 0;

    (void) state;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        struct spec s = specs[random() % N_SPECS];
        uint8_t *copy;
        size_t len;

        s.payload = payload;
        s.n = random() % 64;
        s.csum = random() % 2 ? PARTIAL : FULL;
        len = build(&s, frame);
        for (int k = random() % 4; k > 0; k--) {
            frame[12 + random() % (len - 12)] = random();
        }
        len -= random() % 4 ? 0 : random() % len;
        copy = exact(frame, len);
        dpx_csum_complete(copy, len);
        dpx_segment(copy, len, 1 + random() % 40, any_segment, &sum);
        dpx_gso_describe(copy, len, 9, &vnet, headers, sizeof headers);
        free(copy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_complete_zero),
        cmocka_unit_test(test_complete_not),
        cmocka_unit_test(test_segment),
        cmocka_unit_test(test_segment_not),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_hostile),
    };

    srandom(0);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = random();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
