/* SPDX-License-Identifier: Apache-2.0 */

/* Reading cases. */

#include <errno.h>
#include <linux/openvswitch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/odp.h"
#include "tests/lib/plane.h"

const char *
json_text(json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s ? s : "";
}

static uint32_t
number(json_t *object, const char *name, uint32_t otherwise)
{
    json_t *n = json_object_get(object, name);

    return n ? json_integer_value(n) : otherwise;
}

/* "*N" at the end: N zero bytes more. */
void
read_hex(struct dpx_buf *b, const char *hex)
{
    unsigned int byte;

    dpx_buf_clear(b);
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        uint8_t byte8 = byte;

        dpx_buf_put(b, &byte8, 1);
    }
    if (*hex == '*') {
        dpx_buf_put(b, NULL, strtoul(hex + 1, NULL, 10));
    }
}

bool
has_quirk(json_t *c, const char *prefix)
{
    json_t *quirk;
    size_t i;

    json_array_foreach(json_object_get(c, "quirks"), i, quirk)
    {
        if (!strncmp(json_string_value(quirk), prefix, strlen(prefix))) {
            return true;
        }
    }
    return false;
}

/* Reads a key as a packet's, or with its mask. */
static int
read_key(const char *s, struct dpx_buf *key, struct dpx_buf *mask)
{
    uint8_t ufid[16];
    bool has_ufid;

    dpx_buf_clear(key);
    dpx_buf_clear(mask);
    return dpx_parse_flow(s, NULL, key, mask, ufid, &has_ufid);
}

int
read_packet_key(const char *s, struct dpx_key *key)
{
    struct dpx_buf attrs = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    int error = read_key(s, &attrs, &mask);

    if (!error) {
        error = dpx_key_parse(dpx_buf_data(&attrs), attrs.len, key);
    }
    dpx_buf_free(&attrs);
    dpx_buf_free(&mask);
    return error;
}

/* What should come of a packet ------------------------------------------- */

static void
read_outputs(json_t *outputs, struct outcome *want)
{
    struct dpx_buf packet = DPX_BUF_INIT;
    json_t *output;
    size_t i;

    json_array_foreach(outputs, i, output)
    {
        read_hex(&packet, json_text(output, "packet"));
        for (uint32_t n = number(output, "times", 1); n; n--) {
            outcome_output(want, number(output, "port", 0),
                           dpx_buf_data(&packet), packet.len);
        }
    }
    dpx_buf_free(&packet);
}

static enum result
read_upcalls(json_t *upcalls, struct outcome *want)
{
    struct dpx_buf packet = DPX_BUF_INIT, userdata = DPX_BUF_INIT;
    enum result result = PASS;
    json_t *upcall;
    size_t i;

    json_array_foreach(upcalls, i, upcall)
    {
        bool action = !strcmp(json_text(upcall, "type"), "action");
        struct dpx_key key;

        if (read_packet_key(json_text(upcall, "key"), &key)) {
            result = because(FAIL, "upcall %zu: %s", i,
                             dpx_error_text(EINVAL));
            break;
        }
        read_hex(&packet, json_text(upcall, "packet"));
        read_hex(&userdata, json_text(upcall, "userdata"));
        outcome_upcall(want, action ? DPX_UPCALL_ACTION : DPX_UPCALL_MISS,
                       number(upcall, "pid", 0), &key, dpx_buf_data(&userdata),
                       userdata.len, dpx_buf_data(&packet), packet.len);
    }
    dpx_buf_free(&packet);
    dpx_buf_free(&userdata);
    return result;
}

static enum result
read_drops(json_t *drops, struct outcome *want)
{
    static const char *const names[] = DPX_DROP_NAMES;
    json_t *drop;
    size_t i;

    json_array_foreach(drops, i, drop)
    {
        const char *name = json_text(drop, "reason");
        int reason = 0;

        while (reason < DPX_DROP_MAX && strcmp(name, names[reason])) {
            reason++;
        }
        if (reason == DPX_DROP_MAX) {
            return because(FAIL, "no such reason to drop: %s", name);
        }
        outcome_drop(want, number(drop, "port", 0), reason,
                     number(drop, "times", 1));
    }
    return PASS;
}

