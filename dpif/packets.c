/* SPDX-License-Identifier: Apache-2.0 */

/* Operations and packets: operate, execute, upcalls. */

#include "dpif/dpif-private.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/user.h"
#include "lib/error.h"
#include "lib/odp.h"

/* Makes the text that came with `op`'s error the thread's. */
static void
take_message(struct dpif_op *op)
{
    if (op->error && op->message) {
        dpx_error(op->error, "%s", op->message);
    }
    free(op->message);
    op->message = NULL;
}

/* Help ------------------------------------------------------------------- */

/* Executing with help: all that needs no datapath runs here, on plane `user`,
 * and each output and upcall becomes an execute of that one action. */
struct helper {
    struct dpif *dpif;
    const struct dpif_execute *execute;
    struct dpx_buf actions;
    int error;      /* First one, the rest goes on. */
    char text[256]; /* Of it. */
};

/* Has the provider do one operation; the text of its error is this thread's
 * then. */
static int
provide(struct dpif *dpif, struct dpif_op *op)
{
    const struct dpif_class *class = dpif->dpif_class;

    op->message = NULL;
    if (class->operate) {
        class->operate(dpif, &op, 1);
        take_message(op);
        return op->error;
    }
    switch (op->type) {
    case DPIF_OP_FLOW_PUT:
        return class->flow_put(dpif, &op->u.flow_put);
    case DPIF_OP_FLOW_DEL:
        return class->flow_del(dpif, &op->u.flow_del);
    case DPIF_OP_EXECUTE:
        return class->execute(dpif, &op->u.execute);
    }
    return EINVAL;
}

static void
help_one(struct helper *h, const struct dpx_packet *packet)
{
    struct dpx_buf copy = DPX_BUF_INIT;
    struct dpif_op op = {
        .type = DPIF_OP_EXECUTE,
        .u.execute = {
            .actions = (const void *) dpx_buf_data(&h->actions),
            .actions_len = h->actions.len,
            .key = h->execute->key, .key_len = h->execute->key_len,
            .packet = &copy, .gso_size = packet->gso_size,
        },
    };
    int error;

    dpx_buf_reserve(&copy, packet->frame.head, packet->frame.len);
    copy.head = packet->frame.head;
    dpx_buf_put(&copy, dpx_buf_data(&packet->frame), packet->frame.len);
    error = provide(h->dpif, &op);
    if (error && !h->error) {
        h->error = error;
        snprintf(h->text, sizeof h->text, "%s", dpx_error_text(error));
    }
    dpx_buf_free(&copy);
}

static void
help_output(void *h_, uint32_t port, const struct dpx_packet *packet)
{
    struct helper *h = h_;

    dpx_buf_clear(&h->actions);
    dpx_nla_put_u32(&h->actions, OVS_ACTION_ATTR_OUTPUT, port);
    help_one(h, packet);
}

