/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: what actions do to packets, execute, operate. */

#include <arpa/inet.h>
#include <linux/openvswitch.h>

#include "tests/conformance/conformance.h"

static void
add_push_vlan(struct attrs *a, uint16_t vid)
{
    struct ovs_action_push_vlan push = {
        .vlan_tpid = htons(0x8100),
        .vlan_tci = htons(0x1000 | vid),
    };

    dpx_nla_put(&a->buf, OVS_ACTION_ATTR_PUSH_VLAN, &push, sizeof push);
}

/* Sets the source address alone. */
static void
add_set_src(struct attrs *a, unsigned int last)
{
    struct ovs_key_ethernet eth[2]; /* Value, mask. */
    size_t nest = dpx_nla_nest(&a->buf, OVS_ACTION_ATTR_SET_MASKED);

    memset(eth, 0, sizeof eth);
    eth[0].eth_src[0] = 2;
    eth[0].eth_src[5] = last;
    memset(eth[1].eth_src, 0xff, 6);
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_ETHERNET, eth, sizeof eth);
    dpx_nla_end(&a->buf, nest);
}

/* `f` behind a tag. */
static void
tagged(const struct frame *f, uint16_t vid, uint8_t data[FRAME_LEN + 4])
{
    memcpy(data, f->data, 12);
    data[12] = 0x81;
    data[13] = 0x00;
    data[14] = vid >> 8;
    data[15] = vid;
    memcpy(data + 16, f->data + 12, FRAME_LEN - 12);
}

static void
test_output(void **state)
{
    struct frame f = frame_of(1, 2, 99);

    (void) state;
    OK(put(key_of(1, 1, 2), mask_all(), outputs(2)));
    inject(1, &f);
    expect_frame(2, &f);
    expect_silence(2);
    expect_silence(1);
    expect_silence(3);
}

static void
test_output_many(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct attrs *acts = outputs(2);

    (void) state;
    add_output(acts, 3);
    add_output(acts, 2);
    OK(put(key_of(1, 1, 2), mask_all(), acts));
    inject(1, &f);
    expect_frame(2, &f);
    expect_frame(2, &f);
    expect_frame(3, &f);
    expect_silence(2);
    expect_silence(3);
}

static void
test_drop(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct dpif_upcall upcall;
    struct dpx_buf buf = DPX_BUF_INIT;

    (void) state;
    OK(dpif_recv_set(dp, true));
    OK(put(key_of(1, 1, 2), mask_all(), actions()));
    inject(1, &f);
    assert_int_equal(stats_of(key_of(1, 1, 2), 1).n_packets, 1);
    expect_silence(2);
    FAILS(dpif_recv(dp, 0, &upcall, &buf), EAGAIN);
    dpx_buf_free(&buf);
}

/* An output to a port that is no more costs that copy alone. */
static void
test_output_absent(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct attrs *acts = outputs(2);

    (void) state;
    add_output(acts, 1234);
    add_output(acts, 3);
    OK(put(key_of(1, 1, 2), mask_all(), acts));
    OK(dpif_port_del(dp, 2));
    inject(1, &f);
    expect_frame(3, &f);
}

static void
test_edit(void **state)
{
    struct frame f = frame_of(1, 2, 99), g = frame_of(0x77, 2, 99);
    struct attrs *acts = outputs(2);
    uint8_t data[FRAME_LEN + 4];

    (void) state;
    memset(g.data + 6, 0, 6);
    g.data[6] = 2;
    g.data[11] = 0x77;
    add_set_src(acts, 0x77);
    add_push_vlan(acts, 100);
    add_output(acts, 3);
    dpx_nla_put(&acts->buf, OVS_ACTION_ATTR_POP_VLAN, NULL, 0);
    add_output(acts, 2);
    OK(put(key_of(1, 1, 2), mask_all(), acts));
    inject(1, &f);
    expect_frame(2, &f);
    tagged(&g, 100, data);
    expect_sent(3, data, sizeof data);
    expect_frame(2, &g);
}

/* Execute ----------------------------------------------------------------- */

