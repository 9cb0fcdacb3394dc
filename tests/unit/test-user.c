/* SPDX-License-Identifier: Apache-2.0 */

/* Plane `user`: every operation on every kind of packet, checksums against
 * sums from scratch, and packets cut off anywhere. */

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/user.h"
#include "maps/table.h"
#include "tests/unit/frames.h"

/* What comes out.  -------------------------------------------------------- */

static struct {
    int n_outputs, n_upcalls, n_drops;
    uint32_t port, pid;
    enum dpx_drop_reason reason;
    enum dpx_upcall_type type;
    struct dpx_key key;
    uint8_t userdata[DPX_MAX_USERDATA];
    size_t userdata_len;
    uint8_t data[MAX_FRAME];
    size_t len;
} out;

static void
keep(const struct dpx_packet *packet)
{
    out.len = packet->frame.len;
    assert_true(out.len <= sizeof out.data);
    memcpy(out.data, dpx_buf_data(&packet->frame), out.len);
}

static void
on_output(void *aux, uint32_t port, const struct dpx_packet *packet)
{
    (void) aux;
    out.n_outputs++;
    out.port = port;
    keep(packet);
}

static void
on_upcall(void *aux, enum dpx_upcall_type type, uint32_t pid,
          const struct dpx_key *key, const void *userdata, size_t len,
          const struct dpx_packet *packet)
{
    (void) aux;
    out.n_upcalls++;
    out.type = type;
    out.pid = pid;
    out.key = *key;
    memcpy(out.userdata, userdata, len);
    out.userdata_len = len;
    keep(packet);
}

static void
on_drop(void *aux, uint32_t port, enum dpx_drop_reason reason,
        const struct dpx_packet *packet)
{
    (void) aux;
    (void) packet;
    out.n_drops++;
    out.port = port;
    out.reason = reason;
}

static const struct dpx_user_ops ops = { on_output, on_upcall, on_drop, NULL };

/* A packet in memory with not a byte to spare, at an odd address if `skew`. */
static struct dpx_packet
packet_of(const uint8_t *data, size_t len, size_t skew)
{
    struct dpx_packet packet = { .in_port = 3 };

    packet.frame.base = malloc(skew + len);
    packet.frame.allocated = skew + len;
    packet.frame.head = skew;
    packet.frame.len = len;
    memcpy(dpx_buf_data(&packet.frame), data, len);
    return packet;
}

static void
execute(const uint8_t *data, size_t len, size_t skew, const struct dpx_op *op,
        size_t n)
{
    struct dpx_packet packet = packet_of(data, len, skew);

    memset(&out, 0, sizeof out);
    dpx_user_execute(NULL, 0, &packet, op, n, &ops);
    dpx_buf_free(&packet.frame);
}

/* Operations.  ------------------------------------------------------------ */

static struct dpx_op
set(enum dpx_layer layer, uint16_t off, const char *value, const char *bits,
    uint8_t csum)
{
    struct dpx_op op = {
        .type = DPX_OP_SET, .layer = layer, .csum = csum, .off = off
    };

    memcpy(&op.a, value, 4);
    memcpy(&op.b, bits, 4);
    op.a &= op.b;
    return op;
}

/* Runs `op` and an output on the packet of `r`: what comes out must be the
 * packet edited by hand, with checksums from scratch if `sums`. */
static void
check_set(const struct recipe *r, struct dpx_op op, bool sums)
{
    struct dpx_op list[] = { op, { .type = DPX_OP_OUTPUT, .a = 9 } };
    const struct frame before = cook(r);
    struct frame after = before;

    if (op.layer != DPX_LAYER_TP || !is_later(r)) {
        uint8_t *p = after.data + op.off;
        uint32_t word;

        p += op.layer == DPX_LAYER_NET  ? after.net
             : op.layer == DPX_LAYER_TP ? after.tp
                                        : 0;
        memcpy(&word, p, 4);
        word = (word & ~op.b) | op.a;
        memcpy(p, &word, 4);
    }
    if (sums) {
        checksum(r, &after);
    }
    for (size_t skew = 0; skew < 4; skew++) {
        execute(before.data, before.len, skew, list, 2);
        assert_int_equal(out.n_outputs, 1);
        assert_int_equal(out.n_drops, 0);
        assert_int_equal(out.port, 9);
        assert_int_equal(out.len, after.len);
        assert_memory_equal(out.data, after.data, after.len);
    }
}

#define ALL "\xff\xff\xff\xff"
#define IP_ADDRESS (DPX_CSUM_IP | DPX_CSUM_PSEUDO)

static void
test_set_eth(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        check_set(&recipes[i],
                  set(DPX_LAYER_ETH, 0, "\x06\x01\x02\x03", ALL, 0), false);
        check_set(
            &recipes[i],
            set(DPX_LAYER_ETH, 8, "\x06\x01\x02\x03", "\x00\xff\x0f\xff", 0),
            false);
    }
}

