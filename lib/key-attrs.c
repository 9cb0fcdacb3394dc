/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of a flow key's attributes, and struct dpx_key ->
 * OVS_KEY_ATTR_*. */

#include "lib/odp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "lib/error.h"
#include "lib/odp-private.h"

const struct dpx_key_attr dpx_key_attrs[DPX_N_KEY_ATTRS] = {
    [OVS_KEY_ATTR_ENCAP] = { "encap", DPX_LEN_NESTED, false },
    [OVS_KEY_ATTR_PRIORITY] = { "skb_priority", 4, false },
    [OVS_KEY_ATTR_IN_PORT] = { "in_port", 4, false },
    [OVS_KEY_ATTR_ETHERNET] = { "eth", 12, false },
    [OVS_KEY_ATTR_VLAN] = { "vlan", 2, false },
    [OVS_KEY_ATTR_ETHERTYPE] = { "eth_type", 2, false },
    [OVS_KEY_ATTR_IPV4] = { "ipv4", 12, false },
    [OVS_KEY_ATTR_IPV6] = { "ipv6", 40, false },
    [OVS_KEY_ATTR_TCP] = { "tcp", 4, false },
    [OVS_KEY_ATTR_UDP] = { "udp", 4, false },
    [OVS_KEY_ATTR_ICMP] = { "icmp", 2, false },
    [OVS_KEY_ATTR_ICMPV6] = { "icmpv6", 2, false },
    [OVS_KEY_ATTR_ARP] = { "arp", 24, false },
    [OVS_KEY_ATTR_ND] = { "nd", 28, false },
    [OVS_KEY_ATTR_SKB_MARK] = { "skb_mark", 4, false },
    [OVS_KEY_ATTR_TUNNEL] = { "tunnel", DPX_LEN_NESTED, true },
    [OVS_KEY_ATTR_SCTP] = { "sctp", 4, false },
    [OVS_KEY_ATTR_TCP_FLAGS] = { "tcp_flags", 2, false },
    [OVS_KEY_ATTR_DP_HASH] = { "dp_hash", 4, false },
    [OVS_KEY_ATTR_RECIRC_ID] = { "recirc_id", 4, false },
    [OVS_KEY_ATTR_MPLS] = { "mpls", DPX_LEN_MPLS, false },
    [OVS_KEY_ATTR_CT_STATE] = { "ct_state", 4, true },
    [OVS_KEY_ATTR_CT_ZONE] = { "ct_zone", 2, true },
    [OVS_KEY_ATTR_CT_MARK] = { "ct_mark", 4, true },
    [OVS_KEY_ATTR_CT_LABELS] = { "ct_label", 16, true },
    [OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4] = { "ct_tuple4", 13, true },
    [OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6] = { "ct_tuple6", 37, true },
    [OVS_KEY_ATTR_NSH] = { "nsh", DPX_LEN_NESTED, true },
    [OVS_KEY_ATTR_PACKET_TYPE] = { "packet_type", 4, false },
    [OVS_KEY_ATTR_ND_EXTENSIONS] = { "nd_ext", 8, true },
};

#define FIELD(OFS, MEMBER, DELTA, LEN)                                        \
    {                                                                         \
        OFS, offsetof(struct dpx_key, MEMBER) + (DELTA), LEN                  \
    }

