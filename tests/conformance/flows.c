/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: flows, but for their dump. */

#include <linux/openvswitch.h>

#include "tests/conformance/conformance.h"

static const struct dpif_flow_stats zero;

static void
assert_zero(const struct dpif_flow_stats *stats)
{
    assert_int_equal(stats->n_packets, 0);
    assert_int_equal(stats->n_bytes, 0);
    assert_int_equal(stats->used, 0);
    assert_int_equal(stats->tcp_flags, 0);
}

static struct dpif_flow_stats
rubbish(void)
{
    struct dpif_flow_stats stats;

    memset(&stats, 0xff, sizeof stats);
    return stats;
}

static void
assert_actions(const struct attrs *key, const struct attrs *expected)
{
    struct dpx_buf *got;

    OK(dpif_flow_get(dp, ATTRS(key), &got, NULL));
    assert_int_equal(got->len, expected->buf.len);
    if (got->len) {
        assert_memory_equal(dpx_buf_data(got), dpx_buf_data(&expected->buf),
                            got->len);
    }
    dpx_buf_free(got);
    free(got);
}

static void
test_create(void **state)
{
    struct attrs *key = key_of(1, 1, 2), *acts = outputs(2);
    struct dpif_flow_stats stats = rubbish();

    (void) state;
    OK(put_flags(DPIF_FP_CREATE, key, mask_all(), acts, &stats));
    assert_zero(&stats);
    assert_actions(key, acts);

    stats = rubbish();
    FAILS(put_flags(DPIF_FP_CREATE, key, mask_all(), outputs(3), &stats),
          EEXIST);
    assert_zero(&stats);
    assert_actions(key, acts);
}

static void
test_create_modify(void **state)
{
    struct attrs *key = key_of(1, 1, 2), *acts = outputs(3);
    struct dpif_flow_stats stats = rubbish();

    (void) state;
    OK(put_flags(DPIF_FP_CREATE | DPIF_FP_MODIFY, key, mask_all(), outputs(2),
                 &stats));
    assert_zero(&stats);
    OK(put_flags(DPIF_FP_CREATE | DPIF_FP_MODIFY, key, mask_all(), acts,
                 NULL));
    assert_actions(key, acts);
}

static void
test_absent(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct dpif_flow_stats stats = rubbish();
    struct dpx_buf *acts = (struct dpx_buf *) 1;

    (void) state;
    FAILS(put_flags(DPIF_FP_MODIFY, key, mask_all(), outputs(2), &stats),
          ENOENT);
    assert_zero(&stats);
    stats = rubbish();
    FAILS(put_flags(0, key, mask_all(), outputs(2), &stats), ENOENT);
    assert_zero(&stats);
    stats = rubbish();
    FAILS(dpif_flow_get(dp, ATTRS(key), &acts, &stats), ENOENT);
    assert_null(acts);
    assert_zero(&stats);
    stats = rubbish();
    FAILS(dpif_flow_del(dp, ATTRS(key), &stats), ENOENT);
    assert_zero(&stats);
    FAILS(dpif_flow_del(dp, ATTRS(key), NULL), ENOENT);
}

static void
test_get(void **state)
{
    struct attrs *key = key_of(1, 1, 2), *acts = actions();
    struct dpif_flow_stats stats = rubbish();
    struct dpx_buf *got;

    (void) state;
    add_output(acts, 3);
    add_output(acts, 2);
    OK(put(key, mask_all(), acts));
    OK(dpif_flow_get(dp, ATTRS(key), NULL, NULL));
    OK(dpif_flow_get(dp, ATTRS(key), NULL, &stats));
    assert_zero(&stats);
    OK(dpif_flow_get(dp, ATTRS(key), &got, &stats));
    assert_int_equal(got->len, acts->buf.len);
    dpx_buf_free(got);
    free(got);

    /* No actions: a drop, and a buffer all the same. */
    OK(put(key_of(1, 1, 3), mask_all(), actions()));
    OK(dpif_flow_get(dp, ATTRS(key_of(1, 1, 3)), &got, NULL));
    assert_non_null(got);
    assert_int_equal(got->len, 0);
    dpx_buf_free(got);
    free(got);
}

static void
test_counters(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct frame f = frame_of(1, 2, 0);
    struct dpif_flow_stats stats;
    long long before = now_ms();

    (void) state;
    OK(put(key, mask_all(), outputs(2)));
    stats = stats_of(key, 0);
    assert_zero(&stats);
    for (int i = 0; i < 10; i++) {
        inject(1, &f);
    }
    stats = stats_of(key, 10);
    assert_int_equal(stats.n_packets, 10);
    assert_int_equal(stats.n_bytes, 10 * FRAME_LEN);
    assert_int_equal(stats.tcp_flags, 0);
    /* The clock of the packet path may be a coarse one. */
    assert_in_range(stats.used, before - 50, now_ms() + 50);
}

