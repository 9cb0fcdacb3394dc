/* SPDX-License-Identifier: Apache-2.0 */

/* The attributes of a key and of its mask, told apart and checked one by one;
 * and those that say how others are to be read. */

#include "lib/odp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>

#include "lib/error.h"
#include "lib/odp-private.h"

void
dpx_parsed_init(struct dpx_parsed *p, const char *prefix)
{
    p->prefix = prefix;
    p->present = 0;
    p->odd = false;
}

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
int
dpx_scan(const void *data, size_t len, bool is_mask, struct dpx_parsed *p)
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
        p->odd |= row->later
                  || (a.type == OVS_KEY_ATTR_PACKET_TYPE
                      && dpx_get_u32(a.data));
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
int
dpx_refuse_later(struct dpx_parsed *key, struct dpx_parsed *mask)
{
    for (uint64_t left = key->present; left; left &= left - 1) {
        unsigned int i = __builtin_ctzll(left);
        const struct dpx_attr *k = &key->a[i];
        uint64_t bit = UINT64_C(1) << i;
        bool matters;

        if (!dpx_key_attrs[i].later) {
            continue;
        }
        if (dpx_key_attrs[i].len == DPX_LEN_NESTED) {
            matters = !is_zero_nest(k) && (!mask || mask->present & bit);
        } else {
            matters = false;
            for (size_t j = 0; j < k->len; j++) {
                matters |= k->data[j]
                           & (!mask                    ? 0xff
                              : !(mask->present & bit) ? 0
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
int
dpx_read_packet_type(struct dpx_parsed *key, struct dpx_parsed *mask)
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
        *eth_type = (struct dpx_attr){
            .type = OVS_KEY_ATTR_ETHERTYPE,
            .len = 2,
            .data = key->a[OVS_KEY_ATTR_PACKET_TYPE].data + 2
        };
        if (mask) {
            mask->present |= BIT(ETHERTYPE);
            mask->a[OVS_KEY_ATTR_ETHERTYPE] = *eth_type;
        }
    } else if (type) {
        return dpx_error(EOPNOTSUPP,
                         "packet_type: namespace %u, id 0x%x "
                         "cannot be matched",
                         type >> 16, type & 0xffff);
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
int
dpx_read_vlans(struct dpx_parsed *p, struct dpx_key *key, bool *cut)
{
    for (int i = 0; i < 2; i++) {
        struct dpx_attr encap;
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
        encap = p->a[OVS_KEY_ATTR_ENCAP];
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
            return dpx_error(EINVAL,
                             "vlan: TCI 0x%04x without the bit 0x1000 "
                             "(cfi)",
                             tci);
        }
        key->vlan[i].tpid = htons(tpid);
        key->vlan[i].tci = htons(tci);
        p->present &= ~vlan_bits;
        error = dpx_scan(encap.data, encap.len, false, p);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* The same in the mask, for a key with those tags. */
int
dpx_read_vlan_masks(struct dpx_parsed *p, const struct dpx_key *key, bool cut,
                    struct dpx_key *mask)
{
    mask->vlan[0].tci = mask->vlan[1].tci = htons(0xffff);
    for (int i = 0; i < 2 && key->vlan[i].tci; i++) {
        struct dpx_attr encap;
        uint16_t tci;
        int error;

        if (!(p->present & BIT(ENCAP))) {
            return 0;
        }
        encap = p->a[OVS_KEY_ATTR_ENCAP];
        if (!(p->present & BIT(ETHERTYPE))
            || dpx_get_u16(p->a[OVS_KEY_ATTR_ETHERTYPE].data) != 0xffff) {
            return dpx_error(EINVAL, "mask of eth_type: a VLAN tag's type "
                                     "must be matched exactly");
        }
        tci = p->present & BIT(VLAN)
                  ? ntohs(dpx_get_u16(p->a[OVS_KEY_ATTR_VLAN].data))
                  : 0;
        if (!(tci & DPX_VLAN_PRESENT)) {
            return dpx_error(EINVAL,
                             "mask of vlan: 0x%04x without the bit "
                             "0x1000 (cfi)",
                             tci);
        }
        mask->vlan[i].tpid = htons(0xffff);
        mask->vlan[i].tci = htons(tci);
        p->present &= ~vlan_bits;
        error = dpx_scan(encap.data, encap.len, true, p);
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
