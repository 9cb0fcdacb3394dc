/* SPDX-License-Identifier: Apache-2.0 */

/* The class "xdp": provider-xdp/ in the dpif library's terms. */

#include "dpif/dpif-provider.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void *
xmalloc(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        abort();
    }
    return p;
}

static char *
xstrdup(const char *s)
{
    char *copy = strdup(s);

    if (!copy) {
        abort();
    }
    return copy;
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
    dpif = xmalloc(sizeof *dpif);
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
        *stats = (struct dpif_dp_stats) {
            .n_hit = s.n_hit, .n_missed = s.n_missed, .n_lost = s.n_lost,
            .n_flows = s.n_flows, .n_mask_hit = s.n_mask_hit,
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

static int
xdp_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
             uint32_t *port_no)
{
    struct dpx_attach_opts opts = {
        .port = *port_no,
        .internal = netdev->type && !strcmp(netdev->type, "internal"),
    };
    int error = parse_mode(netdev->mode, &opts.mode);

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
        port->name = xstrdup(info->name);
        port->type = xstrdup(info->type);
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
    *state = xmalloc(sizeof(struct port_dump));
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
        *devname = xstrdup(name);
    }
    return error;
}

static void
xdp_port_poll_wait(const struct dpif *dpif)
{
    dpx_poll_fd_wait(dpx_port_poll_fd(dp_of(dpif)), POLLIN);
}

/* Flows ------------------------------------------------------------------- */

static void
translate_stats(const struct dpx_flow_stats *s, struct dpif_flow_stats *stats)
{
    *stats = (struct dpif_flow_stats) {
        .n_packets = s->packets, .n_bytes = s->bytes,
        .used = s->used, .tcp_flags = s->tcp_flags,
    };
}

static int
xdp_flow_flush(struct dpif *dpif)
{
    return dpx_flow_flush(dp_of(dpif));
}

/* A dpif operation on its way through the provider. */
struct translation {
    struct dpx_request request;
    struct dpx_flow_stats stats;
    struct dpx_execute execute;
};

static void
translate(const struct dpif_op *op, struct translation *t)
{
    const struct dpif_flow_put_op *put = &op->u.flow_put;
    const struct dpif_flow_del_op *del = &op->u.flow_del;
    const struct dpif_execute *execute = &op->u.execute;
    struct dpx_request *r = &t->request;

    switch (op->type) {
    case DPIF_OP_FLOW_PUT:
        *r = (struct dpx_request) {
            .kind = DPX_DO_PUT,
            .flags = (put->flags & DPIF_FP_CREATE ? DPX_PUT_CREATE : 0)
                     | (put->flags & DPIF_FP_MODIFY ? DPX_PUT_MODIFY : 0)
                     | (put->flags & DPIF_FP_ZERO_STATS ? DPX_PUT_ZERO_STATS
                                                        : 0),
            .key = put->key, .key_len = put->key_len,
            .mask = put->mask, .mask_len = put->mask_len,
            .actions = put->actions, .actions_len = put->actions_len,
            .stats = put->stats ? &t->stats : NULL,
        };
        break;
    case DPIF_OP_FLOW_DEL:
        *r = (struct dpx_request) {
            .kind = DPX_DO_DEL, .key = del->key, .key_len = del->key_len,
            .stats = del->stats ? &t->stats : NULL,
        };
        break;
    case DPIF_OP_EXECUTE:
        t->execute = (struct dpx_execute) {
            .actions = execute->actions, .actions_len = execute->actions_len,
            .key = execute->key, .key_len = execute->key_len,
            .packet = dpx_buf_data(execute->packet),
            .packet_len = execute->packet->len,
            .gso_size = execute->gso_size, .probe = execute->probe,
        };
        *r = (struct dpx_request) {
            .kind = DPX_DO_EXECUTE, .execute = &t->execute,
        };
        break;
    }
}

static void
translate_back(struct translation *t, struct dpif_op *op)
{
    struct dpif_flow_stats *stats
        = op->type == DPIF_OP_FLOW_PUT ? op->u.flow_put.stats
        : op->type == DPIF_OP_FLOW_DEL ? op->u.flow_del.stats : NULL;

    op->error = t->request.error;
    if (op->error && t->request.message) {
        dpx_error(op->error, "%s", t->request.message);
    }
    free((char *) t->request.message);
    if (!op->error && stats) {
        translate_stats(&t->stats, stats);
    }
}

static void
xdp_operate(struct dpif *dpif, struct dpif_op **ops, size_t n_ops)
{
    enum { BATCH = 256 };
    struct dpx_request *requests[BATCH];
    struct translation *t = xmalloc((n_ops < BATCH ? n_ops : BATCH)
                                    * sizeof *t);

    while (n_ops) {
        size_t n = n_ops < BATCH ? n_ops : BATCH;

        for (size_t i = 0; i < n; i++) {
            translate(ops[i], &t[i]);
            requests[i] = &t[i].request;
        }
        dpx_operate(dp_of(dpif), requests, n);
        for (size_t i = 0; i < n; i++) {
            translate_back(&t[i], ops[i]);
        }
        ops += n;
        n_ops -= n;
    }
    free(t);
}

static int
operate_one(struct dpif *dpif, struct dpif_op *op)
{
    xdp_operate(dpif, &op, 1);
    return op->error;
}

static int
xdp_flow_put(struct dpif *dpif, const struct dpif_flow_put_op *put)
{
    return operate_one(dpif, &(struct dpif_op) {
        .type = DPIF_OP_FLOW_PUT, .u.flow_put = *put });
}