static void
test_set_ipv4(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        const struct recipe *r = &recipes[i];

        if (r->version != 4) {
            continue;
        }
        check_set(
            r, set(DPX_LAYER_NET, 0, "\0\xb8\0\0", "\0\xfc\0\0", DPX_CSUM_IP),
            true);
        check_set(
            r, set(DPX_LAYER_NET, 8, "\x01\0\0\0", "\xff\0\0\0", DPX_CSUM_IP),
            true);
        check_set(r,
                  set(DPX_LAYER_NET, 12, "\xff\xff\xff\xff", ALL, IP_ADDRESS),
                  true);
        check_set(r, set(DPX_LAYER_NET, 12, "\0\0\0\0", ALL, IP_ADDRESS),
                  true);
        check_set(
            r,
            set(DPX_LAYER_NET, 16, "\0\0\x55\xaa", "\0\0\xff\xf0", IP_ADDRESS),
            true);
    }
}

static void
test_set_ipv6(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        const struct recipe *r = &recipes[i];

        if (r->version != 6) {
            continue;
        }
        check_set(
            r,
            set(DPX_LAYER_NET, 0, "\x0f\x0f\x0e\x0d", "\x0f\xff\xff\xff", 0),
            true);
        check_set(r, set(DPX_LAYER_NET, 4, "\0\0\0\x05", "\0\0\0\xff", 0),
                  true);
        for (int word = 0; word < 8; word++) {
            check_set(r,
                      set(DPX_LAYER_NET, 8 + 4 * word, "\xff\xee\x01\x02",
                          word & 1 ? ALL : "\xff\0\xff\x0f", DPX_CSUM_PSEUDO),
                      true);
        }
    }
}

/* The final destination is in the checksum, the next one is not. */
static void
test_segments_left(void **state)
{
    struct recipe r = { .version = 6,
                        .proto = UDP,
                        .payload = 8,
                        .ext = ROUTING,
                        .segments_left = 1 };

    (void) state;
    check_set(&r, set(DPX_LAYER_NET, 24, "\x20\x02\0\0", ALL, DPX_CSUM_PSEUDO),
              false);
    check_set(&r, set(DPX_LAYER_NET, 36, "\0\0\0\x09", ALL, DPX_CSUM_PSEUDO),
              false);
    check_set(&r, set(DPX_LAYER_NET, 20, "\0\0\0\x09", ALL, DPX_CSUM_PSEUDO),
              true);
}

static void
test_set_ports(void **state)
{
    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        const struct recipe *r = &recipes[i];

        if (r->proto == TCP || r->proto == UDP) {
            check_set(
                r, set(DPX_LAYER_TP, 0, "\x12\x34\x56\x78", ALL, DPX_CSUM_TP),
                true);
            check_set(r,
                      set(DPX_LAYER_TP, 0, "\0\0\xff\xff", "\0\0\xff\xff",
                          DPX_CSUM_TP),
                      true);
        } else if (r->proto == SCTP) {
            check_set(
                r,
                set(DPX_LAYER_TP, 0, "\x12\x34\x56\x78", ALL, DPX_CSUM_SCTP),
                true);
        }
    }
}

/* Each source port once, one of which makes the sum 0: written as 0xffff. */
static void
test_udp_zero(void **state)
{
    struct recipe r = { .version = 4, .proto = UDP, .payload = 2 };
    struct frame f = cook(&r);
    int n = 0;

    (void) state;
    for (uint32_t port = 0; port < 0x10000; port++) {
        struct dpx_op list[] = {
            set(DPX_LAYER_TP, 0, "\0\0\0\0", "\xff\xff\0\0", DPX_CSUM_TP),
            { .type = DPX_OP_OUTPUT },
        };

        list[0].a = htons(port);
        execute(f.data, f.len, 0, list, 2);
        assert_int_not_equal(get16(out.data + f.tp + 6), 0);
        n += get16(out.data + f.tp + 6) == 0xffff;
    }
    assert_in_range(n, 1, 2);
}

/* A sum that is wrong stays wrong by as much. */
static void
test_wrong_sum(void **state)
{
    struct recipe r = { .version = 4, .proto = TCP, .payload = 2 };
    struct dpx_op list[] = {
        set(DPX_LAYER_NET, 12, "\x0a\x01\x02\x04", ALL, IP_ADDRESS),
        { .type = DPX_OP_OUTPUT },
    };
    struct frame f = cook(&r);

    (void) state;
    put16(f.data + f.tp + 16, get16(f.data + f.tp + 16) - 5);
    execute(f.data, f.len, 0, list, 2);
    assert_int_equal(get16(out.data + f.tp + 16),
                     get16(f.data + f.tp + 16) - 1);
}

