/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: dumping flows. */

#include <linux/openvswitch.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/conformance/conformance.h"

enum { N_FLOWS = 250 };

static void
put_flows(unsigned int from, unsigned int n)
{
    for (unsigned int i = from; i < from + n; i++) {
        OK(put(key_of(1, i, 2), mask_all(), outputs(2)));
    }
}

/* The number that put_flows() gave a flow. */
static unsigned int
number_of(const struct nlattr *key, size_t len)
{
    const struct ovs_key_ethernet *eth = attr_find(
        key, len, OVS_KEY_ATTR_ETHERNET, sizeof *eth);

    return eth ? eth->eth_src[5] : UINT32_MAX;
}

static void
test_all_once(void **state)
{
    unsigned int seen[N_FLOWS] = { 0 };
    const struct nlattr *key, *mask, *acts;
    size_t key_len, mask_len, acts_len;
    const struct dpif_flow_stats *stats;
    struct frame f = frame_of(7, 2, 0);
    struct attrs *all = mask_all();
    struct dpif_flow_dump dump;
    void *s;

    (void) state;
    put_flows(0, N_FLOWS);
    inject(1, &f);
    stats_of(key_of(1, 7, 2), 1);
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &s));
    while (dpif_flow_dump_next(&dump, s, &key, &key_len, &mask, &mask_len,
                               &acts, &acts_len, &stats)) {
        unsigned int i = number_of(key, key_len);
        const uint32_t *port = attr_find(acts, acts_len,
                                         OVS_ACTION_ATTR_OUTPUT, 4);

        assert_true(i < N_FLOWS);
        seen[i]++;
        assert_non_null(port);
        assert_int_equal(*port, 2);
        assert_int_equal(stats->n_packets, i == 7);
        if (harness.as_put) {
            struct attrs *expected = key_of(1, i, 2);

            assert_int_equal(key_len, expected->buf.len);
            assert_memory_equal(key, dpx_buf_data(&expected->buf), key_len);
            assert_int_equal(mask_len, all->buf.len);
            assert_memory_equal(mask, dpx_buf_data(&all->buf), mask_len);
        }
    }
    /* Everything is NULL and 0 at the end, as often as it is asked for. */
    for (int i = 0; i < 2; i++) {
        assert_true(!key && !key_len && !mask && !mask_len && !acts
                    && !acts_len && !stats);
        key = mask = acts = (const void *) 1;
        key_len = mask_len = acts_len = 1;
        stats = (const void *) 1;
        assert_false(dpif_flow_dump_next(&dump, s, &key, &key_len, &mask,
                                         &mask_len, &acts, &acts_len, &stats));
    }
    dpif_flow_dump_state_uninit(&dump, s);
    OK(dpif_flow_dump_done(&dump));
    for (unsigned int i = 0; i < N_FLOWS; i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void
test_outputs_left_out(void **state)
{
    struct dpif_flow_dump dump;
    const struct nlattr *key;
    size_t key_len;
    unsigned int n = 0;
    void *s;

    (void) state;
    put_flows(0, 10);
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &s));
    assert_true(dpif_flow_dump_next(&dump, s, NULL, NULL, NULL, NULL, NULL,
                                    NULL, NULL));
    while (dpif_flow_dump_next(&dump, s, &key, &key_len, NULL, NULL, NULL,
                               NULL, NULL)) {
        assert_true(number_of(key, key_len) < 10);
        (void) dpif_flow_dump_next_may_destroy_keys(&dump, s);
        n++;
    }
    assert_int_equal(n, 9);
    dpif_flow_dump_state_uninit(&dump, s);
    OK(dpif_flow_dump_done(&dump));
}

