/* SPDX-License-Identifier: Apache-2.0 */

/* The class "xdp": provider-xdp/ in the dpif library's terms. */

#include "dpif/dpif-provider.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "dpif/requests.h"
#include "lib/error.h"
#include "lib/poll.h"
#include "provider-xdp/provider.h"

struct dpif_xdp {
    struct dpif up;
    struct dpx_dp *dp;
};

static struct dpx_dp *
dp_of(const struct dpif *dpif)
{
    return ((const struct dpif_xdp *) dpif)->dp;
}

/* Datapaths --------------------------------------------------------------- */

static int
add_name(const char *name, void *names)
{
    dpif_set_add(names, name);
    return 0;
}

static int
xdp_enumerate(struct dpif_set *names)
{
    return dpx_maps_enumerate(add_name, names);
}

static const char *
xdp_port_open_type(const char *port_type)
{
    /* An internal port is a device that the datapath makes, and to whoever
     * opens it a device like others. */
    return strcmp(port_type, "internal") ? port_type : "system";
}

static int
xdp_open(const char *name, bool create, struct dpif **dpifp)
{
    struct dpif_xdp *dpif;
    struct dpx_dp *dp;
    int error;

    error = dpx_dp_open(name, create, NULL, &dp);
    if (error) {
        return error;
    }
    dpif = dpif_xzalloc(sizeof *dpif);
    dpif_init(&dpif->up, &dpif_xdp_class, name);
    dpif->dp = dp;
    *dpifp = &dpif->up;
    return 0;
}

static void
xdp_close(struct dpif *dpif)
{
    dpx_dp_close(dp_of(dpif));
    free(dpif);
}

static int
xdp_destroy(struct dpif *dpif)
{
    return dpx_dp_destroy(dp_of(dpif));
}

static int
xdp_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    struct dpx_dp_stats s;
    int error = dpx_dp_get_stats(dp_of(dpif), &s);

    if (!error) {
        *stats = (struct dpif_dp_stats){
            .n_hit = s.n_hit,
            .n_missed = s.n_missed,
            .n_lost = s.n_lost,
            .n_flows = s.n_flows,
            .n_mask_hit = s.n_mask_hit,
            .n_masks = s.n_masks,
        };
    }
    return error;
}

/* Ports ------------------------------------------------------------------- */

static int
parse_mode(const char *mode, enum dpx_port_mode *modep)
{
    static const char *names[] = { "auto", "xdp", "tc" };

    *modep = DPX_MODE_AUTO;
    for (int i = 0; mode && i < 3; i++) {
        if (!strcmp(mode, names[i])) {
            *modep = i;
            return 0;
        }
    }
    return mode ? dpx_error(EINVAL, "mode %s: neither auto, xdp nor tc", mode)
                : 0;
}

/* Whether a port of `type` is a device, or one that is to be made. */
static bool
is_device(const char *type)
{
    static const char *types[] = { "", "system", "tap", "internal" };
    bool found = !type;

    for (size_t i = 0; !found && i < sizeof types / sizeof types[0]; i++) {
        found = !strcmp(type, types[i]);
    }
    return found;
}

static int
xdp_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
             uint32_t *port_no)
{
    struct dpx_attach_opts opts = {
        .port = *port_no,
        .internal = netdev->type && !strcmp(netdev->type, "internal"),
    };
    int error = parse_mode(netdev->mode, &opts.mode);

    if (!error && !is_device(netdev->type)) {
        error = dpx_error(EAFNOSUPPORT,
                          "port %s: type %s is not one of "
                          "xdp's",
                          netdev->name, netdev->type);
    }
    return error ? error
                 : dpx_port_add(dp_of(dpif), netdev->name, &opts, port_no);
}

static int
xdp_port_del(struct dpif *dpif, uint32_t port_no)
{
    return dpx_port_del(dp_of(dpif), port_no);
}

static int
answer_query(int error, const struct dpx_port_info *info,
             struct dpif_port *port)
{
    if (!error && port) {
        port->name = dpif_xstrdup(info->name);
        port->type = dpif_xstrdup(info->type);
        port->port_no = info->port;
    }
    return error;
}

static int
xdp_port_query_by_number(const struct dpif *dpif, uint32_t port_no,
                         struct dpif_port *port)
{
    struct dpx_port_info info;

    return answer_query(dpx_port_query(dp_of(dpif), port_no, &info), &info,
                        port);
}

static int
xdp_port_query_by_name(const struct dpif *dpif, const char *devname,
                       struct dpif_port *port)
{
    struct dpx_port_info info;

    return answer_query(dpx_port_query_name(dp_of(dpif), devname, &info),
                        &info, port);
}

static uint32_t
xdp_port_get_pid(const struct dpif *dpif, uint32_t port_no, uint32_t hash)
{
    return dpx_port_get_pid(dp_of(dpif), port_no, hash);
}

