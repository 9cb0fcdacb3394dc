/* SPDX-License-Identifier: Apache-2.0 */

/* Plane `user`, on memory. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/user.h"
#include "tests/lib/plane.h"

/* Whoever runs the plane sends what it puts out, or not if it is too long. */
static bool
fits(uint32_t port, const struct dpx_buf *frame)
{
    const uint8_t *p = dpx_buf_data(frame);
    size_t tag = !memcmp(p + 12, "\x81\0", 2) || !memcmp(p + 12, "\x88\xa8", 2)
                     ? 4
                     : 0;

    return port != SMALL_PORT || frame->len <= SMALL_MTU + 14 + tag;
}

static void
on_output(void *out, uint32_t port, const struct dpx_packet *packet)
{
    if (!fits(port, &packet->frame)) {
        return;
    }
    outcome_output(out, port, dpx_buf_data(&packet->frame), packet->frame.len);
}

static void
on_upcall(void *out, enum dpx_upcall_type type, uint32_t pid,
          const struct dpx_key *key, const void *userdata, size_t len,
          const struct dpx_packet *packet)
{
    outcome_upcall(out, type, pid, key, userdata, len,
                   dpx_buf_data(&packet->frame), packet->frame.len);
}

enum result
user_receive(struct plane *plane, struct datapath *dp, uint32_t in_port,
             const struct dpx_buf *frame, const struct outcome *want,
             struct outcome *got)
{
    struct dpx_user_ops ops = { on_output, on_upcall, NULL, got };
    struct dpx_packet packet = { .in_port = in_port };

    (void) plane;
    (void) want;
    dpx_buf_put(&packet.frame, dpx_buf_data(frame), frame->len);
    dpx_user_receive(dp->maps, 0, &packet, &ops);
    dpx_buf_free(&packet.frame);
    return PASS;
}

/* A datapath of its own for each case, so that sanitizers see its memory. */
static void
begin(struct plane *plane, struct datapath *dp)
{
    struct dpx_config conf;

    (void) plane;
    if (dpx_config_init(&conf, MAX_FLOWS, MAX_FLOWS, 1)
        || dpx_maps_create_memory("corpus", &conf, &dp->maps)
        || dpx_table_open(dp->maps, &dp->table)) {
        perror("no datapath");
        exit(1);
    }
}

static void
end(struct plane *plane, struct datapath *dp)
{
    (void) plane;
    dpx_table_close(dp->table);
    dpx_maps_close(dp->maps);
}

struct plane user_plane = {
    .name = "user",
    .where = DPX_PLANE_USER,
    .begin = begin,
    .end = end,
    .receive = user_receive,
};
