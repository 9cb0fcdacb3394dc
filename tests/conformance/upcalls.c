/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: receiving. */

#include <linux/openvswitch.h>
#include <pthread.h>

#include "lib/poll.h"
#include "tests/conformance/conformance.h"

static struct dpif_upcall upcall;
static struct dpx_buf buf;

static void
forget(void)
{
    dpx_buf_free(&upcall.packet);
    dpx_buf_free(&buf);
}

/* The number that the received frame carries. */
static uint32_t
number(void)
{
    uint32_t n;

    assert_int_equal(upcall.packet.len, FRAME_LEN);
    memcpy(&n, dpx_buf_data(&upcall.packet) + FRAME_LEN - 4, 4);
    return n;
}

static uint32_t
port(void)
{
    const uint32_t *p = attr_find(upcall.key, upcall.key_len,
                                  OVS_KEY_ATTR_IN_PORT, 4);

    assert_non_null(p);
    return *p;
}

static uint64_t
lost(void)
{
    struct dpif_dp_stats stats;

    OK(dpif_get_dp_stats(dp, &stats));
    return stats.n_lost;
}

static void
test_off(void **state)
{
    struct frame f = frame_of(1, 2, 5);

    (void) state;
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    assert_null(upcall.packet.base);
    assert_int_equal(lost(), 1);
    OK(dpif_recv_set(dp, false));
    forget();
}

static void
test_miss(void **state)
{
    const struct ovs_key_ethernet *eth;
    struct frame f = frame_of(1, 2, 5);

    (void) state;
    OK(dpif_recv_set(dp, true));
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    inject(3, &f);
    OK(recv_within(0, &upcall, &buf));
    assert_int_equal(upcall.type, DPIF_UC_MISS);
    assert_null(upcall.userdata);
    assert_int_equal(upcall.gso_size, 0);
    assert_int_equal(port(), 3);
    assert_int_equal(upcall.packet.len, FRAME_LEN);
    assert_memory_equal(dpx_buf_data(&upcall.packet), f.data, FRAME_LEN);
    assert_true(upcall.packet.head >= 32); /* Headroom. */
    eth = attr_find(upcall.key, upcall.key_len, OVS_KEY_ATTR_ETHERNET, 12);
    assert_non_null(eth);
    assert_memory_equal(eth->eth_src, f.data + 6, 6);
    assert_memory_equal(eth->eth_dst, f.data, 6);

    /* The key is one to install. */
    OK(dpif_flow_put(dp, DPIF_FP_CREATE, upcall.key, upcall.key_len, NULL, 0,
                     ATTRS(outputs(2)), NULL));
    inject(3, &f);
    expect_frame(2, &f);
    forget();
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    forget();
}

static void
test_action(void **state)
{
    static uint8_t cookie[1000];
    struct frame f = frame_of(1, 2, 5);
    const size_t sizes[] = { 0, 1, 16, 65, sizeof cookie };

    (void) state;
    OK(dpif_recv_set(dp, true));
    for (size_t i = 0; i < sizeof cookie; i++) {
        cookie[i] = i * 7;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct attrs *acts = outputs(2);

        add_userspace(acts, dpif_port_get_pid(dp, 1, 0), cookie, sizes[i]);
        add_output(acts, 3);
        OK(put_flags(DPIF_FP_CREATE | DPIF_FP_MODIFY, key_of(1, 1, 2), NULL,
                     acts, NULL));
        inject(1, &f);
        expect_frame(2, &f);
        expect_frame(3, &f);
        OK(recv_within(0, &upcall, &buf));
        assert_int_equal(upcall.type, DPIF_UC_ACTION);
        assert_int_equal(number(), 5);
        assert_int_equal(port(), 1);
        if (sizes[i]) {
            assert_non_null(upcall.userdata);
            assert_int_equal(upcall.userdata->nla_len, NLA_HDRLEN + sizes[i]);
            assert_memory_equal((const char *) upcall.userdata + NLA_HDRLEN,
                                cookie, sizes[i]);
        } else {
            assert_null(upcall.userdata);
        }
        forget();
    }
}

static void
test_type_names(void **state)
{
    (void) state;
    assert_string_equal(dpif_upcall_type_to_string(DPIF_UC_MISS), "miss");
    assert_string_equal(dpif_upcall_type_to_string(DPIF_UC_ACTION), "action");
    assert_string_equal(dpif_upcall_type_to_string(DPIF_N_UC_TYPES),
                        "<unknown>");
    assert_string_equal(dpif_upcall_type_to_string(99), "<unknown>");
}