struct port_dump {
    struct dpx_port_info info;
    uint32_t next;
};

static int
xdp_port_dump_start(const struct dpif *dpif, void **state)
{
    (void) dpif;
    *state = dpif_xzalloc(sizeof(struct port_dump));
    return 0;
}

static int
xdp_port_dump_next(const struct dpif *dpif, void *dump_,
                   struct dpif_port *port)
{
    struct port_dump *dump = dump_;
    int error = dpx_port_next(dp_of(dpif), &dump->next, &dump->info);

    if (!error) {
        port->name = dump->info.name;
        port->type = (char *) dump->info.type;
        port->port_no = dump->info.port;
    }
    return error;
}

static int
xdp_port_dump_done(const struct dpif *dpif, void *dump)
{
    (void) dpif;
    free(dump);
    return 0;
}

static int
xdp_port_poll(const struct dpif *dpif, char **devname)
{
    char name[DPX_NAME_LEN];
    int error = dpx_port_poll(dp_of(dpif), name);

    if (!error) {
        *devname = dpif_xstrdup(name);
    }
    return error;
}

static void
xdp_port_poll_wait(const struct dpif *dpif)
{
    dpx_poll_fd_wait(dpx_port_poll_fd(dp_of(dpif)), POLLIN);
}

/* Flows ------------------------------------------------------------------- */

static struct dpx_core *
core_of(const struct dpif *dpif)
{
    return dpx_dp_core(dp_of(dpif));
}

static int
xdp_flow_flush(struct dpif *dpif)
{
    return dpx_core_flush(core_of(dpif));
}

static void
xdp_operate(struct dpif *dpif, struct dpif_op **ops, size_t n_ops)
{
    dpif_core_operate(core_of(dpif), ops, n_ops);
}

static int
xdp_flow_get(const struct dpif *dpif, const struct nlattr *key, size_t key_len,
             struct dpx_buf *actions, struct dpif_flow_stats *stats)
{
    return dpif_core_flow_get(core_of(dpif), key, key_len, actions, stats);
}

static int
xdp_flow_dump_start(const struct dpif *dpif, void **iter)
{
    return dpif_core_flow_dump_start(core_of(dpif), iter);
}

/* Upcalls ----------------------------------------------------------------- */

static int
xdp_recv_set(struct dpif *dpif, bool enable)
{
    return dpx_recv_set(dp_of(dpif), enable);
}

static int
xdp_handlers_set(struct dpif *dpif, uint32_t n_handlers)
{
    return dpx_handlers_set(dp_of(dpif), n_handlers);
}

static int
xdp_recv(struct dpif *dpif, uint32_t handler, struct dpif_upcall *upcall,
         struct dpx_buf *buf)
{
    struct dpx_upcall_info info;
    int error = dpx_recv(dp_of(dpif), handler, &info, buf, &upcall->packet);

    if (!error) {
        dpif_core_upcall(&info, buf, upcall);
    }
    return error;
}

static void
xdp_recv_wait(struct dpif *dpif, uint32_t handler)
{
    dpx_poll_fd_wait(dpx_recv_fd(dp_of(dpif), handler), POLLIN);
}

static void
xdp_recv_purge(struct dpif *dpif)
{
    dpx_recv_purge(dp_of(dpif));
}

const struct dpif_class dpif_xdp_class = {
    .type = "xdp",
    .enumerate = xdp_enumerate,
    .port_open_type = xdp_port_open_type,
    .open = xdp_open,
    .close = xdp_close,
    .destroy = xdp_destroy,
    .get_stats = xdp_get_stats,
    .port_add = xdp_port_add,
    .port_del = xdp_port_del,
    .port_query_by_number = xdp_port_query_by_number,
    .port_query_by_name = xdp_port_query_by_name,
    .port_get_pid = xdp_port_get_pid,
    .port_dump_start = xdp_port_dump_start,
    .port_dump_next = xdp_port_dump_next,
    .port_dump_done = xdp_port_dump_done,
    .port_poll = xdp_port_poll,
    .port_poll_wait = xdp_port_poll_wait,
    .flow_flush = xdp_flow_flush,
    .flow_get = xdp_flow_get,
    .flow_dump_start = xdp_flow_dump_start,
    .flow_dump_state_init = dpif_core_flow_dump_state_init,
    .flow_dump_next = dpif_core_flow_dump_next,
    .flow_dump_state_uninit = dpif_core_flow_dump_state_uninit,
    .flow_dump_done = dpif_core_flow_dump_done,
    .operate = xdp_operate,
    .recv_set = xdp_recv_set,
    .handlers_set = xdp_handlers_set,
    .recv = xdp_recv,
    .recv_wait = xdp_recv_wait,
    .recv_purge = xdp_recv_purge,
    .queue_to_priority = dpif_core_queue_to_priority,
};
