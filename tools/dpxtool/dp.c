/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool dp: datapaths. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dpxtool/tool.h"

struct dpx_dp *
open_dp(struct args *a)
{
    struct dpx_dp *dp;
    const char *name;
    int error;

    if (!args_is(a, "dp")) {
        usage_die("tell which datapath: \"dp NAME\" expected%s%s",
                  a->n ? " at " : "", a->n ? a->words[0] : "");
    }
    name = args_next(a, "the name of a datapath");
    if (!strncmp(name, "xdp@", 4)) {
        name += 4;
    }
    error = dpx_dp_open(name, false, NULL, &dp);
    if (error) {
        die(error, "open datapath \"%s\"", name);
    }
    return dp;
}

struct each_dp {
    json_t *(*cb)(struct dpx_dp *);
    json_t *result;
};

static int
each_dp(const char *name, void *each_)
{
    struct each_dp *each = each_;
    struct dpx_dp *dp;
    json_t *value;
    int error;

    error = dpx_dp_open(name, false, NULL, &dp);
    if (error == ENODEV) {
        return 0; /* It has gone meanwhile. */
    } else if (error) {
        die(error, "open datapath \"%s\"", name);
    }
    value = each->cb(dp);
    if (value) {
        json_array_append_new(each->result, value);
    }
    dpx_dp_close(dp);
    return 0;
}

void
for_each_dp(struct args *a, json_t *(*cb)(struct dpx_dp *) )
{
    struct each_dp each = { cb, json_array() };

    if (a->n) {
        struct dpx_dp *dp = open_dp(a);
        json_t *value;

        args_end(a);
        value = cb(dp);
        if (value) {
            json_array_append_new(each.result, value);
        }
        dpx_dp_close(dp);
    } else {
        int error = dpx_maps_enumerate(each_dp, &each);

        if (error) {
            die(error, "list the datapaths");
        }
    }
    json_out(each.result);
}

static json_t *
show(struct dpx_dp *dp)
{
    const struct dpx_config *conf = &dpx_dp_maps(dp)->conf;
    struct dpx_port_info info;
    struct dpx_dp_stats s;
    uint32_t n_ports = 0, next = 0;
    int error;

    error = dpx_dp_get_stats(dp, &s);
    if (error) {
        die(error, "read the statistics of datapath \"%s\"", dpx_dp_name(dp));
    }
    while (!dpx_port_next(dp, &next, &info)) {
        n_ports++;
    }
    if (json_wanted) {
        return json_pack(
            "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i}",
            "name", dpx_dp_name(dp), "type", "xdp", "hit",
            (json_int_t) s.n_hit, "missed", (json_int_t) s.n_missed, "lost",
            (json_int_t) s.n_lost, "mask_hit", (json_int_t) s.n_mask_hit,
            "cache_hit", (json_int_t) s.n_cache_hit, "flows",
            (json_int_t) s.n_flows, "masks", (int) s.n_masks, "max_flows",
            (int) conf->n_flows - 1, "max_masks", (int) conf->n_masks, "ports",
            (int) n_ports);
    }
    printf(
        "xdp@%s:\n"
        "  lookups: hit:%" PRIu64 " missed:%" PRIu64 " lost:%" PRIu64 "\n"
        "  flows: %" PRIu64 " of %" PRIu32 "\n"
        "  masks: hit:%" PRIu64 " total:%" PRIu32 " hit/pkt:%.2f\n"
        "  cache: hit:%" PRIu64 " hit-rate:%.2f%%\n"
        "  ports: %" PRIu32 "\n",
        dpx_dp_name(dp), s.n_hit, s.n_missed, s.n_lost, s.n_flows,
        conf->n_flows - 1, s.n_mask_hit, s.n_masks,
        s.n_hit + s.n_missed ? (double) s.n_mask_hit / (s.n_hit + s.n_missed)
                             : 0.0,
        s.n_cache_hit,
        s.n_hit + s.n_missed ? 100.0 * s.n_cache_hit / (s.n_hit + s.n_missed)
                             : 0.0,
        n_ports);
    return NULL;
}

static void
dp_show(struct args *a)
{
    for_each_dp(a, show);
}

const struct command dp_commands[] = {
    { "show", dp_show, "[dp DP]" },
    { "list", dp_show, "[dp DP]" },
    { NULL, NULL, NULL },
};
