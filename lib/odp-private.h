/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the codec (lib/odp.h) share: a cursor over netlink
 * attributes, and the table of the attributes of a flow key. */

#ifndef DPX_ODP_PRIVATE_H
#define DPX_ODP_PRIVATE_H 1

#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/odp.h"

/* Attributes.  Neither their place in memory nor their lengths are trusted. */

struct dpx_attr {
    uint16_t type;       /* Without the flags in its upper bits. */
    size_t len;          /* Of `data`. */
    const uint8_t *data; /* Of any alignment. */
};

struct dpx_attrs {
    const uint8_t *p;
    size_t left; /* Not 0 at the end: what `p` is at is bad. */
};

static inline struct dpx_attrs
dpx_attrs(const void *data, size_t len)
{
    return (struct dpx_attrs){ data, len };
}

/* Takes the next attribute; false at the end, or where there is no whole
 * attribute.  The last one need not be padded. */
static inline bool
dpx_attrs_next(struct dpx_attrs *attrs, struct dpx_attr *a)
{
    struct nlattr nla;
    size_t step;

    if (!attrs->p || attrs->left < sizeof nla) {
        return false;
    }
    memcpy(&nla, attrs->p, sizeof nla);
    if (nla.nla_len < sizeof nla || nla.nla_len > attrs->left) {
        return false;
    }
    a->type = nla.nla_type & NLA_TYPE_MASK;
    a->len = nla.nla_len - sizeof nla;
    a->data = attrs->p + sizeof nla;
    step = NLA_ALIGN(nla.nla_len);
    step = step < attrs->left ? step : attrs->left;
    attrs->p += step;
    attrs->left -= step;
    return true;
}

static inline bool
dpx_is_zero(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        any |= p[i];
    }
    return !any;
}

static inline uint16_t
dpx_get_u16(const void *p)
{
    uint16_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint32_t
dpx_get_u32(const void *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* lib/key-attrs.c: the attributes of a flow key. */

#define DPX_LEN_NESTED -1
#define DPX_LEN_MPLS -2 /* One to three label stack entries. */
#define DPX_MAX_MPLS 3

#define DPX_N_KEY_ATTRS (OVS_KEY_ATTR_MAX + 1)
#define DPX_N_KEY_LAYERS 11
#define DPX_ATTR_FIELDS 4

struct dpx_key_attr {
    const char *name; /* As in flow text; NULL: no attribute. */
    int len;          /* Bytes, or DPX_LEN_*. */
    bool later;       /* Cannot be matched yet. */
};

/* Where an attribute's bytes lie in struct dpx_key.  One table for both
 * directions; what is in the same order in both is one field. */
struct dpx_key_field {
    uint8_t attr_ofs;
    uint8_t key_ofs;
    uint8_t len; /* 0: no more fields. */
};

/* Which packets have an attribute: those of one of two Ethertypes and, if it
 * is not 0, of the protocol.  Inner headers come behind outer ones. */
struct dpx_key_layer {
    uint8_t attr;
    uint8_t proto;
    uint16_t eth_type[2];
    const char *needs; /* For messages. */
};

extern const struct dpx_key_attr dpx_key_attrs[DPX_N_KEY_ATTRS];
extern const struct dpx_key_field dpx_key_fields[DPX_N_KEY_ATTRS]
                                                [DPX_ATTR_FIELDS];
extern const struct dpx_key_layer dpx_key_layers[DPX_N_KEY_LAYERS];

/* The row of attribute `type`; NULL if it is none that a key may have. */
const struct dpx_key_attr *dpx_key_attr(uint16_t type);

/* Does the attribute have the length that its row asks for?  EINVAL. */
int dpx_key_attr_check(const struct dpx_key_attr *, size_t len,
                       const char *prefix);

bool dpx_key_has_layer(const struct dpx_key *, const struct dpx_key_layer *);

/* lib/key-scan.c: attributes on their way to a key or a mask. */

#define BIT(ATTR) (UINT64_C(1) << OVS_KEY_ATTR_##ATTR)

/* The attributes of one key or one mask, those inside `encap` too. */
struct dpx_parsed {
    const char *prefix; /* For messages: "" or "mask of ". */
    uint64_t present;   /* Which of `a` are set. */
    bool odd;           /* Some say in other ways what is matched. */
    struct dpx_attr a[DPX_N_KEY_ATTRS];
};

void dpx_parsed_init(struct dpx_parsed *, const char *prefix);
int dpx_scan(const void *data, size_t len, bool is_mask, struct dpx_parsed *);
int dpx_refuse_later(struct dpx_parsed *key, struct dpx_parsed *mask);
int dpx_read_packet_type(struct dpx_parsed *key, struct dpx_parsed *mask);
int dpx_read_vlans(struct dpx_parsed *, struct dpx_key *, bool *cut);
int dpx_read_vlan_masks(struct dpx_parsed *, const struct dpx_key *, bool cut,
                        struct dpx_key *mask);

/* lib/compile.c: a run of dpx_compile(). */

struct dpx_compiler {
    struct dpx_program *prog;
    struct dpx_facts facts;
    size_t visible; /* Ops up to the last that shows outside. */
};

/* Appends an operation.  E2BIG. */
int dpx_compile_emit(struct dpx_compiler *, struct dpx_op);

/* lib/compile-set.c: compiles set (value) or set_masked (value, mask). */
int dpx_compile_set(struct dpx_compiler *, const struct dpx_attr *nest,
                    bool masked);

#endif /* lib/odp-private.h */
