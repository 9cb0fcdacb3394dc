/* SPDX-License-Identifier: Apache-2.0 */

/* Requests and dumps, from attributes to the flow table. */

#include "provider-core/core.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/odp.h"

/* Requests that are prepared together, before the lock is taken for them. */
#define CHUNK 64

/* Flows in a row often have the same mask and actions, and then share what
 * they were read to: `mask` and `prog` point to their own space, or to that of
 * an earlier one. */
struct prepared {
    struct dpx_key key;
    const struct dpx_key *mask;
    const struct dpx_program *prog;
    struct dpx_key mask_space;
    struct dpx_program prog_space;
    struct dpx_flow flow;
    struct dpx_place place;
};

/* Memory of one dpx_core_operate(), kept for the next. */
struct dpx_batch {
    struct dpx_batch *next;
    struct prepared items[CHUNK];
    struct dpx_packet work;
};

static struct dpx_batch *
batch_get(struct dpx_core *core)
{
    struct dpx_batch *batch;

    pthread_mutex_lock(&core->batch_lock);
    batch = core->batches;
    if (batch) {
        core->batches = batch->next;
    }
    pthread_mutex_unlock(&core->batch_lock);
    if (!batch) {
        batch = calloc(1, sizeof *batch);
        if (!batch) {
            abort();
        }
    }
    return batch;
}

static void
batch_put(struct dpx_core *core, struct dpx_batch *batch)
{
    pthread_mutex_lock(&core->batch_lock);
    batch->next = core->batches;
    core->batches = batch;
    pthread_mutex_unlock(&core->batch_lock);
}

static void
batches_free(struct dpx_core *core)
{
    struct dpx_batch *batch, *next;

    for (batch = core->batches; batch; batch = next) {
        next = batch->next;
        for (size_t i = 0; i < CHUNK; i++) {
            dpx_program_free(&batch->items[i].prog_space);
        }
        dpx_buf_free(&batch->work.frame);
        free(batch);
    }
}

int
dpx_core_open(struct dpx_core *core, struct dpx_maps *maps)
{
    memset(core, 0, sizeof *core);
    core->maps = maps;
    pthread_mutex_init(&core->batch_lock, NULL);
    return dpx_table_open(maps, &core->table);
}

void
dpx_core_close(struct dpx_core *core)
{
    if (core->maps) {
        dpx_table_close(core->table);
        batches_free(core);
        pthread_mutex_destroy(&core->batch_lock);
    }
}

/* Notes the result of a request, with the text of an error. */
static void
finish(struct dpx_request *r, int error)
{
    r->error = error;
    r->message = NULL;
    if (!error) {
        return;
    }
    if (!r->probe) {
        r->message = strdup(dpx_error_text(error));
    }
    if (r->kind != DPX_DO_EXECUTE && r->stats) {
        memset(r->stats, 0, sizeof *r->stats);
    }
}

/* Of the requests before in the same chunk. */
struct memo {
    struct dpx_mask_memo mask;
    const struct dpx_program *prog; /* Compiled last; or NULL. */
};

/* Checks and compiles a put; parses the key of a del or get. */
static int
flow_prepare(const struct dpx_request *r, struct memo *memo,
             struct prepared *p)
{
    int error;

    if (r->kind != DPX_DO_PUT) {
        if (r->ufid) {
            return 0;
        }
        if (!r->key) {
            return dpx_error(EINVAL, "neither key nor ufid names the flow");
        }
        return dpx_key_parse(r->key, r->key_len, &p->key);
    }
    error = dpx_key_from_attrs_memo(
        r->key, r->key_len, r->mask_len ? r->mask : NULL, r->mask_len,
        &memo->mask, &p->key, &p->mask_space, &p->mask);
    if (error) {
        return error;
    }
    p->prog = memo->prog;
    if (p->prog
        && dpx_program_fits(p->prog, r->actions, r->actions_len, &p->key,
                            p->mask)) {
        return 0;
    }
    p->prog = memo->prog = &p->prog_space;
    return dpx_compile(r->actions, r->actions_len, &p->key, p->mask,
                       &p->prog_space);
}

/* Says to the table what a prepared request is about, after
 * dpx_table_begin(). */
static void
flow_announce(struct dpx_core *core, const struct dpx_request *r,
              struct prepared *p)
{
    p->flow = (struct dpx_flow){
        .ufid = r->ufid,
        .key = r->kind == DPX_DO_PUT || !r->ufid ? &p->key : NULL,
    };
    if (r->kind == DPX_DO_PUT) {
        p->flow.mask = p->mask;
        p->flow.key_attrs = r->key;
        p->flow.key_len = r->key_len;
        p->flow.mask_attrs = r->mask;
        p->flow.mask_len = r->mask_len;
        p->flow.actions = r->actions;
        p->flow.actions_len = r->actions_len;
        p->flow.ops = p->prog->ops;
        p->flow.n_ops = p->prog->n;
        p->flow.body_flags = p->prog->body_flags;
        p->flow.out = p->prog->out;
    }
    dpx_table_prepare(core->table, &p->flow, &p->place);
    p->flow.place = &p->place;
}

