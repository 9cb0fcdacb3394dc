/* SPDX-License-Identifier: Apache-2.0 */

/* struct dpx_key -> attributes -> struct dpx_key: what is written reads back
 * as the same key; and what is broken does no harm. */

#include <arpa/inet.h>
#include <linux/if_ether.h>
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
        { ETH_P_802_2, 0, 0, 0 }, { ETH_P_ARP, 2, 0, 0 },
        { ETH_P_RARP, 3, 0, 0 }, { ETH_P_IP, 6, 0, 0 },
        { ETH_P_IP, 17, 1, 0 }, { ETH_P_IP, 17, 2, 0 },
        { ETH_P_IP, 132, 0, 0 }, { ETH_P_IP, 1, 0, 8 },
        { ETH_P_IPV6, 6, 1, 0 }, { ETH_P_IPV6, 58, 0, 1 },
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
