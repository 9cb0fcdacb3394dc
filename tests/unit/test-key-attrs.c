/* SPDX-License-Identifier: Apache-2.0 */

/* struct dpx_key -> attributes -> struct dpx_key: what is written reads back
 * as the same key; and what is broken does no harm. */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/odp.h"

static struct dpx_key key, mask;

/* Writes `key` and reads it back. */
static void
assert_round_trip(void)
{
    struct dpx_buf b = DPX_BUF_INIT;
    struct dpx_key was = key;

    dpx_key_to_attrs(&was, &b);
    assert_int_equal(dpx_key_parse(dpx_buf_data(&b), b.len, &key), 0);
    assert_memory_equal(&key, &was, sizeof key);
    dpx_buf_free(&b);
}

static void
test_round_trips(void **state)
{
    static const struct {
        uint16_t eth_type;
        uint8_t proto, frag, type;
    } rows[] = {
        { ETH_P_802_2, 0, 0, 0 },   { ETH_P_ARP, 2, 0, 0 },
        { ETH_P_RARP, 3, 0, 0 },    { ETH_P_IP, 6, 0, 0 },
        { ETH_P_IP, 17, 1, 0 },     { ETH_P_IP, 17, 2, 0 },
        { ETH_P_IP, 132, 0, 0 },    { ETH_P_IP, 1, 0, 8 },
        { ETH_P_IPV6, 6, 1, 0 },    { ETH_P_IPV6, 58, 0, 1 },
        { ETH_P_IPV6, 58, 0, 135 }, { ETH_P_IPV6, 44, 2, 0 },
        { ETH_P_MPLS_UC, 0, 0, 0 }, { 0x88b5, 0, 0, 0 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int mac = 0; mac < 2; mac++) {
            if (mac && rows[i].eth_type == ETH_P_802_2) {
                continue;
            }
            memset(&key, 0, sizeof key);
            key.in_port = 9;
            key.recirc_id = 8;
            key.skb_mark = 7;
            key.mac_proto = mac;
            key.eth_dst[0] = key.eth_src[5] = mac ? 0 : 2;
            key.eth_type = htons(rows[i].eth_type);
            key.ip_proto = rows[i].proto;
            key.ip_frag = rows[i].frag;
            if (rows[i].proto == 58 || rows[i].proto == 1) {
                key.tp_src = htons(rows[i].type);
            } else if (rows[i].proto > 5 && rows[i].frag != 2) {
                key.tp_src = htons(0x1234);
                key.tp_dst = htons(0x5678);
            }
            if (rows[i].proto == 6) {
                key.tcp_flags = htons(0xabc);
            }
            if (rows[i].type == 135) {
                key.nd_target[3] = key.nd_sll[1] = key.nd_tll[2] = 1;
            }
            if (rows[i].eth_type == ETH_P_MPLS_UC) {
                key.mpls.n = htonl(2);
                key.mpls.lse[1] = htonl(0x1234);
            } else if (rows[i].proto) {
                key.ipv4.src = htonl(0x0a000001);
                key.ipv4.dst = htonl(0x0a000002);
            }
            if (rows[i].eth_type == ETH_P_ARP) {
                key.arp.sha[0] = key.arp.tha[5] = 1;
            }
            assert_round_trip();
        }
    }
}

/* A tag that is cut short, behind a good one; and a third one, which is not
 * looked at. */
static void
test_tags(void **state)
{
    (void) state;
    memset(&key, 0, sizeof key);
    key.eth_type = htons(ETH_P_8021Q);
    assert_round_trip();
    key.vlan[0].tpid = htons(ETH_P_8021AD);
    key.vlan[0].tci = htons(0x1001);
    assert_round_trip();
    key.vlan[1] = key.vlan[0];
    assert_round_trip();
}

/* Cut and bent attributes are refused or read, no more; ASan is watching. */
static void
test_hostile(void **state)
{
    struct dpx_key good;
    struct dpx_buf b = DPX_BUF_INIT;

    (void) state;
    memset(&good, 0, sizeof good);
    good.vlan[0].tci = htons(0x1001);
    good.vlan[0].tpid = htons(ETH_P_8021Q);
    good.eth_type = htons(ETH_P_IPV6);
    good.ip_proto = 6;
    dpx_key_to_attrs(&good, &b);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t *cut = malloc(i + 1);

        memcpy(cut, dpx_buf_data(&b), i);
        dpx_key_parse(cut, i, &key);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            dpx_buf_data(&b)[i] ^= 1 << bit;
            dpx_key_parse(dpx_buf_data(&b), b.len, &key);
            dpx_key_from_attrs(dpx_buf_data(&b), b.len, dpx_buf_data(&b),
                               b.len, &key, &mask);
            dpx_buf_data(&b)[i] ^= 1 << bit;
        }
    }
    dpx_buf_free(&b);
}

/* A memo ---------------------------------------------------------------- */

enum { N_KEYS = 13 };

/* Appends `to`'s attributes with all bits set. */
static void
put_ones(const uint8_t *attrs, size_t len, struct dpx_buf *to)
{
    while (len >= 4) {
        const struct nlattr *nla = (const void *) attrs;
        size_t n = nla->nla_len - sizeof *nla, step = NLA_ALIGN(nla->nla_len);
        uint8_t ones[64];

        if (nla->nla_type == OVS_KEY_ATTR_ENCAP) {
            size_t nest = dpx_nla_nest(to, nla->nla_type);

            put_ones(attrs + sizeof *nla, n, to);
            dpx_nla_end(to, nest);
        } else {
            memset(ones, 0xff, sizeof ones);
            dpx_nla_put(to, nla->nla_type, ones, n);
        }
        attrs += step;
        len -= step;
    }
}

