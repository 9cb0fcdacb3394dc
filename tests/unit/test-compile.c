/* SPDX-License-Identifier: Apache-2.0 */

/* Actions -> operations: which words of which header, which checksums, what
 * XDP may execute, and how a list is refused. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/openvswitch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/odp.h"

static struct dpx_buf acts;
static struct dpx_key key, mask;
static struct dpx_program prog;

/* A flow of such packets, all other fields wildcarded. */
static void
flow(uint16_t eth_type, uint8_t proto)
{
    dpx_buf_clear(&acts);
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    mask.mac_proto = 0xff;
    key.eth_type = htons(eth_type);
    mask.eth_type = eth_type ? 0xffff : 0;
    key.ip_proto = proto;
    mask.ip_proto = proto ? 0xff : 0;
}

static int
compile(void)
{
    return dpx_compile(dpx_buf_data(&acts), acts.len, &key, &mask, &prog);
}

static void
output(uint32_t port)
{
    dpx_nla_put_u32(&acts, OVS_ACTION_ATTR_OUTPUT, port);
}

static void
set(uint16_t attr, const void *value, const void *value_mask, size_t n)
{
    size_t nest = dpx_nla_nest(&acts, value_mask ? OVS_ACTION_ATTR_SET_MASKED
                                                 : OVS_ACTION_ATTR_SET);
    uint8_t both[80];

    memcpy(both, value, n);
    if (value_mask) {
        memcpy(both + n, value_mask, n);
    }
    dpx_nla_put(&acts, attr, both, value_mask ? 2 * n : n);
    dpx_nla_end(&acts, nest);
}

static void
push_vlan(uint16_t tpid, uint16_t tci)
{
    struct ovs_action_push_vlan v = { htons(tpid), htons(tci) };

    dpx_nla_put(&acts, OVS_ACTION_ATTR_PUSH_VLAN, &v, sizeof v);
}

static void
assert_op(size_t i, uint8_t type, uint8_t layer, uint16_t off, uint32_t a,
          uint32_t b, uint8_t csum)
{
    assert_true(i < prog.n);
    assert_int_equal(prog.ops[i].type, type);
    assert_int_equal(prog.ops[i].layer, layer);
    assert_int_equal(prog.ops[i].off, off);
    assert_int_equal(prog.ops[i].a, a);
    assert_int_equal(prog.ops[i].b, b);
    assert_int_equal(prog.ops[i].csum, csum);
}

static void
assert_refused(int expected, const char *text)
{
    int error = compile();

    assert_int_equal(error, expected);
    assert_string_equal(dpx_error_text(error), text);
}

static void
test_outputs(void **state)
{
    (void) state;
    flow(0, 0);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 0);
    assert_int_equal(prog.out, DPX_PORT_NONE);
    assert_int_equal(prog.body_flags, DPX_BODY_XDP | DPX_BODY_PLAIN);
    output(5);
    assert_int_equal(compile(), 0);
    assert_op(0, DPX_OP_OUTPUT, 0, 0, 5, 0, 0);
    assert_int_equal(prog.out, 5);
    assert_int_equal(prog.body_flags, DPX_BODY_XDP | DPX_BODY_PLAIN);
    output(6);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 2);
    assert_int_equal(prog.out, DPX_PORT_NONE);
    assert_int_equal(prog.body_flags, 0);
    output(4096);
    assert_refused(EINVAL, "output: port 4096, the highest is 4095");
}

