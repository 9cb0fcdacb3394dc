/* SPDX-License-Identifier: Apache-2.0 */

/* The actions whose arguments are more than a list of fields.  A function that
 * writes one returns false if the attribute is not as it should be, having
 * written nothing; one that reads it leaves the closing parenthesis. */

#include "lib/text-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/error.h"

/* A percentage of UINT32_MAX. */
static uint32_t
probability(double percent)
{
    return percent / 100 * UINT32_MAX + .5;
}

/* Finds the attributes of types 1 to n - 1, each at most once and in order of
 * type; false if there is anything else. */
static bool
split(const struct dpx_attr *nest, struct dpx_attr *a, size_t n)
{
    struct dpx_attrs left = dpx_attrs(nest->data, nest->len);
    struct dpx_attr next;
    size_t last = 0;

    memset(a, 0, n * sizeof *a);
    while (dpx_attrs_next(&left, &next)) {
        if (next.type <= last || next.type >= n) {
            return false;
        }
        last = next.type;
        a[last] = next;
    }
    return !left.left;
}

/* userspace(pid=N[,userdata(HEX)][,actions][,tunnel_out_port=N]) */

bool
dpx_text_put_userspace(struct dpx_buf *b, const struct dpx_attr *nest,
                       const struct dpx_port_names *names, int depth)
{
    struct dpx_attr a[OVS_USERSPACE_ATTR_MAX + 1];
    const struct dpx_attr *port = &a[OVS_USERSPACE_ATTR_EGRESS_TUN_PORT];

    (void) depth;
    if (!split(nest, a, OVS_USERSPACE_ATTR_MAX + 1)
        || a[OVS_USERSPACE_ATTR_PID].len != 4 || (port->type && port->len != 4)
        || a[OVS_USERSPACE_ATTR_ACTIONS].len) {
        return false;
    }
    dpx_buf_printf(b, "userspace(pid=%" PRIu32,
                   dpx_get_u32(a[OVS_USERSPACE_ATTR_PID].data));
    if (a[OVS_USERSPACE_ATTR_USERDATA].type) {
        dpx_buf_printf(b, ",userdata(");
        dpx_text_put_hex(b, a[OVS_USERSPACE_ATTR_USERDATA].data,
                         a[OVS_USERSPACE_ATTR_USERDATA].len);
        dpx_buf_printf(b, ")");
    }
    if (a[OVS_USERSPACE_ATTR_ACTIONS].type) {
        dpx_buf_printf(b, ",actions");
    }
    if (port->type) {
        dpx_buf_printf(b, ",tunnel_out_port=");
        dpx_text_put_port(b, dpx_get_u32(port->data), names);
    }
    dpx_buf_printf(b, ")");
    return true;
}

int
dpx_text_get_userspace(struct dpx_text *t, struct dpx_buf *actions)
{
    struct dpx_buf data = DPX_BUF_INIT;
    bool has_data, has_actions, has_port;
    uint32_t port = 0;
    uint64_t pid;
    size_t nest;
    int error = dpx_text_need(t, "pid=");

    if (!error) {
        error = dpx_text_number(t, UINT32_MAX, &pid);
    }
    has_data = !error && dpx_text_take(t, ",userdata(");
    if (has_data) {
        error = dpx_text_hex(t, &data);
        if (!error) {
            error = dpx_text_need(t, ")");
        }
    }
    has_actions = !error && dpx_text_take(t, ",actions");
    has_port = !error && dpx_text_take(t, ",tunnel_out_port=");
    if (has_port) {
        error = dpx_text_port(t, &port);
    }
    if (!error && data.len > UINT16_MAX / 2) {
        error = dpx_error(E2BIG, "userdata: %zu bytes are too many", data.len);
    }
    if (!error) {
        nest = dpx_nla_nest(actions, OVS_ACTION_ATTR_USERSPACE);
        dpx_nla_put_u32(actions, OVS_USERSPACE_ATTR_PID, pid);
        if (has_data) {
            dpx_nla_put(actions, OVS_USERSPACE_ATTR_USERDATA,
                        dpx_buf_data(&data), data.len);
        }
        if (has_port) {
            dpx_nla_put_u32(actions, OVS_USERSPACE_ATTR_EGRESS_TUN_PORT, port);
        }
        if (has_actions) {
            dpx_nla_put(actions, OVS_USERSPACE_ATTR_ACTIONS, NULL, 0);
        }
        dpx_nla_end(actions, nest);
    }
    dpx_buf_free(&data);
    return error;
}

/* set(FIELD(...)): with a mask, or a field left out, it is set_masked. */

