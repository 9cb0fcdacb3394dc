/* SPDX-License-Identifier: Apache-2.0 */

/* Flow keys as text, of ovs-dpctl(8)'s kind.  What has no text of its own
 * (unknown attributes, odd lengths) is written as keyN(HEX), with its mask as
 * keyN(HEX/HEX), and read back so. */

#include "lib/text-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/error.h"

/* Writing. */

static void
put_list(struct dpx_buf *, struct dpx_attrs key, const struct dpx_attrs *mask,
         struct dpx_text_style, const struct dpx_port_names *, int depth);

static bool
has_good_length(uint16_t type, size_t len)
{
    const struct dpx_key_attr *row = dpx_key_attr(type);

    if (!row || !dpx_text_fields(type)) {
        return false;
    }
    return row->len == DPX_LEN_MPLS
               ? len && len % 4 == 0 && len <= 4 * DPX_MAX_MPLS
               : len == (size_t) row->len;
}

static void
put_unknown(struct dpx_buf *b, const struct dpx_attr *key,
            const struct dpx_attr *mask)
{
    dpx_buf_printf(b, "key%u(", key->type);
    dpx_text_put_hex(b, key->data, key->len);
    if (mask) {
        dpx_buf_printf(b, "/");
        dpx_text_put_hex(b, mask->data, mask->len);
    }
    dpx_buf_printf(b, ")");
}

static void
put_one(struct dpx_buf *b, const struct dpx_attr *key,
        const struct dpx_attr *mask, struct dpx_text_style style,
        const struct dpx_port_names *names, int depth)
{
    if (key->type == OVS_KEY_ATTR_ENCAP && depth < DPX_TEXT_DEPTH) {
        struct dpx_attrs inner = mask ? dpx_attrs(mask->data, mask->len)
                                      : dpx_attrs(NULL, 0);

        dpx_buf_printf(b, "encap(");
        put_list(b, dpx_attrs(key->data, key->len), mask ? &inner : NULL,
                 style, names, depth + 1);
        dpx_buf_printf(b, ")");
    } else if (has_good_length(key->type, key->len)
               && (!mask || mask->len == key->len)) {
        dpx_buf_printf(b, "%s(", dpx_key_attr(key->type)->name);
        dpx_text_put_fields(b, key->type, key->data, mask ? mask->data : NULL,
                            key->len, style, names);
        dpx_buf_printf(b, ")");
    } else {
        put_unknown(b, key, mask);
    }
}

void
dpx_text_put_key(struct dpx_buf *b, const struct dpx_attr *key,
                 const struct dpx_attr *mask, struct dpx_text_style style,
                 const struct dpx_port_names *names)
{
    put_one(b, key, mask, style, names, 0);
}

static bool
find(struct dpx_attrs attrs, uint16_t type, struct dpx_attr *a)
{
    while (dpx_attrs_next(&attrs, a)) {
        if (a->type == type) {
            return true;
        }
    }
    return false;
}

/* An attribute that the mask leaves out is wildcarded, as is one of zeros.
 * Even so eth() is written: without it, it would be a layer 3 packet. */
static void
put_masked(struct dpx_buf *b, const struct dpx_attr *key,
           const struct dpx_attrs *mask, struct dpx_text_style style,
           const struct dpx_port_names *names, int depth)
{
    struct dpx_buf zeros = DPX_BUF_INIT;
    struct dpx_attr m;

    if (!find(*mask, key->type, &m)) {
        m.type = key->type;
        m.len = key->type == OVS_KEY_ATTR_ENCAP ? 0 : key->len;
        m.data = dpx_buf_put(&zeros, NULL, m.len);
    }
    if (!style.more && key->type == OVS_KEY_ATTR_ETHERNET
        && dpx_is_zero(m.data, m.len)) {
        dpx_buf_printf(b, "eth()");
    } else {
        put_one(b, key, &m, style, names, depth);
    }
    dpx_buf_free(&zeros);
}

static bool
is_shown(const struct dpx_attr *key, const struct dpx_attrs *mask)
{
    struct dpx_attr m;

    return !mask || key->type == OVS_KEY_ATTR_ENCAP
           || key->type == OVS_KEY_ATTR_ETHERNET
           || (find(*mask, key->type, &m) && !dpx_is_zero(m.data, m.len));
}