static void
test_execute(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct attrs *key = key_of(1, 1, 2), *acts = outputs(2);

    (void) state;
    OK(execute(actions(), &f, key, false));
    OK(execute(actions(), &f, key, true));
    expect_silence(2);
    add_push_vlan(acts, 5);
    add_output(acts, 3);
    for (int help = 0; help <= 1; help++) {
        uint8_t data[FRAME_LEN + 4];

        OK(execute(acts, &f, key, help));
        expect_frame(2, &f);
        tagged(&f, 5, data);
        expect_sent(3, data, sizeof data);
    }
    expect_silence(2);
    expect_silence(3);
}

static void
test_execute_40(void **state)
{
    struct attrs *acts = actions();
    struct frame f = frame_of(1, 2, 99);

    (void) state;
    for (int i = 0; i < 20; i++) {
        add_set_src(acts, i);
        add_output(acts, 2);
    }
    for (int help = 0; help <= 1; help++) {
        OK(execute(acts, &f, key_of(1, 1, 2), help));
        for (int i = 0; i < 20; i++) {
            struct frame g = f;

            memset(g.data + 6, 0, 6);
            g.data[6] = 2;
            g.data[11] = i;
            expect_frame(2, &g);
        }
        expect_silence(2);
    }
}

/* Longer than an attribute can be. */
static void
test_execute_long(void **state)
{
    enum { SETS = 1900, OUTPUTS = 10 };
    struct attrs *acts = actions();
    struct frame f = frame_of(1, 2, 99);

    (void) state;
    for (int i = 0; i < OUTPUTS; i++) {
        for (int j = 0; j < SETS / OUTPUTS; j++) {
            add_set_src(acts, i + j + 1);
        }
        add_set_src(acts, i);
        add_output(acts, 2);
    }
    while (acts->buf.len <= 66000) {
        add_set_src(acts, 1);
    }
    OK(execute(acts, &f, key_of(1, 1, 2), false));
    for (int i = 0; i < OUTPUTS; i++) {
        struct frame g = f;

        memset(g.data + 6, 0, 6);
        g.data[6] = 2;
        g.data[11] = i;
        expect_frame(2, &g);
    }
    expect_silence(2);
}

static void
test_execute_bad(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct attrs *bad = actions(), *key = key_of(1, 1, 2);

    (void) state;
    dpx_nla_put_u32(&bad->buf, 0x3fff, 1);
    assert_int_not_equal(execute(bad, &f, key, false), 0);
    assert_int_not_equal(execute(bad, &f, key, true), 0);
    assert_int_not_equal(execute(outputs(2), &f, bad, false), 0);
    assert_int_not_equal(execute(outputs(2), &f, bad, true), 0);
    expect_silence(2);
}

static void
test_execute_userspace(void **state)
{
    static const uint8_t cookie[] = "cookie";
    struct frame f = frame_of(1, 2, 99);

    (void) state;
    OK(dpif_recv_set(dp, true));
    for (int help = 0; help <= 1; help++) {
        struct dpif_upcall upcall;
        struct dpx_buf buf = DPX_BUF_INIT;
        struct attrs *acts = actions();
        const uint32_t *port;

        add_userspace(acts, dpif_port_get_pid(dp, 1, 0), cookie,
                      sizeof cookie);
        OK(execute(acts, &f, key_of(1, 1, 2), help));
        OK(recv_within(0, &upcall, &buf));
        assert_int_equal(upcall.type, DPIF_UC_ACTION);
        assert_int_equal(upcall.packet.len, FRAME_LEN);
        assert_memory_equal(dpx_buf_data(&upcall.packet), f.data, FRAME_LEN);
        port = attr_find(upcall.key, upcall.key_len, OVS_KEY_ATTR_IN_PORT, 4);
        assert_non_null(port);
        assert_int_equal(*port, 1);
        assert_non_null(upcall.userdata);
        assert_int_equal(upcall.userdata->nla_len, NLA_HDRLEN + sizeof cookie);
        assert_memory_equal((const uint8_t *) upcall.userdata + NLA_HDRLEN,
                            cookie, sizeof cookie);
        dpx_buf_free(&upcall.packet);
        dpx_buf_free(&buf);
    }
}