static void
test_purge(void **state)
{
    struct frame f = frame_of(1, 2, 5), g = frame_of(1, 3, 6);

    (void) state;
    OK(dpif_recv_set(dp, true));
    for (int i = 0; i < 10; i++) {
        inject(1, &f);
    }
    sleep_ms(harness.settle_ms);
    dpif_recv_purge(dp);
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    inject(1, &g);
    OK(recv_within(0, &upcall, &buf));
    assert_int_equal(number(), 6);
    forget();
    assert_int_equal(lost(), 0);
}

static void
test_switch(void **state)
{
    struct frame f = frame_of(1, 2, 5), g = frame_of(1, 3, 6);

    (void) state;
    OK(dpif_recv_set(dp, true));
    OK(dpif_recv_set(dp, true));
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    OK(dpif_recv_set(dp, false));
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    OK(dpif_recv_set(dp, true));
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    inject(1, &g);
    OK(recv_within(0, &upcall, &buf));
    assert_int_equal(number(), 6);
    forget();
}

/* Receives all that there is, from `n` handlers, until `wanted` have come or
 * it has been quiet for a while.  Sets `seen[number]`. */
static unsigned int
receive_all(uint32_t n, unsigned int wanted, unsigned int *seen,
            unsigned int *by_handler)
{
    long long deadline = now_ms() + 2000;
    unsigned int total = 0;

    while (total < wanted && now_ms() < deadline) {
        for (uint32_t i = 0; i < n; i++) {
            while (!dpif_recv(dp, i, &upcall, &buf)) {
                seen[number()]++;
                by_handler[i]++;
                total++;
                dpx_buf_free(&upcall.packet);
            }
        }
    }
    dpx_buf_free(&buf);
    return total;
}

static void
test_handlers(void **state)
{
    unsigned int seen[256] = { 0 }, by_handler[8] = { 0 };

    (void) state;
    OK(dpif_handlers_set(dp, 4));
    OK(dpif_recv_set(dp, true));
    for (int i = 0; i < 256; i++) {
        struct frame f = frame_of(i, 2, i);

        inject(1 + i % 3, &f);
    }
    assert_int_equal(receive_all(4, 256, seen, by_handler), 256);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(seen[i], 1);
    }

    /* Fewer, more, while on. */
    memset(seen, 0, sizeof seen);
    OK(dpif_handlers_set(dp, 2));
    for (int i = 0; i < 100; i++) {
        struct frame f = frame_of(i, 2, i);

        inject(1, &f);
    }
    assert_int_equal(receive_all(2, 100, seen, by_handler), 100);
    FAILS(dpif_recv(dp, 3, &upcall, &buf), EAGAIN);
    FAILS(dpif_recv(dp, 1000, &upcall, &buf), EAGAIN);
    OK(dpif_handlers_set(dp, 8));
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 100; i++) {
        struct frame f = frame_of(i, 2, i);

        inject(1, &f);
    }
    assert_int_equal(receive_all(8, 100, seen, by_handler), 100);
    assert_int_equal(lost(), 0);
    assert_int_not_equal(dpif_handlers_set(dp, 0), 0);
    dpx_buf_free(&buf);
}

/* A USERSPACE action goes to the handler that its pid names, always. */
static void
test_pids(void **state)
{
    unsigned int seen[256] = { 0 }, by_handler[4] = { 0 };
    struct attrs *acts = actions();
    unsigned int used = 0;

    (void) state;
    OK(dpif_handlers_set(dp, 4));
    OK(dpif_recv_set(dp, true));
    add_userspace(acts, dpif_port_get_pid(dp, 1, 7), NULL, 0);
    OK(put(key_of(1, 1, 2), mask_port(), acts));
    for (int i = 0; i < 100; i++) {
        struct frame f = frame_of(i, 2, i);

        inject(1, &f);
    }
    assert_int_equal(receive_all(4, 100, seen, by_handler), 100);
    for (int i = 0; i < 4; i++) {
        used += by_handler[i] != 0;
    }
    assert_int_equal(used, 1);
}

static void *
inject_later(void *arg)
{
    struct frame f = frame_of(1, 2, 5);

    (void) arg;
    sleep_ms(100);
    harness.inject(dp, 1, port_names[1], f.data, sizeof f.data);
    return NULL;
}

