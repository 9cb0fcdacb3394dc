/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool mask: the masks that lookups go through, in their order. */

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/dpxtool/tool.h"

struct show {
    json_t *masks;
    unsigned int rank;
};

static void
show_mask(uint32_t id, const struct dpx_mask *mask, uint64_t hits, void *show_)
{
    struct show *show = show_;
    struct dpx_buf words = DPX_BUF_INIT;

    for (unsigned int i = 0; i < mask->n_words; i++) {
        dpx_buf_printf(&words, "%s%u:%016" PRIx64, i ? " " : "",
                       mask->offset[i], be64toh(mask->bits[i]));
    }
    if (json_wanted) {
        json_array_append_new(
            show->masks,
            json_pack("{s:i, s:i, s:i, s:I, s:s}", "rank", (int) show->rank,
                      "id", (int) id, "flows", (int) mask->n_flows, "hits",
                      (json_int_t) hits, "words", dpx_buf_str(&words)));
    } else {
        printf("  mask %" PRIu32 ": rank:%u flows:%" PRIu32 " hits:%" PRIu64
               " words:%s\n",
               id, show->rank, mask->n_flows, hits, dpx_buf_str(&words));
    }
    show->rank++;
    dpx_buf_free(&words);
}

static json_t *
show_dp(struct dpx_dp *dp)
{
    struct show show = { json_array(), 0 };
    int error;

    if (!json_wanted) {
        printf("xdp@%s:\n", dpx_dp_name(dp));
    }
    error = dpx_table_masks(dpx_dp_table(dp), show_mask, &show);
    if (error) {
        die(error, "show the masks of datapath \"%s\"", dpx_dp_name(dp));
    }
    if (json_wanted) {
        return json_pack("{s:s, s:o}", "dp", dpx_dp_name(dp), "masks",
                         show.masks);
    }
    json_decref(show.masks);
    return NULL;
}

static void
mask_show(struct args *a)
{
    for_each_dp(a, show_dp);
}

const struct command mask_commands[] = {
    { "show", mask_show, "[dp DP]" },
    { "list", mask_show, "[dp DP]" },
    { NULL, NULL, NULL },
};