static void
put_list(struct dpx_buf *b, struct dpx_attrs key, const struct dpx_attrs *mask,
         struct dpx_text_style style, const struct dpx_port_names *names,
         int depth)
{
    bool has_eth_type = false;
    const char *comma = "";
    struct dpx_attr a;

    while (dpx_attrs_next(&key, &a)) {
        has_eth_type |= a.type == OVS_KEY_ATTR_ETHERTYPE;
        if (!style.more && !is_shown(&a, mask)) {
            continue;
        }
        dpx_buf_printf(b, "%s", comma);
        if (mask) {
            put_masked(b, &a, mask, style, names, depth);
        } else {
            put_one(b, &a, NULL, style, names, depth);
        }
        comma = ",";
    }
    if (key.left) {
        dpx_buf_printf(b, "%s***%zu leftover bytes*** (", comma, key.left);
        dpx_text_put_hex(b, key.p, key.left);
        dpx_buf_printf(b, ")");
    }
    /* LLC, which the key has no attribute for. */
    if (mask && !has_eth_type && find(*mask, OVS_KEY_ATTR_ETHERTYPE, &a)
        && a.len == 2) {
        dpx_buf_printf(b, "%seth_type(0/0x%04x)", comma,
                       ntohs(dpx_get_u16(a.data)));
    }
}

void
dpx_format_flow(const void *key, size_t key_len, const void *mask,
                size_t mask_len, bool more, const struct dpx_port_names *names,
                struct dpx_buf *text)
{
    struct dpx_text_style style = { .more = more };
    struct dpx_attrs m = dpx_attrs(mask, mask_len);

    put_list(text, dpx_attrs(key, key_len), mask_len ? &m : NULL, style, names,
             0);
}

/* As OVS does, from the four words that a ufid is in memory. */
void
dpx_format_ufid(const uint8_t ufid[16], struct dpx_buf *text)
{
    uint32_t p[4];

    memcpy(p, ufid, sizeof p);
    dpx_buf_printf(text,
                   "ufid:%08" PRIx32 "-%04" PRIx32 "-%04" PRIx32 "-%04" PRIx32
                   "-%04" PRIx32 "%08" PRIx32,
                   p[0], p[1] >> 16, p[1] & 0xffff, p[2] >> 16, p[2] & 0xffff,
                   p[3]);
}

/* Reading. */

static int
get_encap(struct dpx_text *t, struct dpx_buf *key, struct dpx_buf *mask,
          bool *partial)
{
    size_t key_nest = dpx_nla_nest(key, OVS_KEY_ATTR_ENCAP);
    size_t mask_nest = dpx_nla_nest(mask, OVS_KEY_ATTR_ENCAP);
    int error = 0;

    if (t->depth >= DPX_TEXT_DEPTH) {
        return dpx_text_error(t, t->p, "less nesting");
    }
    t->depth++;
    for (;;) {
        dpx_text_skip(t, "," DPX_TEXT_BLANKS);
        if (*t->p == ')') {
            break;
        }
        error = dpx_text_get_key(t, key, mask, partial);
        if (error) {
            return error;
        }
    }
    t->depth--;
    if (key->len > UINT16_MAX || mask->len > UINT16_MAX) {
        return dpx_error(E2BIG, "encap: longer than an attribute can be");
    }
    dpx_nla_end(key, key_nest);
    dpx_nla_end(mask, mask_nest);
    return 0;
}

static int
get_unknown(struct dpx_text *t, uint16_t type, struct dpx_buf *key,
            struct dpx_buf *mask, bool *partial)
{
    struct dpx_buf value = DPX_BUF_INIT, ones = DPX_BUF_INIT;
    int error = dpx_text_hex(t, &value);

    if (!error && dpx_text_take(t, "/")) {
        *partial = true;
        error = dpx_text_hex(t, &ones);
    } else if (!error) {
        memset(dpx_buf_put(&ones, NULL, value.len), 0xff, value.len);
    }
    if (!error
        && (value.len > UINT16_MAX - NLA_HDRLEN
            || ones.len > UINT16_MAX - NLA_HDRLEN)) {
        error = dpx_error(E2BIG, "key%u: longer than an attribute can be",
                          type);
    }
    if (!error) {
        dpx_nla_put(key, type, dpx_buf_data(&value), value.len);
        dpx_nla_put(mask, type, dpx_buf_data(&ones), ones.len);
    }
    dpx_buf_free(&value);
    dpx_buf_free(&ones);
    return error;
}

