/* SPDX-License-Identifier: Apache-2.0 */

/* A flow table in memory, and flows that tell who they are: flow `n` matches
 * port n + 1 under mask `m`, and its actions begin with `tag`. */

#ifndef TABLE_FIXTURE_H
#define TABLE_FIXTURE_H 1

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "maps/table.h"

struct fixture {
    struct dpx_maps *maps;
    struct dpx_table *table;
    struct dpx_flow_buf buf;
};

struct flow {
    struct dpx_flow flow;
    struct dpx_key key;
    struct dpx_key mask;
    uint8_t ufid[16];
};

static inline void *
filled(size_t n, uint32_t tag)
{
    uint8_t *p = malloc(n + 8);
    size_t i;

    for (i = 0; i < n; i++) {
        p[i] = tag + i * 7;
    }
    memcpy(p, &tag, sizeof tag);
    return p;
}

static inline void
flow_sizes(struct flow *a, size_t n_ops, size_t actions_len, size_t key_len,
           size_t mask_len)
{
    struct dpx_op *ops = calloc(n_ops + 1, sizeof *ops);
    uint32_t tag;
    size_t i;

    memcpy(&tag, a->flow.actions, sizeof tag);
    for (i = 0; i < n_ops; i++) {
        ops[i].type = DPX_OP_OUTPUT;
        ops[i].a = tag;
        ops[i].b = i;
    }
    free((void *) a->flow.ops);
    free((void *) a->flow.actions);
    free((void *) a->flow.key_attrs);
    free((void *) a->flow.mask_attrs);
    a->flow.ops = ops;
    a->flow.n_ops = n_ops;
    a->flow.actions = filled(actions_len, tag);
    a->flow.actions_len = actions_len;
    a->flow.key_attrs = filled(key_len, a->key.in_port);
    a->flow.key_len = key_len;
    a->flow.mask_attrs = filled(mask_len, a->key.in_port);
    a->flow.mask_len = mask_len;
}

static inline void
flow_actions(struct flow *a, uint32_t tag, size_t n_ops)
{
    free((void *) a->flow.actions);
    a->flow.actions = filled(8, tag);
    flow_sizes(a, n_ops, 8 + 16 * (n_ops > 1 ? n_ops : 0), a->flow.key_len,
               a->flow.mask_len);
    a->flow.out = tag;
}

static inline void
flow_make(struct flow *a, uint32_t n, uint32_t m, uint32_t tag)
{
    memset(a, 0, sizeof *a);
    a->key.in_port = n + 1;
    a->key.eth_type = 0x0008;
    a->key.ipv4.src = n * 3;
    a->mask.in_port = UINT32_MAX;
    a->mask.recirc_id = UINT32_MAX;
    a->mask.eth_type = 0xffff;
    a->mask.ipv4.dst = m;
    a->mask.tp_src = m >> 16;
    a->flow.key = &a->key;
    a->flow.mask = &a->mask;
    a->flow.actions = filled(8, tag);
    a->flow.key_len = 36 + 4 * (n % 4);
    a->flow.mask_len = 32 * (n % 2);
    flow_actions(a, tag, 1);
}

static inline void
flow_ufid(struct flow *a, uint32_t ufid)
{
    memset(a->ufid, 0xab, sizeof a->ufid);
    memcpy(a->ufid, &ufid, sizeof ufid);
    a->flow.ufid = a->ufid;
}

static inline void
flow_free(struct flow *a)
{
    free((void *) a->flow.ops);
    free((void *) a->flow.actions);
    free((void *) a->flow.key_attrs);
    free((void *) a->flow.mask_attrs);
}

static inline int
put_stats(struct fixture *f, unsigned int flags, const struct flow *a,
          struct dpx_flow_stats *stats)
{
    int ret;

    assert_int_equal(dpx_table_begin(f->table), 0);
    ret = dpx_table_put(f->table, flags, &a->flow, stats);
    dpx_table_end(f->table);
    return ret;
}