static void
test_tcp_flags(void **state)
{
    struct attrs *key = key_tcp(1), *acts = outputs(2);
    struct frame syn = frame_tcp(0x02, 0), fin = frame_tcp(0x11, 1);
    struct dpif_flow_stats stats;

    (void) state;
    OK(put(key, NULL, acts));
    inject(1, &syn);
    stats = stats_of(key, 1);
    assert_int_equal(stats.tcp_flags, 0x02);
    inject(1, &fin);
    stats = stats_of(key, 2);
    assert_int_equal(stats.tcp_flags, 0x13);
    expect_frame(2, &syn);
    expect_frame(2, &fin);
}

static void
test_modify_keeps_counters(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct frame f = frame_of(1, 2, 0);
    struct dpif_flow_stats stats = rubbish();

    (void) state;
    OK(put(key, mask_all(), outputs(2)));
    for (int i = 0; i < 4; i++) {
        inject(1, &f);
    }
    stats_of(key, 4);
    OK(put_flags(DPIF_FP_MODIFY, key, mask_all(), outputs(3), &stats));
    assert_int_equal(stats.n_packets, 4);
    assert_int_equal(stats.n_bytes, 4 * FRAME_LEN);
    assert_int_not_equal(stats.used, 0);
    inject(1, &f);
    stats = stats_of(key, 5);
    assert_int_equal(stats.n_packets, 5);
    for (int i = 0; i < 4; i++) {
        expect_frame(2, &f);
    }
    expect_frame(3, &f);
    expect_silence(2);
}

static void
test_modify_zeroes_counters(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct frame f = frame_of(1, 2, 0);
    struct dpif_flow_stats stats = rubbish();

    (void) state;
    OK(put(key, mask_all(), outputs(2)));
    for (int i = 0; i < 4; i++) {
        inject(1, &f);
    }
    stats_of(key, 4);
    OK(put_flags(DPIF_FP_MODIFY | DPIF_FP_ZERO_STATS, key, mask_all(),
                 outputs(2), &stats));
    assert_int_equal(stats.n_packets, 4);
    stats = stats_of(key, 0);
    assert_zero(&stats);
    inject(1, &f);
    stats = stats_of(key, 1);
    assert_int_equal(stats.n_packets, 1);
    assert_int_equal(stats.n_bytes, FRAME_LEN);
}

static void
test_del(void **state)
{
    struct attrs *key = key_of(1, 1, 2);
    struct frame f = frame_of(1, 2, 0);
    struct dpif_flow_stats stats = rubbish();

    (void) state;
    OK(put(key, mask_all(), outputs(2)));
    for (int i = 0; i < 7; i++) {
        inject(1, &f);
    }
    stats_of(key, 7);
    OK(dpif_flow_del(dp, ATTRS(key), &stats));
    assert_int_equal(stats.n_packets, 7);
    assert_int_equal(stats.n_bytes, 7 * FRAME_LEN);
    FAILS(dpif_flow_get(dp, ATTRS(key), NULL, NULL), ENOENT);
    for (int i = 0; i < 7; i++) {
        expect_frame(2, &f);
    }
    inject(1, &f);
    expect_silence(2);

    /* A new one counts from nothing. */
    OK(put(key, mask_all(), outputs(2)));
    stats = stats_of(key, 0);
    assert_zero(&stats);
    OK(dpif_flow_del(dp, ATTRS(key), NULL));
}

static void
test_mask(void **state)
{
    struct frame a = frame_of(1, 2, 1), b = frame_of(7, 8, 2);

    (void) state;
    OK(put(key_of(1, 1, 2), mask_port(), outputs(2)));
    inject(1, &a);
    inject(1, &b);
    inject(3, &a);
    expect_frame(2, &a);
    expect_frame(2, &b);
    expect_silence(2);
}

static void
test_no_mask(void **state)
{
    struct frame a = frame_of(1, 2, 1), b = frame_of(1, 3, 2);

    (void) state;
    OK(put(key_of(1, 1, 2), NULL, outputs(2)));
    inject(1, &b);
    inject(1, &a);
    expect_frame(2, &a);
    expect_silence(2);
    OK(dpif_flow_get(dp, ATTRS(key_of(1, 1, 2)), NULL, NULL));
}

/* Two flows that match the same packets: refused, or one of them takes all. */
static void
test_overlap(void **state)
{
    struct frame f = frame_of(1, 2, 1);
    int error;

    (void) state;
    OK(put(key_of(1, 1, 2), mask_port(), outputs(2)));
    error = put(key_of(1, 1, 2), mask_all(), outputs(3));
    assert_true(!error || error == EEXIST || error == EINVAL);
    inject(1, &f);
    if (error) {
        expect_frame(2, &f);
    }
}

