/* SPDX-License-Identifier: Apache-2.0 */

/* OVS_KEY_ATTR_* -> struct dpx_key.  What an attribute means, and what its
 * absence means, is for openvswitch.ko to say: see its flow_netlink.c.  Where
 * this is more lenient, the comments say so. */

#include "lib/odp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "lib/error.h"
#include "lib/odp-private.h"

#define BIT(ATTR) (UINT64_C(1) << OVS_KEY_ATTR_##ATTR)

/* The attributes of one key or one mask, those inside `encap` too. */
struct parsed {
    const char *prefix;         /* For messages: "" or "mask of ". */
    uint64_t present;
    struct dpx_attr a[DPX_N_KEY_ATTRS];
};

/* Does the content of nested attributes come to nothing?  An attribute without
 * content is a flag, which is something. */
static bool
is_zero_nest(const struct dpx_attr *nest)
{
    struct dpx_attrs left = dpx_attrs(nest->data, nest->len);
    struct dpx_attr a;

    while (dpx_attrs_next(&left, &a)) {
        if (!a.len || !dpx_is_zero(a.data, a.len)) {
            return false;
        }
    }
    return !left.left;
}

/* Adds the attributes in `data` to `p`.  In a mask, one of all zeros is as
 * good as none. */
static int
scan(const void *data, size_t len, bool is_mask, struct parsed *p)
{
    struct dpx_attrs left = dpx_attrs(data, len);
    const struct dpx_key_attr *row;
    struct dpx_attr a;
    int error;

    while (dpx_attrs_next(&left, &a)) {
        row = dpx_key_attr(a.type);
        if (!row) {
            return dpx_error(EINVAL, "%sattribute %u: unknown", p->prefix,
                             a.type);
        }
        if (p->present & (UINT64_C(1) << a.type)) {
            return dpx_error(EINVAL, "%s%s: given twice", p->prefix,
                             row->name);
        }
        error = dpx_key_attr_check(row, a.len, p->prefix);
        if (error) {
            return error;
        }
        if (is_mask && a.type != OVS_KEY_ATTR_ENCAP
            && (row->len == DPX_LEN_NESTED ? is_zero_nest(&a)
                : dpx_is_zero(a.data, a.len))) {
            continue;
        }
        p->present |= UINT64_C(1) << a.type;
        p->a[a.type] = a;
    }
    if (left.left) {
        return dpx_error(EINVAL, "%s: %zu bytes behind the last attribute",
                         is_mask ? "mask" : "key", left.left);
    }
    return 0;
}

/* Refuses what cannot be matched yet, and forgets it where it does not matter:
 * packets have zeros there, so a field that has to be zero is always right. */
static int
refuse_later(struct parsed *key, struct parsed *mask)
{
    for (unsigned int i = 0; i < DPX_N_KEY_ATTRS; i++) {
        const struct dpx_attr *k = &key->a[i];
        uint64_t bit = UINT64_C(1) << i;
        bool matters;

        if (!dpx_key_attrs[i].later || !(key->present & bit)) {
            continue;
        }
        if (dpx_key_attrs[i].len == DPX_LEN_NESTED) {
            matters = !is_zero_nest(k) && (!mask || mask->present & bit);
        } else {
            matters = false;
            for (size_t j = 0; j < k->len; j++) {
                matters |= k->data[j]
                           & (!mask ? 0xff : !(mask->present & bit) ? 0
                              : mask->a[i].data[j]);
            }
        }
        if (matters) {
            return dpx_error(EOPNOTSUPP, "%s: cannot be matched yet",
                             dpx_key_attrs[i].name);
        }
        key->present &= ~bit;
        if (mask) {
            mask->present &= ~bit;
        }
    }
    if (mask) {
        mask->present &= ~BIT(TUNNEL);
    }
    return 0;
}

/* OVS's own packet type: namespace 0 is Ethernet, in namespace 1 it is the
 * Ethertype of a packet that begins at layer 3. */