static void
test_vlan(void **state)
{
    (void) state;
    flow(0, 0);
    push_vlan(ETH_P_8021AD, 0x7064);
    dpx_nla_put(&acts, OVS_ACTION_ATTR_POP_VLAN, NULL, 0);
    output(1);
    assert_int_equal(compile(), 0);
    /* The bit that says "there is a tag" stays off the wire. */
    assert_op(0, DPX_OP_PUSH_VLAN, 0, 0, 0x88a86064, 0, 0);
    assert_op(1, DPX_OP_POP_VLAN, 0, 0, 0, 0, 0);
    assert_int_equal(prog.body_flags, DPX_BODY_XDP);
    assert_int_equal(prog.out, 1);

    flow(0, 0);
    push_vlan(ETH_P_8021Q, 5);
    assert_refused(EINVAL,
                   "push_vlan: TCI 0x0005 without the bit 0x1000 (cfi)");
    flow(0, 0);
    push_vlan(ETH_P_IP, 0x1005);
    assert_refused(EINVAL,
                   "push_vlan: tpid 0x0800, expected 0x8100 or 0x88a8");
    flow(ETH_P_IP, 0);
    key.mac_proto = DPX_MAC_NONE;
    push_vlan(ETH_P_8021Q, 0x1005);
    assert_refused(EINVAL, "push_vlan: the flow is of layer 3 packets");
}

/* What comes behind the last output shows nowhere. */
static void
test_dead_ops(void **state)
{
    (void) state;
    flow(0, 0);
    push_vlan(ETH_P_8021Q, 0x1005);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 0);
    assert_int_equal(prog.body_flags, DPX_BODY_XDP | DPX_BODY_PLAIN);
    dpx_buf_clear(&acts);
    output(3);
    push_vlan(ETH_P_8021Q, 0x1005);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 1);
    assert_int_equal(prog.body_flags, DPX_BODY_XDP | DPX_BODY_PLAIN);
    output(3);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 3);
    assert_int_equal(prog.body_flags, 0);
}

static void
test_set_eth(void **state)
{
    const struct ovs_key_ethernet eth = { { 1, 2, 3, 4, 5, 6 },
                                          { 7, 8, 9, 10, 11, 12 } };
    struct ovs_key_ethernet m = { { 0 }, { 0 } };
    uint32_t word[3];

    (void) state;
    memcpy(word, "\7\10\11\12\13\14\1\2\3\4\5\6", 12);
    flow(0, 0);
    set(OVS_KEY_ATTR_ETHERNET, &eth, NULL, sizeof eth);
    output(1);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 4);
    for (int i = 0; i < 3; i++) {
        assert_op(i, DPX_OP_SET, DPX_LAYER_ETH, 4 * i, word[i], UINT32_MAX, 0);
    }
    assert_int_equal(prog.body_flags, DPX_BODY_XDP);

    /* Words without a bit in the mask cost nothing. */
    flow(0, 0);
    m.eth_dst[0] = 0xff;
    set(OVS_KEY_ATTR_ETHERNET, "\0\0\0\0\0\0\7\0\0\0\0\0", &m, sizeof eth);
    output(1);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 2);
    assert_op(0, DPX_OP_SET, DPX_LAYER_ETH, 0, htonl(7 << 24),
              htonl(0xff000000), 0);
    set(OVS_KEY_ATTR_ETHERNET, &eth, &m, sizeof eth);
    assert_refused(EINVAL,
                   "set(eth): the value has bits that its mask has not");
    flow(ETH_P_IP, 0);
    key.mac_proto = DPX_MAC_NONE;
    set(OVS_KEY_ATTR_ETHERNET, &eth, NULL, sizeof eth);
    assert_refused(EINVAL, "set(eth): the flow is of layer 3 packets");
}

