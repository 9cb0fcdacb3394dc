/* SPDX-License-Identifier: Apache-2.0 */

/* Running cases through planes, and counting what became of them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "provider-core/offload.h"
#include "tests/lib/plane.h"

#define MAX_LINE (1 << 20)

/* Where flows were executed ----------------------------------------------- */

/* Whether XDP is to execute the flow: it can, and all that it may redirect to
 * takes XDP frames. */
static bool
for_xdp(const struct datapath *dp, const struct dpx_flow_view *view)
{
    return view->body_flags & DPX_BODY_XDP
           && (view->out == DPX_PORT_NONE
               || (view->out < DPX_MAX_PORTS
                   && dp->maps->ports[view->out].flags & DPX_PORT_UP));
}

/* Looks at all flows that were hit: SKIP if any was, as it should be, executed
 * in another place than the plane's; or, in XDP, none was. */
static enum result
compare_hits(struct plane *plane, struct datapath *dp, json_t *c)
{
    struct dpx_flow_buf buf = { NULL, 0 };
    const char *name = json_text(c, "plane");
    enum result result = PASS;
    bool any = plane->where != DPX_PLANE_XDP;

    for (size_t i = 0; i < dp->n && result != FAIL; i++) {
        struct dpx_flow flow = { .key = &dp->keys[i] };
        json_t *hit = json_array_get(json_object_get(c, "hits"), i);
        uint64_t hits = hit ? json_integer_value(hit) : 1;
        enum dpx_plane where = plane->where;
        struct dpx_flow_view view;

        if (dpx_table_get(dp->table, &flow, &view, &buf)) {
            result = because(FAIL, "flow %zu is gone", i);
            break;
        }
        if (where == DPX_PLANE_XDP
            && (*name ? strcmp(name, "xdp") : !for_xdp(dp, &view))) {
            where = DPX_PLANE_TC;
        }
        if (view.stats.packets != hits) {
            result = because(FAIL, "flow %zu: %llu hits, expected %llu", i,
                             (unsigned long long) view.stats.packets,
                             (unsigned long long) hits);
        } else if (hits && view.stats.planes != 1 << where) {
            result = because(FAIL,
                             "flow %zu: executed in planes %#x, and not "
                             "in %#x",
                             i, view.stats.planes, 1 << where);
        } else if (hits && where != plane->where) {
            result = because(SKIP, "passed on from XDP to TC, right there");
        }
        any |= hits;
    }
    free(buf.data);
    return result == PASS && !any
               ? because(SKIP, "missed, which is not XDP's, right in TC")
               : result;
}

/* A case ------------------------------------------------------------------ */

static enum result
run_packet(struct plane *plane, struct datapath *dp, json_t *c,
           struct outcome *want)
{
    static struct outcome got;
    uint32_t in_port = json_integer_value(json_object_get(c, "in_port"));
    struct dpx_buf packet = DPX_BUF_INIT;
    enum result result;

    read_hex(&packet, json_text(c, "packet"));
    want->unsure = has_quirk(c, "kernel-key-");
    result = plane->receive(plane, dp, in_port, &packet, want, &got);
    if (result == PASS) {
        if (json_object_get(c, "kernel_upcall")) {
            got.n_upcalls = want->n_upcalls = 0;
        }
        if (!json_object_get(c, "drops")) {
            outcome_forgive(&got, DPX_DROP_NO_PORT);
        }
        result = compare_outcome(&got, want, plane->drops);
    }
    if (result == PASS) {
        result = compare_hits(plane, dp, c);
    }
    if (result == PASS && plane->verify) {
        result = plane->verify(plane, dp, in_port, &packet, want);
    }
    outcome_free(&got);
    dpx_buf_free(&packet);
    return result;
}

/* A packet whose key is known.  XDP does not tell keys: there the packet must
 * match a flow of just this key. */
static enum result
expect_key(struct plane *plane, struct datapath *dp, json_t *c,
           struct outcome *want)
{
    const char *flow = json_text(c, "kernel_flow");
    struct dpx_buf packet = DPX_BUF_INIT;
    struct dpx_key key;
    int error;

