/* SPDX-License-Identifier: Apache-2.0 */

/* test-corpus [-v] [FILE]...: runs a corpus of packets, flows and what Open
 * vSwitch did with them, through plane `user`; without FILE, the part of it
 * that is kept in tests/data.
 *
 * Each line of a file is a JSON object: `in_port`, `packet` (hex), and either
 * `flow`, the packet's key, or `flows` ({key, actions}), `outputs` ({port,
 * packet}, sorted by port), `hits` of each flow, and `upcalls` ({type, key}).
 * kernel_flow, kernel_outputs, kernel_upcall: what the kernel module does, and
 * dpx too, where that differs; `quirks` names the difference.
 *
 * Prints TAP, a line per group of cases, then the cases that were skipped by
 * cause, then "N passed, N failed, N skipped".  -v: says what was skipped. */

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/user.h"
#include "lib/error.h"
#include "lib/odp.h"
#include "maps/table.h"

#define MAX_FLOWS 64
#define MAX_PACKETS 64
#define MAX_LINE (1 << 20)

enum result { PASS, FAIL, SKIP };

static bool verbose;
static char why[512];           /* Of the last FAIL or SKIP. */

static enum result __attribute__((format(printf, 2, 3)))
because(enum result result, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return result;
}

static const char *
text(json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s ? s : "";
}

static void
put_hex(struct dpx_buf *b, const char *hex)
{
    unsigned int byte;

    dpx_buf_clear(b);
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        uint8_t byte8 = byte;

        dpx_buf_put(b, &byte8, 1);
    }
}

