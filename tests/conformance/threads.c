/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: "everything may be called from several threads".  A thread cannot
 * fail a test, so it counts what is wrong. */

#include <arpa/inet.h>
#include <linux/openvswitch.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/conformance/conformance.h"

static _Atomic unsigned int wrong;
static _Atomic bool stop;

#define CHECK(COND)                                                           \
    do {                                                                      \
        if (!(COND) && !wrong++) {                                            \
            print_error("%s:%d: %s\n", __FILE__, __LINE__, #COND);            \
        }                                                                     \
    } while (0)

/* A key of flow `n`, and what is done with it, in a thread's own memory. */
struct flow {
    struct dpx_buf key;
    struct dpx_buf acts;
};
#define KEY(F) ((const void *) dpx_buf_data(&(F)->key)), (F)->key.len
#define ACTS(F) ((const void *) dpx_buf_data(&(F)->acts)), (F)->acts.len

static void
flow_set(struct flow *f, uint32_t n)
{
    struct ovs_key_ethernet eth = { { 2 },
                                    { 2, 0, n >> 24, n >> 16, n >> 8, n } };

    dpx_buf_clear(&f->key);
    dpx_buf_clear(&f->acts);
    dpx_nla_put_u32(&f->key, OVS_KEY_ATTR_IN_PORT, 1);
    dpx_nla_put(&f->key, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    dpx_nla_put_u16(&f->key, OVS_KEY_ATTR_ETHERTYPE, htons(0x88b5));
    dpx_nla_put_u32(&f->acts, OVS_ACTION_ATTR_OUTPUT, 2);
}

static void
flow_free(struct flow *f)
{
    dpx_buf_free(&f->key);
    dpx_buf_free(&f->acts);
}

/* What eth_dst says: the number of the flow. */
static uint32_t
flow_number(const struct nlattr *key, size_t len)
{
    const struct ovs_key_ethernet *eth = attr_find(
        key, len, OVS_KEY_ATTR_ETHERNET, sizeof *eth);

    return !eth ? UINT32_MAX
                : (uint32_t) eth->eth_dst[2] << 24 | eth->eth_dst[3] << 16
                      | eth->eth_dst[4] << 8 | eth->eth_dst[5];
}

/* Dump while others put and delete --------------------------------------- */

enum { STABLE = 2000, WRITERS = 4, EACH = 25000 };

static void *
write_flows(void *arg)
{
    uint32_t base = STABLE + (uintptr_t) arg * EACH;
    struct flow f = { DPX_BUF_INIT, DPX_BUF_INIT };

    for (uint32_t i = 0; i < EACH; i++) {
        flow_set(&f, base + i);
        CHECK(!dpif_flow_put(dp, DPIF_FP_CREATE, KEY(&f), NULL, 0, ACTS(&f),
                             NULL));
        if (i >= 50) {
            flow_set(&f, base + i - 50);
            CHECK(!dpif_flow_del(dp, KEY(&f), NULL));
        }
    }
    flow_free(&f);
    return NULL;
}

static void
dump_once(uint8_t *seen)
{
    struct dpif_flow_dump dump;
    const struct nlattr *key, *acts;
    size_t key_len, acts_len;
    const struct dpif_flow_stats *stats;
    void *state;

    memset(seen, 0, STABLE);
    OK(dpif_flow_dump_start(&dump, dp));
    OK(dpif_flow_dump_state_init(&dump, &state));
    while (dpif_flow_dump_next(&dump, state, &key, &key_len, NULL, NULL, &acts,
                               &acts_len, &stats)) {
        uint32_t n = flow_number(key, key_len);
        const uint32_t *out = attr_find(acts, acts_len, OVS_ACTION_ATTR_OUTPUT,
                                        4);

        assert_true(n < STABLE + WRITERS * EACH);
        assert_true(out && *out == 2);
        assert_int_equal(stats->n_packets, 0);
        if (n < STABLE) {
            seen[n]++;
        }
    }
    dpif_flow_dump_state_uninit(&dump, state);
    OK(dpif_flow_dump_done(&dump));
    for (uint32_t i = 0; i < STABLE; i++) {
        assert_true(seen[i] >= 1);
    }
}

static void
test_dump_churn(void **state)
{
    static uint8_t seen[STABLE];
    struct flow f = { DPX_BUF_INIT, DPX_BUF_INIT };
    pthread_t threads[WRITERS];

    (void) state;
    wrong = 0;
    for (uint32_t i = 0; i < STABLE; i++) {
        flow_set(&f, i);
        OK(dpif_flow_put(dp, DPIF_FP_CREATE, KEY(&f), NULL, 0, ACTS(&f),
                         NULL));
    }
    flow_free(&f);
    for (uintptr_t i = 0; i < WRITERS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_flows, (void *) i), 0);
    }
    for (int i = 0; i < 20; i++) {
        dump_once(seen);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    dump_once(seen);
    assert_int_equal(wrong, 0);
}

/* Everything at once ------------------------------------------------------ */

static _Atomic uint64_t n_received;

static void *
churn_flows(void *arg)
{
    uint32_t n = (uintptr_t) arg * 100;
    struct flow f = { DPX_BUF_INIT, DPX_BUF_INIT };
    struct dpif_flow_stats stats;

    for (uint32_t i = 0; !stop; i++) {
        flow_set(&f, n + i % 100);
        CHECK(!dpif_flow_put(dp, DPIF_FP_CREATE, KEY(&f), NULL, 0, ACTS(&f),
                             &stats));
        CHECK(!dpif_flow_put(dp, DPIF_FP_MODIFY, KEY(&f), NULL, 0, ACTS(&f),
                             &stats));
        CHECK(!dpif_flow_get(dp, KEY(&f), NULL, &stats));
        CHECK(!dpif_flow_del(dp, KEY(&f), i % 64 ? NULL : &stats));
    }
    flow_free(&f);
    return NULL;
}

static void *
churn_ports(void *arg)
{
    struct dpif_port_dump dump;
    struct dpif_port port;

    (void) arg;
    while (!stop) {
        unsigned int n = 0;
        char *devname;
        int error;

        CHECK(!dpif_port_del(dp, 3));
        CHECK(!dpif_port_exists(dp, port_names[3]));
        CHECK(!dpif_port_add(dp,
                             &(struct dpif_netdev){
                                 .name = port_names[3],
                                 .type = harness.port_type,
                             },
                             &(uint32_t){ 3 }));
        DPIF_PORT_FOR_EACH(&port, &dump, dp)
        {
            n++;
        }
        CHECK(n == N_PORTS + 1);
        do {
            error = dpif_port_poll(dp, &devname);
            free(devname);
            CHECK(!error || error == EAGAIN || error == ENOBUFS);
        } while (!error);
    }
    return NULL;
}

static void *
inject_frames(void *arg)
{
    uint32_t in_port = (uintptr_t) arg;

    for (uint32_t i = 0; !stop; i++) {
        uint8_t frame[64] = { 2, 0, 0, 0, 0, i, 2 };

        frame[12] = 0x88;
        frame[13] = 0xb5;
        harness.inject(dp, in_port, port_names[in_port], frame, sizeof frame);
    }
    return NULL;
}

static void *
receive(void *arg)
{
    struct dpx_buf buf = DPX_BUF_INIT;
    struct dpif_upcall upcall;

    while (!stop) {
        if (!dpif_recv(dp, (uintptr_t) arg, &upcall, &buf)) {
            CHECK(upcall.packet.len == 64);
            CHECK(upcall.type == DPIF_UC_MISS);
            dpx_buf_free(&upcall.packet);
            n_received++;
        } else {
            sleep_ms(1);
        }
    }
    dpx_buf_free(&buf);
    return NULL;
}

static void *
execute_frames(void *arg)
{
    struct flow f = { DPX_BUF_INIT, DPX_BUF_INIT };

    (void) arg;
    flow_set(&f, 5);
    for (uint32_t i = 0; !stop; i++) {
        struct dpx_buf packet = DPX_BUF_INIT;
        struct dpif_execute e = {
            .actions = (const void *) dpx_buf_data(&f.acts),
            .actions_len = f.acts.len,
            .key = (const void *) dpx_buf_data(&f.key),
            .key_len = f.key.len,
            .packet = &packet,
            .needs_help = i & 1,
        };

        dpx_buf_put(&packet, NULL, 64);
        CHECK(!dpif_execute(dp, &e));
        dpx_buf_free(&packet);
    }
    flow_free(&f);
    return NULL;
}

static void *
dump_flows(void *arg)
{
    (void) arg;
    while (!stop) {
        struct dpif_flow_dump dump;
        struct dpif_dp_stats stats;
        const struct nlattr *key;
        size_t key_len;
        void *state;

        CHECK(!dpif_get_dp_stats(dp, &stats));
        CHECK(!dpif_flow_dump_start(&dump, dp));
        CHECK(!dpif_flow_dump_state_init(&dump, &state));
        while (dpif_flow_dump_next(&dump, state, &key, &key_len, NULL, NULL,
                                   NULL, NULL, NULL)) {
            CHECK(flow_number(key, key_len) < 1000);
        }
        dpif_flow_dump_state_uninit(&dump, state);
        CHECK(!dpif_flow_dump_done(&dump));
    }
    return NULL;
}

/* Handles, and whatever else is rare. */
static void *
reopen(void *arg)
{
    (void) arg;
    while (!stop) {
        struct dpif_set set = DPIF_SET_INIT;
        struct dpif *other;

        CHECK(!dpif_open(dp_name, harness.type, &other));
        CHECK(dpif_port_exists(other, port_names[1]));
        dpif_run(other);
        dpif_close(other);
        dp_enumerate_types(&set);
        CHECK(dpif_set_contains(&set, harness.type));
        CHECK(!dp_enumerate_names(harness.type, &set));
        CHECK(dpif_set_contains(&set, dp_name));
        dpif_set_clear(&set);
    }
    return NULL;
}

static void
test_everything(void **state)
{
    static const struct {
        void *(*run)(void *);
        uintptr_t arg;
    } jobs[] = {
        { churn_flows, 0 },   { churn_flows, 1 },    { churn_ports, 0 },
        { inject_frames, 1 }, { inject_frames, 2 },  { receive, 0 },
        { receive, 1 },       { execute_frames, 0 }, { execute_frames, 1 },
        { dump_flows, 0 },    { reopen, 0 },
    };
    enum { N = sizeof jobs / sizeof jobs[0] };
    pthread_t threads[N];
    struct dpif_dp_stats stats;

    (void) state;
    wrong = 0;
    stop = false;
    n_received = 0;
    OK(dpif_handlers_set(dp, 2));
    OK(dpif_recv_set(dp, true));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, jobs[i].run,
                                        (void *) jobs[i].arg),
                         0);
    }
    for (int i = 0; i < 30; i++) {
        struct dpx_buf got = DPX_BUF_INIT;

        sleep_ms(100);
        while (harness.sent(dp, 2, port_names[2], &got)) {
            continue;
        }
        dpx_buf_free(&got);
    }
    stop = true;
    for (size_t i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    assert_true(n_received > 0);
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, 0);
    assert_true(stats.n_missed > 0);
}

const struct CMUnitTest thread_tests[] = {
    TEST(test_dump_churn),
    TEST(test_everything),
};
const size_t n_thread_tests = sizeof thread_tests / sizeof thread_tests[0];