static int
get_fields(struct dpx_text *t, uint16_t type, struct dpx_buf *key,
           struct dpx_buf *mask, bool *partial)
{
    uint8_t value[DPX_TEXT_MAX], ones[DPX_TEXT_MAX];
    size_t size;
    int error;

    error = dpx_text_get_fields(t, type, value, ones, &size, partial);
    if (error) {
        return error;
    }
    if (type != OVS_KEY_ATTR_MPLS) {
        size = dpx_key_attr(type)->len;
    }
    /* eth_type(0/MASK) masks what the key has no attribute for. */
    if (type != OVS_KEY_ATTR_ETHERTYPE || !*partial
        || !dpx_is_zero(value, 2)) {
        dpx_nla_put(key, type, value, size);
    }
    dpx_nla_put(mask, type, ones, size);
    return 0;
}

/* The type of the attribute whose name comes next, with its parenthesis. */
static int
get_name(struct dpx_text *t, uint16_t *type, bool *unknown)
{
    size_t n = dpx_text_word(t->p);
    int end = 0;

    *unknown = false;
    if (t->p[n] == '(') {
        for (uint16_t i = 0; i < DPX_N_KEY_ATTRS; i++) {
            const struct dpx_key_attr *row = dpx_key_attr(i);

            if (row && dpx_text_word_is(t->p, row->name)
                && (i == OVS_KEY_ATTR_ENCAP || dpx_text_fields(i))) {
                t->p += n + 1;
                *type = i;
                return 0;
            }
        }
        if (sscanf(t->p, "key%5" SCNu16 "(%n", type, &end) == 1
            && (size_t) end == n + 1) {
            t->p += end;
            *unknown = true;
            return 0;
        }
    }
    return dpx_text_error(t, t->p, "a field of flow keys, \"(\"");
}

int
dpx_text_get_key(struct dpx_text *t, struct dpx_buf *key, struct dpx_buf *mask,
                 bool *partial)
{
    uint16_t type = 0;
    bool unknown = false;
    int error = get_name(t, &type, &unknown);

    *partial = false;
    if (!error) {
        error = unknown ? get_unknown(t, type, key, mask, partial)
                : type == OVS_KEY_ATTR_ENCAP
                    ? get_encap(t, key, mask, partial)
                    : get_fields(t, type, key, mask, partial);
    }
    return error ? error : dpx_text_need(t, ")");
}

static int
get_ufid(struct dpx_text *t, uint8_t ufid[16], bool *has_ufid)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    uint32_t p[4], h[2];
    int end = 0;

    *has_ufid = dpx_text_take(t, "ufid:");
    if (!*has_ufid) {
        return 0;
    }
    if (dpx_text_word(t->p) != sizeof form - 1
        || strspn(t->p, "0123456789abcdefABCDEF-") != sizeof form - 1
        || sscanf(t->p,
                  "%8" SCNx32 "-%4" SCNx32 "-%4" SCNx32 "-%4" SCNx32
                  "-%4" SCNx32 "%8" SCNx32 "%n",
                  &p[0], &p[1], &h[0], &p[2], &h[1], &p[3], &end)
               != 6
        || end != sizeof form - 1) {
        return dpx_text_error(t, t->p, form);
    }
    p[1] = p[1] << 16 | h[0];
    p[2] = p[2] << 16 | h[1];
    memcpy(ufid, p, sizeof p);
    t->p += end;
    return 0;
}

int
dpx_parse_flow(const char *text, const struct dpx_port_names *names,
               struct dpx_buf *key, struct dpx_buf *mask, uint8_t ufid[16],
               bool *has_ufid)
{
    struct dpx_text t = { .start = text, .p = text, .names = names };
    size_t key_len = key->len, mask_len = mask->len;
    bool partial;
    int error;

    dpx_text_skip(&t, DPX_TEXT_BLANKS);
    error = get_ufid(&t, ufid, has_ufid);
    for (;;) {
        dpx_text_skip(&t, "," DPX_TEXT_BLANKS);
        if (error || !*t.p) {
            break;
        }
        error = dpx_text_get_key(&t, key, mask, &partial);
        if (!error
            && (key->len - key_len > UINT16_MAX
                || mask->len - mask_len > UINT16_MAX)) {
            error = dpx_error(E2BIG, "the key is longer than attributes can "
                                     "be");
        }
    }
    if (error) {
        key->len = key_len;
        mask->len = mask_len;
    }
    return error;
}