static void
test_set_ipv4(void **state)
{
    struct ovs_key_ipv4 ip = {
        htonl(0x0a000001), htonl(0x0a000002), 17, 0x20, 63, 0
    };
    struct ovs_key_ipv4 m = { .ipv4_ttl = 0xf0 };

    (void) state;
    flow(ETH_P_IP, 17);
    set(OVS_KEY_ATTR_IPV4, &ip, NULL, sizeof ip);
    output(1);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 5);
    assert_op(0, DPX_OP_SET, DPX_LAYER_NET, 0, htonl(0x200000),
              htonl(0xff0000), DPX_CSUM_IP);
    assert_op(1, DPX_OP_SET, DPX_LAYER_NET, 8, htonl(63u << 24),
              htonl(0xff000000), DPX_CSUM_IP);
    assert_op(2, DPX_OP_SET, DPX_LAYER_NET, 12, ip.ipv4_src, UINT32_MAX,
              DPX_CSUM_IP | DPX_CSUM_PSEUDO);
    assert_op(3, DPX_OP_SET, DPX_LAYER_NET, 16, ip.ipv4_dst, UINT32_MAX,
              DPX_CSUM_IP | DPX_CSUM_PSEUDO);

    ip.ipv4_frag = 1;
    set(OVS_KEY_ATTR_IPV4, &ip, NULL, sizeof ip);
    assert_refused(EINVAL, "set(ipv4): proto and frag cannot be changed");
    flow(ETH_P_IP, 0);
    ip = (struct ovs_key_ipv4){ .ipv4_ttl = 0x30 };
    set(OVS_KEY_ATTR_IPV4, &ip, &m, sizeof ip);
    output(1);
    assert_int_equal(compile(), 0);
    assert_op(0, DPX_OP_SET, DPX_LAYER_NET, 8, htonl(0x30000000),
              htonl(0xf0000000), DPX_CSUM_IP);
    m.ipv4_proto = 1;
    set(OVS_KEY_ATTR_IPV4, &ip, &m, sizeof ip);
    assert_refused(EINVAL, "set(ipv4): proto and frag cannot be changed");
    flow(ETH_P_IPV6, 0);
    m.ipv4_proto = 0;
    set(OVS_KEY_ATTR_IPV4, &ip, &m, sizeof ip);
    assert_refused(EINVAL, "set(ipv4): the flow must match eth_type 0x0800");
}

static void
test_set_ipv6(void **state)
{
    struct ovs_key_ipv6 ip = { .ipv6_label = htonl(0x12345),
                               .ipv6_proto = 17,
                               .ipv6_tclass = 0xab,
                               .ipv6_hlimit = 9 };
    struct ovs_key_ipv6 m = { .ipv6_tclass = 0x0f };

    (void) state;
    flow(ETH_P_IPV6, 17);
    ip.ipv6_src[3] = htonl(1);
    set(OVS_KEY_ATTR_IPV6, &ip, NULL, sizeof ip);
    output(1);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 11);
    assert_op(0, DPX_OP_SET, DPX_LAYER_NET, 0, htonl(0x0ab12345),
              htonl(0x0fffffff), 0);
    assert_op(1, DPX_OP_SET, DPX_LAYER_NET, 4, htonl(9), htonl(0xff), 0);
    assert_op(5, DPX_OP_SET, DPX_LAYER_NET, 20, htonl(1), UINT32_MAX,
              DPX_CSUM_PSEUDO);

    flow(ETH_P_IPV6, 0);
    ip = (struct ovs_key_ipv6){ .ipv6_tclass = 0x0b };
    set(OVS_KEY_ATTR_IPV6, &ip, &m, sizeof ip);
    output(1);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 2);
    assert_op(0, DPX_OP_SET, DPX_LAYER_NET, 0, htonl(0x00b00000),
              htonl(0x00f00000), 0);
    m.ipv6_label = htonl(0x100000);
    set(OVS_KEY_ATTR_IPV6, &ip, &m, sizeof ip);
    assert_refused(EINVAL, "set(ipv6): the label has 20 bits");
}

static void
test_set_ports(void **state)
{
    static const struct {
        uint16_t attr;
        uint8_t proto, csum;
    } rows[] = {
        { OVS_KEY_ATTR_TCP, 6, DPX_CSUM_TP },
        { OVS_KEY_ATTR_UDP, 17, DPX_CSUM_TP },
        { OVS_KEY_ATTR_SCTP, 132, DPX_CSUM_SCTP },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        flow(ETH_P_IPV6, rows[i].proto);
        set(rows[i].attr, "\0\0\0\1", "\0\0\0\7", 4);
        output(1);
        assert_int_equal(compile(), 0);
        assert_int_equal(prog.n, 2);
        assert_op(0, DPX_OP_SET, DPX_LAYER_TP, 0, htonl(1), htonl(7),
                  rows[i].csum);
        mask.ip_proto = 0xf0;
        assert_int_equal(compile(), EINVAL);
        flow(ETH_P_ARP, rows[i].proto);
        set(rows[i].attr, "\0\0\0\1", NULL, 4);
        assert_int_equal(compile(), EINVAL);
    }
    assert_refused(EINVAL, "set(sctp): the flow must match IP with proto 132, "
                           "not a later fragment");
}