/* Pushes and pops, with an edit in between that must find its place. */
static void
test_vlan(void **state)
{
    static const struct dpx_op push = {
        .type = DPX_OP_PUSH_VLAN,
        .a = 0x88a8u << 16 | 0xb123,
    };
    static const struct dpx_op pop = { .type = DPX_OP_POP_VLAN };
    static const struct dpx_op output = { .type = DPX_OP_OUTPUT, .a = 1 };

    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        struct recipe r = recipes[i];
        struct dpx_op edit = set(DPX_LAYER_NET, r.version == 4 ? 8 : 4,
                                 r.version == 4 ? "\x07\0\0\0" : "\0\0\0\x07",
                                 r.version == 4 ? "\xff\0\0\0" : "\0\0\0\xff",
                                 r.version == 4 ? DPX_CSUM_IP : 0);
        struct dpx_op list[] = { push, push, edit, output, pop, pop, output };
        struct dpx_op strip[] = { pop, pop, pop, edit, output };
        struct frame f = cook(&r), bare;

        execute(f.data, f.len, i & 3, list, 4);
        assert_int_equal(out.len, f.len + 8);
        assert_memory_equal(out.data, f.data, 12);
        assert_memory_equal(out.data + 12, "\x88\xa8\xa1\x23\x88\xa8\xa1\x23",
                            8);
        assert_memory_equal(out.data + 20, f.data + 12, f.net - 12);

        execute(f.data, f.len, i & 3, list, 7);
        assert_int_equal(out.n_outputs, 2);
        f.data[f.net + (r.version == 4 ? 8 : 7)] = 7;
        checksum(&r, &f);
        assert_int_equal(out.len, f.len);
        assert_memory_equal(out.data, f.data, f.len);

        /* More pops than tags do nothing. */
        f = cook(&r);
        execute(f.data, f.len, i & 3, strip, 5);
        r.tags = 0;
        bare = cook(&r);
        bare.data[bare.net + (r.version == 4 ? 8 : 7)] = 7;
        checksum(&r, &bare);
        assert_int_equal(out.len, bare.len);
        assert_memory_equal(out.data + 12, bare.data + 12, 2);
        assert_memory_equal(out.data + bare.net, bare.data + bare.net,
                            bare.tp - bare.net);
    }
}

static void
test_userspace(void **state)
{
    const struct recipe *r = &recipes[0];
    struct dpx_op list[] = {
        set(DPX_LAYER_NET, 12, "\x01\x02\x03\x04", ALL, IP_ADDRESS),
        { .type = DPX_OP_PUSH_VLAN, .a = 0x8100u << 16 | 0x1005 },
        { .type = DPX_OP_DATA,
          .a = htonl(0x61626364),
          .b = htonl(0x65666768) },
        { .type = DPX_OP_DATA, .a = htonl(0x696a0000) },
        { .type = DPX_OP_USERSPACE, .a = 77, .off = 10 },
        { .type = DPX_OP_OUTPUT, .a = 2 },
        { .type = DPX_OP_USERSPACE, .a = 78 },
    };
    struct frame f = cook(r);

    (void) state;
    execute(f.data, f.len, 1, list, 6);
    assert_int_equal(out.n_upcalls, 1);
    assert_int_equal(out.n_outputs, 1);
    assert_int_equal(out.type, DPX_UPCALL_ACTION);
    assert_int_equal(out.pid, 77);
    assert_int_equal(out.userdata_len, 10);
    assert_memory_equal(out.userdata, "abcdefghij", 10);
    assert_int_equal(out.key.in_port, 3);
    assert_int_equal(out.key.ipv4.src, htonl(0x01020304));
    assert_int_equal(out.key.vlan[0].tci, htons(0x1005));
    assert_int_equal(out.key.vlan[1].tci, 0);
    execute(f.data, f.len, 1, list, 7);
    assert_int_equal(out.n_upcalls, 2);
    assert_int_equal(out.pid, 78);
    assert_int_equal(out.userdata_len, 0);
}

static void
test_unknown_op(void **state)
{
    struct dpx_op list[] = { { .type = DPX_OP_OUTPUT, .a = 1 },
                             { .type = DPX_OP_MAX },
                             { .type = DPX_OP_OUTPUT, .a = 2 } };
    struct frame f = cook(&recipes[0]);

    (void) state;
    execute(f.data, f.len, 0, list, 3);
    assert_int_equal(out.n_outputs, 1);
    assert_int_equal(out.n_drops, 1);
    assert_int_equal(out.reason, DPX_DROP_UNKNOWN_OP);
    assert_int_equal(out.port, 3);
}