/* Keys that differ in what tells how a mask is read. */
static void
make_keys(struct dpx_buf keys[N_KEYS])
{
    static const struct {
        uint16_t eth_type;
        uint8_t proto, tags, labels, cut;
    } rows[] = {
        { ETH_P_IP, 6, 0, 0, 0 },      { ETH_P_IP, 17, 0, 0, 0 },
        { ETH_P_IP, 17, 1, 0, 0 },     { ETH_P_IP, 6, 1, 0, 0 },
        { ETH_P_IP, 6, 2, 0, 0 },      { ETH_P_MPLS_UC, 0, 0, 1, 0 },
        { ETH_P_MPLS_UC, 0, 0, 3, 0 }, { ETH_P_MPLS_UC, 0, 1, 2, 0 },
        { ETH_P_802_2, 0, 0, 0, 0 },   { ETH_P_8021Q, 0, 0, 0, 1 },
        { ETH_P_IP, 6, 0, 0, 0 },      { ETH_P_IP, 6, 0, 0, 0 },
        { ETH_P_IP, 6, 0, 0, 0 },
    };
    const uint32_t mark = 1, ethernet = 0;

    for (size_t i = 0; i < N_KEYS; i++) {
        struct dpx_key made = {
            .in_port = i,
            .eth_type = htons(rows[i].eth_type),
            .ip_proto = rows[i].proto,
        };

        for (int j = 0; j < rows[i].tags; j++) {
            made.vlan[j].tpid = htons(ETH_P_8021Q);
            made.vlan[j].tci = htons(0x1000 + i);
        }
        if (rows[i].labels) {
            made.mpls.n = htonl(rows[i].labels);
        }
        dpx_key_to_attrs(&made, &keys[i]);
    }
    dpx_nla_put(&keys[10], OVS_KEY_ATTR_PACKET_TYPE, &ethernet, 4);
    dpx_nla_put(&keys[11], OVS_KEY_ATTR_CT_MARK, &mark, 4);
    dpx_nla_put(&keys[12], OVS_KEY_ATTR_CT_MARK, &ethernet, 4);
}

/* A memo makes no difference, whatever was parsed before. */
static void
assert_same(const struct dpx_buf *before, const struct dpx_buf *after,
            const struct dpx_buf *ones)
{
    struct dpx_mask_memo memo = { .attrs = NULL };
    struct dpx_key first, spaces[2], second;
    const struct dpx_key *maskp;
    int error;

    dpx_key_from_attrs_memo(dpx_buf_data(before), before->len,
                            dpx_buf_data(ones), ones->len, &memo, &first,
                            &spaces[0], &maskp);
    error = dpx_key_from_attrs(dpx_buf_data(after), after->len,
                               dpx_buf_data(ones), ones->len, &key, &mask);
    assert_int_equal(dpx_key_from_attrs_memo(
                         dpx_buf_data(after), after->len, dpx_buf_data(ones),
                         ones->len, &memo, &second, &spaces[1], &maskp),
                     error);
    if (!error) {
        assert_memory_equal(&second, &key, sizeof key);
        assert_memory_equal(maskp, &mask, sizeof mask);
    }
}

static void
test_memo(void **state)
{
    struct dpx_buf keys[N_KEYS] = { DPX_BUF_INIT };

    (void) state;
    make_keys(keys);
    for (size_t i = 0; i < N_KEYS; i++) {
        struct dpx_buf ones = DPX_BUF_INIT;

        put_ones(dpx_buf_data(&keys[i]), keys[i].len, &ones);
        for (size_t j = 0; j < N_KEYS * N_KEYS; j++) {
            assert_same(&keys[j / N_KEYS], &keys[j % N_KEYS], &ones);
        }
        dpx_buf_free(&ones);
    }
    for (size_t i = 0; i < N_KEYS; i++) {
        dpx_buf_free(&keys[i]);
    }
}

/* And where it can be used, it is. */
static void
test_memo_used(void **state)
{
    struct dpx_buf keys[N_KEYS] = { DPX_BUF_INIT }, ones = DPX_BUF_INIT;
    struct dpx_mask_memo memo = { .attrs = NULL };
    struct dpx_key spaces[2];
    const struct dpx_key *masks[2];

    (void) state;
    make_keys(keys);
    put_ones(dpx_buf_data(&keys[3]), keys[3].len, &ones);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            dpx_key_from_attrs_memo(dpx_buf_data(&keys[3]), keys[3].len,
                                    dpx_buf_data(&ones), ones.len, &memo, &key,
                                    &spaces[i], &masks[i]),
            0);
    }
    assert_ptr_equal(masks[0], &spaces[0]);
    assert_ptr_equal(masks[1], &spaces[0]);
    for (size_t i = 0; i < N_KEYS; i++) {
        dpx_buf_free(&keys[i]);
    }
    dpx_buf_free(&ones);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_tags),
        cmocka_unit_test(test_hostile),     cmocka_unit_test(test_memo),
        cmocka_unit_test(test_memo_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
