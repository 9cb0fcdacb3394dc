/* SPDX-License-Identifier: Apache-2.0 */

/* OVS_ACTION_ATTR_SET and _SET_MASKED -> DPX_OP_SET, DPX_OP_SET_KEY: whatever
 * the header, it comes to masked words of 32 bits. */

#include "lib/odp.h"

#include <arpa/inet.h>
#include <errno.h>

#include "lib/error.h"
#include "lib/odp-private.h"

/* What an attribute sets.  `base` is added to the offsets of its fields. */
struct target {
    uint8_t attr;
    uint8_t op; /* DPX_OP_SET or DPX_OP_SET_KEY. */
    uint8_t layer;
    uint8_t base;
};

static const struct target targets[] = {
    { OVS_KEY_ATTR_ETHERNET, DPX_OP_SET, DPX_LAYER_ETH, 0 },
    { OVS_KEY_ATTR_IPV4, DPX_OP_SET, DPX_LAYER_NET, 0 },
    { OVS_KEY_ATTR_IPV6, DPX_OP_SET, DPX_LAYER_NET, 0 },
    { OVS_KEY_ATTR_TCP, DPX_OP_SET, DPX_LAYER_TP, 0 },
    { OVS_KEY_ATTR_UDP, DPX_OP_SET, DPX_LAYER_TP, 0 },
    { OVS_KEY_ATTR_SCTP, DPX_OP_SET, DPX_LAYER_TP, 0 },
    { OVS_KEY_ATTR_PRIORITY, DPX_OP_SET_KEY, 0,
      offsetof(struct dpx_key, skb_priority) },
    { OVS_KEY_ATTR_SKB_MARK, DPX_OP_SET_KEY, 0,
      offsetof(struct dpx_key, skb_mark) },
};

/* Where the bytes of the attribute belong in the header, and which checksums
 * they are in. */
struct set_field {
    uint8_t attr;
    uint8_t attr_ofs;
    uint8_t len;
    uint8_t ofs;
    uint8_t shift; /* Bits to the right; of one byte only. */
    uint8_t csum;
};

#define IP_ADDRESS (DPX_CSUM_IP | DPX_CSUM_PSEUDO)

static const struct set_field set_fields[] = {
    { OVS_KEY_ATTR_ETHERNET, 0, 6, 6, 0, 0 },
    { OVS_KEY_ATTR_ETHERNET, 6, 6, 0, 0, 0 },
    { OVS_KEY_ATTR_IPV4, 0, 8, 12, 0, IP_ADDRESS },
    { OVS_KEY_ATTR_IPV4, 9, 1, 1, 0, DPX_CSUM_IP },
    { OVS_KEY_ATTR_IPV4, 10, 1, 8, 0, DPX_CSUM_IP },
    { OVS_KEY_ATTR_IPV6, 0, 32, 8, 0, DPX_CSUM_PSEUDO },
    { OVS_KEY_ATTR_IPV6, 32, 4, 0, 0, 0 },
    { OVS_KEY_ATTR_IPV6, 37, 1, 0, 4, 0 },
    { OVS_KEY_ATTR_IPV6, 38, 1, 7, 0, 0 },
    { OVS_KEY_ATTR_TCP, 0, 4, 0, 0, DPX_CSUM_TP },
    { OVS_KEY_ATTR_UDP, 0, 4, 0, 0, DPX_CSUM_TP },
    { OVS_KEY_ATTR_SCTP, 0, 4, 0, 0, DPX_CSUM_SCTP },
    { OVS_KEY_ATTR_PRIORITY, 0, 4, 0, 0, 0 },
    { OVS_KEY_ATTR_SKB_MARK, 0, 4, 0, 0, 0 },
};

#define MAX_SET 40 /* Bytes of the longest attribute, header. */

/* Later fragments are not told apart: they have nothing to set. */
static bool
matches_exactly(const struct dpx_compiler *c, const struct dpx_key_layer *l)
{
    uint16_t type = ntohs(c->facts.eth_type);

    return c->facts.exact_type
           && (type == l->eth_type[0] || type == l->eth_type[1])
           && (!l->proto
               || (c->facts.exact_proto && c->facts.ip_proto == l->proto));
}

/* Does every packet of the flow have the header that the attribute is of? */
static int
check_set_layer(const struct dpx_compiler *c, const struct dpx_key_attr *row,
                uint16_t attr)
{
    for (size_t i = 0; i < DPX_N_KEY_LAYERS; i++) {
        const struct dpx_key_layer *l = &dpx_key_layers[i];

        if (l->attr == attr && !matches_exactly(c, l)) {
            return dpx_error(EINVAL, "set(%s): the flow must match %s",
                             row->name, l->needs);
        }
    }
    if (attr == OVS_KEY_ATTR_ETHERNET
        && c->facts.mac_proto != DPX_MAC_ETHERNET) {
        return dpx_error(EINVAL, "set(eth): the flow is of layer 3 packets");
    }
    return 0;
}

