/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool drop: packets that went nowhere, and why. */

#include <inttypes.h>
#include <stdio.h>

#include "tools/dpxtool/tool.h"

static const char *
reason_name(uint32_t reason)
{
    static const char *names[] = DPX_DROP_NAMES;

    return reason < DPX_DROP_MAX ? names[reason] : "unknown";
}

static void
show_drop(const struct dpx_drop_key *key, const struct dpx_drop *drop,
          void *drops)
{
    if (json_wanted) {
        json_array_append_new(
            drops, json_pack("{s:i, s:s, s:I, s:I}", "port", (int) key->port,
                             "reason", reason_name(key->reason), "packets",
                             (json_int_t) drop->packets, "bytes",
                             (json_int_t) drop->bytes));
    } else {
        printf("  port %" PRIu32 ": %s packets:%" PRIu64 " bytes:%" PRIu64
               "\n",
               key->port, reason_name(key->reason), (uint64_t) drop->packets,
               (uint64_t) drop->bytes);
    }
}

static void
show_lost(uint32_t port, uint64_t packets, void *drops)
{
    show_drop(&(struct dpx_drop_key){ port, DPX_DROP_DEVICE },
              &(struct dpx_drop){ packets, 0 }, drops);
}

static json_t *
show(struct dpx_dp *dp)
{
    struct dpx_maps *maps = dpx_dp_maps(dp);
    json_t *drops = json_array();
    int error;

    if (!json_wanted) {
        printf("xdp@%s:\n", dpx_dp_name(dp));
    }
    error = dpx_maps_drops(maps, show_drop, drops);
    if (!error) {
        error = dpx_ports_lost(maps, show_lost, drops);
    }
    if (error) {
        die(error, "read the drops of datapath \"%s\"", dpx_dp_name(dp));
    }
    if (json_wanted) {
        return json_pack("{s:s, s:o}", "dp", dpx_dp_name(dp), "drops", drops);
    }
    json_decref(drops);
    return NULL;
}

static void
drop_show(struct args *a)
{
    for_each_dp(a, show);
}

const struct command drop_commands[] = {
    { "show", drop_show, "[dp DP]" },
    { "list", drop_show, "[dp DP]" },
    { NULL, NULL, NULL },
};
