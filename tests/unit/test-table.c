/* SPDX-License-Identifier: Apache-2.0 */

/* The flow table on memory maps: what put, get, del and dump promise. */

#include "tests/unit/table-fixture.h"

static void
test_put_get_del(void **state)
{
    struct fixture *f = *state;
    struct dpx_flow_view view;
    struct dpx_flow_stats stats;
    struct flow a;

    flow_make(&a, 1, 1, 7);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &a), ENOENT);
    assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
    assert_int_equal(put(f, DPX_PUT_CREATE, &a), EEXIST);
    assert_int_equal(dpx_table_count(f->table), 1);

    assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf), 0);
    assert_flow(&view, &a);
    assert_int_not_equal(match(f, &a.key), 0);

    flow_actions(&a, 8, 1);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &a), 0);
    assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf), 0);
    assert_flow(&view, &a);
    assert_int_equal(dpx_table_count(f->table), 1);

    count(f, view.id, 0, 3, 180, 0x12);
    count(f, view.id, 1, 2, 120, 0x01);
    assert_int_equal(del(f, &a, &stats), 0);
    assert_int_equal(stats.packets, 5);
    assert_int_equal(stats.bytes, 300);
    assert_int_equal(stats.tcp_flags, 0x13);
    assert_int_equal(del(f, &a, &stats), ENOENT);
    assert_int_equal(stats.packets, 0);
    assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf), ENOENT);
    assert_int_equal(match(f, &a.key), 0);
    assert_int_equal(dpx_table_count(f->table), 0);
    flow_free(&a);
}

/* A flow that is named by its key, by its ufid, or by both. */
static void
test_names(void **state)
{
    struct fixture *f = *state;
    struct flow keyed, named, other, twin;
    struct dpx_flow_view view;
    struct dpx_flow by_ufid;

    flow_make(&keyed, 1, 1, 1);
    flow_make(&named, 2, 1, 2);
    flow_ufid(&named, 22);
    assert_int_equal(put(f, DPX_PUT_CREATE, &keyed), 0);
    assert_int_equal(put(f, DPX_PUT_CREATE, &named), 0);

    by_ufid = (struct dpx_flow){ .ufid = named.ufid };
    assert_int_equal(dpx_table_get(f->table, &by_ufid, &view, &f->buf), 0);
    assert_flow(&view, &named);
    by_ufid = (struct dpx_flow){ .key = &named.key };
    assert_int_equal(dpx_table_get(f->table, &by_ufid, &view, &f->buf), 0);
    assert_flow(&view, &named);

    /* The same ufid with another key. */
    flow_make(&other, 3, 1, 3);
    flow_ufid(&other, 22);
    assert_int_equal(put(f, DPX_PUT_CREATE, &other), EEXIST);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &other), ENOENT);

    /* Another name for the same packets. */
    flow_make(&twin, 2, 1, 4);
    flow_ufid(&twin, 23);
    assert_int_equal(put(f, DPX_PUT_CREATE, &twin), EEXIST);
    /* A name for a flow that had none. */
    flow_free(&twin);
    flow_make(&twin, 1, 1, 4);
    flow_ufid(&twin, 23);
    assert_int_equal(put(f, DPX_PUT_CREATE, &twin), EEXIST);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &twin), 0);
    assert_int_equal(dpx_table_get(f->table, &keyed.flow, &view, &f->buf), 0);
    assert_memory_equal(view.actions, twin.flow.actions, view.actions_len);

    /* An unknown ufid names nothing, though the key would. */
    assert_int_equal(del(f, &twin, NULL), ENOENT);
    by_ufid = (struct dpx_flow){ .ufid = named.ufid };
    assert_int_equal(dpx_table_begin(f->table), 0);
    assert_int_equal(dpx_table_del(f->table, &by_ufid, NULL), 0);
    dpx_table_end(f->table);
    assert_int_equal(dpx_table_count(f->table), 1);

    flow_free(&keyed);
    flow_free(&named);
    flow_free(&other);
    flow_free(&twin);
}

/* Sizes from nothing to the limits, through chains of blocks. */
static void
test_sizes(void **state)
{
    static const size_t ops[] = { 0, 1, 6, 7, 21, 22, 300, DPX_MAX_OPS };
    static const size_t attrs[] = { 0, 4, 104, 108, 344, 348, 32768, 65532 };
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct dpx_flow_view view;
        struct flow a;

        flow_make(&a, i + 1, i % 3, 1);
        flow_sizes(&a, ops[i], attrs[i], i * 100, i * 50);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf), 0);
        assert_flow(&view, &a);
        assert_ops(f, &a);
        assert_int_equal(del(f, &a, NULL), 0);
        flow_free(&a);
    }
    {
        struct flow a;

        flow_make(&a, 1, 1, 1);
        flow_sizes(&a, DPX_MAX_OPS + 1, 4, 4, 4);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), E2BIG);
        flow_sizes(&a, 1, 65536, 4, 4);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), E2BIG);
        flow_free(&a);
    }
}

