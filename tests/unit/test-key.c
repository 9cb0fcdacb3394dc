/* SPDX-License-Identifier: Apache-2.0 */

/* Attributes -> struct dpx_key: what is read, what is refused and how it is
 * said. */

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

static struct dpx_buf k, m;
static struct dpx_key key, mask;

static void
put16(struct dpx_buf *b, uint16_t type, uint16_t value)
{
    dpx_nla_put_u16(b, type, htons(value));
}

/* An attribute of `n` bytes that all are `byte`. */
static void
fill(struct dpx_buf *b, uint16_t type, uint8_t byte, size_t n)
{
    uint8_t data[256];

    memset(data, byte, sizeof data);
    dpx_nla_put(b, type, data, n);
}

static void
put_ipv4(struct dpx_buf *b, uint8_t proto, uint8_t frag)
{
    struct ovs_key_ipv4 ipv4 = {
        htonl(0x0a000001), htonl(0x0a000002), proto, 4, 64, frag
    };

    dpx_nla_put(b, OVS_KEY_ATTR_IPV4, &ipv4, sizeof ipv4);
}

static void
put_ipv6(struct dpx_buf *b, uint8_t proto, uint32_t label)
{
    struct ovs_key_ipv6 ipv6 = { .ipv6_label = htonl(label),
                                 .ipv6_proto = proto };

    dpx_nla_put(b, OVS_KEY_ATTR_IPV6, &ipv6, sizeof ipv6);
}

/* in_port(1),eth(src=02...,dst=02...)[,eth_type()] */
static void
start(uint16_t eth_type)
{
    dpx_buf_clear(&k);
    dpx_buf_clear(&m);
    dpx_nla_put_u32(&k, OVS_KEY_ATTR_IN_PORT, 1);
    fill(&k, OVS_KEY_ATTR_ETHERNET, 2, 12);
    if (eth_type) {
        put16(&k, OVS_KEY_ATTR_ETHERTYPE, eth_type);
    }
}

static int
read_both(void)
{
    return dpx_key_from_attrs(dpx_buf_data(&k), k.len, dpx_buf_data(&m), m.len,
                              &key, &mask);
}

static int
read_exact(void)
{
    return dpx_key_from_attrs(dpx_buf_data(&k), k.len, NULL, 0, &key, &mask);
}

static void
assert_refused(int error, int expected, const char *text)
{
    assert_int_equal(error, expected);
    assert_string_equal(dpx_error_text(error), text);
}

static void
test_port_alone(void **state)
{
    (void) state;
    dpx_buf_clear(&k);
    dpx_buf_clear(&m);
    dpx_nla_put_u32(&k, OVS_KEY_ATTR_IN_PORT, 7);
    dpx_nla_put_u32(&m, OVS_KEY_ATTR_IN_PORT, 1);
    assert_int_equal(read_both(), 0);
    assert_int_equal(key.in_port, 7);
    assert_int_equal(mask.in_port, UINT32_MAX);
    /* Untagged, Ethernet, recirc_id 0, exactly; any type. */
    assert_int_equal(mask.vlan[0].tci, 0xffff);
    assert_int_equal(mask.vlan[1].tci, 0xffff);
    assert_int_equal(mask.vlan[0].tpid, 0);
    assert_int_equal(mask.recirc_id, UINT32_MAX);
    assert_int_equal(mask.mac_proto, 0xff);
    assert_int_equal(key.mac_proto, DPX_MAC_ETHERNET);
    assert_int_equal(key.eth_type, htons(ETH_P_802_2));
    assert_int_equal(mask.eth_type, 0);

    /* Without in_port: any. */
    dpx_buf_clear(&k);
    fill(&k, OVS_KEY_ATTR_ETHERNET, 2, 12);
    assert_int_equal(read_exact(), 0);
    assert_int_equal(key.in_port, DPX_PORT_NONE);
    assert_int_equal(mask.in_port, 0);
    assert_int_equal(mask.eth_src[5], 0xff);

    dpx_nla_put_u32(&k, OVS_KEY_ATTR_IN_PORT, 4096);
    assert_refused(read_exact(), EINVAL, "in_port: 4096, the highest is 4095");
}

