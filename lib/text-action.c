/* SPDX-License-Identifier: Apache-2.0 */

/* Actions as text, of ovs-dpctl(8)'s kind.  What has no text of its own is
 * written as actionN(HEX), and read back so. */

#include "lib/text-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/error.h"

static bool
put_output(struct dpx_buf *b, const struct dpx_attr *a,
           const struct dpx_port_names *names, int depth)
{
    (void) depth;
    dpx_text_put_port(b, dpx_get_u32(a->data), names);
    return true;
}

/* Those without functions are lists of fields, or nothing but a name. */
static const struct action {
    uint16_t type;
    int len; /* -1: any. */
    const char *name;
    dpx_text_putter *put;
    dpx_text_getter *get;
} actions_table[] = {
    { OVS_ACTION_ATTR_OUTPUT, 4, NULL, put_output, NULL },
    { OVS_ACTION_ATTR_USERSPACE, -1, "userspace", dpx_text_put_userspace,
      dpx_text_get_userspace },
    { OVS_ACTION_ATTR_SET, -1, "set", dpx_text_put_set, dpx_text_get_set },
    { OVS_ACTION_ATTR_SET_MASKED, -1, NULL, dpx_text_put_set, NULL },
    { OVS_ACTION_ATTR_PUSH_VLAN, 4, "push_vlan", NULL, NULL },
    { OVS_ACTION_ATTR_POP_VLAN, 0, "pop_vlan", NULL, NULL },
    { OVS_ACTION_ATTR_SAMPLE, -1, "sample", dpx_text_put_sample,
      dpx_text_get_sample },
    { OVS_ACTION_ATTR_RECIRC, 4, "recirc", NULL, NULL },
    { OVS_ACTION_ATTR_HASH, 8, "hash", dpx_text_put_hash, dpx_text_get_hash },
    { OVS_ACTION_ATTR_PUSH_MPLS, 8, "push_mpls", NULL, NULL },
    { OVS_ACTION_ATTR_POP_MPLS, 2, "pop_mpls", NULL, NULL },
    { OVS_ACTION_ATTR_TRUNC, 4, "trunc", NULL, NULL },
    { OVS_ACTION_ATTR_PUSH_ETH, 12, "push_eth", NULL, NULL },
    { OVS_ACTION_ATTR_POP_ETH, 0, "pop_eth", NULL, NULL },
    { OVS_ACTION_ATTR_CT_CLEAR, 0, "ct_clear", NULL, NULL },
    { OVS_ACTION_ATTR_METER, 4, "meter", NULL, NULL },
    { OVS_ACTION_ATTR_CLONE, -1, "clone", dpx_text_put_clone,
      dpx_text_get_clone },
    { OVS_ACTION_ATTR_CHECK_PKT_LEN, -1, "check_pkt_len",
      dpx_text_put_check_pkt_len, dpx_text_get_check_pkt_len },
    { OVS_ACTION_ATTR_ADD_MPLS, 8, "add_mpls", NULL, NULL },
};

#define N_ACTIONS (sizeof actions_table / sizeof actions_table[0])

static bool
put_known(struct dpx_buf *b, const struct dpx_attr *a,
          const struct dpx_port_names *names, int depth)
{
    for (size_t i = 0; i < N_ACTIONS; i++) {
        const struct action *row = &actions_table[i];

        if (row->type != a->type) {
            continue;
        }
        if (row->len >= 0 && a->len != (size_t) row->len) {
            return false;
        }
        if (row->put) {
            return row->put(b, a, names, depth);
        }
        dpx_buf_printf(b, "%s", row->name);
        if (row->len) {
            dpx_buf_printf(b, "(");
            dpx_text_put_fields(b, DPX_TEXT_ACTION + a->type, a->data, NULL,
                                a->len, (struct dpx_text_style){ 0 }, names);
            dpx_buf_printf(b, ")");
        }
        return true;
    }
    return false;
}

void
dpx_text_put_actions(struct dpx_buf *b, struct dpx_attrs left,
                     const struct dpx_port_names *names, int depth)
{
    const char *comma = "";
    struct dpx_attr a;

    if (!left.left) {
        dpx_buf_printf(b, "drop");
    }
    while (dpx_attrs_next(&left, &a)) {
        dpx_buf_printf(b, "%s", comma);
        comma = ",";
        if (depth + 1 >= DPX_TEXT_DEPTH || !put_known(b, &a, names, depth)) {
            dpx_buf_printf(b, "action%u(", a.type);
            dpx_text_put_hex(b, a.data, a.len);
            dpx_buf_printf(b, ")");
        }
    }
    if (left.left) {
        dpx_buf_printf(b, "%s***%zu leftover bytes*** (", comma, left.left);
        dpx_text_put_hex(b, left.p, left.left);
        dpx_buf_printf(b, ")");
    }
}