static void
test_execute_probe(void **state)
{
    struct frame f = frame_of(1, 2, 99);
    struct attrs *acts = outputs(2), *key = key_of(1, 1, 2);
    struct dpx_buf packet = DPX_BUF_INIT;
    struct dpif_execute e = {
        .actions = (const void *) dpx_buf_data(&acts->buf),
        .actions_len = acts->buf.len,
        .key = (const void *) dpx_buf_data(&key->buf),
        .key_len = key->buf.len,
        .packet = &packet,
        .probe = true,
    };

    (void) state;
    dpx_buf_put(&packet, f.data, sizeof f.data);
    OK(dpif_execute(dp, &e));
    e.needs_help = true;
    OK(dpif_execute(dp, &e));
    expect_silence(2);
    dpx_buf_free(&packet);
}

/* Operate ----------------------------------------------------------------- */

static struct dpif_op
put_op(unsigned int flags, struct attrs *key, struct attrs *acts,
       struct dpif_flow_stats *stats)
{
    return (struct dpif_op) {
        .type = DPIF_OP_FLOW_PUT, .error = -1,
        .u.flow_put = {
            .flags = flags,
            .key = (const void *) dpx_buf_data(&key->buf),
            .key_len = key->buf.len,
            .actions = (const void *) dpx_buf_data(&acts->buf),
            .actions_len = acts->buf.len, .stats = stats,
        },
    };
}

static struct dpif_op
del_op(struct attrs *key, struct dpif_flow_stats *stats)
{
    return (struct dpif_op) {
        .type = DPIF_OP_FLOW_DEL, .error = -1,
        .u.flow_del = {
            .key = (const void *) dpx_buf_data(&key->buf),
            .key_len = key->buf.len, .stats = stats,
        },
    };
}

static struct dpif_op
execute_op(struct attrs *acts, struct attrs *key, struct dpx_buf *packet,
           const struct frame *f, bool help)
{
    dpx_buf_put(packet, f->data, sizeof f->data);
    return (struct dpif_op) {
        .type = DPIF_OP_EXECUTE, .error = -1,
        .u.execute = {
            .actions = (const void *) dpx_buf_data(&acts->buf),
            .actions_len = acts->buf.len,
            .key = (const void *) dpx_buf_data(&key->buf),
            .key_len = key->buf.len, .packet = packet, .needs_help = help,
        },
    };
}

static void
operate(struct dpif_op *ops, size_t n)
{
    struct dpif_op *pointers[1024];

    assert_true(n <= 1024);
    for (size_t i = 0; i < n; i++) {
        pointers[i] = &ops[i];
    }
    dpif_operate(dp, pointers, n);
}

/* Each operation has an error of its own, and they happen in their order. */
static void
test_operate(void **state)
{
    struct attrs *a = key_of(1, 1, 2), *b = key_of(1, 1, 3), *bad = actions();
    struct dpif_flow_stats stats[6];
    struct dpif_op ops[6];

    (void) state;
    memset(stats, 0xff, sizeof stats);
    dpx_nla_put_u32(&bad->buf, 0x3fff, 1);
    ops[0] = put_op(DPIF_FP_CREATE, a, outputs(2), &stats[0]);
    ops[1] = put_op(DPIF_FP_CREATE, a, outputs(3), &stats[1]);
    ops[2] = put_op(DPIF_FP_CREATE, b, bad, &stats[2]);
    ops[3] = del_op(a, &stats[3]);
    ops[4] = del_op(a, &stats[4]);
    ops[5] = put_op(DPIF_FP_CREATE, a, outputs(3), &stats[5]);
    operate(ops, 6);
    assert_int_equal(ops[0].error, 0);
    assert_int_equal(ops[1].error, EEXIST);
    assert_int_equal(ops[2].error, EINVAL);
    assert_int_equal(ops[3].error, 0);
    assert_int_equal(ops[4].error, ENOENT);
    assert_int_equal(ops[5].error, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(stats[i].n_packets, 0);
        assert_int_equal(stats[i].n_bytes, 0);
    }
    OK(dpif_flow_get(dp, ATTRS(a), NULL, NULL));
    operate(NULL, 0);
}