const struct dpx_key_field
dpx_key_fields[DPX_N_KEY_ATTRS][DPX_ATTR_FIELDS] = {
    [OVS_KEY_ATTR_PRIORITY] = { FIELD(0, skb_priority, 0, 4) },
    [OVS_KEY_ATTR_IN_PORT] = { FIELD(0, in_port, 0, 4) },
    [OVS_KEY_ATTR_SKB_MARK] = { FIELD(0, skb_mark, 0, 4) },
    [OVS_KEY_ATTR_DP_HASH] = { FIELD(0, dp_hash, 0, 4) },
    [OVS_KEY_ATTR_RECIRC_ID] = { FIELD(0, recirc_id, 0, 4) },
    [OVS_KEY_ATTR_ETHERNET] = {
        FIELD(0, eth_src, 0, 6), FIELD(6, eth_dst, 0, 6)
    },
    [OVS_KEY_ATTR_ETHERTYPE] = { FIELD(0, eth_type, 0, 2) },
    [OVS_KEY_ATTR_IPV4] = {
        FIELD(0, ipv4.src, 0, 8), FIELD(8, ip_proto, 0, 4)
    },
    [OVS_KEY_ATTR_IPV6] = {
        FIELD(0, ipv6.src, 0, 32), FIELD(32, ip6_label, 0, 4),
        FIELD(36, ip_proto, 0, 4)
    },
    [OVS_KEY_ATTR_TCP] = { FIELD(0, tp_src, 0, 4) },
    [OVS_KEY_ATTR_UDP] = { FIELD(0, tp_src, 0, 4) },
    [OVS_KEY_ATTR_SCTP] = { FIELD(0, tp_src, 0, 4) },
    [OVS_KEY_ATTR_TCP_FLAGS] = { FIELD(0, tcp_flags, 0, 2) },
    [OVS_KEY_ATTR_ICMP] = {
        /* The low bytes of big-endian words. */
        FIELD(0, tp_src, 1, 1), FIELD(1, tp_dst, 1, 1)
    },
    [OVS_KEY_ATTR_ICMPV6] = {
        FIELD(0, tp_src, 1, 1), FIELD(1, tp_dst, 1, 1)
    },
    [OVS_KEY_ATTR_ARP] = {
        FIELD(0, arp.sip, 0, 8), FIELD(9, ip_proto, 0, 1),
        FIELD(10, arp.sha, 0, 6), FIELD(16, arp.tha, 0, 6)
    },
    [OVS_KEY_ATTR_ND] = {
        FIELD(0, nd_target, 0, 16), FIELD(16, nd_sll, 0, 6),
        FIELD(22, nd_tll, 0, 6)
    },
    [OVS_KEY_ATTR_MPLS] = {
        FIELD(0, mpls.lse, 0, 4), FIELD(4, mpls.lse, 4, 4),
        FIELD(8, mpls.lse, 8, 4)
    },
};

const struct dpx_key_layer dpx_key_layers[DPX_N_KEY_LAYERS] = {
    { OVS_KEY_ATTR_ARP,
      0,
      { ETH_P_ARP, ETH_P_RARP },
      "eth_type 0x0806 or 0x8035" },
    { OVS_KEY_ATTR_MPLS,
      0,
      { ETH_P_MPLS_UC, ETH_P_MPLS_MC },
      "eth_type 0x8847 or 0x8848" },
    { OVS_KEY_ATTR_IPV4, 0, { ETH_P_IP, ETH_P_IP }, "eth_type 0x0800" },
    { OVS_KEY_ATTR_IPV6, 0, { ETH_P_IPV6, ETH_P_IPV6 }, "eth_type 0x86dd" },
    { OVS_KEY_ATTR_TCP,
      IPPROTO_TCP,
      { ETH_P_IP, ETH_P_IPV6 },
      "IP with proto 6, not a later fragment" },
    { OVS_KEY_ATTR_TCP_FLAGS,
      IPPROTO_TCP,
      { ETH_P_IP, ETH_P_IPV6 },
      "IP with proto 6, not a later fragment" },
    { OVS_KEY_ATTR_UDP,
      IPPROTO_UDP,
      { ETH_P_IP, ETH_P_IPV6 },
      "IP with proto 17, not a later fragment" },
    { OVS_KEY_ATTR_SCTP,
      IPPROTO_SCTP,
      { ETH_P_IP, ETH_P_IPV6 },
      "IP with proto 132, not a later fragment" },
    { OVS_KEY_ATTR_ICMP,
      IPPROTO_ICMP,
      { ETH_P_IP, ETH_P_IP },
      "IPv4 with proto 1, not a later fragment" },
    { OVS_KEY_ATTR_ICMPV6,
      IPPROTO_ICMPV6,
      { ETH_P_IPV6, ETH_P_IPV6 },
      "IPv6 with proto 58, not a later fragment" },
    { OVS_KEY_ATTR_ND,
      IPPROTO_ICMPV6,
      { ETH_P_IPV6, ETH_P_IPV6 },
      "ICMPv6 of type 135 or 136" },
};

const struct dpx_key_attr *
dpx_key_attr(uint16_t type)
{
    return type < DPX_N_KEY_ATTRS && dpx_key_attrs[type].name
               ? &dpx_key_attrs[type]
               : NULL;
}