static void
test_set_key(void **state)
{
    uint32_t value = 0x12, value_mask = 0xff;

    (void) state;
    flow(0, 0);
    set(OVS_KEY_ATTR_SKB_MARK, &value, &value_mask, 4);
    set(OVS_KEY_ATTR_PRIORITY, &value, NULL, 4);
    output(1);
    assert_int_equal(compile(), 0);
    assert_op(0, DPX_OP_SET_KEY, 0, offsetof(struct dpx_key, skb_mark), 0x12,
              0xff, 0);
    assert_op(1, DPX_OP_SET_KEY, 0, offsetof(struct dpx_key, skb_priority),
              0x12, UINT32_MAX, 0);
    assert_int_equal(prog.body_flags, 0);
    assert_int_equal(prog.out, 1);
}

static void
test_userspace(void **state)
{
    size_t nest;

    (void) state;
    flow(0, 0);
    nest = dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u32(&acts, OVS_USERSPACE_ATTR_PID, 42);
    dpx_nla_put(&acts, OVS_USERSPACE_ATTR_USERDATA, "abcdefghij", 10);
    dpx_nla_put(&acts, OVS_USERSPACE_ATTR_ACTIONS, NULL, 0);
    dpx_nla_end(&acts, nest);
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 3);
    assert_int_equal(prog.ops[0].type, DPX_OP_DATA);
    assert_memory_equal(&prog.ops[0].a, "abcdefgh", 8);
    assert_memory_equal(&prog.ops[1].a, "ij\0\0\0\0\0", 8);
    assert_op(2, DPX_OP_USERSPACE, 0, 10, 42, 0, 0);
    assert_int_equal(prog.body_flags, 0);

    flow(0, 0);
    dpx_nla_end(&acts, dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE));
    assert_refused(EINVAL, "userspace: without pid");
    flow(0, 0);
    nest = dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u16(&acts, OVS_USERSPACE_ATTR_PID, 1);
    dpx_nla_end(&acts, nest);
    assert_refused(EINVAL, "userspace: pid has 2 bytes, expected 4");
    flow(0, 0);
    nest = dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u32(&acts, OVS_USERSPACE_ATTR_PID, 1);
    dpx_nla_put(&acts, OVS_USERSPACE_ATTR_USERDATA, NULL, 1025);
    dpx_nla_end(&acts, nest);
    assert_refused(E2BIG, "userspace: 1025 bytes of userdata, at most 1024");
    flow(0, 0);
    nest = dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u32(&acts, OVS_USERSPACE_ATTR_PID, 1);
    dpx_nla_put_u32(&acts, 9, 1);
    dpx_nla_end(&acts, nest);
    assert_refused(EINVAL, "userspace: unknown attribute 9");
}

static void
test_refused(void **state)
{
    (void) state;
    flow(ETH_P_MPLS_UC, 0);
    dpx_nla_put_u32(&acts, OVS_ACTION_ATTR_RECIRC, 1);
    assert_refused(EOPNOTSUPP, "recirc: cannot be executed yet");
    flow(ETH_P_MPLS_UC, 0);
    set(OVS_KEY_ATTR_MPLS, "\0\0\0\1", NULL, 4);
    assert_refused(EOPNOTSUPP, "set(mpls): cannot be executed yet");
    flow(0, 0);
    set(60, "\0\0\0\1", NULL, 4);
    assert_refused(EINVAL, "set(?): unknown attribute");
    flow(0, 0);
    set(OVS_KEY_ATTR_IPV4, "\0\0\0\1", NULL, 4);
    assert_refused(EINVAL, "set: ipv4: 4 bytes, expected 12");
    flow(0, 0);
    dpx_nla_put_u32(&acts, OVS_ACTION_ATTR_POP_VLAN, 1);
    assert_refused(EINVAL, "pop_vlan: 4 bytes, expected 0");
    flow(0, 0);
    dpx_nla_put_u32(&acts, 1000, 1);
    assert_refused(EINVAL, "action 1000: unknown");
    flow(0, 0);
    dpx_buf_put(&acts, "abc", 3);
    assert_refused(EINVAL, "actions: 3 bytes behind the last one");
}