    error = read_packet_key(*flow ? flow : json_text(c, "flow"), &key);
    read_hex(&packet, json_text(c, "packet"));
    if (!error && plane->where == DPX_PLANE_XDP) {
        uint32_t out = key.in_port == 3 ? 4 : 3;

        error = put_exact(dp, &key, out);
        outcome_output(want, out, dpx_buf_data(&packet), packet.len);
    } else if (!error) {
        /* A checksum that looks partial is completed on its way up. */
        if (plane->where == DPX_PLANE_TC) {
            dpx_csum_complete(dpx_buf_data(&packet), packet.len);
        }
        outcome_upcall(want, DPX_UPCALL_MISS, 0, &key, NULL, 0,
                       dpx_buf_data(&packet), packet.len);
    }
    dpx_buf_free(&packet);
    return error ? because(FAIL, "%s", dpx_error_text(error)) : PASS;
}

/* Where dpx extracts a key as the kernel does, the corpus may not know which,
 * nor what follows from it. */
enum result
run_case(struct plane *plane, json_t *c)
{
    static struct outcome want;
    static struct datapath dp;
    enum result result;

    dp.n = 0;
    plane->begin(plane, &dp);
    if (json_object_get(c, "flow")) {
        result = expect_key(plane, &dp, c, &want);
    } else {
        result = read_outcome(c, &want);
        if (result == PASS) {
            result = put_flows(&dp, c);
        }
    }
    if (result == PASS) {
        result = run_packet(plane, &dp, c, &want);
    }
    plane->end(plane, &dp);
    outcome_free(&want);
    if (result == FAIL && has_quirk(c, "kernel-key-")) {
        return because(SKIP, "the kernel's key is another, or unknown");
    }
    return result;
}

/* Counting ---------------------------------------------------------------- */

#define MAX_NAMES 512

static struct count {
    char name[100];
    int n[3]; /* By enum result. */
} groups[MAX_NAMES], causes[MAX_NAMES];

static struct count *
count(struct count *counts, const struct plane *plane, const char *what)
{
    char name[sizeof counts->name];
    size_t i;

    snprintf(name, sizeof name, "%s: %.80s", plane->name, what);
    for (i = 0; i < MAX_NAMES - 1 && *counts[i].name; i++) {
        if (!strcmp(counts[i].name, name)) {
            return &counts[i];
        }
    }
    memcpy(counts[i].name, name, sizeof name);
    return &counts[i];
}

static void
count_case(struct plane *plane, json_t *c, bool verbose)
{
    enum result result = run_case(plane, c);

    count(groups, plane, json_text(c, "group"))->n[result]++;
    if (result == SKIP) {
        count(causes, plane, why)->n[SKIP]++;
    }
    if (result == FAIL || (verbose && result == SKIP)) {
        printf("# %s: %s %s: %s\n", plane->name, json_text(c, "id"),
               result == FAIL ? "failed" : "skipped", why);
        fflush(stdout);
    }
}

static int
run_file(struct plane *const planes[], size_t n, const char *name,
         bool verbose)
{
    static char line[MAX_LINE];
    FILE *file = fopen(name, "r");

    if (!file) {
        fprintf(stderr, "%s: %s\n", name, strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        json_t *c = json_loads(line, 0, NULL);

        if (!c) {
            fprintf(stderr, "%s: not JSON: %.60s\n", name, line);
            fclose(file);
            return 1;
        }
        for (size_t i = 0; i < n; i++) {
            count_case(planes[i], c, verbose);
        }
        json_decref(c);
    }
    fclose(file);
    return 0;
}

int
run_files(struct plane *const planes[], size_t n_planes,
          const char *const files[], size_t n_files, bool verbose)
{
    int n = 0, total[3] = { 0 }, error = 0;

    for (size_t i = 0; i < n_files; i++) {
        error |= run_file(planes, n_planes, files[i], verbose);
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
        printf("# %d skipped, %s\n", c->n[SKIP], c->name);
    }
    printf("%d passed, %d failed, %d skipped\n", total[PASS], total[FAIL],
           total[SKIP]);
    return error || total[FAIL] ? 1 : 0;
}
