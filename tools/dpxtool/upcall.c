/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool upcall: the rings through which misses reach userspace. */

#include <inttypes.h>
#include <stdio.h>

#include "tools/dpxtool/tool.h"

static void
add_lost(const struct dpx_drop_key *key, const struct dpx_drop *drop,
         void *lost_)
{
    json_t *lost = lost_;

    if (key->reason == DPX_DROP_LOST || key->reason == DPX_DROP_NO_HANDLER) {
        json_array_append_new(
            lost,
            json_pack("{s:i, s:s, s:I}", "port", (int) key->port, "reason",
                      key->reason == DPX_DROP_LOST ? "lost" : "no_handler",
                      "packets", (json_int_t) drop->packets));
    }
}

static void
print_lost(const json_t *lost)
{
    const json_t *l;
    size_t i;

    json_array_foreach(lost, i, l)
    {
        printf("  port %" JSON_INTEGER_FORMAT ": %s:%" JSON_INTEGER_FORMAT
               "\n",
               json_integer_value(json_object_get(l, "port")),
               json_string_value(json_object_get(l, "reason")),
               json_integer_value(json_object_get(l, "packets")));
    }
}

static json_t *
show(struct dpx_dp *dp)
{
    const struct dpx_maps *maps = dpx_dp_maps(dp);
    uint32_t n = maps->meta->n_handlers;
    json_t *rings = json_array(), *lost = json_array();
    int error;

    if (!json_wanted) {
        printf("xdp@%s: %" PRIu32 " handler%s\n", dpx_dp_name(dp), n,
               n == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < n; i++) {
        struct dpx_ring_info info;

        error = dpx_ring_query(dp, i, &info);
        if (error) {
            die(error, "query ring %" PRIu32 " of datapath \"%s\"", i,
                dpx_dp_name(dp));
        }
        if (json_wanted) {
            json_array_append_new(rings,
                                  json_pack("{s:i, s:i, s:i}", "handler",
                                            (int) i, "size", (int) info.size,
                                            "backlog", (int) info.backlog));
        } else {
            printf("  ring %" PRIu32 ": size:%" PRIu32 " backlog:%" PRIu32
                   "\n",
                   i, info.size, info.backlog);
        }
    }
    error = dpx_maps_drops(maps, add_lost, lost);
    if (error) {
        die(error, "read the drops of datapath \"%s\"", dpx_dp_name(dp));
    }
    if (json_wanted) {
        return json_pack("{s:s, s:o, s:o}", "dp", dpx_dp_name(dp), "rings",
                         rings, "lost", lost);
    }
    print_lost(lost);
    json_decref(rings);
    json_decref(lost);
    return NULL;
}

static void
upcall_show(struct args *a)
{
    for_each_dp(a, show);
}

const struct command upcall_commands[] = {
    { "show", upcall_show, "[dp DP]" },
    { "list", upcall_show, "[dp DP]" },
    { NULL, NULL, NULL },
};
