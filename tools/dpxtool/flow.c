/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool flow: flows, in the text of ovs-dpctl(8). */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dpif/dpif.h"
#include "tools/dpxtool/tool.h"

/* A flow as the command line names it. */
struct named_flow {
    struct dpx_dp *dp;
    struct dpx_buf key, mask, actions;
    uint8_t ufid[16];
    bool has_ufid;
    const char *text;
};

static void
parse_key(struct args *a, struct named_flow *f)
{
    struct dpx_port_names names;
    int error;

    memset(f, 0, sizeof *f);
    f->dp = open_dp(a);
    if (!args_is(a, "flow") && !args_is(a, "ufid")) {
        usage_die("tell which flow: \"flow 'KEY'\" expected%s%s",
                  a->n ? " at " : "", a->n ? a->words[0] : "");
    }
    f->text = args_next(a, "the key of a flow");
    names = port_names(f->dp, true);
    error = dpx_parse_flow(f->text, &names, &f->key, &f->mask, f->ufid,
                           &f->has_ufid);
    if (error) {
        die(error, "parse the key");
    }
}

static void
parse_actions(struct args *a, struct named_flow *f)
{
    struct dpx_port_names names = port_names(f->dp, true);
    const char *text;
    int error;

    if (!args_is(a, "actions")) {
        usage_die("tell what to do: \"actions 'ACTIONS'\" expected%s%s",
                  a->n ? " at " : "", a->n ? a->words[0] : "");
    }
    text = args_next(a, "the actions");
    error = dpx_parse_actions(text, &names, &f->actions);
    if (error) {
        die(error, "parse the actions");
    }
}

static void
free_named(struct named_flow *f)
{
    dpx_buf_free(&f->key);
    dpx_buf_free(&f->mask);
    dpx_buf_free(&f->actions);
    dpx_dp_close(f->dp);
}

static struct dpx_request
request(enum dpx_op_kind kind, const struct named_flow *f)
{
    return (struct dpx_request){
        .kind = kind,
        .ufid = f->has_ufid ? f->ufid : NULL,
        .key = dpx_buf_data(&f->key),
        .key_len = f->key.len,
        .mask = f->mask.len ? dpx_buf_data(&f->mask) : NULL,
        .mask_len = f->mask.len,
        .actions = dpx_buf_data(&f->actions),
        .actions_len = f->actions.len,
    };
}

static void
run_request(struct dpx_request *r, const struct named_flow *f,
            const char *what)
{
    dpx_operate(f->dp, &r, 1);
    if (r->error) {
        if (r->message) {
            dpx_error(r->error, "%s", r->message);
        }
        die(r->error, "%s flow \"%s\"", what, f->text);
    }
}

/* Output ------------------------------------------------------------------ */

struct printer {
    struct dpx_dp *dp;
    struct dpx_port_names names;
    bool more;
    struct dpx_clock clock;
    struct dpx_buf text;
};

static void
printer_init(struct printer *p, struct dpx_dp *dp, bool names, bool more)
{
    int error = dpx_clock_read(dpx_dp_maps(dp), &p->clock);

    if (error) {
        die(error, "read the clock of datapath \"%s\"", dpx_dp_name(dp));
    }
    p->dp = dp;
    p->names = port_names(dp, names);
    p->more = more;
    memset(&p->text, 0, sizeof p->text);
}

/* Why the packet path leaves this flow's packets to TC, or NULL. */
static const char *
why_not_xdp(struct dpx_dp *dp, const struct dpx_flow_view *v)
{
    const struct dpx_maps *maps = dpx_dp_maps(dp);

    if (!(v->body_flags & DPX_BODY_XDP)) {
        return "its actions need TC";
    } else if (v->out == DPX_PORT_NONE) {
        return NULL;
    } else if (v->out >= DPX_MAX_PORTS || !maps->ports[v->out].ifindex) {
        return "its output port does not exist";
    } else if (!(maps->ports[v->out].flags & DPX_PORT_RX_XDP)) {
        return "its output port cannot receive XDP frames";
    } else if (v->stats.packets && !(v->stats.planes & (1 << DPX_PLANE_XDP))) {
        return "its packets come in on ports without XDP";
    }
    return NULL;
}

static json_t *
text_json(struct dpx_buf *text)
{
    json_t *value = json_text(dpx_buf_str(text));

    dpx_buf_clear(text);
    return value;
}

static json_t *
flow_json(struct printer *p, const struct dpx_flow_view *v)
{
    struct dpx_buf *text = &p->text;
    const char *why = why_not_xdp(p->dp, v);
    json_t *flow = json_object();

    dpx_format_flow(v->key_attrs, v->key_len, v->mask_attrs, v->mask_len,
                    p->more, &p->names, text);
    json_object_set_new(flow, "key", text_json(text));
    if (v->mask_len) {
        dpx_format_flow(v->mask_attrs, v->mask_len, NULL, 0, true, NULL, text);
    }
    json_object_set_new(flow, "mask", text_json(text));
    dpx_format_actions(v->actions, v->actions_len, &p->names, text);
    json_object_set_new(flow, "actions", text_json(text));
    if (v->has_ufid) {
        dpx_format_ufid(v->ufid, text);
    }
    json_object_set_new(flow, "ufid",
                        v->has_ufid ? text_json(text) : json_null());
    json_object_set_new(flow, "packets", json_integer(v->stats.packets));
    json_object_set_new(flow, "bytes", json_integer(v->stats.bytes));
    json_object_set_new(
        flow, "used",
        v->stats.used ? json_real(
            (double) (int64_t) (p->clock.msec - v->stats.used) / 1000)
                      : json_null());
    if (v->stats.tcp_flags) {
        dpx_format_tcp_flags(v->stats.tcp_flags, text);
    }
    json_object_set_new(flow, "tcp_flags", text_json(text));
    json_object_set_new(flow, "plane", json_string(why ? "tc" : "xdp"));
    if (why) {
        json_object_set_new(flow, "why_not_xdp", json_string(why));
    }
    return flow;
}