static void
test_layer3(void **state)
{
    (void) state;
    for (int packet_type = 0; packet_type < 2; packet_type++) {
        dpx_buf_clear(&k);
        dpx_buf_clear(&m);
        if (packet_type) {
            dpx_nla_put_u32(&k, OVS_KEY_ATTR_PACKET_TYPE, htonl(0x10800));
        } else {
            put16(&k, OVS_KEY_ATTR_ETHERTYPE, ETH_P_IP);
            put16(&m, OVS_KEY_ATTR_ETHERTYPE, 1);
        }
        put_ipv4(&k, 89, 0);
        assert_int_equal(read_both(), 0);
        assert_int_equal(key.mac_proto, DPX_MAC_NONE);
        assert_int_equal(key.eth_type, htons(ETH_P_IP));
        assert_int_equal(mask.eth_type, 0xffff);
        assert_int_equal(mask.mac_proto, 0xff);
        assert_int_equal(read_exact(), 0);
        assert_int_equal(mask.ip_proto, 0xff);
    }
    fill(&k, OVS_KEY_ATTR_ETHERNET, 2, 12);
    assert_refused(read_exact(), EINVAL,
                   "packet_type: a layer 3 packet cannot have eth");
    start(0);
    dpx_nla_put_u32(&k, OVS_KEY_ATTR_PACKET_TYPE, 0);
    assert_int_equal(read_exact(), 0);
    start(0);
    dpx_nla_put_u32(&k, OVS_KEY_ATTR_PACKET_TYPE, htonl(0x20001));
    assert_refused(read_exact(), EOPNOTSUPP,
                   "packet_type: namespace 2, id 0x1 cannot be matched");
}