/* Executes with and without help, empty ones, and flows between them. */
static void
test_operate_order(void **state)
{
    enum { N = 90 };
    struct attrs *key = key_of(1, 1, 2), *none = actions();
    struct dpx_buf packets[N];
    struct dpif_op ops[N];

    (void) state;
    for (int i = 0; i < N; i++) {
        struct frame f = frame_of(1, 2, i);

        dpx_buf_init(&packets[i]);
        switch (i % 5) {
        case 0:
        case 1:
            ops[i] = execute_op(outputs(2), key, &packets[i], &f, false);
            break;
        case 2:
            ops[i] = execute_op(outputs(2), key, &packets[i], &f, true);
            break;
        case 3:
            ops[i] = execute_op(none, key, &packets[i], &f, i & 8);
            break;
        case 4:
            ops[i] = i % 10 == 4
                         ? put_op(DPIF_FP_CREATE, key, outputs(2), NULL)
                         : del_op(key, NULL);
            break;
        }
    }
    operate(ops, N);
    for (int i = 0; i < N; i++) {
        struct frame f = frame_of(1, 2, i);

        assert_int_equal(ops[i].error, 0);
        if (i % 5 < 3) {
            expect_frame(2, &f);
        }
        dpx_buf_free(&packets[i]);
    }
    expect_silence(2);
}

static void
test_operate_batch(void **state)
{
    enum { N = 1000 };
    static struct dpif_op ops[N];
    struct dpif_dp_stats stats;

    (void) state;
    for (int i = 0; i < N; i++) {
        ops[i] = put_op(DPIF_FP_CREATE, key_of(1, i & 0xff, i >> 8),
                        outputs(2), NULL);
    }
    operate(ops, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(ops[i].error, 0);
    }
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, N);
    for (int i = 0; i < N; i++) {
        ops[i] = del_op(key_of(1, i & 0xff, i >> 8), NULL);
    }
    operate(ops, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(ops[i].error, 0);
    }
    OK(dpif_get_dp_stats(dp, &stats));
    assert_int_equal(stats.n_flows, 0);
}

/* A TCP segment of 4 KB leaves as a device would have cut it. */
static void
test_execute_gso(void **state)
{
    struct frame f = frame_tcp(0x10, 0);
    struct attrs *acts = outputs(2), *key = key_tcp(1);
    struct dpx_buf packet = DPX_BUF_INIT, got = DPX_BUF_INIT;
    struct dpif_execute e = {
        .actions = (const void *) dpx_buf_data(&acts->buf),
        .actions_len = acts->buf.len,
        .key = (const void *) dpx_buf_data(&key->buf),
        .key_len = key->buf.len,
        .packet = &packet,
        .gso_size = 1000,
    };
    long long deadline = now_ms() + 2000;
    size_t payload = 0;

    (void) state;
    dpx_buf_put(&packet, f.data, 54);
    memset(dpx_buf_put(&packet, NULL, 4000), 'x', 4000);
    dpx_buf_data(&packet)[16] = 4040 >> 8;
    dpx_buf_data(&packet)[17] = 4040 & 0xff;
    OK(dpif_execute(dp, &e));
    /* As one again, if it goes to who takes it so. */
    while (payload < 4000 && now_ms() < deadline) {
        if (harness.sent(dp, 2, port_names[2], &got)) {
            assert_true(got.len == 1054 || got.len == 4054);
            payload += got.len - 54;
        }
    }
    assert_int_equal(payload, 4000);
    dpx_buf_free(&packet);
    dpx_buf_free(&got);
}

const struct CMUnitTest packet_tests[] = {
    TEST(test_output),        TEST(test_output_many),
    TEST(test_drop),          TEST(test_output_absent),
    TEST(test_edit),          TEST(test_execute),
    TEST(test_execute_40),    TEST(test_execute_long),
    TEST(test_execute_bad),   TEST(test_execute_userspace),
    TEST(test_execute_probe), TEST(test_execute_gso),
    TEST(test_operate),       TEST(test_operate_order),
    TEST(test_operate_batch),
};
const size_t n_packet_tests = sizeof packet_tests / sizeof packet_tests[0];