static void
flow_print(struct printer *p, const struct dpx_flow_view *v)
{
    struct dpx_buf *text = &p->text;
    const struct dpif_flow_stats stats = {
        .n_packets = v->stats.packets,
        .n_bytes = v->stats.bytes,
        .used = v->stats.used,
        .tcp_flags = v->stats.tcp_flags,
    };

    dpx_buf_clear(text);
    if (p->more && v->has_ufid) {
        dpx_format_ufid(v->ufid, text);
        dpx_buf_printf(text, ", ");
    }
    dpx_format_flow(v->key_attrs, v->key_len, v->mask_attrs, v->mask_len,
                    p->more, &p->names, text);
    dpx_buf_printf(text, ", ");
    dpif_flow_stats_format(&stats, text);
    if (p->more) {
        const char *why = why_not_xdp(p->dp, v);

        dpx_buf_printf(text, ", plane:%s%s%s%s", why ? "tc" : "xdp",
                       why ? " (" : "", why ? why : "", why ? ")" : "");
    }
    dpx_buf_printf(text, ", actions:");
    dpx_format_actions(v->actions, v->actions_len, &p->names, text);
    puts(dpx_buf_str(text));
}

/* Commands ---------------------------------------------------------------- */

static void
put(struct args *a, unsigned int flags, const char *what)
{
    struct dpx_request r;
    struct named_flow f;

    parse_key(a, &f);
    parse_actions(a, &f);
    args_end(a);
    r = request(DPX_DO_PUT, &f);
    r.flags = flags;
    run_request(&r, &f, what);
    free_named(&f);
}

static void
flow_add(struct args *a)
{
    put(a, DPX_PUT_CREATE, "add");
}

static void
flow_mod(struct args *a)
{
    put(a, DPX_PUT_MODIFY, "modify");
}

static void
flow_del(struct args *a)
{
    struct dpx_flow_stats stats;
    struct dpx_request r;
    struct named_flow f;

    parse_key(a, &f);
    args_end(a);
    r = request(DPX_DO_DEL, &f);
    r.stats = &stats;
    run_request(&r, &f, "delete");
    if (json_wanted) {
        json_out(json_pack("{s:I, s:I}", "packets", (json_int_t) stats.packets,
                           "bytes", (json_int_t) stats.bytes));
    }
    free_named(&f);
}

static void
flow_get(struct args *a)
{
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_flow_view view;
    struct dpx_request r;
    struct printer p;
    struct named_flow f;

    parse_key(a, &f);
    printer_init(&p, f.dp, args_is(a, "names"), args_is(a, "more"));
    args_end(a);
    r = request(DPX_DO_GET, &f);
    r.view = &view;
    r.buf = &buf;
    run_request(&r, &f, "get");
    if (json_wanted) {
        json_out(flow_json(&p, &view));
    } else {
        flow_print(&p, &view);
    }
    dpx_buf_free(&p.text);
    free(buf.data);
    free_named(&f);
}

static void
flow_dump(struct args *a)
{
    struct dpx_dp *dp = open_dp(a);
    const struct dpx_flow_view *view;
    struct dpx_dump_state *state;
    bool names = false, more = false;
    struct dpx_dump *dump;
    struct printer p;
    json_t *flows = json_array();
    int error;

    while (a->n) {
        if (args_is(a, "names")) {
            names = true;
        } else if (args_is(a, "more")) {
            more = true;
        } else {
            args_end(a);
        }
    }
    printer_init(&p, dp, names, more);
    error = dpx_dump_start(dp, &dump);
    if (!error) {
        error = dpx_dump_state_open(dump, &state);
    }
    if (error) {
        die(error, "dump the flows of datapath \"%s\"", dpx_dp_name(dp));
    }
    while ((view = dpx_dump_next(state))) {
        if (json_wanted) {
            json_array_append_new(flows, flow_json(&p, view));
        } else {
            flow_print(&p, view);
        }
    }
    dpx_dump_state_close(state);
    error = dpx_dump_done(dump);
    if (error) {
        die(error, "dump all flows of datapath \"%s\"", dpx_dp_name(dp));
    }
    if (json_wanted) {
        json_out(flows);
    } else {
        json_decref(flows);
    }
    dpx_buf_free(&p.text);
    dpx_dp_close(dp);
}

static void
flow_flush(struct args *a)
{
    struct dpx_dp *dp = open_dp(a);
    int error;

    args_end(a);
    error = dpx_flow_flush(dp);
    if (error) {
        die(error, "flush the flows of datapath \"%s\"", dpx_dp_name(dp));
    }
    dpx_dp_close(dp);
}

const struct command flow_commands[] = {
    { "dump", flow_dump, "dp DP [names] [more]" },
    { "show", flow_dump, "dp DP [names] [more]" },
    { "add", flow_add, "dp DP flow 'KEY' actions 'ACTIONS'" },
    { "mod", flow_mod, "dp DP flow 'KEY' actions 'ACTIONS'" },
    { "del", flow_del, "dp DP flow 'KEY'" },
    { "get", flow_get, "dp DP flow 'KEY' [names] [more]" },
    { "flush", flow_flush, "dp DP" },
    { NULL, NULL, NULL },
};
