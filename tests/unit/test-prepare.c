/* SPDX-License-Identifier: Apache-2.0 */

/* Flows that are prepared in advance, many before one is put. */

#include "tests/unit/table-fixture.h"

/* Flows prepared together, some twice, some under masks that the first of them
 * is to make. */
static void
test_prepared(void **state)
{
    struct fixture *f = *state;
    struct dpx_place places[64];
    struct flow a[64];
    uint32_t i;

    assert_int_equal(dpx_table_begin(f->table), 0);
    for (i = 0; i < 64; i++) {
        flow_make(&a[i], i % 48, i % 3, i);
        dpx_table_prepare(f->table, &a[i].flow, &places[i]);
        a[i].flow.place = &places[i];
    }
    for (i = 0; i < 64; i++) {
        assert_int_equal(
            dpx_table_put(f->table, DPX_PUT_CREATE, &a[i].flow, NULL),
            i < 48 ? 0 : EEXIST);
    }
    for (i = 0; i < 64; i++) {
        assert_int_equal(dpx_table_del(f->table, &a[i].flow, NULL),
                         i < 48 ? 0 : ENOENT);
    }
    dpx_table_end(f->table);
    for (i = 0; i < 64; i++) {
        flow_free(&a[i]);
    }
}

/* A mask that was there when a flow was prepared, and then made way. */
static void
test_prepared_mask_gone(void **state)
{
    struct fixture *f = *state;
    uint32_t n = f->maps->conf.n_masks;
    struct dpx_place place;
    struct flow a, b;
    uint32_t i;

    for (i = 0; i < n; i++) {
        flow_make(&a, i, i, 1);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        flow_free(&a);
    }
    flow_make(&a, 0, 0, 1);
    flow_make(&b, n, n, 1);
    assert_int_equal(del(f, &a, NULL), 0);
    assert_int_equal(dpx_table_begin(f->table), 0);
    dpx_table_prepare(f->table, &a.flow, &place);
    assert_true(place.known);
    a.flow.place = &place;
    assert_int_equal(dpx_table_put(f->table, DPX_PUT_CREATE, &b.flow, NULL),
                     0);
    assert_int_equal(dpx_table_put(f->table, DPX_PUT_CREATE, &a.flow, NULL),
                     ENOSPC);
    dpx_table_end(f->table);
    assert_int_equal(match(f, &a.key), 0);
    assert_int_not_equal(match(f, &b.key), 0);
    flow_free(&a);
    flow_free(&b);
}

static int
set_up(void **state)
{
    return fixture_open(state, 500, 16, 520, 3000);
}

#define table_test(TEST)                                                      \
    cmocka_unit_test_setup_teardown(TEST, set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        table_test(test_prepared),
        table_test(test_prepared_mask_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