/* Does an announced request, before dpx_table_end(). */
static int
flow_apply(struct dpx_core *core, const struct dpx_request *r,
           const struct prepared *p)
{
    switch (r->kind) {
    case DPX_DO_PUT:
        return dpx_table_put(core->table, r->flags, &p->flow, r->stats);
    case DPX_DO_DEL:
        return dpx_table_del(core->table, &p->flow, r->stats);
    default:
        return dpx_table_get(core->table, &p->flow, r->view, r->buf);
    }
}

/* Does `n` puts, dels and gets.  What a del reports is known only after a
 * grace period, for which dpx_table_end() waits: so with such dels there is
 * one end for all, else one for each chunk. */
static void
operate_flows(struct dpx_core *core, struct dpx_batch *batch,
              struct dpx_request **requests, size_t n)
{
    bool locked = false, waits = false;

    while (n) {
        size_t chunk = n < CHUNK ? n : CHUNK;
        struct memo memo = { .prog = NULL };
        size_t i;
        int error = 0;

        for (i = 0; i < chunk; i++) {
            struct dpx_request *r = requests[i];

            finish(r, flow_prepare(r, &memo, &batch->items[i]));
            waits |= r->kind == DPX_DO_DEL && r->stats;
        }
        if (!locked) {
            error = dpx_table_begin(core->table);
            locked = !error;
        }
        for (i = 0; i < chunk; i++) {
            struct dpx_request *r = requests[i];

            if (!r->error && error) {
                finish(r, error);
            } else if (!r->error) {
                flow_announce(core, r, &batch->items[i]);
            }
        }
        for (i = 0; i < chunk; i++) {
            struct dpx_request *r = requests[i];

            if (!r->error) {
                finish(r, flow_apply(core, r, &batch->items[i]));
            }
        }
        if (locked && !waits) {
            dpx_table_end(core->table);
            locked = false;
        }
        requests += chunk;
        n -= chunk;
    }
    if (locked) {
        dpx_table_end(core->table);
    }
}

static void
operate_executes(struct dpx_core *core, struct dpx_batch *batch,
                 struct dpx_request **requests, size_t n)
{
    while (n) {
        size_t chunk = n < CHUNK ? n : CHUNK;
        size_t i;

        for (i = 0; i < chunk; i++) {
            struct prepared *p = &batch->items[i];

            finish(requests[i], dpx_execute_prepare(requests[i]->execute,
                                                    &p->key, &p->prog_space));
        }
        core->begin(core->ops.aux);
        for (i = 0; i < chunk; i++) {
            const struct prepared *p = &batch->items[i];

            if (!requests[i]->error && !requests[i]->execute->probe) {
                dpx_execute_run(requests[i]->execute, &p->key, &p->prog_space,
                                &batch->work, &core->ops);
            }
        }
        core->end(core->ops.aux);
        requests += chunk;
        n -= chunk;
    }
}

void
dpx_core_operate(struct dpx_core *core, struct dpx_request **requests,
                 size_t n)
{
    struct dpx_batch *batch = batch_get(core);

    while (n) {
        bool execute = requests[0]->kind == DPX_DO_EXECUTE;
        size_t run = 1;

        while (run < n && (requests[run]->kind == DPX_DO_EXECUTE) == execute) {
            run++;
        }
        if (execute) {
            operate_executes(core, batch, requests, run);
        } else {
            operate_flows(core, batch, requests, run);
        }
        requests += run;
        n -= run;
    }
    batch_put(core, batch);
}

int
dpx_core_flush(struct dpx_core *core)
{
    int error = dpx_table_begin(core->table);

    if (!error) {
        error = dpx_table_flush(core->table);
        dpx_table_end(core->table);
    }
    return error;
}

struct dpx_dump {
    struct dpx_core *core;
    struct dpx_clock clock;
    _Atomic uint32_t cursor;
};

struct dpx_dump_state {
    struct dpx_dump *dump;
    struct dpx_flow_view view;
    struct dpx_flow_buf buf;
};

int
dpx_core_dump_start(struct dpx_core *core, struct dpx_dump **dumpp)
{
    struct dpx_dump *dump = calloc(1, sizeof *dump);
    int error;

    *dumpp = NULL;
    if (!dump) {
        return dpx_error(ENOMEM, "no memory to dump flows");
    }
    dump->core = core;
    error = dpx_clock_read(core->maps, &dump->clock);
    if (error) {
        free(dump);
        return error;
    }
    *dumpp = dump;
    return 0;
}

int
dpx_dump_done(struct dpx_dump *dump)
{
    free(dump);
    return 0;
}

int
dpx_dump_state_open(struct dpx_dump *dump, struct dpx_dump_state **statep)
{
    struct dpx_dump_state *state = calloc(1, sizeof *state);

    *statep = state;
    if (!state) {
        return dpx_error(ENOMEM, "no memory to dump flows");
    }
    state->dump = dump;
    return 0;
}

void
dpx_dump_state_close(struct dpx_dump_state *state)
{
    if (state) {
        free(state->buf.data);
        free(state);
    }
}

const struct dpx_flow_view *
dpx_dump_next(struct dpx_dump_state *state)
{
    struct dpx_dump *dump = state->dump;

    return dpx_table_dump_next(dump->core->table, &dump->cursor, &dump->clock,
                               &state->view, &state->buf)
               ? &state->view
               : NULL;
}
