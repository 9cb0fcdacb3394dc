/* SPDX-License-Identifier: Apache-2.0 */

/* Where the packets go that this process executes. */

#include "provider-xdp/dp.h"

static void
output(void *aux, uint32_t port, const struct dpx_packet *packet)
{
    struct dpx_dp *dp = aux;

    dpx_output_packet(dp->output, port, dpx_buf_data(&packet->frame),
                      packet->frame.len, packet->gso_size);
}

static void
upcall(void *aux, enum dpx_upcall_type type, uint32_t pid,
       const struct dpx_key *key, const void *userdata, size_t userdata_len,
       const struct dpx_packet *packet)
{
    dpx_handlers_queue(aux, type, pid, key, userdata, userdata_len, packet);
}

static void
drop(void *aux, uint32_t port, enum dpx_drop_reason reason,
     const struct dpx_packet *packet)
{
    struct dpx_dp *dp = aux;

    dpx_maps_count_drop(dp->maps, port, reason, 1, packet->frame.len);
}

static void
begin(void *aux)
{
    struct dpx_dp *dp = aux;

    dpx_output_begin(dp->output);
}

static void
end(void *aux)
{
    struct dpx_dp *dp = aux;

    dpx_output_end(dp->output);
}

void
dpx_execute_open(struct dpx_dp *dp)
{
    dp->core.ops = (struct dpx_user_ops){ output, upcall, drop, dp };
    dp->core.begin = begin;
    dp->core.end = end;
}
