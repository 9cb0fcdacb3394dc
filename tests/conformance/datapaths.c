/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: classes, datapaths, others. */

#include "tests/conformance/conformance.h"

static void
test_types(void **state)
{
    struct dpif_set set = DPIF_SET_INIT;

    (void) state;
    dpif_set_add(&set, "rubbish");
    dp_enumerate_types(&set);
    assert_true(dpif_set_contains(&set, harness.type));
    assert_false(dpif_set_contains(&set, "rubbish"));

    dpif_set_add(&set, "rubbish");
    OK(dp_enumerate_names(harness.type, &set));
    assert_true(dpif_set_contains(&set, dp_name));
    assert_false(dpif_set_contains(&set, "rubbish"));
    assert_false(dpif_set_contains(&set, absent_name));

    dpif_set_add(&set, "rubbish");
    FAILS(dp_enumerate_names("nonsense", &set), EAFNOSUPPORT);
    assert_int_equal(set.n, 0);
    dpif_set_clear(&set);
}

static void
test_unregister_busy(void **state)
{
    (void) state;
    FAILS(dp_unregister_provider(harness.type), EBUSY);
}

static void
test_open(void **state)
{
    struct dpif *other, *sentinel = (struct dpif *) 1;

    (void) state;
    other = sentinel;
    FAILS(dpif_open(absent_name, harness.type, &other), ENODEV);
    assert_null(other);
    other = sentinel;
    FAILS(dpif_open(absent_name, "nonsense", &other), EAFNOSUPPORT);
    assert_null(other);
    FAILS(dpif_create(absent_name, "nonsense", &other), EAFNOSUPPORT);
    FAILS(dpif_create_and_open(absent_name, "nonsense", &other), EAFNOSUPPORT);
    other = sentinel;
    FAILS(dpif_create(dp_name, harness.type, &other), EEXIST);
    assert_null(other);

    OK(dpif_open(dp_name, harness.type, &other));
    assert_true(dpif_port_exists(other, port_names[1]));
    dpif_close(other);
    OK(dpif_create_and_open(dp_name, harness.type, &other));
    assert_true(dpif_port_exists(other, port_names[1]));
    dpif_close(other);
    dpif_close(NULL);
    assert_true(dpif_port_exists(dp, port_names[1]));
}

static void
test_create_delete(void **state)
{
    struct dpif *first, *again, *other;

    (void) state;
    OK(dpif_create_and_open(absent_name, harness.type, &first));
    OK(dpif_open(absent_name, harness.type, &again));
    OK(dpif_delete(first));
    FAILS(dpif_open(absent_name, harness.type, &other), ENODEV);
    dpif_close(first);
    dpif_close(again);
}

/* The handle outlives its datapath, and the name is free at once. */
static void
test_delete_then_close(void **state)
{
    struct dpif *old, *new;

    (void) state;
    OK(dpif_create(absent_name, harness.type, &old));
    OK(dpif_delete(old));
    assert_string_equal(dpif_base_name(old), absent_name);
    OK(dpif_create(absent_name, harness.type, &new));
    dpif_close(old);
    assert_true(dpif_port_exists(new, absent_name));
    OK(dpif_delete(new));
    dpif_close(new);
}

static void
test_bad_names(void **state)
{
    struct dpif *other;

    (void) state;
    FAILS(dpif_create("", harness.type, &other), EINVAL);
    assert_null(other);
    assert_int_not_equal(
        dpif_create("a-name-that-is-too-long", harness.type, &other), 0);
    assert_null(other);
    assert_int_not_equal(dpif_create("../x", harness.type, &other), 0);
    assert_null(other);
}

static void
test_names(void **state)
{
    char full[64], *name, *type;

    (void) state;
    snprintf(full, sizeof full, "%s@%s", harness.type, dp_name);
    assert_string_equal(dpif_name(dp), full);
    assert_string_equal(dpif_base_name(dp), dp_name);
    assert_string_equal(dpif_type(dp), harness.type);
    dp_parse_name(full, &name, &type);
    assert_string_equal(name, dp_name);
    assert_string_equal(type, harness.type);
    free(name);
    free(type);
}

static void
test_lives_on(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct dpif_flow_stats stats;

    (void) state;
    OK(put(key, mask_all(), outputs(2)));
    dpif_close(dp);
    OK(dpif_open(dp_name, harness.type, &dp));
    OK(dpif_flow_get(dp, ATTRS(key), NULL, &stats));
    assert_true(dpif_port_exists(dp, port_names[1]));
}