static void
test_wait(void **state)
{
    struct frame f = frame_of(1, 2, 4);
    long long start;
    pthread_t thread;
    int error = EAGAIN;

    (void) state;
    OK(dpif_recv_set(dp, true));
    /* One that is there already, then one that comes later. */
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    start = now_ms();
    dpif_recv_wait(dp, 0);
    dpx_poll_timer_wait_until(start + 5000);
    dpx_poll_block();
    OK(dpif_recv(dp, 0, &upcall, &buf));
    forget();

    assert_int_equal(pthread_create(&thread, NULL, inject_later, NULL), 0);
    for (int i = 0; i < 100 && error == EAGAIN && now_ms() < start + 4000;
         i++) {
        dpif_recv_wait(dp, 0);
        dpx_poll_timer_wait_until(start + 4500);
        dpx_poll_block();
        error = dpif_recv(dp, 0, &upcall, &buf);
    }
    pthread_join(thread, NULL);
    OK(error);
    assert_true(now_ms() < start + 4000);
    forget();
    /* Nothing is there: it sleeps. */
    start = now_ms();
    dpif_recv_wait(dp, 0);
    dpx_poll_timer_wait_until(start + 50);
    dpx_poll_block();
    assert_true(now_ms() >= start + 45);
}

static uint64_t
missed(void)
{
    struct dpif_dp_stats stats;

    OK(dpif_get_dp_stats(dp, &stats));
    return stats.n_missed;
}

/* Injects `n` misses on a port. */
static void
flood(uint32_t in_port, unsigned int n)
{
    uint64_t before = missed();

    for (unsigned int i = 1; i <= n; i++) {
        struct frame f = frame_of(i, 2, i);

        inject(in_port, &f);
        if (harness.burst && i % harness.burst == 0) {
            long long deadline = now_ms() + 2000;

            while (missed() < before + i && now_ms() < deadline) {
                continue;
            }
        }
    }
}

static unsigned int
drain(unsigned int from_port[N_PORTS + 1])
{
    unsigned int n = 0;

    memset(from_port, 0, (N_PORTS + 1) * sizeof *from_port);
    while (!dpif_recv(dp, 0, &upcall, &buf)) {
        from_port[port()]++;
        dpx_buf_free(&upcall.packet);
        n++;
    }
    dpx_buf_free(&buf);
    return n;
}

/* Nothing is lost while it fits; what is lost is counted exactly. */
static void
test_loss(void **state)
{
    enum { FITS = 4000, FLOOD = 40000 };
    unsigned int from_port[N_PORTS + 1], received;

    (void) state;
    OK(dpif_recv_set(dp, true));
    flood(1, FITS);
    sleep_ms(harness.settle_ms);
    assert_int_equal(lost(), 0);
    assert_int_equal(drain(from_port), FITS);

    flood(1, FLOOD);
    sleep_ms(harness.settle_ms);
    received = drain(from_port);
    assert_true(received < FLOOD && received >= FITS);
    assert_int_equal(received + lost(), FLOOD);
}

/* While one port floods, others' upcalls arrive. */
static void
test_fairness(void **state)
{
    enum { FLOOD = 40000, OTHERS = 1000 };
    unsigned int from_port[N_PORTS + 1];

    (void) state;
    OK(dpif_recv_set(dp, true));
    flood(1, FLOOD);
    flood(2, OTHERS);
    flood(1, 100);
    flood(3, OTHERS);
    sleep_ms(harness.settle_ms);
    assert_true(lost() > 0);
    drain(from_port);
    assert_int_equal(from_port[2], OTHERS);
    assert_int_equal(from_port[3], OTHERS);
    /* What was received is free again. */
    flood(2, OTHERS);
    sleep_ms(harness.settle_ms);
    drain(from_port);
    assert_int_equal(from_port[2], OTHERS);
}

/* A handle that is closed receives no more. */
static void
test_closed(void **state)
{
    struct dpif *other;
    struct frame f = frame_of(1, 2, 5);

    (void) state;
    OK(dpif_open(dp_name, harness.type, &other));
    OK(dpif_recv_set(other, true));
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    dpif_close(other);
    inject(1, &f);
    sleep_ms(harness.settle_ms);
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    OK(dpif_recv_set(dp, true));
    inject(1, &f);
    OK(recv_within(0, &upcall, &buf));
    forget();
}

const struct CMUnitTest upcall_tests[] = {
    TEST(test_off),        TEST(test_miss),     TEST(test_action),
    TEST(test_type_names), TEST(test_purge),    TEST(test_switch),
    TEST(test_handlers),   TEST(test_pids),     TEST(test_wait),
    TEST(test_loss),       TEST(test_fairness), TEST(test_closed),
};
const size_t n_upcall_tests = sizeof upcall_tests / sizeof upcall_tests[0];
