/* SPDX-License-Identifier: Apache-2.0 */

/* The dpif library's terms for those of provider-core/. */

#include "dpif/requests.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

void *
dpif_xzalloc(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        abort();
    }
    return p;
}

char *
dpif_xstrdup(const char *s)
{
    char *copy = strdup(s);

    if (!copy) {
        abort();
    }
    return copy;
}

static void
translate_stats(const struct dpx_flow_stats *s, struct dpif_flow_stats *stats)
{
    *stats = (struct dpif_flow_stats){
        .n_packets = s->packets,
        .n_bytes = s->bytes,
        .used = s->used,
        .tcp_flags = s->tcp_flags,
    };
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
        *r = (struct dpx_request){
            .kind = DPX_DO_PUT,
            .flags = (put->flags & DPIF_FP_CREATE ? DPX_PUT_CREATE : 0)
                     | (put->flags & DPIF_FP_MODIFY ? DPX_PUT_MODIFY : 0)
                     | (put->flags & DPIF_FP_ZERO_STATS ? DPX_PUT_ZERO_STATS
                                                        : 0),
            .key = put->key,
            .key_len = put->key_len,
            .mask = put->mask,
            .mask_len = put->mask_len,
            .actions = put->actions,
            .actions_len = put->actions_len,
            .stats = put->stats ? &t->stats : NULL,
        };
        break;
    case DPIF_OP_FLOW_DEL:
        *r = (struct dpx_request){
            .kind = DPX_DO_DEL,
            .key = del->key,
            .key_len = del->key_len,
            .stats = del->stats ? &t->stats : NULL,
        };
        break;
    case DPIF_OP_EXECUTE:
        t->execute = (struct dpx_execute){
            .actions = execute->actions,
            .actions_len = execute->actions_len,
            .key = execute->key,
            .key_len = execute->key_len,
            .packet = dpx_buf_data(execute->packet),
            .packet_len = execute->packet->len,
            .gso_size = execute->gso_size,
            .probe = execute->probe,
        };
        *r = (struct dpx_request){
            .kind = DPX_DO_EXECUTE,
            .execute = &t->execute,
        };
        break;
    }
}

static void
translate_back(struct translation *t, struct dpif_op *op)
{
    struct dpif_flow_stats *stats = op->type == DPIF_OP_FLOW_PUT
                                        ? op->u.flow_put.stats
                                    : op->type == DPIF_OP_FLOW_DEL
                                        ? op->u.flow_del.stats
                                        : NULL;

    op->error = t->request.error;
    op->message = (char *) t->request.message;
    if (!op->error && stats) {
        translate_stats(&t->stats, stats);
    }
}

void
dpif_core_operate(struct dpx_core *core, struct dpif_op **ops, size_t n_ops)
{
    enum { BATCH = 256 };
    struct dpx_request *requests[BATCH];
    struct translation *t = dpif_xzalloc((n_ops < BATCH ? n_ops : BATCH)
                                         * sizeof *t);

    while (n_ops) {
        size_t n = n_ops < BATCH ? n_ops : BATCH;

        for (size_t i = 0; i < n; i++) {
            translate(ops[i], &t[i]);
            requests[i] = &t[i].request;
        }
        dpx_core_operate(core, requests, n);
        for (size_t i = 0; i < n; i++) {
            translate_back(&t[i], ops[i]);
        }
        ops += n;
        n_ops -= n;
    }
    free(t);
}

int
dpif_core_flow_get(struct dpx_core *core, const struct nlattr *key,
                   size_t key_len, struct dpx_buf *actions,
                   struct dpif_flow_stats *stats)
{
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_flow_view view;
    struct dpx_request r = {
        .kind = DPX_DO_GET,
        .key = key,
        .key_len = key_len,
        .view = &view,
        .buf = &buf,
    };