static int
read_packet_type(struct parsed *key, struct parsed *mask)
{
    uint32_t type;

    if (!(key->present & BIT(PACKET_TYPE))) {
        return 0;
    }
    type = ntohl(dpx_get_u32(key->a[OVS_KEY_ATTR_PACKET_TYPE].data));
    if (type >> 16 == 1) {
        struct dpx_attr *eth_type = &key->a[OVS_KEY_ATTR_ETHERTYPE];

        if (key->present & BIT(ETHERNET)) {
            return dpx_error(EINVAL, "packet_type: a layer 3 packet cannot "
                             "have eth");
        }
        if (key->present & BIT(ETHERTYPE)
            && ntohs(dpx_get_u16(eth_type->data)) != (type & 0xffff)) {
            return dpx_error(EINVAL, "packet_type: disagrees with eth_type");
        }
        key->present |= BIT(ETHERTYPE);
        *eth_type = (struct dpx_attr) {
            .type = OVS_KEY_ATTR_ETHERTYPE, .len = 2,
            .data = key->a[OVS_KEY_ATTR_PACKET_TYPE].data + 2
        };
        if (mask) {
            mask->present |= BIT(ETHERTYPE);
            mask->a[OVS_KEY_ATTR_ETHERTYPE] = *eth_type;
        }
    } else if (type) {
        return dpx_error(EOPNOTSUPP, "packet_type: namespace %u, id 0x%x "
                         "cannot be matched", type >> 16, type & 0xffff);
    } else if ((key->present & (BIT(ETHERNET) | BIT(ETHERTYPE)))
               == BIT(ETHERTYPE)) {
        return dpx_error(EINVAL, "packet_type: Ethernet, but eth is missing");
    }
    key->present &= ~BIT(PACKET_TYPE);
    if (mask) {
        mask->present &= ~BIT(PACKET_TYPE);
    }
    return 0;
}