static void
help_upcall(void *h_, enum dpx_upcall_type type, uint32_t pid,
            const struct dpx_key *key, const void *userdata,
            size_t userdata_len, const struct dpx_packet *packet)
{
    struct helper *h = h_;
    size_t nest;

    (void) type;
    (void) key;
    dpx_buf_clear(&h->actions);
    nest = dpx_nla_nest(&h->actions, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u32(&h->actions, OVS_USERSPACE_ATTR_PID, pid);
    if (userdata_len) {
        dpx_nla_put(&h->actions, OVS_USERSPACE_ATTR_USERDATA, userdata,
                    userdata_len);
    }
    dpx_nla_end(&h->actions, nest);
    help_one(h, packet);
}

static void
help_drop(void *h_, uint32_t port, enum dpx_drop_reason reason,
          const struct dpx_packet *packet)
{
    static const char *names[] = DPX_DROP_NAMES;
    struct helper *h = h_;

    (void) port;
    (void) packet;
    if (!h->error) {
        h->error = EINVAL;
        snprintf(h->text, sizeof h->text, "the packet was dropped: %s",
                 reason < DPX_DROP_MAX ? names[reason] : "?");
    }
}

static int
execute_with_help(struct dpif *dpif, struct dpif_execute *execute)
{
    struct helper h = { .dpif = dpif, .execute = execute };
    struct dpx_user_ops ops = { help_output, help_upcall, help_drop, &h };
    struct dpx_program program = { 0 };
    struct dpx_packet packet = { .gso_size = execute->gso_size };
    struct dpx_key key, parsed;
    int error;

    dpif_count(DPIF_EV_EXECUTE_WITH_HELP);
    error = dpx_key_parse(execute->key, execute->key_len, &key);
    if (!error) {
        packet.in_port = key.in_port;
        packet.recirc_id = key.recirc_id;
        packet.skb_priority = key.skb_priority;
        packet.skb_mark = key.skb_mark;
        packet.dp_hash = key.dp_hash;
        packet.frame = *execute->packet;
        dpx_user_parse(&packet, &parsed);
        error = dpx_compile(execute->actions, execute->actions_len, &parsed,
                            NULL, &program);
    }
    if (!error && !execute->probe) {
        dpx_user_execute(NULL, 0, &packet, program.ops, program.n, &ops);
        *execute->packet = packet.frame; /* It may have moved. */
        error = h.error ? dpx_error(h.error, "%s", h.text) : 0;
    }
    dpx_program_free(&program);
    dpx_buf_free(&h.actions);
    return error;
}

/* Operations -------------------------------------------------------------- */

/* What fits into one attribute, as which actions travel to some providers. */
enum { MAX_ACTIONS_LEN = 65535 - 4 };

static bool
needs_help(const struct dpif_execute *execute)
{
    return execute->needs_help || execute->actions_len > MAX_ACTIONS_LEN;
}

static bool
is_known(const struct dpif_op *op)
{
    return op->type >= DPIF_OP_FLOW_PUT && op->type <= DPIF_OP_EXECUTE;
}

/* Does an operation by itself, or with the provider step by step. */
static int
operate_one(struct dpif *dpif, struct dpif_op *op)
{
    struct dpif_execute *execute = &op->u.execute;

    if (!is_known(op)) {
        return dpx_error(EINVAL, "operation of unknown type %d", op->type);
    } else if (op->type != DPIF_OP_EXECUTE) {
        return provide(dpif, op);
    } else if (!execute->actions_len) {
        return 0;
    }
    return needs_help(execute) ? execute_with_help(dpif, execute)
                               : provide(dpif, op);
}

/* Whether the library has to do `op` itself. */
static bool
is_ours(const struct dpif *dpif, const struct dpif_op *op)
{
    return !dpif->dpif_class->operate || !is_known(op)
           || (op->type == DPIF_OP_EXECUTE
               && (!op->u.execute.actions_len || needs_help(&op->u.execute)));
}

static void
finish(const struct dpif *dpif, struct dpif_op *op)
{
    take_message(op);
    switch (op->type) {
    case DPIF_OP_FLOW_PUT:
        dpif_count(DPIF_EV_FLOW_PUT);
        if (op->error && op->u.flow_put.stats) {
            memset(op->u.flow_put.stats, 0, sizeof *op->u.flow_put.stats);
        }
        dpif_log_put(dpif, &op->u.flow_put, op->error);
        break;
    case DPIF_OP_FLOW_DEL:
        dpif_count(DPIF_EV_FLOW_DEL);
        if (op->error && op->u.flow_del.stats) {
            memset(op->u.flow_del.stats, 0, sizeof *op->u.flow_del.stats);
        }
        dpif_log_flow(dpif, "flow_del", op->error, op->u.flow_del.key,
                      op->u.flow_del.key_len, NULL, 0,
                      op->error ? NULL : op->u.flow_del.stats, NULL, 0);
        break;
    case DPIF_OP_EXECUTE:
        dpif_count(DPIF_EV_EXECUTE);
        dpif_log_execute(dpif, &op->u.execute, op->error);
        break;
    }
}

/* Runs `n_ops` operations in their order, each with an error of its own.  Runs
 * of operations that the provider can do go to it whole. */
void
dpif_operate(struct dpif *dpif, struct dpif_op **ops, size_t n_ops)
{
    for (size_t i = 0; i < n_ops;) {
        size_t n = 0;

        while (i + n < n_ops && !is_ours(dpif, ops[i + n])) {
            ops[i + n++]->message = NULL;
        }
        if (n) {
            dpif->dpif_class->operate(dpif, ops + i, n);
        } else {
            n = 1;
            ops[i]->message = NULL;
            ops[i]->error = operate_one(dpif, ops[i]);
        }
        for (; n; n--, i++) {
            finish(dpif, ops[i]);
        }
    }
}

/* Runs actions on a packet; both it and its metadata may be modified.  Without
 * actions nothing is done, with success. */
int
dpif_execute(struct dpif *dpif, struct dpif_execute *execute)
{
    struct dpif_op op = { .type = DPIF_OP_EXECUTE, .u.execute = *execute };

    dpif_operate(dpif, &(struct dpif_op *){ &op }, 1);
    *execute = op.u.execute;
    return op.error;
}

/* Upcalls ----------------------------------------------------------------- */

const char *
dpif_upcall_type_to_string(enum dpif_upcall_type type)
{
    switch (type) {
    case DPIF_UC_MISS:
        return "miss";
    case DPIF_UC_ACTION:
        return "action";
    case DPIF_N_UC_TYPES:
        break;
    }
    return "<unknown>";
}

/* Turns upcalls on or off. */
int
dpif_recv_set(struct dpif *dpif, bool enable)
{
    int error = dpif->dpif_class->recv_set
                    ? dpif->dpif_class->recv_set(dpif, enable)
                    : 0;

    dpif_log_result(dpif, "recv_set", error);
    return error;
}

/* Sets the number of threads that receive, each with a handler number from 0.
 * While it changes nobody may receive. */
int
dpif_handlers_set(struct dpif *dpif, uint32_t n_handlers)
{
    int error = dpif->dpif_class->handlers_set
                    ? dpif->dpif_class->handlers_set(dpif, n_handlers)
                    : 0;

    dpif_log_result(dpif, "handlers_set", error);
    return error;
}

/* The next upcall of `handler`, from its thread.  EAGAIN if there is none.  On
 * success upcall->packet is the caller's, to dpx_buf_free(); key and userdata
 * lie in `buf`. */
int
dpif_recv(struct dpif *dpif, uint32_t handler, struct dpif_upcall *upcall,
          struct dpx_buf *buf)
{
    int error = EAGAIN;

    memset(upcall, 0, sizeof *upcall);
    if (dpif->dpif_class->recv) {
        error = dpif->dpif_class->recv(dpif, handler, upcall, buf);
    }
    if (!error) {
        dpif_log_upcall(dpif, upcall);
    } else {
        dpx_buf_free(&upcall->packet);
        memset(upcall, 0, sizeof *upcall);
        if (error != EAGAIN) {
            dpif_log_result(dpif, "recv", error);
        }
    }
    return error;
}

/* Arms the poll loop for `handler`'s next upcall. */
void
dpif_recv_wait(struct dpif *dpif, uint32_t handler)
{
    if (dpif->dpif_class->recv_wait) {
        dpif->dpif_class->recv_wait(dpif, handler);
    }
}

/* Throws away what waits to be received. */
void
dpif_recv_purge(struct dpif *dpif)
{
    dpif_count(DPIF_EV_PURGE);
    if (dpif->dpif_class->recv_purge) {
        dpif->dpif_class->recv_purge(dpif);
    }
    dpif_log_result(dpif, "recv_purge", 0);
}