static void
test_limits(void **state)
{
    struct ovs_key_ethernet eth = { { 1 }, { 1 } };

    (void) state;
    flow(0, 0);
    for (int i = 0; i < 4096; i++) {
        output(i); /* 32 KB of attributes. */
    }
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 4096);
    for (int i = 0; i < 4096; i++) {
        output(i);
    }
    assert_refused(E2BIG, "actions: 65536 bytes, at most 65535");
    flow(0, 0);
    for (int i = 0; i < 3276; i++) {
        set(OVS_KEY_ATTR_ETHERNET, &eth, NULL, sizeof eth);
    }
    assert_int_equal(compile(), 0);
    flow(0, 0);
    for (int i = 0; i < 60; i++) {
        size_t nest = dpx_nla_nest(&acts, OVS_ACTION_ATTR_USERSPACE);

        dpx_nla_put_u32(&acts, OVS_USERSPACE_ATTR_PID, 1);
        dpx_nla_put(&acts, OVS_USERSPACE_ATTR_USERDATA, NULL, 1024);
        dpx_nla_end(&acts, nest);
    }
    assert_int_equal(compile(), 0);
    assert_int_equal(prog.n, 60 * 129);
}

static bool
fits(void)
{
    return dpx_program_fits(&prog, dpx_buf_data(&acts), acts.len, &key, &mask);
}

/* A program is for flows that it would be made the same of. */
static void
test_fits(void **state)
{
    struct dpx_buf copy = DPX_BUF_INIT;

    (void) state;
    flow(ETH_P_IP, 6);
    output(1);
    assert_int_equal(compile(), 0);
    assert_true(fits());
    key.tp_src = mask.tp_src = 1;
    dpx_buf_put(&copy, dpx_buf_data(&acts), acts.len);
    assert_true(
        dpx_program_fits(&prog, dpx_buf_data(&copy), copy.len, &key, &mask));
    dpx_buf_data(&copy)[4] = 2;
    assert_false(
        dpx_program_fits(&prog, dpx_buf_data(&copy), copy.len, &key, &mask));
    assert_false(dpx_program_fits(&prog, dpx_buf_data(&acts), 0, &key, &mask));
    assert_false(
        dpx_program_fits(&prog, dpx_buf_data(&acts), acts.len, &key, NULL));
    mask.ip_proto = 0x7f; /* Of which 6 has the same bits. */
    assert_false(fits());
    flow(ETH_P_IPV6, 6);
    output(1);
    assert_false(fits());
    flow(ETH_P_IP, 6);
    output(1);
    key.mac_proto = DPX_MAC_NONE;
    assert_false(fits());
    key.mac_proto = DPX_MAC_ETHERNET;
    assert_true(fits());
    dpx_buf_put(&acts, "abc", 3);
    assert_int_equal(compile(), EINVAL);
    assert_false(fits());
    dpx_buf_free(&copy);
}

static int
clean_up(void **state)
{
    (void) state;
    dpx_buf_free(&acts);
    dpx_program_free(&prog);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),   cmocka_unit_test(test_vlan),
        cmocka_unit_test(test_dead_ops),  cmocka_unit_test(test_set_eth),
        cmocka_unit_test(test_set_ipv4),  cmocka_unit_test(test_set_ipv6),
        cmocka_unit_test(test_set_ports), cmocka_unit_test(test_set_key),
        cmocka_unit_test(test_userspace), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_fits),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
