/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "provider-xdp/dp.h"

int
dpx_dp_open(const char *name, bool create, const struct dpx_create_opts *opts,
            struct dpx_dp **dpp)
{
    struct dpx_dp *dp;
    int error;

    *dpp = NULL;
    if (create) {
        error = dpx_load(name, opts);
        if (error) {
            return error;
        }
    }
    dp = calloc(1, sizeof *dp);
    if (!dp) {
        return dpx_error(ENOMEM, "no memory to open datapath %s", name);
    }
    snprintf(dp->name, sizeof dp->name, "%s", name);
    error = dpx_maps_open(name, &dp->maps);
    if (!error) {
        error = dpx_core_open(&dp->core, dp->maps);
    }
    if (!error) {
        error = dpx_output_open(dp->maps, &dp->output);
    }
    if (!error) {
        dpx_execute_open(dp);
        error = dpx_port_watch_open(dp);
    }
    if (!error) {
        error = dpx_handlers_open(dp);
    }
    if (error) {
        dpx_dp_close(dp);
        return error;
    }
    *dpp = dp;
    return 0;
}

void
dpx_dp_close(struct dpx_dp *dp)
{
    if (!dp) {
        return;
    }
    dpx_handlers_close(dp);
    dpx_port_watch_close(dp->watch);
    dpx_output_close(dp->output);
    dpx_core_close(&dp->core);
    dpx_maps_close(dp->maps);
    free(dp);
}

int
dpx_dp_destroy(struct dpx_dp *dp)
{
    return dpx_unload(dp->name);
}

const char *
dpx_dp_name(const struct dpx_dp *dp)
{
    return dp->name;
}

struct dpx_maps *
dpx_dp_maps(struct dpx_dp *dp)
{
    return dp->maps;
}

struct dpx_table *
dpx_dp_table(struct dpx_dp *dp)
{
    return dp->core.table;
}

struct dpx_core *
dpx_dp_core(struct dpx_dp *dp)
{
    return &dp->core;
}

void
dpx_operate(struct dpx_dp *dp, struct dpx_request **requests, size_t n)
{
    dpx_core_operate(&dp->core, requests, n);
}

int
dpx_flow_flush(struct dpx_dp *dp)
{
    return dpx_core_flush(&dp->core);
}

int
dpx_dump_start(struct dpx_dp *dp, struct dpx_dump **dumpp)
{
    return dpx_core_dump_start(&dp->core, dumpp);
}

int
dpx_dp_get_stats(struct dpx_dp *dp, struct dpx_dp_stats *stats)
{
    struct dpx_stats sum;

    dpx_maps_stats(dp->maps, &sum);
    *stats = (struct dpx_dp_stats){
        .n_hit = sum.hit,
        .n_missed = sum.missed,
        .n_lost = sum.lost,
        .n_mask_hit = sum.mask_hit,
        .n_cache_hit = sum.cache_hit,
        .n_flows = dpx_table_count(dp->core.table),
        .n_masks = dpx_table_count_masks(dp->core.table),
    };
    return 0;
}