static void
test_zero_stats(void **state)
{
    struct fixture *f = *state;
    struct dpx_flow_stats stats;
    struct dpx_flow_view view;
    struct flow a;

    flow_make(&a, 1, 1, 1);
    assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
    dpx_table_get(f->table, &a.flow, &view, &f->buf);
    assert_int_equal(view.stats.used, 0);
    count(f, view.id, 0, 10, 1000, 2);

    assert_int_equal(put_stats(f, DPX_PUT_MODIFY, &a, &stats), 0);
    assert_int_equal(stats.packets, 10);
    assert_int_equal(
        put_stats(f, DPX_PUT_MODIFY | DPX_PUT_ZERO_STATS, &a, &stats), 0);
    assert_int_equal(stats.packets, 10);
    assert_int_equal(stats.bytes, 1000);
    assert_true(stats.used > 0);
    dpx_table_get(f->table, &a.flow, &view, &f->buf);
    assert_int_equal(view.stats.packets, 0);
    assert_int_equal(view.stats.used, 0);
    assert_int_equal(view.stats.tcp_flags, 0);

    count(f, view.id, 1, 1, 60, 0x10);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &a), 0);
    dpx_table_get(f->table, &a.flow, &view, &f->buf);
    assert_int_equal(view.stats.packets, 1);
    assert_int_equal(view.stats.bytes, 60);
    assert_int_equal(view.stats.tcp_flags, 0x10);
    assert_true(view.stats.used > 0);
    assert_int_equal(del(f, &a, &stats), 0);
    assert_int_equal(stats.packets, 1);

    /* The next flow with this id begins at 0. */
    assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
    dpx_table_get(f->table, &a.flow, &view, &f->buf);
    assert_int_equal(view.stats.packets, 0);
    flow_free(&a);
}

/* Nothing is lost at ENOSPC, and what is deleted gives its room back. */
static void
test_full(void **state)
{
    struct fixture *f = *state;
    uint32_t n = f->maps->conf.n_flows - 1;
    struct dpx_flow_view view;
    struct flow a;
    uint32_t i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < n; i++) {
            flow_make(&a, i, i % 5, i);
            assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
            flow_free(&a);
        }
        flow_make(&a, n, 1, 0);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), ENOSPC);
        assert_non_null(strstr(dpx_error_text(ENOSPC), "full"));
        flow_free(&a);
        flow_make(&a, n, 77, 0);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), ENOSPC);
        flow_free(&a);

        /* What is there can be changed, found and replaced. */
        for (i = 0; i < n; i++) {
            flow_make(&a, i, i % 5, i);
            flow_actions(&a, i + 1, i % 40);
            assert_int_equal(put(f, DPX_PUT_MODIFY, &a), 0);
            assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf),
                             0);
            assert_flow(&view, &a);
            flow_free(&a);
        }
        flow_make(&a, 0, 0, 0);
        assert_int_equal(del(f, &a, NULL), 0);
        flow_free(&a);
        flow_make(&a, n, 1, 0);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        flow_free(&a);
        assert_int_equal(dpx_table_check(f->table), 0);

        assert_int_equal(dpx_table_begin(f->table), 0);
        assert_int_equal(dpx_table_flush(f->table), 0);
        dpx_table_end(f->table);
        assert_int_equal(dpx_table_count(f->table), 0);
    }
}

/* Blocks that run out halfway through a put come back. */
static void
test_blocks_full(void **state)
{
    struct fixture *f = *state;
    struct flow a, b;
    uint32_t i = 0;
    int ret;

    do {
        flow_make(&a, i, 1, i);
        flow_sizes(&a, 3000, 60000, 1000, 1000);
        ret = put(f, DPX_PUT_CREATE, &a);
        flow_free(&a);
        assert_int_equal(dpx_table_check(f->table), 0);
        i++;
    } while (!ret);
    assert_int_equal(ret, ENOSPC);
    assert_non_null(strstr(dpx_error_text(ENOSPC), "blocks"));
    assert_true(i > 3);

    /* The first flow cannot be made longer, and stays as it is. */
    flow_make(&a, 0, 1, 0);
    flow_sizes(&a, 3000, 60000, 1000, 1000);
    flow_make(&b, 0, 1, 0);
    flow_sizes(&b, 16000, 65000, 1000, 1000);
    assert_int_equal(put(f, DPX_PUT_MODIFY, &b), ENOSPC);
    assert_ops(f, &a);
    assert_int_equal(del(f, &a, NULL), 0);
    flow_free(&a);
    flow_free(&b);

    flow_make(&a, 999, 1, 0);
    flow_sizes(&a, 3000, 60000, 1000, 1000);
    assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
    assert_ops(f, &a);
    flow_free(&a);
}