static void
test_flush(void **state)
{
    struct dpif_dp_stats stats;

    (void) state;
    OK(dpif_flow_flush(dp));
    for (uint32_t i = 0; i < 200; i++) {
        OK(put(key_of(1, 1, i), mask_all(), outputs(2)));
    }
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, 200);
    OK(dpif_flow_flush(dp));
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, 0);
    FAILS(dpif_flow_get(dp, ATTRS(key_of(1, 1, 5)), NULL, NULL), ENOENT);
    OK(put(key_of(1, 1, 5), mask_all(), outputs(2)));
}

static void
test_bad_attributes(void **state)
{
    struct dpif_flow_stats stats = rubbish();
    struct attrs *key = key_of(1, 1, 2), *bad = actions();

    (void) state;
    dpx_nla_put_u16(&bad->buf, OVS_KEY_ATTR_IN_PORT, 1);
    FAILS(put_flags(DPIF_FP_CREATE, bad, NULL, outputs(2), &stats), EINVAL);
    assert_zero(&stats);
    FAILS(dpif_flow_get(dp, ATTRS(bad), NULL, &stats), EINVAL);
    FAILS(dpif_flow_del(dp, ATTRS(bad), &stats), EINVAL);

    bad = actions();
    dpx_nla_put_u32(&bad->buf, 0x3ff, 1);
    FAILS(put(bad, NULL, outputs(2)), EINVAL);
    FAILS(put(key, mask_all(), bad), EINVAL);

    bad = actions();
    dpx_nla_put_u16(&bad->buf, OVS_ACTION_ATTR_OUTPUT, 2);
    FAILS(put(key, mask_all(), bad), EINVAL);

    /* Cut off. */
    FAILS(dpif_flow_put(dp, DPIF_FP_CREATE,
                        (const void *) dpx_buf_data(&key->buf),
                        key->buf.len - 4, NULL, 0, NULL, 0, NULL),
          EINVAL);
    FAILS(dpif_flow_get(dp, ATTRS(key), NULL, NULL), ENOENT);
}

/* 256 outputs and 32 KB of attributes are what a flow holds at least. */
static void
test_long_actions(void **state)
{
    struct attrs *key = key_of(1, 1, 2), *acts = actions();
    struct frame f = frame_of(1, 2, 42);

    (void) state;
    for (int i = 0; i < 256; i++) {
        add_output(acts, 2);
    }
    OK(put(key, mask_all(), acts));
    assert_actions(key, acts);
    inject(1, &f);
    for (int i = 0; i < 256; i++) {
        expect_frame(2, &f);
    }
    expect_silence(2);

    acts = actions();
    while (acts->buf.len < 32768) {
        add_output(acts, 3);
    }
    OK(put_flags(DPIF_FP_MODIFY, key, mask_all(), acts, NULL));
    assert_actions(key, acts);

    while (acts->buf.len < 70000) {
        add_output(acts, 3);
    }
    assert_int_not_equal(
        put_flags(DPIF_FP_MODIFY, key, mask_all(), acts, NULL), 0);
    OK(dpif_flow_get(dp, ATTRS(key), NULL, NULL));
}

static void
test_stats_text(void **state)
{
    struct dpx_buf text = DPX_BUF_INIT, packet = DPX_BUF_INIT;
    struct attrs *key = key_tcp(1);
    struct dpif_flow_stats stats = zero;
    long long now = now_ms();

    (void) state;
    dpif_flow_stats_format(&stats, &text);
    assert_string_equal(dpx_buf_str(&text), "packets:0, bytes:0, used:never");
    dpx_buf_clear(&text);
    stats = (struct dpif_flow_stats){ 10, 980, now - 5000, 0x0a };
    dpif_flow_stats_format(&stats, &text);
    assert_memory_equal(dpx_buf_str(&text), "packets:10, bytes:980, used:5.",
                        30);
    assert_string_equal(dpx_buf_str(&text) + 33, "s, flags:SP");
    dpx_buf_free(&text);

    dpx_nla_put_u16(&key->buf, OVS_KEY_ATTR_TCP_FLAGS,
                    __builtin_bswap16(0x12));
    dpx_buf_put(&packet, NULL, 77);
    dpif_flow_stats_extract(ATTRS(key), &packet, 1234, &stats);
    assert_int_equal(stats.n_packets, 1);
    assert_int_equal(stats.n_bytes, 77);
    assert_int_equal(stats.used, 1234);
    assert_int_equal(stats.tcp_flags, 0x12);
    dpx_buf_free(&packet);
}

const struct CMUnitTest flow_tests[] = {
    TEST(test_create),
    TEST(test_create_modify),
    TEST(test_absent),
    TEST(test_get),
    TEST(test_counters),
    TEST(test_tcp_flags),
    TEST(test_modify_keeps_counters),
    TEST(test_modify_zeroes_counters),
    TEST(test_del),
    TEST(test_mask),
    TEST(test_no_mask),
    TEST(test_overlap),
    TEST(test_flush),
    TEST(test_bad_attributes),
    TEST(test_long_actions),
    TEST(test_stats_text),
};
const size_t n_flow_tests = sizeof flow_tests / sizeof flow_tests[0];
