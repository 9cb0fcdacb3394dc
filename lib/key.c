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

/* Copies the fields of the attributes in `p`; `ones`: sets all their bits. */
static void
copy_fields(const struct dpx_parsed *p, uint64_t ones, struct dpx_key *key)
{
    for (uint64_t left = p->present; left; left &= left - 1) {
        unsigned int attr = __builtin_ctzll(left);
        const struct dpx_key_field *f = dpx_key_fields[attr];
        const struct dpx_attr *a = &p->a[attr];

        for (int i = 0; i < DPX_ATTR_FIELDS && f->len; i++, f++) {
            uint8_t *to = (uint8_t *) key + f->key_ofs;

            if (f->attr_ofs + f->len > a->len) {
                break;
            }
            if (ones & UINT64_C(1) << attr) {
                memset(to, 0xff, f->len);
            } else {
                memcpy(to, a->data + f->attr_ofs, f->len);
            }
        }
    }
}

/* Are these the attributes that such a packet has?  TCP flags may be left out,
 * and so may ND if the packet, its code not being 0, is none after all. */
static int
check_layers(const struct dpx_parsed *p, const struct dpx_key *key)
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
check_values(const struct dpx_parsed *p, const struct dpx_key *key)
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
read_key(struct dpx_parsed *p, struct dpx_key *key, bool *cut)
{
    int error;

    memset(key, 0, sizeof *key);
    error = dpx_read_vlans(p, key, cut);
    if (!error) {
        /* Those in encap; without leave from the mask, for they are rare. */
        error = dpx_refuse_later(p, NULL);
    }
    if (error) {
        return error;
    }
    if (p->present & (BIT(VLAN) | BIT(ENCAP))) {
        return dpx_error(EINVAL,
                         "%s: needs eth, and eth_type 0x8100 or "
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
check_mask_layers(const struct dpx_parsed *p, const struct dpx_key *mask)
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
        } else if (l->attr == OVS_KEY_ATTR_ND && mask->tp_src != htons(0xff)) {
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
read_mask(struct dpx_parsed *p, const struct dpx_parsed *keys,
          const struct dpx_key *key, bool cut, bool exact,
          struct dpx_key *mask)
{
    uint64_t always = BIT(TUNNEL) | BIT(IN_PORT) | BIT(ETHERTYPE)
                      | BIT(RECIRC_ID);
    uint64_t more;
    int error;

    memset(mask, 0, sizeof *mask);
    error = dpx_read_vlan_masks(p, key, cut, mask);
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
        mask->mpls.n = htonl(mpls_count_mask(ntohl(key->mpls.n),
                                             p->a[OVS_KEY_ATTR_MPLS].len / 4));
    }
    mask->recirc_id = UINT32_MAX;
    mask->mac_proto = UINT8_MAX;
    /* Bits that no packet has. */
    mask->ip6_label &= htonl(0xfffff);
    mask->tcp_flags &= htons(0xfff);
    return check_mask_layers(p, mask);
}

/* What of the key, beyond its attributes, tells how its mask is read. */
static uint32_t
shape_of(const struct dpx_parsed *p, const struct dpx_key *key, bool cut)
{
    uint32_t labels = p->present & BIT(MPLS) ? ntohl(key->mpls.n) : 0;

    return labels << 3 | (uint32_t) cut << 2 | (key->vlan[1].tci != 0) << 1
           | (key->vlan[0].tci != 0);
}

int
dpx_key_from_attrs(const void *key_attrs, size_t key_len,
                   const void *mask_attrs, size_t mask_len,
                   struct dpx_key *key, struct dpx_key *mask)
{
    struct dpx_mask_memo memo = { .attrs = NULL };
    const struct dpx_key *where;

    return dpx_key_from_attrs_memo(key_attrs, key_len, mask_attrs, mask_len,
                                   &memo, key, mask, &where);
}

int
dpx_key_from_attrs_memo(const void *key_attrs, size_t key_len,
                        const void *mask_attrs, size_t mask_len,
                        struct dpx_mask_memo *memo, struct dpx_key *key,
                        struct dpx_key *mask, const struct dpx_key **maskp)
{
    struct dpx_parsed k, m, *mp = mask_attrs ? &m : NULL;
    uint64_t present;
    uint32_t shape;
    bool fits, cut = false;
    int error;

    dpx_parsed_init(&k, "");
    dpx_parsed_init(&m, "mask of ");
    error = dpx_scan(key_attrs, key_len, false, &k);
    present = k.present;
    fits = mp && memo->attrs && memo->len == mask_len && !k.odd
           && memo->present == present
           && (memo->attrs == mask_attrs
               || !memcmp(memo->attrs, mask_attrs, mask_len));
    if (!error && mp && !fits) {
        error = dpx_scan(mask_attrs, mask_len, true, &m);
    }
    if (!error) {
        error = dpx_refuse_later(&k, mp);
    }
    if (!error) {
        error = dpx_read_packet_type(&k, mp);
    }
    if (!error) {
        error = read_key(&k, key, &cut);
    }
    if (error) {
        return error;
    }
    shape = shape_of(&k, key, cut);
    if (fits && memo->inner == k.present && memo->shape == shape) {
        *maskp = memo->mask;
        return 0;
    }
    memo->attrs = NULL;
    if (fits) {
        /* Another shape, for which the mask is not parsed yet. */
        return dpx_key_from_attrs_memo(key_attrs, key_len, mask_attrs,
                                       mask_len, memo, key, mask, maskp);
    }
    *maskp = mask;
    if (mp) {
        error = read_mask(mp, &k, key, cut, false, mask);
        if (!error && !k.odd) {
            *memo = (struct dpx_mask_memo){ mask_attrs, mask_len, present,
                                            k.present,  shape,    mask };
        }
    } else if (mask) {
        struct dpx_parsed exact = k;

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