static bool
is_vlan_type(uint16_t type)
{
    return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

static const uint64_t vlan_bits = BIT(ETHERTYPE) | BIT(VLAN) | BIT(ENCAP);

/* Takes the VLAN tags off `p`: eth_type, vlan and encap of each.  A tag that
 * was cut short has the TCI 0 and nothing behind it; the packet then counts as
 * one of the tag's type. */
static int
read_vlans(struct parsed *p, struct dpx_key *key, bool *cut)
{
    for (int i = 0; i < 2; i++) {
        struct dpx_attr encap = p->a[OVS_KEY_ATTR_ENCAP];
        uint16_t tpid, tci;
        int error;

        if ((p->present & BIT(ETHERTYPE)) && (p->present & BIT(ETHERNET))) {
            tpid = ntohs(dpx_get_u16(p->a[OVS_KEY_ATTR_ETHERTYPE].data));
        } else {
            return 0;
        }
        if (!is_vlan_type(tpid)) {
            return 0;
        }
        if ((p->present & vlan_bits) != vlan_bits) {
            return dpx_error(EINVAL, "%s: missing, as eth_type is 0x%04x",
                             p->present & BIT(VLAN) ? "encap" : "vlan", tpid);
        }
        tci = ntohs(dpx_get_u16(p->a[OVS_KEY_ATTR_VLAN].data));
        if (!tci) {
            if (encap.len) {
                return dpx_error(EINVAL, "encap: not empty, though the VLAN "
                                 "tag is cut short");
            }
            p->present &= ~(BIT(VLAN) | BIT(ENCAP));
            *cut = true;
            return 0;
        }
        if (!(tci & DPX_VLAN_PRESENT)) {
            return dpx_error(EINVAL, "vlan: TCI 0x%04x without the bit 0x1000 "
                             "(cfi)", tci);
        }
        key->vlan[i].tpid = htons(tpid);
        key->vlan[i].tci = htons(tci);
        p->present &= ~vlan_bits;
        error = scan(encap.data, encap.len, false, p);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* The same in the mask, for a key with those tags. */
static int
read_vlan_masks(struct parsed *p, const struct dpx_key *key, bool cut,
                struct dpx_key *mask)
{
    mask->vlan[0].tci = mask->vlan[1].tci = htons(0xffff);
    for (int i = 0; i < 2 && key->vlan[i].tci; i++) {
        struct dpx_attr encap = p->a[OVS_KEY_ATTR_ENCAP];
        uint16_t tci;
        int error;

        if (!(p->present & BIT(ENCAP))) {
            return 0;
        }
        if (!(p->present & BIT(ETHERTYPE))
            || dpx_get_u16(p->a[OVS_KEY_ATTR_ETHERTYPE].data) != 0xffff) {
            return dpx_error(EINVAL, "mask of eth_type: a VLAN tag's type "
                             "must be matched exactly");
        }
        tci = p->present & BIT(VLAN)
              ? ntohs(dpx_get_u16(p->a[OVS_KEY_ATTR_VLAN].data)) : 0;
        if (!(tci & DPX_VLAN_PRESENT)) {
            return dpx_error(EINVAL, "mask of vlan: 0x%04x without the bit "
                             "0x1000 (cfi)", tci);
        }
        mask->vlan[i].tpid = htons(0xffff);
        mask->vlan[i].tci = htons(tci);
        p->present &= ~vlan_bits;
        error = scan(encap.data, encap.len, true, p);
        if (error) {
            return error;
        }
    }
    if (cut) {
        p->present &= ~(BIT(VLAN) | BIT(ENCAP));
    } else if (p->present & BIT(ENCAP)) {
        return dpx_error(EINVAL, "mask of encap: the key has no such VLAN "
                         "tag");
    }
    return 0;
}

/* Copies the fields of the attributes in `p`; `ones`: sets all their bits. */
static void
copy_fields(const struct parsed *p, uint64_t ones, struct dpx_key *key)
{
    for (size_t i = 0; i < DPX_N_KEY_FIELDS; i++) {
        const struct dpx_key_field *f = &dpx_key_fields[i];
        const struct dpx_attr *a = &p->a[f->attr];
        uint64_t bit = UINT64_C(1) << f->attr;
        uint8_t *to = (uint8_t *) key + f->key_ofs;

        if (!(p->present & bit) || f->attr_ofs + f->len > a->len) {
            continue;
        }
        if (ones & bit) {
            memset(to, 0xff, f->len);
        } else {
            memcpy(to, a->data + f->attr_ofs, f->len);
        }
    }
}

/* Are these the attributes that such a packet has?  TCP flags may be left out,
 * and so may ND if the packet, its code not being 0, is none after all. */
static int
check_layers(const struct parsed *p, const struct dpx_key *key)
{
    for (size_t i = 0; i < DPX_N_KEY_LAYERS; i++) {
        const struct dpx_key_layer *l = &dpx_key_layers[i];
        const char *name = dpx_key_attrs[l->attr].name;
        bool named = p->present & (UINT64_C(1) << l->attr);
        bool has = dpx_key_has_layer(key, l);

        if (named && !has) {
            return dpx_error(EINVAL, "%s: needs %s", name, l->needs);
        }
        if (!named && has && l->attr != OVS_KEY_ATTR_TCP_FLAGS
            && (l->attr != OVS_KEY_ATTR_ND || !key->tp_dst)) {
            return dpx_error(EINVAL, "%s: missing from a key of %s", name,
                             l->needs);
        }
    }
    return 0;
}

static int
check_values(const struct parsed *p, const struct dpx_key *key)
{
    if ((p->present & BIT(IN_PORT)) && key->in_port >= DPX_MAX_PORTS) {
        return dpx_error(EINVAL, "in_port: %u, the highest is %u",
                         key->in_port, DPX_MAX_PORTS - 1);
    }
    if ((p->present & BIT(ETHERTYPE))
        && ntohs(key->eth_type) < ETH_P_802_3_MIN) {
        return dpx_error(EINVAL, "eth_type: 0x%04x, the lowest is 0x0600",
                         ntohs(key->eth_type));
    }
    if ((p->present & (BIT(IPV4) | BIT(IPV6)))
        && key->ip_frag > DPX_FRAG_LATER) {
        return dpx_error(EINVAL, "%s: unknown kind of fragment %u",
                         p->present & BIT(IPV4) ? "ipv4" : "ipv6",
                         key->ip_frag);
    }
    if ((p->present & BIT(IPV6)) && ntohl(key->ip6_label) > 0xfffff) {
        return dpx_error(EINVAL, "ipv6: label 0x%x has more than 20 bits",
                         ntohl(key->ip6_label));
    }
    if ((p->present & BIT(ARP)) && p->a[OVS_KEY_ATTR_ARP].data[8]) {
        return dpx_error(EINVAL, "arp: unknown opcode %u",
                         ntohs(dpx_get_u16(p->a[OVS_KEY_ATTR_ARP].data + 8)));
    }
    if ((p->present & BIT(TCP_FLAGS)) && ntohs(key->tcp_flags) > 0xfff) {
        return dpx_error(EINVAL, "tcp_flags: 0x%x has more than 12 bits",
                         ntohs(key->tcp_flags));
    }
    return 0;
}

/* Without eth and eth_type it is an Ethernet packet of any type, where
 * openvswitch.ko would have eth named. */
static int
read_key(struct parsed *p, struct dpx_key *key, bool *cut)
{
    int error;

    memset(key, 0, sizeof *key);
    error = read_vlans(p, key, cut);
    if (error) {
        return error;
    }
    if (p->present & (BIT(VLAN) | BIT(ENCAP))) {
        return dpx_error(EINVAL, "%s: needs eth, and eth_type 0x8100 or "
                         "0x88a8, at most twice",
                         p->present & BIT(VLAN) ? "vlan" : "encap");
    }
    key->in_port = DPX_PORT_NONE;
    key->eth_type = htons(ETH_P_802_2);
    if ((p->present & (BIT(ETHERNET) | BIT(ETHERTYPE))) == BIT(ETHERTYPE)) {
        key->mac_proto = DPX_MAC_NONE;
    }
    copy_fields(p, 0, key);
    if (p->present & BIT(MPLS)) {
        key->mpls.n = htonl(p->a[OVS_KEY_ATTR_MPLS].len / 4);
    }
    error = check_layers(p, key);
    return error ? error : check_values(p, key);
}

/* A field of a header can be masked only where the mask makes sure that the
 * packet has that header. */
static int
check_mask_layers(const struct parsed *p, const struct dpx_key *mask)
{
    for (size_t i = 0; i < DPX_N_KEY_LAYERS; i++) {
        const struct dpx_key_layer *l = &dpx_key_layers[i];
        const char *exact = NULL;

        if (!(p->present & (UINT64_C(1) << l->attr))) {
            continue;
        }
        if (mask->eth_type != 0xffff) {
            exact = "eth_type";
        } else if (l->proto && mask->ip_proto != 0xff) {
            exact = "proto";
        } else if (l->attr == OVS_KEY_ATTR_ND
                   && mask->tp_src != htons(0xff)) {
            exact = "the type";
        }
        if (exact) {
            return dpx_error(EINVAL, "mask of %s: needs %s matched exactly",
                             dpx_key_attrs[l->attr].name, exact);
        }
    }
    return 0;
}

/* A mask of so many labels wants the packet to have as many at least; one of
 * more labels than the key has wants no more. */
static uint32_t
mpls_count_mask(uint32_t in_key, uint32_t in_mask)
{
    static const uint8_t at_least[DPX_MAX_MPLS + 1] = { 0, 0, 2, 3 };

    return in_mask > in_key ? 3 : at_least[in_mask];
}

static int
read_mask(struct parsed *p, const struct parsed *keys,
          const struct dpx_key *key, bool cut, bool exact,
          struct dpx_key *mask)
{
    uint64_t always = BIT(TUNNEL) | BIT(IN_PORT) | BIT(ETHERTYPE)
                      | BIT(RECIRC_ID);
    uint64_t more;
    int error;

    memset(mask, 0, sizeof *mask);
    error = read_vlan_masks(p, key, cut, mask);
    if (error) {
        return error;
    }
    more = p->present & ~(keys->present | always);
    if (more) {
        return dpx_error(EINVAL, "mask of %s: the key does not name it",
                         dpx_key_attrs[__builtin_ctzll(more)].name);
    }
    copy_fields(p, exact ? UINT64_MAX : BIT(IN_PORT) | BIT(ETHERTYPE), mask);
    if (p->present & BIT(MPLS)) {
        mask->mpls.n = htonl(mpls_count_mask(
            ntohl(key->mpls.n), p->a[OVS_KEY_ATTR_MPLS].len / 4));
    }
    mask->recirc_id = UINT32_MAX;
    mask->mac_proto = UINT8_MAX;
    /* Bits that no packet has. */
    mask->ip6_label &= htonl(0xfffff);
    mask->tcp_flags &= htons(0xfff);
    return check_mask_layers(p, mask);
}

int
dpx_key_from_attrs(const void *key_attrs, size_t key_len,
                   const void *mask_attrs, size_t mask_len,
                   struct dpx_key *key, struct dpx_key *mask)
{
    struct parsed k = { .prefix = "" };
    struct parsed m = { .prefix = "mask of " };
    struct parsed *mp = mask_attrs ? &m : NULL;
    bool cut = false;
    int error;

    error = scan(key_attrs, key_len, false, &k);
    if (!error && mp) {
        error = scan(mask_attrs, mask_len, true, &m);
    }
    if (!error) {
        error = refuse_later(&k, mp);
    }
    if (!error) {
        error = read_packet_type(&k, mp);
    }
    if (!error) {
        error = read_key(&k, key, &cut);
    }
    if (!error && mp) {
        error = read_mask(mp, &k, key, cut, false, mask);
    } else if (!error && mask) {
        struct parsed exact = k;

        error = read_mask(&exact, &k, key, cut, true, mask);
        for (int i = 0; i < 2; i++) {
            mask->vlan[i].tpid = key->vlan[i].tci ? 0xffff : 0;
        }
    }
    return error;
}

int
dpx_key_parse(const void *attrs, size_t len, struct dpx_key *key)
{
    return dpx_key_from_attrs(attrs, len, NULL, 0, key, NULL);
}