bool
dpx_text_put_set(struct dpx_buf *b, const struct dpx_attr *nest,
                 const struct dpx_port_names *names, int depth)
{
    struct dpx_attrs left = dpx_attrs(nest->data, nest->len);
    bool masked = nest->type == OVS_ACTION_ATTR_SET_MASKED;
    struct dpx_attr key, mask;

    (void) depth;
    if (!dpx_attrs_next(&left, &key) || left.left
        || key.type == OVS_KEY_ATTR_ENCAP || (masked && key.len % 2)) {
        return false;
    }
    dpx_buf_printf(b, "set(");
    mask = key;
    if (masked) {
        struct dpx_text_style style = { .slash = true, .stray = true };

        key.len = mask.len = key.len / 2;
        mask.data = key.data + key.len;
        for (size_t i = 0; i < mask.len; i++) {
            style.slash &= mask.data[i] == 0xff;
        }
        dpx_text_put_key(b, &key, &mask, style, names);
    } else {
        dpx_text_put_key(b, &key, NULL, (struct dpx_text_style){ 0 }, names);
    }
    dpx_buf_printf(b, ")");
    return true;
}

int
dpx_text_get_set(struct dpx_text *t, struct dpx_buf *actions)
{
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    const char *at = t->p;
    struct dpx_attrs key_left, mask_left;
    struct dpx_attr k, m;
    bool partial;
    size_t nest;
    int error;

    error = dpx_text_get_key(t, &key, &mask, &partial);
    if (error) {
        goto out;
    }
    key_left = dpx_attrs(dpx_buf_data(&key), key.len);
    mask_left = dpx_attrs(dpx_buf_data(&mask), mask.len);
    if (!dpx_attrs_next(&key_left, &k) || !dpx_attrs_next(&mask_left, &m)
        || k.type == OVS_KEY_ATTR_ENCAP) {
        error = dpx_text_error(t, at, "a field that can be set");
        goto out;
    }
    nest = dpx_nla_nest(actions, partial ? OVS_ACTION_ATTR_SET_MASKED
                                         : OVS_ACTION_ATTR_SET);
    if (partial) {
        struct dpx_buf both = DPX_BUF_INIT;

        dpx_buf_put(&both, k.data, k.len);
        dpx_buf_put(&both, m.data, m.len);
        if (both.len > UINT16_MAX / 2) {
            error = dpx_error(E2BIG, "set: %zu bytes are too many", both.len);
        } else {
            dpx_nla_put(actions, k.type, dpx_buf_data(&both), both.len);
        }
        dpx_buf_free(&both);
    } else {
        dpx_nla_put(actions, k.type, k.data, k.len);
    }
    dpx_nla_end(actions, nest);
out:
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    return error;
}

/* Lists in lists. */

static void
put_nest(struct dpx_buf *b, const char *name, const struct dpx_attr *nest,
         const struct dpx_port_names *names, int depth)
{
    dpx_buf_printf(b, "%s(", name);
    dpx_text_put_actions(b, dpx_attrs(nest->data, nest->len), names,
                         depth + 1);
    dpx_buf_printf(b, ")");
}

static int
get_nest(struct dpx_text *t, uint16_t type, struct dpx_buf *actions)
{
    size_t nest = dpx_nla_nest(actions, type);
    int error = 0;

    if (++t->depth >= DPX_TEXT_DEPTH) {
        return dpx_text_error(t, t->p, "less nesting");
    }
    error = dpx_text_get_actions(t, actions);
    t->depth--;
    if (!error && actions->len - nest > UINT16_MAX) {
        error = dpx_error(E2BIG, "actions: longer than an attribute can be");
    }
    if (!error) {
        dpx_nla_end(actions, nest);
    }
    return error;
}

/* sample(sample=N%,actions(...)) */

bool
dpx_text_put_sample(struct dpx_buf *b, const struct dpx_attr *nest,
                    const struct dpx_port_names *names, int depth)
{
    struct dpx_attr a[OVS_SAMPLE_ATTR_ACTIONS + 1];
    char percent[32];
    uint32_t p;

    if (!split(nest, a, OVS_SAMPLE_ATTR_ACTIONS + 1)
        || a[OVS_SAMPLE_ATTR_PROBABILITY].len != 4
        || !a[OVS_SAMPLE_ATTR_ACTIONS].type) {
        return false;
    }
    p = dpx_get_u32(a[OVS_SAMPLE_ATTR_PROBABILITY].data);
    /* With as many digits as it takes to read the same back. */
    for (int digits = 1; digits < 16; digits++) {
        snprintf(percent, sizeof percent, "%.*f", digits,
                 100.0 * p / UINT32_MAX);
        if (probability(strtod(percent, NULL)) == p) {
            break;
        }
    }
    dpx_buf_printf(b, "sample(sample=%s%%,", percent);
    put_nest(b, "actions", &a[OVS_SAMPLE_ATTR_ACTIONS], names, depth);
    dpx_buf_printf(b, ")");
    return true;
}