enum result
read_outcome(json_t *c, struct outcome *want)
{
    json_t *outputs = json_object_get(c, "kernel_outputs");
    enum result result;

    read_outputs(outputs ? outputs : json_object_get(c, "outputs"), want);
    result = read_upcalls(json_object_get(c, "upcalls"), want);
    return result == PASS ? read_drops(json_object_get(c, "drops"), want)
                          : result;
}

/* Flows ------------------------------------------------------------------- */

/* Why a flow was refused: a skip if it needs what is not there yet, or if the
 * kernel module refuses it too. */
static enum result
refused(json_t *c, int error)
{
    char message[400];
    char *cut;

    snprintf(message, sizeof message, "%s", dpx_error_text(error));
    if (error == EINVAL && has_quirk(c, "kernel-rejects-")) {
        return because(SKIP, "refused, as by the kernel");
    }
    if (error != EOPNOTSUPP) {
        return because(FAIL, "put: %s", message);
    }
    cut = strchr(message, ':');
    if (cut) {
        *cut = '\0';
    }
    return because(SKIP, "not supported: %s", message);
}

static int
put(struct datapath *dp, struct dpx_flow *flow, struct dpx_program *prog)
{
    int error = dpx_compile(flow->actions, flow->actions_len, flow->key,
                            flow->mask, prog);

    if (!error) {
        flow->ops = prog->ops;
        flow->n_ops = prog->n;
        flow->body_flags = prog->body_flags;
        flow->out = prog->out;
        error = dpx_table_begin(dp->table);
    }
    if (!error) {
        error = dpx_table_put(dp->table, DPX_PUT_CREATE, flow, NULL);
        dpx_table_end(dp->table);
    }
    return error;
}

static int
put_attrs(struct datapath *dp, const struct dpx_buf *key_attrs,
          const struct dpx_buf *mask_attrs, const struct dpx_buf *actions)
{
    struct dpx_key *key = &dp->keys[dp->n++], mask;
    const void *masks = mask_attrs->len ? dpx_buf_data(mask_attrs) : NULL;
    struct dpx_program prog = { 0 };
    struct dpx_flow flow = {
        .key = key,
        .mask = &mask,
        .key_attrs = dpx_buf_data(key_attrs),
        .key_len = key_attrs->len,
        .mask_attrs = masks,
        .mask_len = mask_attrs->len,
        .actions = dpx_buf_data(actions),
        .actions_len = actions->len,
    };
    int error = dpx_key_from_attrs(flow.key_attrs, flow.key_len, masks,
                                   flow.mask_len, key, &mask);

    if (!error) {
        error = put(dp, &flow, &prog);
    }
    dpx_program_free(&prog);
    return error;
}

int
put_exact(struct datapath *dp, const struct dpx_key *key, uint32_t out)
{
    struct dpx_buf actions = DPX_BUF_INIT;
    struct dpx_program prog = { 0 };
    struct dpx_flow flow = { .key = &dp->keys[dp->n] };
    struct dpx_key mask;
    int error;

    memset(&mask, 0xff, sizeof mask);
    dp->keys[dp->n++] = *key;
    dpx_nla_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, out);
    flow.mask = &mask;
    flow.actions = dpx_buf_data(&actions);
    flow.actions_len = actions.len;
    error = put(dp, &flow, &prog);
    dpx_program_free(&prog);
    dpx_buf_free(&actions);
    return error;
}

enum result
put_flows(struct datapath *dp, json_t *c)
{
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    struct dpx_buf actions = DPX_BUF_INIT;
    enum result result = PASS;
    json_t *flow;
    size_t i;

    json_array_foreach(json_object_get(c, "flows"), i, flow)
    {
        int error = i < MAX_FLOWS
                        ? read_key(json_text(flow, "key"), &key, &mask)
                        : E2BIG;

        dpx_buf_clear(&actions);
        if (!error) {
            error = dpx_parse_actions(json_text(flow, "actions"), NULL,
                                      &actions);
        }
        if (error) {
            result = because(FAIL, "text: %s", dpx_error_text(error));
        } else {
            error = put_attrs(dp, &key, &mask, &actions);
            result = error ? refused(c, error) : PASS;
        }
        if (result != PASS) {
            break;
        }
    }
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    dpx_buf_free(&actions);
    return result;
}