static void
test_stats(void **state)
{
    struct frame hit = frame_of(1, 2, 0), miss = frame_of(9, 9, 0);
    struct dpif_dp_stats stats;
    long long deadline = now_ms() + 2000;

    (void) state;
    memset(&stats, 0xff, sizeof stats);
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, 0);
    assert_int_equal(stats.n_masks, 0);
    assert_int_equal(stats.n_hit, 0);
    OK(put(key_of(1, 1, 2), mask_all(), outputs(2)));
    OK(put(key_of(1, 1, 3), mask_all(), outputs(2)));
    for (int i = 0; i < 5; i++) {
        inject(1, &hit);
    }
    for (int i = 0; i < 3; i++) {
        inject(1, &miss);
    }
    do {
        OK(dpif_get_dp_stats(dp, &stats));
    } while (stats.n_hit + stats.n_lost < 8 && now_ms() < deadline);
    assert_int_equal(stats.n_hit, 5);
    assert_int_equal(stats.n_missed, 3);
    assert_int_equal(stats.n_lost, 3); /* Nobody receives. */
    assert_int_equal(stats.n_flows, 2);
    assert_int_equal(stats.n_masks, 1);
    assert_in_range(stats.n_mask_hit, 1, 8);
}

static void
test_run_wait(void **state)
{
    (void) state;
    dpif_run(dp);
    dpif_wait(dp);
    dpif_run(dp);
}

static void
test_others(void **state)
{
    uint8_t type = 0, id = 0, type2 = 1, id2 = 1;
    uint32_t priority = 0xdeadbeef;
    struct dpif *other;
    int error;

    (void) state;
    OK(dpif_open(dp_name, harness.type, &other));
    dpif_get_netflow_ids(dp, &type, &id);
    dpif_get_netflow_ids(other, &type2, &id2);
    assert_int_equal(type, type2);
    assert_int_equal(id, id2);
    dpif_close(other);

    error = dpif_queue_to_priority(dp, 3, &priority);
    assert_true(!error || priority == 0);
    priority = 0xdeadbeef;
    assert_int_not_equal(dpif_queue_to_priority(dp, 0xffffffff, &priority), 0);
    assert_int_equal(priority, 0);
}

static void
test_events(void **state)
{
    static const enum dpif_event kinds[] = {
        DPIF_EV_FLOW_PUT,   DPIF_EV_FLOW_GET, DPIF_EV_FLOW_DEL,
        DPIF_EV_FLOW_FLUSH, DPIF_EV_EXECUTE,  DPIF_EV_EXECUTE_WITH_HELP,
        DPIF_EV_PURGE,      DPIF_EV_DESTROY,  DPIF_EV_PORT_ADD,
        DPIF_EV_PORT_DEL,
    };
    enum { N = sizeof kinds / sizeof kinds[0] };
    struct attrs *key = key_of(1, 1, 2);
    struct frame f = frame_of(1, 2, 0);
    uint64_t before[N];
    struct dpif *other;
    struct dpif_netdev absent = { "cnfabsent", "system", NULL };

    (void) state;
    OK(dpif_create(absent_name, harness.type, &other));
    for (size_t i = 0; i < N; i++) {
        before[i] = dpif_event_count(kinds[i]);
    }
    OK(put(key, mask_all(), outputs(2)));
    OK(dpif_flow_get(dp, ATTRS(key), NULL, NULL));
    OK(dpif_flow_del(dp, ATTRS(key), NULL));
    OK(dpif_flow_flush(dp));
    OK(execute(outputs(2), &f, key, false));
    OK(execute(outputs(2), &f, key, true));
    dpif_recv_purge(dp);
    OK(dpif_delete(other));
    dpif_close(other);
    assert_int_not_equal(dpif_port_add(dp, &absent, NULL), 0);
    assert_int_not_equal(dpif_port_del(dp, 999), 0);
    for (size_t i = 0; i < N; i++) {
        uint64_t n = dpif_event_count(kinds[i]) - before[i];

        /* Helped executes are executes too. */
        assert_int_equal(n, kinds[i] == DPIF_EV_EXECUTE ? 2 : 1);
    }
}

const struct CMUnitTest datapath_tests[] = {
    TEST(test_types),
    TEST(test_unregister_busy),
    TEST(test_open),
    TEST(test_create_delete),
    TEST(test_delete_then_close),
    TEST(test_bad_names),
    TEST(test_names),
    TEST(test_lives_on),
    TEST(test_stats),
    TEST(test_run_wait),
    TEST(test_others),
    TEST(test_events),
};
const size_t n_datapath_tests = sizeof datapath_tests
                                / sizeof datapath_tests[0];