/* Protocol and kind of fragment cannot be set: they must be masked out, or the
 * flow's own.  The same for bits beyond the flow label's 20. */
static int
check_set_ip(const struct dpx_compiler *c, const char *name, uint16_t attr,
             const uint8_t *value, const uint8_t *mask)
{
    size_t proto = attr == OVS_KEY_ATTR_IPV4 ? 8 : 36;
    uint32_t label;

    if (mask ? mask[proto] || mask[proto + 3]
             : value[proto] != c->facts.ip_proto
                   || value[proto + 3] != c->facts.ip_frag) {
        return dpx_error(EINVAL, "set(%s): proto and frag cannot be changed",
                         name);
    }
    if (attr == OVS_KEY_ATTR_IPV6) {
        label = dpx_get_u32(value + 32) | (mask ? dpx_get_u32(mask + 32) : 0);
        if (ntohl(label) > 0xfffff) {
            return dpx_error(EINVAL, "set(ipv6): the label has 20 bits");
        }
    }
    return 0;
}

/* A header, or a piece of the key, as it is to become. */
struct image {
    uint8_t value[MAX_SET];
    uint8_t mask[MAX_SET];
    uint8_t csum[MAX_SET / 4];
};

static void
draw(struct image *image, const struct set_field *f, const uint8_t *value,
     const uint8_t *mask)
{
    for (size_t i = 0; i < f->len; i++) {
        uint8_t m = mask[f->attr_ofs + i];
        uint8_t v = value[f->attr_ofs + i] & m;
        size_t to = f->ofs + i;

        image->value[to] |= v >> f->shift;
        image->mask[to] |= m >> f->shift;
        if (f->shift) {
            image->value[to + 1] |= v << (8 - f->shift);
            image->mask[to + 1] |= m << (8 - f->shift);
        }
        image->csum[to / 4] |= m ? f->csum : 0;
    }
}

static int
emit_set(struct dpx_compiler *c, const struct target *t, const uint8_t *value,
         const uint8_t *mask)
{
    struct image image = { { 0 }, { 0 }, { 0 } };
    int error = 0;

    for (size_t i = 0; i < sizeof set_fields / sizeof set_fields[0]; i++) {
        if (set_fields[i].attr == t->attr) {
            draw(&image, &set_fields[i], value, mask);
        }
    }
    for (size_t i = 0; i < MAX_SET && !error; i += 4) {
        struct dpx_op op = {
            .type = t->op,
            .layer = t->layer,
            .csum = image.csum[i / 4],
            .off = t->base + i,
            .a = dpx_get_u32(image.value + i),
            .b = dpx_get_u32(image.mask + i),
        };

        if (op.b) {
            error = dpx_compile_emit(c, op);
        }
    }
    return error;
}

static const struct target *
find_target(uint16_t attr)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (targets[i].attr == attr) {
            return &targets[i];
        }
    }
    return NULL;
}

int
dpx_compile_set(struct dpx_compiler *c, const struct dpx_attr *nest,
                bool masked)
{
    struct dpx_attrs left = dpx_attrs(nest->data, nest->len);
    const struct dpx_key_attr *row;
    const struct target *target;
    uint8_t mask[MAX_SET];
    struct dpx_attr a;
    size_t len;
    int error;

    if (!dpx_attrs_next(&left, &a) || left.left) {
        return dpx_error(EINVAL, "set: it takes one attribute");
    }
    row = dpx_key_attr(a.type);
    if (!row || (masked && (a.len % 2 || row->len == DPX_LEN_NESTED))) {
        return dpx_error(EINVAL, "set(%s): %s", row ? row->name : "?",
                         row ? "no value with a mask" : "unknown attribute");
    }
    len = masked ? a.len / 2 : a.len;
    error = dpx_key_attr_check(row, len, "set: ");
    if (error) {
        return error;
    }
    target = find_target(a.type);
    if (!target) {
        return dpx_error(EOPNOTSUPP, "set(%s): cannot be executed yet",
                         row->name);
    }
    memset(mask, 0xff, sizeof mask);
    if (masked) {
        memcpy(mask, a.data + len, len);
    }
    for (size_t i = 0; i < len; i++) {
        if (a.data[i] & ~mask[i]) {
            return dpx_error(EINVAL,
                             "set(%s): the value has bits that its "
                             "mask has not",
                             row->name);
        }
    }
    error = check_set_layer(c, row, a.type);
    if (!error
        && (a.type == OVS_KEY_ATTR_IPV4 || a.type == OVS_KEY_ATTR_IPV6)) {
        error = check_set_ip(c, row->name, a.type, a.data,
                             masked ? mask : NULL);
    }
    if (!masked && a.type == OVS_KEY_ATTR_IPV6) {
        mask[32] = 0; /* 12 bits that are not the label's. */
        mask[33] &= 0x0f;
    }
    return error ? error : emit_set(c, target, a.data, mask);
}