static void
test_attributes(void **state)
{
    static const struct {
        uint16_t type;
        size_t len;
        const char *text;
    } rows[] = {
        { OVS_KEY_ATTR_IPV4, 13, "ipv4: 13 bytes, expected 12" },
        { OVS_KEY_ATTR_ETHERTYPE, 4, "eth_type: 4 bytes, expected 2" },
        { OVS_KEY_ATTR_MPLS, 0, "mpls: 0 bytes, expected 4, 8 or 12" },
        { OVS_KEY_ATTR_MPLS, 16, "mpls: 16 bytes, expected 4, 8 or 12" },
        { OVS_KEY_ATTR_IN_PORT, 4, "in_port: given twice" },
        { OVS_KEY_ATTR_UNSPEC, 4, "attribute 0: unknown" },
        { 99, 4, "attribute 99: unknown" },
        { OVS_KEY_ATTR_TUNNEL_INFO, 4, "attribute 31: unknown" },
        { OVS_KEY_ATTR_ARP, 24, "arp: needs eth_type 0x0806 or 0x8035" },
        { OVS_KEY_ATTR_TCP, 4,
          "tcp: needs IP with proto 6, not a later fragment" },
        { OVS_KEY_ATTR_VLAN, 2,
          "vlan: needs eth, and eth_type 0x8100 or 0x88a8, at most twice" },
        { OVS_KEY_ATTR_CT_ZONE, 2, "ct_zone: cannot be matched yet" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(0);
        fill(&k, rows[i].type, 1, rows[i].len);
        assert_refused(read_exact(),
                       i + 1 < sizeof rows / sizeof rows[0] ? EINVAL
                                                            : EOPNOTSUPP,
                       rows[i].text);
    }
    start(0);
    dpx_buf_put(&k, "x", 1);
    assert_refused(read_exact(), EINVAL,
                   "key: 1 bytes behind the last attribute");
    start(0);
    fill(&m, OVS_KEY_ATTR_IPV6, 1, 39);
    assert_refused(read_both(), EINVAL, "mask of ipv6: 39 bytes, expected 40");
}

static void
test_values(void **state)
{
    (void) state;
    start(0x05ff);
    assert_refused(read_exact(), EINVAL,
                   "eth_type: 0x05ff, the lowest is 0x0600");
    start(ETH_P_IP);
    put_ipv4(&k, 89, 3);
    assert_refused(read_exact(), EINVAL, "ipv4: unknown kind of fragment 3");
    start(ETH_P_IPV6);
    put_ipv6(&k, 89, 0x100000);
    assert_refused(read_exact(), EINVAL,
                   "ipv6: label 0x100000 has more than 20 bits");
    start(ETH_P_ARP);
    fill(&k, OVS_KEY_ATTR_ARP, 1, 24);
    assert_refused(read_exact(), EINVAL, "arp: unknown opcode 257");
    start(ETH_P_IP);
    put_ipv4(&k, 6, 0);
    fill(&k, OVS_KEY_ATTR_TCP, 1, 4);
    fill(&k, OVS_KEY_ATTR_TCP_FLAGS, 0x10, 2);
    assert_refused(read_exact(), EINVAL,
                   "tcp_flags: 0x1010 has more than 12 bits");
}

static void
test_layers(void **state)
{
    (void) state;
    start(ETH_P_IP);
    assert_refused(read_exact(), EINVAL,
                   "ipv4: missing from a key of eth_type 0x0800");
    put_ipv4(&k, 17, 0);
    assert_refused(read_exact(), EINVAL,
                   "udp: missing from a key of IP with "
                   "proto 17, not a later fragment");
    start(ETH_P_IP);
    put_ipv4(&k, 17, DPX_FRAG_LATER);
    assert_int_equal(read_exact(), 0);
    start(ETH_P_IP);
    put_ipv4(&k, 6, 0);
    fill(&k, OVS_KEY_ATTR_TCP, 1, 4);
    assert_int_equal(read_exact(), 0);
    assert_int_equal(mask.tcp_flags, 0);

    start(ETH_P_IPV6);
    put_ipv6(&k, 58, 0);
    fill(&k, OVS_KEY_ATTR_ICMPV6, 135, 2);
    assert_int_equal(read_exact(), 0);
    start(ETH_P_IPV6);
    put_ipv6(&k, 58, 0);
    dpx_nla_put(&k, OVS_KEY_ATTR_ICMPV6, "\210", 2);
    assert_refused(read_exact(), EINVAL,
                   "nd: missing from a key of ICMPv6 of type 135 or 136");
    fill(&k, OVS_KEY_ATTR_ND, 9, 28);
    assert_int_equal(read_exact(), 0);
    assert_int_equal(key.nd_tll[5], 9);
    assert_int_equal(mask.ip6_label, htonl(0xfffff));
    assert_int_equal(mask.tp_src, htons(0xff));
}

static void
test_masks(void **state)
{
    (void) state;
    start(ETH_P_IP);
    put_ipv4(&k, 17, 0);
    fill(&k, OVS_KEY_ATTR_UDP, 1, 4);
    fill(&m, OVS_KEY_ATTR_UDP, 0xff, 4);
    assert_refused(read_both(), EINVAL,
                   "mask of udp: needs eth_type matched exactly");
    put16(&m, OVS_KEY_ATTR_ETHERTYPE, 0xffff);
    assert_refused(read_both(), EINVAL,
                   "mask of udp: needs proto matched exactly");
    fill(&m, OVS_KEY_ATTR_IPV4, 0xff, 12);
    assert_int_equal(read_both(), 0);
    assert_int_equal(mask.ipv4.dst, UINT32_MAX);
    assert_int_equal(mask.tp_dst, 0xffff);
    fill(&m, OVS_KEY_ATTR_SKB_MARK, 0, 4);
    assert_int_equal(read_both(), 0);

    start(0);
    fill(&m, OVS_KEY_ATTR_SKB_MARK, 1, 4);
    assert_refused(read_both(), EINVAL,
                   "mask of skb_mark: the key does not name it");
    /* The type of LLC, which keys do not name, can be matched. */
    start(0);
    put16(&m, OVS_KEY_ATTR_ETHERTYPE, 0xffff);
    assert_int_equal(read_both(), 0);
    assert_int_equal(mask.eth_type, 0xffff);
    assert_int_equal(key.eth_type, htons(ETH_P_802_2));
}

/* Adds a tag and opens its encap. */
static size_t
tag(struct dpx_buf *b, uint16_t tpid, uint16_t tci)
{
    put16(b, OVS_KEY_ATTR_ETHERTYPE, tpid);
    put16(b, OVS_KEY_ATTR_VLAN, tci);
    return dpx_nla_nest(b, OVS_KEY_ATTR_ENCAP);
}

static void
test_vlan(void **state)
{
    size_t outer, inner;

    (void) state;
    start(0);
    outer = tag(&k, ETH_P_8021AD, 0x1005);
    inner = tag(&k, ETH_P_8021Q, 0x3006);
    put16(&k, OVS_KEY_ATTR_ETHERTYPE, ETH_P_IP);
    put_ipv4(&k, 89, 0);
    dpx_nla_end(&k, inner);
    dpx_nla_end(&k, outer);
    assert_int_equal(read_exact(), 0);
    assert_int_equal(key.vlan[0].tpid, htons(ETH_P_8021AD));
    assert_int_equal(key.vlan[1].tci, htons(0x3006));
    assert_int_equal(key.eth_type, htons(ETH_P_IP));
    assert_int_equal(mask.vlan[1].tpid, 0xffff);
    assert_int_equal(mask.vlan[1].tci, 0xffff);

    /* Only the outer tag is in the mask: the inner one's TCI is exact. */
    outer = tag(&m, 0xffff, 0x1fff);
    put16(&m, OVS_KEY_ATTR_ETHERTYPE, 0xffff);
    dpx_nla_end(&m, outer);
    assert_int_equal(read_both(), 0);
    assert_int_equal(mask.vlan[0].tci, htons(0x1fff));
    assert_int_equal(mask.vlan[1].tci, 0xffff);
    assert_int_equal(mask.vlan[1].tpid, 0);
    assert_int_equal(mask.eth_type, 0xffff);

    dpx_buf_clear(&m);
    dpx_nla_end(&m, tag(&m, 0xffff, 0x0fff));
    assert_refused(read_both(), EINVAL,
                   "mask of vlan: 0x0fff without the bit 0x1000 (cfi)");
    dpx_buf_clear(&m);
    dpx_nla_end(&m, tag(&m, 0xff00, 0x1fff));
    assert_refused(read_both(), EINVAL,
                   "mask of eth_type: a VLAN tag's type "
                   "must be matched exactly");
    start(ETH_P_ARP);
    fill(&k, OVS_KEY_ATTR_ARP, 0, 24);
    dpx_nla_end(&m, tag(&m, 0xffff, 0xffff));
    assert_refused(read_both(), EINVAL,
                   "mask of encap: the key has no such VLAN tag");
    start(ETH_P_8021Q);
    assert_refused(read_exact(), EINVAL,
                   "vlan: missing, as eth_type is 0x8100");
    start(0);
    dpx_nla_end(&k, tag(&k, ETH_P_8021Q, 0x0005));
    assert_refused(read_exact(), EINVAL,
                   "vlan: TCI 0x0005 without the bit 0x1000 (cfi)");
}

static void
test_cut_tag(void **state)
{
    (void) state;
    start(0);
    dpx_nla_end(&k, tag(&k, ETH_P_8021Q, 0));
    assert_int_equal(read_exact(), 0);
    assert_int_equal(key.vlan[0].tci, 0);
    assert_int_equal(key.vlan[0].tpid, 0);
    assert_int_equal(key.eth_type, htons(ETH_P_8021Q));
    assert_int_equal(mask.eth_type, 0xffff);
}

/* A mask of n labels: at least n of them. */
static void
test_mpls_count(void **state)
{
    static const struct {
        uint8_t in_key, in_mask, count_mask;
    } rows[] = {
        { 1, 1, 0 }, { 2, 2, 2 }, { 3, 3, 3 }, { 3, 2, 2 }, { 1, 2, 3 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(ETH_P_MPLS_UC);
        fill(&k, OVS_KEY_ATTR_MPLS, 1, 4 * rows[i].in_key);
        put16(&m, OVS_KEY_ATTR_ETHERTYPE, 0xffff);
        fill(&m, OVS_KEY_ATTR_MPLS, 1, 4 * rows[i].in_mask);
        assert_int_equal(read_both(), 0);
        assert_int_equal(ntohl(key.mpls.n), rows[i].in_key);
        assert_int_equal(ntohl(mask.mpls.n), rows[i].count_mask);
    }
}

static void
test_later(void **state)
{
    size_t nest;

    (void) state;
    start(0);
    fill(&k, OVS_KEY_ATTR_CT_STATE, 0, 4);
    fill(&k, OVS_KEY_ATTR_CT_LABELS, 0, 16);
    dpx_nla_end(&k, dpx_nla_nest(&k, OVS_KEY_ATTR_TUNNEL));
    assert_int_equal(read_exact(), 0);
    /* OVS masks what must be 0; our packets have no other. */
    fill(&m, OVS_KEY_ATTR_CT_STATE, 0xff, 4);
    nest = dpx_nla_nest(&m, OVS_KEY_ATTR_TUNNEL);
    dpx_nla_put_u8(&m, OVS_TUNNEL_KEY_ATTR_TTL, 255);
    dpx_nla_end(&m, nest);
    assert_int_equal(read_both(), 0);

    start(0);
    nest = dpx_nla_nest(&k, OVS_KEY_ATTR_TUNNEL);
    dpx_nla_put(&k, OVS_TUNNEL_KEY_ATTR_CSUM, NULL, 0);
    dpx_nla_end(&k, nest);
    assert_refused(read_exact(), EOPNOTSUPP, "tunnel: cannot be matched yet");
    assert_int_equal(read_both(), 0); /* Empty mask: all wildcarded. */
    start(0);
    fill(&k, OVS_KEY_ATTR_CT_MARK, 0x0f, 4);
    fill(&m, OVS_KEY_ATTR_CT_MARK, 0xf0, 4);
    assert_int_equal(read_both(), 0);
    assert_refused(read_exact(), EOPNOTSUPP, "ct_mark: cannot be matched yet");

    start(0);
    nest = tag(&k, ETH_P_8021Q, 0x1001);
    fill(&k, OVS_KEY_ATTR_CT_MARK, 1, 4);
    dpx_nla_end(&k, nest);
    assert_refused(read_exact(), EOPNOTSUPP, "ct_mark: cannot be matched yet");
}

static int
clean_up(void **state)
{
    (void) state;
    dpx_buf_free(&k);
    dpx_buf_free(&m);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_alone), cmocka_unit_test(test_layer3),
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_values),
        cmocka_unit_test(test_layers),     cmocka_unit_test(test_masks),
        cmocka_unit_test(test_vlan),       cmocka_unit_test(test_cut_tag),
        cmocka_unit_test(test_mpls_count), cmocka_unit_test(test_later),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