static inline int
put(struct fixture *f, unsigned int flags, const struct flow *a)
{
    return put_stats(f, flags, a, NULL);
}

static inline int
del(struct fixture *f, const struct flow *a, struct dpx_flow_stats *stats)
{
    int ret;

    assert_int_equal(dpx_table_begin(f->table), 0);
    ret = dpx_table_del(f->table, &a->flow, stats);
    dpx_table_end(f->table);
    return ret;
}

static inline uint32_t
match(struct fixture *f, const struct dpx_key *key)
{
    return dpx_table_match(f->table, key, NULL);
}

/* Counts as the packet path would. */
static inline void
count(struct fixture *f, uint32_t flow, uint32_t cpu, uint64_t packets,
      uint64_t bytes, uint16_t tcp_flags)
{
    struct dpx_counter *c =
        &f->maps->counters[cpu * f->maps->conf.n_flows + flow];
    struct dpx_clock clock;

    dpx_clock_read(f->maps, &clock);
    c->packets += packets;
    c->bytes += bytes;
    c->tcp_flags |= tcp_flags;
    c->used = clock.jiffies;
    c->seq += 2;
}

static inline void
assert_flow(const struct dpx_flow_view *view, const struct flow *a)
{
    assert_int_equal(view->has_ufid, a->flow.ufid != NULL);
    if (view->has_ufid) {
        assert_memory_equal(view->ufid, a->ufid, 16);
    }
    assert_int_equal(view->key_len, a->flow.key_len);
    assert_int_equal(view->mask_len, a->flow.mask_len);
    assert_int_equal(view->actions_len, a->flow.actions_len);
    assert_memory_equal(view->key_attrs, a->flow.key_attrs, view->key_len);
    if (view->mask_len) {
        assert_memory_equal(view->mask_attrs, a->flow.mask_attrs,
                            view->mask_len);
    } else {
        assert_null(view->mask_attrs);
    }
    assert_memory_equal(view->actions, a->flow.actions, view->actions_len);
    assert_int_equal(view->out, a->flow.out);
}

/* The operations that packets of the flow execute. */
static inline void
assert_ops(struct fixture *f, const struct flow *a)
{
    const struct dpx_body *body = &f->maps->bodies[match(f, &a->key)];
    const struct dpx_op *ops = body->ops;
    size_t left = DPX_BODY_OPS;
    uint32_t block = body->block;
    size_t i;

    assert_int_equal(body->live, DPX_BODY_LIVE);
    assert_int_equal(body->n_ops, a->flow.n_ops);
    for (i = 0; i < a->flow.n_ops; i++) {
        if (!left--) {
            ops = f->maps->blocks[block].ops;
            block = f->maps->blocks[block].next;
            left = DPX_BLOCK_OPS - 1;
        }
        assert_memory_equal(ops, &a->flow.ops[i], sizeof *ops);
        ops++;
    }
}

/* With hardly more slots than flows, and most buckets overflowing. */
static inline int
fixture_open(void **state, uint32_t n_flows, uint32_t n_masks,
             uint32_t n_slots, uint32_t n_blocks)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct dpx_config conf;

    if (dpx_config_init(&conf, n_flows, n_masks, 2)) {
        return -1;
    }
    conf.n_slots = n_slots;
    conf.n_blocks = n_blocks;
    conf.bucket_mask = n_flows > 256 ? 63 : 7;
    conf.n_buckets = conf.bucket_mask + 1 + n_flows;
    *state = f;
    return dpx_maps_create_memory("test", &conf, &f->maps)
                   || dpx_table_open(f->maps, &f->table)
               ? -1
               : 0;
}

static inline int
fixture_tear_down(void **state)
{
    struct fixture *f = *state;
    int ret = dpx_table_check(f->table);

    if (ret) {
        print_error("%s\n", dpx_error_text(ret));
    }
    dpx_table_close(f->table);
    dpx_maps_close(f->maps);
    free(f->buf.data);
    free(f);
    return ret ? -1 : 0;
}

#endif /* tests/unit/table-fixture.h */