static bool
has_quirk(json_t *c, const char *prefix)
{
    json_t *quirk;
    size_t i;

    json_array_foreach(json_object_get(c, "quirks"), i, quirk) {
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

static int
packet_key(const char *s, struct dpx_key *key)
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

/* What a packet led to.  --------------------------------------------------- */

struct outcome {
    struct {
        uint32_t port;
        struct dpx_buf packet;
    } outputs[MAX_PACKETS];
    size_t n_outputs;
    struct {
        enum dpx_upcall_type type;
        struct dpx_key key;
    } upcalls[MAX_PACKETS];
    size_t n_upcalls;
};

/* The corpus was made with ports 77 and 200 missing. */
static void
on_output(void *out_, uint32_t port, const struct dpx_packet *packet)
{
    struct outcome *out = out_;
    size_t i;

    if (port == 77 || port == 200 || out->n_outputs == MAX_PACKETS) {
        return;
    }
    for (i = out->n_outputs; i && out->outputs[i - 1].port > port; i--) {
        out->outputs[i] = out->outputs[i - 1];
    }
    out->outputs[i].port = port;
    dpx_buf_init(&out->outputs[i].packet);
    dpx_buf_put(&out->outputs[i].packet, dpx_buf_data(&packet->frame),
                packet->frame.len);
    out->n_outputs++;
}

static void
on_upcall(void *out_, enum dpx_upcall_type type, uint32_t pid,
          const struct dpx_key *key, const void *userdata, size_t len,
          const struct dpx_packet *packet)
{
    struct outcome *out = out_;

    (void) pid;
    (void) userdata;
    (void) len;
    (void) packet;
    if (out->n_upcalls < MAX_PACKETS) {
        out->upcalls[out->n_upcalls].type = type;
        out->upcalls[out->n_upcalls++].key = *key;
    }
}

static enum result
compare_outputs(const struct outcome *out, json_t *want)
{
    struct dpx_buf packet = DPX_BUF_INIT;
    enum result result = PASS;
    json_t *output;
    size_t i;

    if (out->n_outputs != json_array_size(want)) {
        return because(FAIL, "%zu outputs, expected %zu", out->n_outputs,
                       json_array_size(want));
    }
    json_array_foreach(want, i, output) {
        const struct dpx_buf *got = &out->outputs[i].packet;
        uint32_t port = json_integer_value(json_object_get(output, "port"));

        put_hex(&packet, text(output, "packet"));
        if (out->outputs[i].port != port) {
            result = because(FAIL, "output %zu to %u, expected %u", i,
                             out->outputs[i].port, port);
        } else if (packet.len != got->len
                   || memcmp(dpx_buf_data(&packet), dpx_buf_data(got),
                             got->len)) {
            result = because(FAIL, "output %zu, to %u: other bytes", i, port);
        }
    }
    dpx_buf_free(&packet);
    return result;
}

static enum result
compare_upcalls(const struct outcome *out, json_t *want)
{
    json_t *upcall;
    size_t i;

    if (out->n_upcalls != json_array_size(want)) {
        return because(FAIL, "%zu upcalls, expected %zu", out->n_upcalls,
                       json_array_size(want));
    }
    json_array_foreach(want, i, upcall) {
        const struct dpx_key *got = &out->upcalls[i].key;
        bool action = !strcmp(text(upcall, "type"), "action");
        struct dpx_key key;

        if ((out->upcalls[i].type == DPX_UPCALL_ACTION) != action) {
            return because(FAIL, "upcall %zu: other type", i);
        }
        if (packet_key(text(upcall, "key"), &key)) {
            return because(FAIL, "upcall %zu: %s", i, dpx_error_text(EINVAL));
        }
        if (memcmp(got, &key, sizeof key)) {
            return because(FAIL, "upcall %zu: other key", i);
        }
    }
    return PASS;
}

/* A datapath with a case's flows.  ----------------------------------------- */

struct datapath {
    struct dpx_maps *maps;
    struct dpx_table *table;
    struct dpx_key keys[MAX_FLOWS];
    size_t n;
};

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
put_flow(struct datapath *dp, const struct dpx_buf *key_attrs,
         const struct dpx_buf *mask_attrs, const struct dpx_buf *actions,
         struct dpx_program *prog)
{
    struct dpx_key *key = &dp->keys[dp->n++], mask;
    const void *masks = mask_attrs->len ? dpx_buf_data(mask_attrs) : NULL;
    struct dpx_flow flow = {
        .key = key, .mask = &mask, .key_attrs = dpx_buf_data(key_attrs),
        .key_len = key_attrs->len, .mask_attrs = masks,
        .mask_len = mask_attrs->len, .actions = dpx_buf_data(actions),
        .actions_len = actions->len,
    };
    int error;

    error = dpx_key_from_attrs(flow.key_attrs, flow.key_len, masks,
                               flow.mask_len, key, &mask);
    if (!error) {
        error = dpx_compile(flow.actions, flow.actions_len, key, &mask, prog);
    }
    if (!error) {
        flow.ops = prog->ops;
        flow.n_ops = prog->n;
        flow.body_flags = prog->body_flags;
        flow.out = prog->out;
        error = dpx_table_begin(dp->table);
    }
    if (!error) {
        error = dpx_table_put(dp->table, DPX_PUT_CREATE, &flow, NULL);
        dpx_table_end(dp->table);
    }
    return error;
}

static enum result
put_flows(struct datapath *dp, json_t *c)
{
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    struct dpx_buf actions = DPX_BUF_INIT;
    struct dpx_program prog = { 0 };
    enum result result = PASS;
    json_t *flow;
    size_t i;

    json_array_foreach(json_object_get(c, "flows"), i, flow) {
        int error = i < MAX_FLOWS ? read_key(text(flow, "key"), &key, &mask)
                                  : E2BIG;

        dpx_buf_clear(&actions);
        if (!error) {
            error = dpx_parse_actions(text(flow, "actions"), NULL, &actions);
        }
        if (error) {
            result = because(FAIL, "text: %s", dpx_error_text(error));
        } else {
            error = put_flow(dp, &key, &mask, &actions, &prog);
            result = error ? refused(c, error) : PASS;
        }
        if (result != PASS) {
            break;
        }
    }
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    dpx_buf_free(&actions);
    dpx_program_free(&prog);
    return result;
}

static enum result
compare_hits(struct datapath *dp, json_t *want)
{
    struct dpx_flow_buf buf = { NULL, 0 };
    enum result result = PASS;
    size_t i;

    for (i = 0; i < dp->n; i++) {
        struct dpx_flow flow = { .key = &dp->keys[i] };
        uint64_t hits = json_integer_value(json_array_get(want, i));
        struct dpx_flow_view view;

        if (dpx_table_get(dp->table, &flow, &view, &buf)) {
            result = because(FAIL, "flow %zu is gone", i);
        } else if (view.stats.packets != hits) {
            result = because(FAIL, "flow %zu: %llu hits, expected %llu", i,
                             (unsigned long long) view.stats.packets,
                             (unsigned long long) hits);
        }
    }
    free(buf.data);
    return result;
}

static enum result
run_packet(struct datapath *dp, json_t *c)
{
    struct outcome out = { .n_outputs = 0 };
    struct dpx_user_ops ops = { on_output, on_upcall, NULL, &out };
    struct dpx_packet packet = {
        .in_port = json_integer_value(json_object_get(c, "in_port")),
    };
    json_t *outputs = json_object_get(c, "kernel_outputs");
    enum result result;

    put_hex(&packet.frame, text(c, "packet"));
    dpx_user_receive(dp->maps, 0, &packet, &ops);
    result = compare_outputs(&out, outputs ? outputs
                                           : json_object_get(c, "outputs"));
    if (result == PASS && !json_object_get(c, "kernel_upcall")) {
        result = compare_upcalls(&out, json_object_get(c, "upcalls"));
    }
    if (result == PASS) {
        result = compare_hits(dp, json_object_get(c, "hits"));
    }
    while (out.n_outputs) {
        dpx_buf_free(&out.outputs[--out.n_outputs].packet);
    }
    dpx_buf_free(&packet.frame);
    return result;
}

static enum result
run_actions(json_t *c)
{
    struct datapath dp = { .n = 0 };
    struct dpx_config conf;
    enum result result;

    if (dpx_config_init(&conf, MAX_FLOWS, MAX_FLOWS, 1)
        || dpx_maps_create_memory("corpus", &conf, &dp.maps)
        || dpx_table_open(dp.maps, &dp.table)) {
        perror("no datapath");
        exit(1);
    }
    result = put_flows(&dp, c);
    if (result == PASS) {
        result = run_packet(&dp, c);
    }
    dpx_table_close(dp.table);
    dpx_maps_close(dp.maps);
    return result;
}

static enum result
run_parse(json_t *c)
{
    const char *flow = text(c, "kernel_flow");
    struct dpx_packet packet = {
        .in_port = json_integer_value(json_object_get(c, "in_port")),
    };
    struct dpx_key key, want;

    if (packet_key(*flow ? flow : text(c, "flow"), &want)) {
        return because(FAIL, "%s", dpx_error_text(EINVAL));
    }
    put_hex(&packet.frame, text(c, "packet"));
    dpx_user_parse(&packet, &key);
    dpx_buf_free(&packet.frame);
    return memcmp(&key, &want, sizeof key) ? because(FAIL, "other key") : PASS;
}

/* Where dpx extracts a key as the kernel does, the corpus may not know which,
 * nor what follows from it. */
static enum result
run_case(json_t *c)
{
    enum result result = json_object_get(c, "flow") ? run_parse(c)
                                                    : run_actions(c);

    if (result == FAIL && has_quirk(c, "kernel-key-")) {
        return because(SKIP, "the kernel's key is another, or unknown");
    }
    return result;
}

/* Counting.  --------------------------------------------------------------- */

#define MAX_NAMES 64

static struct count {
    char name[100];
    int n[3];                   /* By enum result. */
} groups[MAX_NAMES], causes[MAX_NAMES];

static struct count *
count(struct count *counts, const char *name)
{
    size_t i;

    for (i = 0; i < MAX_NAMES - 1 && *counts[i].name; i++) {
        if (!strncmp(counts[i].name, name, sizeof counts[i].name - 1)) {
            return &counts[i];
        }
    }
    snprintf(counts[i].name, sizeof counts[i].name, "%s", name);
    return &counts[i];
}

static int
run_file(const char *name)
{
    static char line[MAX_LINE];
    FILE *file = fopen(name, "r");

    if (!file) {
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        json_t *c = json_loads(line, 0, NULL);
        enum result result;

        if (!c) {
            fprintf(stderr, "%s: not JSON: %.60s\n", name, line);
            fclose(file);
            return 1;
        }
        result = run_case(c);
        count(groups, text(c, "group"))->n[result]++;
        if (result == SKIP) {
            count(causes, why)->n[SKIP]++;
        }
        if (result == FAIL || (verbose && result == SKIP)) {
            printf("# %s %s: %s\n", text(c, "id"),
                   result == FAIL ? "failed" : "skipped", why);
        }
        json_decref(c);
    }
    fclose(file);
    return 0;
}

int
main(int argc, char *argv[])
{
    int n = 0, total[3] = { 0 }, error = 0;

    while (getopt(argc, argv, "v") == 'v') {
        verbose = true;
    }
    if (optind == argc) {
        error = run_file("tests/data/parse.jsonl")
                | run_file("tests/data/actions.jsonl");
    }
    for (; optind < argc; optind++) {
        error |= run_file(argv[optind]);
    }
    for (struct count *c = groups; *c->name; c++) {
        printf("%sok %d - %s: %d passed, %d failed, %d skipped%s\n",
               c->n[FAIL] ? "not " : "", ++n, c->name, c->n[PASS], c->n[FAIL],
               c->n[SKIP], c->n[PASS] || c->n[FAIL] ? "" : " # SKIP");
        for (int i = 0; i < 3; i++) {
            total[i] += c->n[i];
        }
    }
    printf("1..%d\n", n);
    for (struct count *c = causes; *c->name; c++) {
        printf("# %d skipped: %s\n", c->n[SKIP], c->name);
    }
    printf("%d passed, %d failed, %d skipped\n", total[PASS], total[FAIL],
           total[SKIP]);
    return error || total[FAIL] ? 1 : 0;
}