void
dpx_format_actions(const void *actions, size_t len,
                   const struct dpx_port_names *names, struct dpx_buf *text)
{
    dpx_text_put_actions(text, dpx_attrs(actions, len), names, 0);
}

static int
get_fields(struct dpx_text *t, const struct action *row,
           struct dpx_buf *actions)
{
    uint8_t value[DPX_TEXT_MAX], mask[DPX_TEXT_MAX];
    const char *at = t->p;
    bool partial;
    size_t size;
    int error;

    error = dpx_text_get_fields(t, DPX_TEXT_ACTION + row->type, value, mask,
                                &size, &partial);
    if (!error && partial) {
        error = dpx_text_error(t, at, "all fields, and no masks");
    }
    if (!error) {
        dpx_nla_put(actions, row->type, value, row->len);
    }
    return error;
}

static int
get_unknown(struct dpx_text *t, uint16_t type, struct dpx_buf *actions)
{
    struct dpx_buf data = DPX_BUF_INIT;
    int error = dpx_text_hex(t, &data);

    if (!error && data.len > UINT16_MAX / 2) {
        error = dpx_error(E2BIG, "action%u: %zu bytes are too many", type,
                          data.len);
    }
    if (!error) {
        dpx_nla_put(actions, type, dpx_buf_data(&data), data.len);
    }
    dpx_buf_free(&data);
    return error;
}

static int
get_action(struct dpx_text *t, struct dpx_buf *actions)
{
    size_t n = dpx_text_word(t->p);
    uint32_t port;
    uint16_t type;
    int end = 0;
    int error;

    for (size_t i = 0; i < N_ACTIONS; i++) {
        const struct action *row = &actions_table[i];

        if (!row->name || !dpx_text_word_is(t->p, row->name)
            || (t->p[n] == '(') != !!row->len) {
            continue;
        }
        t->p += n;
        if (!row->len) {
            dpx_nla_put(actions, row->type, NULL, 0);
            return 0;
        }
        t->p++;
        error = row->get ? row->get(t, actions) : get_fields(t, row, actions);
        return error ? error : dpx_text_need(t, ")");
    }
    if (sscanf(t->p, "action%5" SCNu16 "(%n", &type, &end) == 1
        && (size_t) end == n + 1) {
        t->p += end;
        error = get_unknown(t, type, actions);
        return error ? error : dpx_text_need(t, ")");
    }
    if (t->p[n] == '(') {
        return dpx_text_error(t, t->p, "an action");
    }
    error = dpx_text_port(t, &port);
    if (!error) {
        dpx_nla_put_u32(actions, OVS_ACTION_ATTR_OUTPUT, port);
    }
    return error;
}

/* Reads up to a closing parenthesis or the end. */
int
dpx_text_get_actions(struct dpx_text *t, struct dpx_buf *actions)
{
    const char *drop = NULL;
    bool first = true;

    for (;; first = false) {
        int error;

        dpx_text_skip(t, "," DPX_TEXT_BLANKS);
        if (!*t->p || *t->p == ')') {
            return 0;
        }
        if (drop || (!first && dpx_text_word_is(t->p, "drop"))) {
            return dpx_text_error(t, drop ? drop : t->p, "drop alone");
        }
        if (dpx_text_word_is(t->p, "drop")) {
            drop = t->p;
            t->p += 4;
            continue;
        }
        error = get_action(t, actions);
        if (error) {
            return error;
        }
        if (*t->p && !strchr(",)" DPX_TEXT_BLANKS, *t->p)) {
            return dpx_text_error(t, t->p, "\",\"");
        }
    }
}

int
dpx_parse_actions(const char *text, const struct dpx_port_names *names,
                  struct dpx_buf *actions)
{
    struct dpx_text t = { .start = text, .p = text, .names = names };
    size_t len = actions->len;
    int error = dpx_text_get_actions(&t, actions);

    if (!error && *t.p) {
        error = dpx_text_error(&t, t.p, "an action");
    }
    if (!error && actions->len - len > DPX_MAX_ACTIONS) {
        error = dpx_error(E2BIG, "actions: %zu bytes, at most %d",
                          actions->len - len, DPX_MAX_ACTIONS);
    }
    if (error) {
        actions->len = len;
    }
    return error;
}