static void
test_empty(void **state)
{
    struct dpif_flow_dump dump;
    const struct nlattr *key = (const void *) 1;
    size_t key_len = 1;
    void *s;

    (void) state;
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_done(&dump)); /* No state at all. */

    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &s));
    assert_false(dpif_flow_dump_next(&dump, s, &key, &key_len, NULL, NULL,
                                     NULL, NULL, NULL));
    assert_true(!key && !key_len);
    dpif_flow_dump_state_uninit(&dump, s);
    OK(dpif_flow_dump_done(&dump));
}

/* What next returned stays, though the flow goes and the state ends. */
static void
test_stays_valid(void **state)
{
    struct dpif_flow_dump dump;
    const struct nlattr *key, *acts;
    size_t key_len, acts_len;
    const struct dpif_flow_stats *stats;
    struct attrs *expected = key_of(1, 0, 2);
    void *s;

    (void) state;
    put_flows(0, 1);
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &s));
    assert_true(dpif_flow_dump_next(&dump, s, &key, &key_len, NULL, NULL,
                                    &acts, &acts_len, &stats));
    OK(dpif_flow_flush(dp));
    put_flows(1, 100);
    dpif_flow_dump_state_uninit(&dump, s);
    if (harness.as_put) {
        assert_memory_equal(key, dpx_buf_data(&expected->buf), key_len);
    }
    assert_int_equal(number_of(key, key_len), 0);
    assert_non_null(attr_find(acts, acts_len, OVS_ACTION_ATTR_OUTPUT, 4));
    assert_int_equal(stats->n_packets, 0);
    OK(dpif_flow_dump_done(&dump));
}

/* Left early, with states still there in any number. */
static void
test_left_early(void **state)
{
    struct dpif_flow_dump dump;
    void *s, *t;

    (void) state;
    put_flows(0, 20);
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &s));
    OK(dpif_flow_dump_state_init(&dump, &t));
    assert_true(dpif_flow_dump_next(&dump, s, NULL, NULL, NULL, NULL, NULL,
                                    NULL, NULL));
    assert_true(dpif_flow_dump_next(&dump, t, NULL, NULL, NULL, NULL, NULL,
                                    NULL, NULL));
    dpif_flow_dump_state_uninit(&dump, t);
    dpif_flow_dump_state_uninit(&dump, s);
    OK(dpif_flow_dump_done(&dump));
}

struct shared {
    struct dpif_flow_dump dump;
    _Atomic unsigned int seen[N_FLOWS];
    _Atomic unsigned int wrong;
};

static void *
dump_share(void *shared_)
{
    struct shared *shared = shared_;
    const struct nlattr *key;
    size_t key_len;
    void *s;

    if (dpif_flow_dump_state_init(&shared->dump, &s)) {
        shared->wrong++;
        return NULL;
    }
    while (dpif_flow_dump_next(&shared->dump, s, &key, &key_len, NULL, NULL,
                               NULL, NULL, NULL)) {
        unsigned int i = number_of(key, key_len);

        if (i < N_FLOWS) {
            shared->seen[i]++;
        } else {
            shared->wrong++;
        }
    }
    dpif_flow_dump_state_uninit(&shared->dump, s);
    return NULL;
}

/* Threads share a dump: together they see every flow. */
static void
test_shared(void **state)
{
    static struct shared shared;
    pthread_t threads[4];

    (void) state;
    memset(&shared, 0, sizeof shared);
    put_flows(0, N_FLOWS);
    OK(dpif_flow_dump_start(&shared.dump, dp));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, dump_share, &shared), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    OK(dpif_flow_dump_done(&shared.dump));
    assert_int_equal(shared.wrong, 0);
    for (int i = 0; i < N_FLOWS; i++) {
        assert_true(shared.seen[i] >= 1);
    }
}

const struct CMUnitTest dump_tests[] = {
    TEST(test_all_once),    TEST(test_outputs_left_out), TEST(test_empty),
    TEST(test_stays_valid), TEST(test_left_early),       TEST(test_shared),
};
const size_t n_dump_tests = sizeof dump_tests / sizeof dump_tests[0];