/* Whatever is cut off where, all stays within the frame. */
static void
test_truncated(void **state)
{
    struct dpx_op list[] = {
        set(DPX_LAYER_ETH, 8, "abcd", ALL, 0),
        set(DPX_LAYER_NET, 0, "abcd", ALL, DPX_CSUM_IP),
        set(DPX_LAYER_NET, 16, "abcd", ALL, IP_ADDRESS),
        set(DPX_LAYER_NET, 36, "abcd", ALL, DPX_CSUM_PSEUDO),
        set(DPX_LAYER_TP, 0, "abcd", ALL, DPX_CSUM_TP | DPX_CSUM_SCTP),
        set(DPX_LAYER_MPLS, 0, "abcd", ALL, 0),
        { .type = DPX_OP_PUSH_VLAN, .a = 0x8100u << 16 | 0x1005 },
        { .type = DPX_OP_POP_VLAN },
        { .type = DPX_OP_POP_VLAN },
        { .type = DPX_OP_OUTPUT, .a = 1 },
    };
    size_t n = sizeof list / sizeof *list;

    (void) state;
    for (size_t i = 0; i < N_RECIPES; i++) {
        struct frame f = cook(&recipes[i]);

        for (size_t len = 1; len <= f.len; len++) {
            for (size_t first = 0; first < n; first++) {
                execute(f.data, len, len & 3, list + first, n - first);
                assert_int_equal(out.n_outputs + out.n_drops, 1);
            }
        }
    }
}

/* Lookup, counters, miss.  ------------------------------------------------ */

static void
receive(struct dpx_maps *maps, const struct frame *f)
{
    struct dpx_packet packet = packet_of(f->data, f->len, 1);

    memset(&out, 0, sizeof out);
    dpx_user_receive(maps, 1, &packet, &ops);
    dpx_buf_free(&packet.frame);
}

static void
test_receive(void **state)
{
    struct frame f = cook(&recipes[0]), other = cook(&recipes[2]);
    struct dpx_op list[] = { { .type = DPX_OP_OUTPUT, .a = 4 },
                             { .type = DPX_OP_OUTPUT, .a = 5 } };
    struct dpx_key key = { .in_port = 3 }, mask;
    struct dpx_flow flow = { .key = &key,
                             .mask = &mask,
                             .key_attrs = "key!",
                             .key_len = 4,
                             .actions = "acts",
                             .actions_len = 4,
                             .ops = list,
                             .n_ops = 2,
                             .out = DPX_PORT_NONE };
    struct dpx_flow_view view;
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_table *table;
    struct dpx_config conf;
    struct dpx_maps *maps;
    struct dpx_stats stats;

    (void) state;
    memset(&mask, 0, sizeof mask);
    memset(&mask.in_port, 0xff, 8);
    mask.eth_type = 0xffff;
    mask.ip_proto = 0xff;
    key.eth_type = htons(0x0800);
    key.ip_proto = TCP;
    assert_int_equal(dpx_config_init(&conf, 16, 4, 2), 0);
    assert_int_equal(dpx_maps_create_memory("t", &conf, &maps), 0);
    assert_int_equal(dpx_table_open(maps, &table), 0);
    assert_int_equal(dpx_table_begin(table), 0);
    assert_int_equal(dpx_table_put(table, DPX_PUT_CREATE, &flow, NULL), 0);
    dpx_table_end(table);
    for (int i = 0; i < 3; i++) {
        receive(maps, &f);
        assert_int_equal(out.n_outputs, 2);
        assert_int_equal(out.n_upcalls, 0);
    }
    receive(maps, &other);
    assert_int_equal(out.n_outputs, 0);
    assert_int_equal(out.n_upcalls, 1);
    assert_int_equal(out.type, DPX_UPCALL_MISS);
    assert_int_equal(out.key.ip_proto, UDP);
    assert_int_equal(out.len, other.len);
    assert_int_equal(dpx_table_get(table, &flow, &view, &buf), 0);
    assert_int_equal(view.stats.packets, 3);
    assert_int_equal(view.stats.bytes, 3 * f.len);
    assert_int_equal(view.stats.tcp_flags, 0xb12);
    assert_int_equal(view.stats.planes, 1 << DPX_PLANE_USER);
    assert_int_not_equal(view.stats.used, 0);
    dpx_maps_stats(maps, &stats);
    assert_int_equal(stats.hit, 3);
    assert_int_equal(stats.cache_hit, 2);
    assert_int_equal(stats.missed, 1);
    free(buf.data);
    dpx_table_close(table);
    dpx_maps_close(maps);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_eth),   cmocka_unit_test(test_set_ipv4),
        cmocka_unit_test(test_set_ipv6),  cmocka_unit_test(test_segments_left),
        cmocka_unit_test(test_set_ports), cmocka_unit_test(test_udp_zero),
        cmocka_unit_test(test_wrong_sum), cmocka_unit_test(test_vlan),
        cmocka_unit_test(test_userspace), cmocka_unit_test(test_unknown_op),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_receive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