    dpx_core_operate(core, &(struct dpx_request *){ &r }, 1);
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

/* What next returned is valid until the dump is done, and a state may end
 * before: so it is kept. */
struct flow_dump {
    struct dpx_dump *dump;
    pthread_mutex_t lock; /* Of `ended`. */
    struct flow_dump_state *ended;
};

struct flow_dump_state {
    struct flow_dump *dump;
    struct dpx_dump_state *state;
    struct dpif_flow_stats stats;
    struct flow_dump_state *next;
};

int
dpif_core_flow_dump_start(struct dpx_core *core, void **iter)
{
    struct flow_dump *dump = dpif_xzalloc(sizeof *dump);
    int error = dpx_core_dump_start(core, &dump->dump);

    if (error) {
        free(dump);
        return error;
    }
    pthread_mutex_init(&dump->lock, NULL);
    *iter = dump;
    return 0;
}

int
dpif_core_flow_dump_state_init(const struct dpif *dpif, void *iter,
                               void **statep)
{
    struct flow_dump_state *state = dpif_xzalloc(sizeof *state);
    struct flow_dump *dump = iter;
    int error = dpx_dump_state_open(dump->dump, &state->state);

    (void) dpif;
    if (error) {
        free(state);
        return error;
    }
    state->dump = dump;
    *statep = state;
    return 0;
}

int
dpif_core_flow_dump_next(const struct dpif *dpif, void *iter, void *state_,
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

void
dpif_core_flow_dump_state_uninit(const struct dpif *dpif, void *state_)
{
    struct flow_dump_state *state = state_;
    struct flow_dump *dump = state->dump;

    (void) dpif;
    pthread_mutex_lock(&dump->lock);
    state->next = dump->ended;
    dump->ended = state;
    pthread_mutex_unlock(&dump->lock);
}

int
dpif_core_flow_dump_done(const struct dpif *dpif, void *iter)
{
    struct flow_dump *dump = iter;
    struct flow_dump_state *state, *next;
    int error;

    (void) dpif;
    for (state = dump->ended; state; state = next) {
        next = state->next;
        dpx_dump_state_close(state->state);
        free(state);
    }
    error = dpx_dump_done(dump->dump);
    pthread_mutex_destroy(&dump->lock);
    free(dump);
    return error;
}

void
dpif_core_upcall(const struct dpx_upcall_info *info, struct dpx_buf *buf,
                 struct dpif_upcall *upcall)
{
    upcall->type = info->type == DPX_UPCALL_ACTION ? DPIF_UC_ACTION
                                                   : DPIF_UC_MISS;
    upcall->gso_size = info->gso_size;
    upcall->key_len = info->key_len;
    upcall->key = info->key;
    if (info->type == DPX_UPCALL_ACTION && info->userdata_len) {
        /* As an attribute, behind the key; the buffer may move. */
        size_t key = (const uint8_t *) info->key - dpx_buf_data(buf);
        size_t from = (const uint8_t *) info->userdata - dpx_buf_data(buf);
        size_t to, nest;

        dpx_buf_put(buf, NULL, -buf->len & 7);
        to = buf->len;
        nest = dpx_nla_nest(buf, OVS_PACKET_ATTR_USERDATA);
        dpx_buf_put(buf, NULL, info->userdata_len);
        memcpy(dpx_buf_data(buf) + buf->len - info->userdata_len,
               dpx_buf_data(buf) + from, info->userdata_len);
        dpx_nla_end(buf, nest);
        upcall->key = (const void *) (dpx_buf_data(buf) + key);
        upcall->userdata = (const void *) (dpx_buf_data(buf) + to);
    }
}

/* A packet's priority is the class id of its queue, as with the kernel's. */
int
dpif_core_queue_to_priority(const struct dpif *dpif, uint32_t queue_id,
                            uint32_t *priority)
{
    (void) dpif;
    if (queue_id >= 0xf000) {
        return dpx_error(EINVAL, "queue %u: there are 61440", queue_id);
    }
    *priority = 0x10000 | (queue_id + 1);
    return 0;
}