/* Many masks: all of them, then as many others. */
static void
test_masks(void **state)
{
    struct fixture *f = *state;
    uint32_t n = f->maps->conf.n_masks;
    struct flow a;
    uint32_t i, round;

    for (round = 0; round < 4; round++) {
        for (i = 0; i < n; i++) {
            flow_make(&a, i, round * n + i, 1);
            assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
            assert_int_not_equal(match(f, &a.key), 0);
            flow_free(&a);
        }
        flow_make(&a, n, round * n + n, 1);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), ENOSPC);
        assert_non_null(strstr(dpx_error_text(ENOSPC), "masks"));
        flow_free(&a);
        assert_int_equal(dpx_table_check(f->table), 0);
        for (i = 0; i < n; i++) {
            flow_make(&a, i, round * n + i, 1);
            assert_int_equal(del(f, &a, NULL), 0);
            flow_free(&a);
        }
        assert_int_equal(dpx_table_check(f->table), 0);
    }
    /* Those without flows do not make the search longer for ever. */
    assert_true((f->maps->meta->order & ~DPX_ORDER_HALF) < n / 2);
}

/* A second handle, as of another process, sees what the first one did. */
static void
test_two_tables(void **state)
{
    struct fixture *f = *state;
    struct dpx_table *one = f->table;
    struct dpx_table *two;
    uint32_t i;

    assert_int_equal(dpx_table_open(f->maps, &two), 0);
    for (i = 0; i < 60; i++) {
        struct flow a;

        flow_make(&a, i, i / 2, 1);
        f->table = i % 2 ? one : two;
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        f->table = i % 2 ? two : one;
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), EEXIST);
        flow_free(&a);
        if (i == 40) {
            assert_int_equal(dpx_table_begin(one), 0);
            assert_int_equal(dpx_table_flush(one), 0);
            dpx_table_end(one);
        }
    }
    assert_int_equal(dpx_table_check(two), 0);
    f->table = one;
    dpx_table_close(two);
}

/* Random changes against a model that is right by being dull. */
static void
test_model(void **state)
{
    enum { N = 200, MASKS = 6 };
    struct fixture *f = *state;
    int model[N]; /* The flow's actions, or -1. */
    unsigned int seed = 1;
    int round, i;

    memset(model, 0xff, sizeof model);
    for (round = 0; round < 20000; round++) {
        int what = rand_r(&seed) % 4;
        struct flow a;

        i = rand_r(&seed) % N;
        flow_make(&a, i, i % MASKS, round);
        if (i % 2) {
            flow_ufid(&a, i);
        }
        if (what == 0) {
            assert_int_equal(put(f, DPX_PUT_CREATE, &a),
                             model[i] >= 0 ? EEXIST : 0);
            model[i] = model[i] >= 0 ? model[i] : round;
        } else if (what == 1) {
            assert_int_equal(put(f, DPX_PUT_MODIFY, &a),
                             model[i] >= 0 ? 0 : ENOENT);
            model[i] = model[i] >= 0 ? round : -1;
        } else if (what == 2) {
            assert_int_equal(put(f, DPX_PUT_CREATE | DPX_PUT_MODIFY, &a), 0);
            model[i] = round;
        } else {
            assert_int_equal(del(f, &a, NULL), model[i] >= 0 ? 0 : ENOENT);
            model[i] = -1;
        }
        flow_free(&a);
        if (round % 500 == 0) {
            assert_int_equal(dpx_table_check(f->table), 0);
        }
    }
    for (i = 0; i < N; i++) {
        struct dpx_flow_view view;
        struct flow a;

        flow_make(&a, i, i % MASKS, model[i]);
        if (i % 2) {
            flow_ufid(&a, i);
        }
        assert_int_equal(dpx_table_get(f->table, &a.flow, &view, &f->buf),
                         model[i] >= 0 ? 0 : ENOENT);
        if (model[i] >= 0) {
            assert_flow(&view, &a);
        }
        flow_free(&a);
    }
}

static void
test_dump(void **state)
{
    struct fixture *f = *state;
    uint32_t n = f->maps->conf.n_flows - 1;
    uint8_t *seen = test_calloc(n, 1);
    _Atomic uint32_t cursor = 0;
    struct dpx_flow_view view;
    struct dpx_clock clock;
    struct flow a;
    uint32_t i;

    for (i = 0; i < n; i++) {
        flow_make(&a, i, i % 3, i);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        flow_free(&a);
    }
    assert_int_equal(dpx_clock_read(f->maps, &clock), 0);
    while (dpx_table_dump_next(f->table, &cursor, &clock, &view, &f->buf)) {
        memcpy(&i, view.actions, sizeof i);
        assert_true(i < n && !seen[i]++);
        flow_make(&a, i, i % 3, i);
        assert_flow(&view, &a);
        flow_free(&a);
    }
    assert_false(
        dpx_table_dump_next(f->table, &cursor, &clock, &view, &f->buf));
    for (i = 0; i < n; i++) {
        assert_int_equal(seen[i], 1);
    }
    test_free(seen);
}

static int
set_up(void **state)
{
    return fixture_open(state, 500, 64, 520, 3000);
}

#define table_test(TEST)                                                      \
    cmocka_unit_test_setup_teardown(TEST, set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        table_test(test_put_get_del), table_test(test_names),
        table_test(test_sizes),       table_test(test_zero_stats),
        table_test(test_full),        table_test(test_blocks_full),
        table_test(test_masks),       table_test(test_two_tables),
        table_test(test_model),       table_test(test_dump),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