int
dpx_text_get_sample(struct dpx_text *t, struct dpx_buf *actions)
{
    size_t nest = dpx_nla_nest(actions, OVS_ACTION_ATTR_SAMPLE);
    int error = dpx_text_need(t, "sample=");
    double percent;
    char *end;

    if (error) {
        return error;
    }
    percent = strtod(t->p, &end);
    if (end == t->p || *end != '%' || !(percent >= 0 && percent <= 100)) {
        return dpx_text_error(t, t->p, "a percentage, \"%\"");
    }
    t->p = end + 1;
    dpx_nla_put_u32(actions, OVS_SAMPLE_ATTR_PROBABILITY,
                    probability(percent));
    error = dpx_text_need(t, ",actions(");
    if (!error) {
        error = get_nest(t, OVS_SAMPLE_ATTR_ACTIONS, actions);
    }
    dpx_nla_end(actions, nest);
    return error ? error : dpx_text_need(t, ")");
}

/* clone(...) */

bool
dpx_text_put_clone(struct dpx_buf *b, const struct dpx_attr *nest,
                   const struct dpx_port_names *names, int depth)
{
    put_nest(b, "clone", nest, names, depth);
    return true;
}

int
dpx_text_get_clone(struct dpx_text *t, struct dpx_buf *actions)
{
    return get_nest(t, OVS_ACTION_ATTR_CLONE, actions);
}

/* check_pkt_len(size=N,gt(...),le(...)) */

bool
dpx_text_put_check_pkt_len(struct dpx_buf *b, const struct dpx_attr *nest,
                           const struct dpx_port_names *names, int depth)
{
    struct dpx_attr a[OVS_CHECK_PKT_LEN_ATTR_MAX + 1];

    if (!split(nest, a, OVS_CHECK_PKT_LEN_ATTR_MAX + 1)
        || a[OVS_CHECK_PKT_LEN_ATTR_PKT_LEN].len != 2
        || !a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER].type
        || !a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL].type) {
        return false;
    }
    dpx_buf_printf(b, "check_pkt_len(size=%u,",
                   dpx_get_u16(a[OVS_CHECK_PKT_LEN_ATTR_PKT_LEN].data));
    put_nest(b, "gt", &a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER], names,
             depth);
    dpx_buf_printf(b, ",");
    put_nest(b, "le", &a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL], names,
             depth);
    dpx_buf_printf(b, ")");
    return true;
}

int
dpx_text_get_check_pkt_len(struct dpx_text *t, struct dpx_buf *actions)
{
    size_t nest = dpx_nla_nest(actions, OVS_ACTION_ATTR_CHECK_PKT_LEN);
    uint64_t size;
    int error = dpx_text_need(t, "size=");

    if (!error) {
        error = dpx_text_number(t, UINT16_MAX, &size);
    }
    if (error) {
        return error;
    }
    dpx_nla_put_u16(actions, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, size);
    error = dpx_text_need(t, ",gt(");
    if (!error) {
        error = get_nest(t, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER,
                         actions);
    }
    if (!error) {
        error = dpx_text_need(t, "),le(");
    }
    if (!error) {
        error = get_nest(t, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL,
                         actions);
    }
    dpx_nla_end(actions, nest);
    return error ? error : dpx_text_need(t, ")");
}

/* hash(l4(BASIS)), hash(sym_l4(BASIS)) */

static const char *const hashes[] = { "l4", "sym_l4" };

#define N_HASHES (sizeof hashes / sizeof hashes[0])

bool
dpx_text_put_hash(struct dpx_buf *b, const struct dpx_attr *a,
                  const struct dpx_port_names *names, int depth)
{
    uint32_t algorithm = dpx_get_u32(a->data);

    (void) names;
    (void) depth;
    if (algorithm >= N_HASHES) {
        return false;
    }
    dpx_buf_printf(b, "hash(%s(%" PRIu32 "))", hashes[algorithm],
                   dpx_get_u32(a->data + 4));
    return true;
}

int
dpx_text_get_hash(struct dpx_text *t, struct dpx_buf *actions)
{
    for (uint32_t i = 0; i < N_HASHES; i++) {
        uint64_t basis;
        int error;

        if (dpx_text_word_is(t->p, hashes[i])) {
            t->p += strlen(hashes[i]);
            error = dpx_text_need(t, "(");
            if (!error) {
                error = dpx_text_number(t, UINT32_MAX, &basis);
            }
            if (!error) {
                uint32_t hash[2] = { i, basis };

                dpx_nla_put(actions, OVS_ACTION_ATTR_HASH, hash, sizeof hash);
                error = dpx_text_need(t, ")");
            }
            return error;
        }
    }
    return dpx_text_error(t, t->p, "l4 or sym_l4");
}