int
dpx_key_attr_check(const struct dpx_key_attr *row, size_t len,
                   const char *prefix)
{
    if (row->len == DPX_LEN_MPLS) {
        if (!len || len % 4 || len > 4 * DPX_MAX_MPLS) {
            return dpx_error(EINVAL, "%s%s: %zu bytes, expected 4, 8 or 12",
                             prefix, row->name, len);
        }
    } else if (row->len >= 0 && len != (size_t) row->len) {
        return dpx_error(EINVAL, "%s%s: %zu bytes, expected %d", prefix,
                         row->name, len, row->len);
    }
    return 0;
}

bool
dpx_key_has_layer(const struct dpx_key *key, const struct dpx_key_layer *l)
{
    uint16_t eth_type = ntohs(key->eth_type);

    return (eth_type == l->eth_type[0] || eth_type == l->eth_type[1])
           && (!l->proto
               || (key->ip_proto == l->proto
                   && key->ip_frag != DPX_FRAG_LATER))
           && (l->attr != OVS_KEY_ATTR_ND || key->tp_src == htons(135)
               || key->tp_src == htons(136));
}

/* Appends attribute `type` of a packet with that key. */
static void
put_attr(const struct dpx_key *key, uint16_t type, struct dpx_buf *b)
{
    uint8_t data[40] = { 0 };
    int len = dpx_key_attrs[type].len;

    if (len == DPX_LEN_MPLS) {
        uint32_t n = ntohl(key->mpls.n);

        /* A stack without an end has no labels that count, but has one. */
        len = 4 * (n < 1 ? 1 : n < DPX_MAX_MPLS ? n : DPX_MAX_MPLS);
    }
    for (size_t i = 0; i < DPX_ATTR_FIELDS; i++) {
        const struct dpx_key_field *f = &dpx_key_fields[type][i];

        if (f->attr_ofs + f->len <= len) {
            memcpy(data + f->attr_ofs, (const uint8_t *) key + f->key_ofs,
                   f->len);
        }
    }
    dpx_nla_put(b, type, data, len);
}

/* Opens the VLAN tags: eth_type, vlan and encap of each; returns how many
 * nests are open.  `*cut`: nothing comes behind them. */
static int
put_vlans(const struct dpx_key *key, struct dpx_buf *b, size_t nests[2],
          bool *cut)
{
    uint16_t eth_type = ntohs(key->eth_type);

    *cut = false;
    for (int i = 0; i < 2; i++) {
        __be16 tci = key->vlan[i].tci;

        if (!tci && eth_type != ETH_P_8021Q && eth_type != ETH_P_8021AD) {
            return i;
        }
        dpx_nla_put_u16(b, OVS_KEY_ATTR_ETHERTYPE,
                        tci ? key->vlan[i].tpid : key->eth_type);
        dpx_nla_put_u16(b, OVS_KEY_ATTR_VLAN, tci);
        nests[i] = dpx_nla_nest(b, OVS_KEY_ATTR_ENCAP);
        if (!tci) {
            *cut = true;
            return i + 1;
        }
    }
    return 2;
}

/* In openvswitch.ko's order.  A tag that was cut short is told as OVS expects
 * it: its type, the TCI 0, nothing in it. */
void
dpx_key_to_attrs(const struct dpx_key *key, struct dpx_buf *b)
{
    size_t nests[2];
    bool cut = false;
    int n = 0;

    put_attr(key, OVS_KEY_ATTR_RECIRC_ID, b);
    put_attr(key, OVS_KEY_ATTR_DP_HASH, b);
    put_attr(key, OVS_KEY_ATTR_PRIORITY, b);
    if (key->in_port != DPX_PORT_NONE) {
        put_attr(key, OVS_KEY_ATTR_IN_PORT, b);
    }
    put_attr(key, OVS_KEY_ATTR_SKB_MARK, b);
    if (key->mac_proto == DPX_MAC_ETHERNET) {
        put_attr(key, OVS_KEY_ATTR_ETHERNET, b);
        n = put_vlans(key, b, nests, &cut);
    }
    if (!cut && key->eth_type != htons(ETH_P_802_2)) {
        put_attr(key, OVS_KEY_ATTR_ETHERTYPE, b);
        for (size_t i = 0; i < DPX_N_KEY_LAYERS; i++) {
            const struct dpx_key_layer *l = &dpx_key_layers[i];

            if (dpx_key_has_layer(key, l)
                && (l->attr != OVS_KEY_ATTR_ND || !key->tp_dst)) {
                put_attr(key, l->attr, b);
            }
        }
    }
    while (n > 0) {
        dpx_nla_end(b, nests[--n]);
    }
}