static int
xdp_flow_del(struct dpif *dpif, const struct dpif_flow_del_op *del)
{
    return operate_one(dpif, &(struct dpif_op) {
        .type = DPIF_OP_FLOW_DEL, .u.flow_del = *del });
}

static int
xdp_execute(struct dpif *dpif, struct dpif_execute *execute)
{
    return operate_one(dpif, &(struct dpif_op) {
        .type = DPIF_OP_EXECUTE, .u.execute = *execute });
}

static int
xdp_flow_get(const struct dpif *dpif, const struct nlattr *key,
             size_t key_len, struct dpx_buf *actions,
             struct dpif_flow_stats *stats)
{
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_flow_view view;
    struct dpx_request r = {
        .kind = DPX_DO_GET, .key = key, .key_len = key_len,
        .view = &view, .buf = &buf,
    };

    dpx_operate(dp_of(dpif), &(struct dpx_request *) { &r }, 1);
    if (!r.error) {
        dpx_buf_put(actions, view.actions, view.actions_len);
        translate_stats(&view.stats, stats);
    } else if (r.message) {
        dpx_error(r.error, "%s", r.message);
    }
    free((char *) r.message);
    free(buf.data);
    return r.error;
}

struct flow_dump_state {
    struct dpx_dump_state *state;
    struct dpif_flow_stats stats;
};

static int
xdp_flow_dump_start(const struct dpif *dpif, void **iter)
{
    return dpx_dump_start(dp_of(dpif), (struct dpx_dump **) iter);
}

static int
xdp_flow_dump_state_init(const struct dpif *dpif, void *iter, void **statep)
{
    struct flow_dump_state *state = xmalloc(sizeof *state);
    int error = dpx_dump_state_open(iter, &state->state);

    (void) dpif;
    if (error) {
        free(state);
        state = NULL;
    }
    *statep = state;
    return error;
}

static int
xdp_flow_dump_next(const struct dpif *dpif, void *iter, void *state_,
                   const struct nlattr **key, size_t *key_len,
                   const struct nlattr **mask, size_t *mask_len,
                   const struct nlattr **actions, size_t *actions_len,
                   const struct dpif_flow_stats **stats)
{
    struct flow_dump_state *state = state_;
    const struct dpx_flow_view *view = dpx_dump_next(state->state);

    (void) dpif;
    (void) iter;
    if (!view) {
        return EOF;
    }
    *key = view->key_attrs;
    *key_len = view->key_len;
    *mask = view->mask_attrs;
    *mask_len = view->mask_len;
    *actions = view->actions;
    *actions_len = view->actions_len;
    translate_stats(&view->stats, &state->stats);
    *stats = &state->stats;
    return 0;
}

static bool
xdp_flow_dump_next_may_destroy_keys(void *state)
{
    /* Each flow is copied out whole before it is returned. */
    (void) state;
    return true;
}

static void
xdp_flow_dump_state_uninit(const struct dpif *dpif, void *state_)
{
    struct flow_dump_state *state = state_;

    (void) dpif;
    dpx_dump_state_close(state->state);
    free(state);
}

static int
xdp_flow_dump_done(const struct dpif *dpif, void *iter)
{
    (void) dpif;
    return dpx_dump_done(iter);
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

    if (error) {
        dpx_buf_free(&upcall->packet);
        return error;
    }
    upcall->type = info.type == DPX_UPCALL_ACTION ? DPIF_UC_ACTION
                                                  : DPIF_UC_MISS;
    upcall->gso_size = info.gso_size;
    upcall->key_len = info.key_len;
    upcall->key = info.key;
    if (info.type == DPX_UPCALL_ACTION && info.userdata_len) {
        /* As an attribute, behind the key; the buffer may move. */
        size_t key = (const uint8_t *) info.key - dpx_buf_data(buf);
        size_t from = (const uint8_t *) info.userdata - dpx_buf_data(buf);
        size_t to = buf->len;
        size_t nest = dpx_nla_nest(buf, OVS_PACKET_ATTR_USERDATA);

        dpx_buf_put(buf, NULL, info.userdata_len);
        memcpy(dpx_buf_data(buf) + buf->len - info.userdata_len,
               dpx_buf_data(buf) + from, info.userdata_len);
        dpx_nla_end(buf, nest);
        upcall->key = (const void *) (dpx_buf_data(buf) + key);
        upcall->userdata = (const void *) (dpx_buf_data(buf) + to);
    }
    return 0;
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

/* A packet's priority is the class id of its queue, as with the kernel's. */
static int
xdp_queue_to_priority(const struct dpif *dpif, uint32_t queue_id,
                      uint32_t *priority)
{
    (void) dpif;
    if (queue_id >= 0xf000) {
        return dpx_error(EINVAL, "queue %u: there are 61440", queue_id);
    }
    *priority = 0x10000 | (queue_id + 1);
    return 0;
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
    .flow_put = xdp_flow_put,
    .flow_get = xdp_flow_get,
    .flow_del = xdp_flow_del,
    .flow_dump_start = xdp_flow_dump_start,
    .flow_dump_state_init = xdp_flow_dump_state_init,
    .flow_dump_next = xdp_flow_dump_next,
    .flow_dump_next_may_destroy_keys = xdp_flow_dump_next_may_destroy_keys,
    .flow_dump_state_uninit = xdp_flow_dump_state_uninit,
    .flow_dump_done = xdp_flow_dump_done,
    .execute = xdp_execute,
    .operate = xdp_operate,
    .recv_set = xdp_recv_set,
    .handlers_set = xdp_handlers_set,
    .recv = xdp_recv,
    .recv_wait = xdp_recv_wait,
    .recv_purge = xdp_recv_purge,
    .queue_to_priority = xdp_queue_to_priority,
};
