/* SPDX-License-Identifier: Apache-2.0 */

/* The provider on real devices: makes a datapath in a network namespace of its
 * own, with veths as ports, and looks at what arrives at their other ends.
 * Needs root and bpffs.  Prints TAP; leaves nothing behind. */

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/helpers/provider-fixture.h"

enum { TIME_LIMIT_S = 120 };

static void
test_open(void)
{
    struct dpx_dp *other;

    EXPECT_ERROR(dpx_dp_open(dp_name, false, NULL, &dp), ENODEV);
    EXPECT_OK(dpx_dp_open(dp_name, true, NULL, &dp));
    EXPECT_ERROR(dpx_dp_open(dp_name, true, NULL, &other), EEXIST);
}

static void
test_ports(void)
{
    struct dpx_port_info info;
    uint32_t next = 0;

    add_port("v1", 1, false);
    add_port("v2", 2, false);
    EXPECT_OK(dpx_port_query(dp, 2, &info));
    EXPECT(!strcmp(info.name, "v2") && !strcmp(info.type, "system"));
    EXPECT_OK(dpx_port_query_name(dp, dp_name, &info));
    EXPECT(info.port == 0 && !strcmp(info.type, "internal"));
    EXPECT_ERROR(dpx_port_query(dp, 77, &info), ENOENT);
    EXPECT_ERROR(dpx_port_query_name(dp, "none", &info), ENODEV);
    EXPECT_ERROR(dpx_port_del(dp, 77), ENOENT);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_OK(dpx_port_next(dp, &next, &info));
        EXPECT(info.port == i);
    }
    EXPECT_ERROR(dpx_port_next(dp, &next, &info), EOF);
}

/* A miss climbs whole, with its checksum completed, and is forwarded. */
static void
test_miss(struct upcall *u)
{
    uint32_t in_port = 0;
    size_t len;

    EXPECT(dpx_port_get_pid(dp, 1, 0) == 0);
    EXPECT_ERROR(dpx_handlers_set(dp, 0), EINVAL);
    EXPECT_OK(dpx_handlers_set(dp, 2));
    EXPECT_OK(dpx_recv_set(dp, true));
    EXPECT(dpx_port_get_pid(dp, 1, 0) >= 1);
    EXPECT(!next_upcall(u, 0));

    len = make_packet(17, 1, 300);
    inject(peers[1], partial(17), out, len);
    EXPECT(next_upcall(u, WAIT_MS));
    EXPECT(u->info.type == DPX_UPCALL_MISS && u->info.gso_size == 0);
    EXPECT(u->packet.head >= 128);
    EXPECT(dpx_csum_complete(out, len));
    EXPECT(u->packet.len == len);
    EXPECT(!memcmp(dpx_buf_data(&u->packet), out, len));
    for (size_t ofs = 0; ofs + 4 < u->info.key_len;) {
        const uint16_t *nla = (const void *) ((uint8_t *) u->info.key + ofs);

        if (nla[1] == OVS_KEY_ATTR_IN_PORT) {
            memcpy(&in_port, nla + 2, 4);
        }
        ofs += (nla[0] + 3) & ~3;
    }
    EXPECT(in_port == 1);
    EXPECT_OK(execute_output(2, dpx_buf_data(&u->packet), len, 0));
    EXPECT_ARRIVAL(peers[2], out, len);
    EXPECT(dpx_dp_maps(dp)->backlog[1] == 0);
}

static void
test_flows(struct upcall *u)
{
    struct dpx_buf actions = outputs(1, 2), none = outputs(0);
    struct dpx_flow_stats stats;
    struct dpx_flow_view view;
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_request r = {
        .kind = DPX_DO_PUT,
        .flags = DPX_PUT_CREATE,
        .stats = &stats,
        .actions = dpx_buf_data(&actions),
        .actions_len = actions.len,
        .view = &view,
        .buf = &buf,
    };
    const struct dpx_flow_view *dumped;
    struct dpx_dump_state *state;
    struct dpx_dump *dump;
    size_t len = make_packet(17, 2, 100);
    struct dpx_buf key = DPX_BUF_INIT;

    dpx_buf_put(&key, u->info.key, u->info.key_len);
    r.key = dpx_buf_data(&key);
    r.key_len = key.len;
    EXPECT_OK(operate(&r));
    EXPECT_ERROR(operate(&r), EEXIST);
    inject(peers[1], partial(17), out, len);
    EXPECT(arrival(peers[2], WAIT_MS) == len);
    EXPECT(!next_upcall(u, 100));

    r.kind = DPX_DO_GET;
    EXPECT_OK(operate(&r));
    EXPECT(view.stats.packets == 1 && view.stats.bytes == len);
    EXPECT(view.key_len == key.len && !memcmp(view.key_attrs, r.key, key.len));
    EXPECT(view.actions_len == actions.len
           && !memcmp(view.actions, r.actions, actions.len));

    EXPECT_OK(dpx_dump_start(dp, &dump));
    EXPECT_OK(dpx_dump_state_open(dump, &state));
    dumped = dpx_dump_next(state);
    EXPECT(dumped && dumped->stats.packets == 1 && dumped->stats.used);
    EXPECT(!dpx_dump_next(state));
    dpx_dump_state_close(state);
    EXPECT_OK(dpx_dump_done(dump));

    r.kind = DPX_DO_PUT; /* No actions: dropped, and no upcall. */
    r.flags = DPX_PUT_MODIFY;
    r.actions = dpx_buf_data(&none);
    r.actions_len = none.len;
    EXPECT_OK(operate(&r));
    EXPECT(stats.packets == 1);
    inject(peers[1], partial(17), out, len);
    EXPECT_NOTHING(peers[2]);
    EXPECT(!next_upcall(u, 0));

    r.kind = DPX_DO_DEL;
    EXPECT_OK(operate(&r));
    EXPECT(stats.packets == 2 && stats.bytes == 2 * len);
    EXPECT_ERROR(operate(&r), ENOENT);
    r.kind = DPX_DO_GET;
    EXPECT_ERROR(operate(&r), ENOENT);
    inject(peers[1], partial(17), out, len);
    EXPECT(next_upcall(u, WAIT_MS));
    EXPECT_OK(dpx_flow_flush(dp));
    dpx_buf_free(&actions);
    dpx_buf_free(&key);
    free(buf.data);
}

/* Requests of all kinds in one batch, in their order. */
static void
test_batch(struct upcall *u)
{
    enum { N = 100, EXECUTES = 64 };
    static struct dpx_request requests[N + EXECUTES];
    static struct dpx_execute executes[EXECUTES];
    static uint8_t packets[EXECUTES][256];
    struct dpx_request *ops[N + EXECUTES];
    struct dpx_buf actions = outputs(1, 2), bad = outputs(1, 2);
    struct dpx_buf key = DPX_BUF_INIT, meta = DPX_BUF_INIT;
    struct dpx_flow_buf buf = { NULL, 0 };
    struct dpx_flow_view view;
    size_t i, len = 0;

    dpx_buf_put(&key, u->info.key, u->info.key_len);
    dpx_nla_put_u32(&meta, OVS_KEY_ATTR_IN_PORT, 1);
    dpx_nla_put_u32(&bad, OVS_ACTION_ATTR_MAX + 9, 1);
    for (i = 0; i < N; i++) { /* put, put, get, del, del. */
        requests[i] = (struct dpx_request){
            .kind = (enum dpx_op_kind[]){ DPX_DO_PUT, DPX_DO_PUT, DPX_DO_GET,
                                          DPX_DO_DEL, DPX_DO_DEL }[i % 5],
            .flags = DPX_PUT_CREATE,
            .key = dpx_buf_data(&key),
            .key_len = key.len,
            .actions = dpx_buf_data(&actions),
            .actions_len = actions.len,
            .view = &view,
            .buf = &buf,
        };
    }
    for (; i < N + EXECUTES; i++) {
        struct dpx_execute *ex = &executes[i - N];
        struct dpx_buf *a = i == N + 1 ? &bad : &actions;

        len = make_packet(17, i, 60);
        dpx_csum_complete(out, len);
        memcpy(packets[i - N], out, len);
        *ex = (struct dpx_execute){
            .actions = dpx_buf_data(a),
            .actions_len = a->len,
            .key = dpx_buf_data(&meta),
            .key_len = meta.len,
            .packet = packets[i - N],
            .packet_len = len,
            .probe = i == N + 2,
        };
        requests[i] = (struct dpx_request){ .kind = DPX_DO_EXECUTE,
                                            .execute = ex };
    }
    for (i = 0; i < N + EXECUTES; i++) {
        ops[i] = &requests[i];
    }
    dpx_operate(dp, ops, N + EXECUTES);
    for (i = 0; i < N; i++) {
        EXPECT(requests[i].error
               == (i % 5 == 1   ? EEXIST
                   : i % 5 == 4 ? ENOENT
                                : 0));
        EXPECT(!requests[i].message == !requests[i].error);
    }
    for (i = 0; i < EXECUTES; i++) {
        EXPECT(!requests[N + i].error == (i != 1));
        if (i != 1 && i != 2) {
            EXPECT_ARRIVAL(peers[2], packets[i], len);
        }
    }
    EXPECT_NOTHING(peers[2]);
    for (i = 0; i < N + EXECUTES; i++) {
        free((char *) requests[i].message);
    }
    dpx_buf_free(&actions);
    dpx_buf_free(&bad);
    dpx_buf_free(&key);
    dpx_buf_free(&meta);
    free(buf.data);
}

static void
test_userspace(struct upcall *u)
{
    struct dpx_buf actions = DPX_BUF_INIT;
    uint32_t pid = dpx_port_get_pid(dp, 1, 0);
    size_t mark, len;

    mark = dpx_nla_nest(&actions, OVS_ACTION_ATTR_USERSPACE);
    dpx_nla_put_u32(&actions, OVS_USERSPACE_ATTR_PID, pid);
    dpx_nla_put(&actions, OVS_USERSPACE_ATTR_USERDATA, "cookie!!", 8);
    dpx_nla_end(&actions, mark);
    len = make_packet(17, 3, 100);
    dpx_csum_complete(out, len);
    EXPECT_OK(execute(&actions, out, len, 0));
    EXPECT(next_upcall(u, WAIT_MS));
    EXPECT(u->info.type == DPX_UPCALL_ACTION && u->info.pid == pid);
    EXPECT(u->info.userdata_len == 8
           && !memcmp(u->info.userdata, "cookie!!", 8));
    EXPECT(u->packet.len == len
           && !memcmp(dpx_buf_data(&u->packet), out, len));
    EXPECT(!next_upcall(u, 0));
    dpx_buf_free(&actions);
}

/* A GSO packet climbs in one piece, and goes out as one or as segments, as the
 * device has it. */
static void
test_gso(struct upcall *u)
{
    struct virtio_net_hdr vnet = *partial(6);
    size_t len = make_packet(6, 4, 60000);
    struct dpx_buf climbed = DPX_BUF_INIT, tagged = DPX_BUF_INIT;

    vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    vnet.gso_size = 1400;
    vnet.hdr_len = ETH_HLEN + 40;
    inject(peers[1], &vnet, out, len);
    EXPECT(next_upcall(u, WAIT_MS));
    EXPECT(u->info.gso_size == 1400 && u->packet.len == len);
    EXPECT(!memcmp(dpx_buf_data(&u->packet) + ETH_HLEN + 40,
                   out + ETH_HLEN + 40, len - ETH_HLEN - 40));
    dpx_buf_put(&climbed, dpx_buf_data(&u->packet), len);

    EXPECT_OK(execute_output(2, dpx_buf_data(&climbed), len, 1400));
    EXPECT_ARRIVAL(peers[2], out, len);

    push_vlan(&tagged, 0x8100, 77);
    EXPECT_OK(execute(&tagged, dpx_buf_data(&climbed), len, 1400));
    memmove(out + 16, out + 12, len - 12);
    memcpy(out + 12, "\x81\x00\x00\x4d", 4);
    EXPECT_ARRIVAL(peers[2], out, len + 4);

    run("ethtool -K v2 tso off gso off >/dev/null");
    EXPECT_OK(execute(&tagged, dpx_buf_data(&climbed), len, 1400));
    EXPECT_OK(dpx_segment(out, len + 4, 1400, expect_segment, NULL));
    EXPECT_NOTHING(peers[2]);
    run("ethtool -K v2 tso on gso on >/dev/null");
    dpx_buf_free(&climbed);
    dpx_buf_free(&tagged);
}

/* UDP's GSO, which kernels before 6.2 do not take from us: either way. */
static void
test_udp_gso(void)
{
    size_t len = make_packet(17, 5, 5000);

    run("ethtool -K v2 tx-udp-segmentation off >/dev/null");
    EXPECT_OK(execute_output(2, out, len, 1200));
    EXPECT_OK(dpx_segment(out, len, 1200, expect_segment, NULL));
    EXPECT_NOTHING(peers[2]);
}

static void
test_long_and_dropped(void)
{
    uint64_t before;
    size_t len = make_packet(17, 6, 8000);

    dpx_csum_complete(out, len);
    before = drops(2, DPX_DROP_MTU);
    EXPECT_OK(execute_output(2, out, len, 0));
    EXPECT_NOTHING(peers[2]);
    EXPECT(drops(2, DPX_DROP_MTU) == before + 1);

    run("ip link set v2 mtu 9000 && ip link set p2 mtu 9000");
    EXPECT_OK(dpx_ports_sync(dpx_dp_maps(dp), NULL, NULL));
    EXPECT_OK(execute_output(2, out, len, 0));
    EXPECT_ARRIVAL(peers[2], out, len);

    before = drops(99, DPX_DROP_NO_PORT);
    EXPECT_OK(execute_output(99, out, len, 0));
    EXPECT(drops(99, DPX_DROP_NO_PORT) == before + 1);

    len = make_packet(17, 7, 80);
    before = drops(2, DPX_DROP_PORT_DOWN);
    run("ip link set v2 down");
    EXPECT_OK(execute_output(2, out, len, 0));
    EXPECT(drops(2, DPX_DROP_PORT_DOWN) == before + 1);
    EXPECT_OK(dpx_ports_sync(dpx_dp_maps(dp), NULL, NULL));
    EXPECT_OK(execute_output(2, out, len, 0));
    EXPECT(drops(2, DPX_DROP_PORT_DOWN) == before + 2);
    run("ip link set v2 up");
    EXPECT_OK(dpx_ports_sync(dpx_dp_maps(dp), NULL, NULL));
    dpx_csum_complete(out, len);
    EXPECT_OK(execute_output(2, out, len, 0));
    EXPECT_ARRIVAL(peers[2], out, len);
}

static void
test_changes(void)
{
    struct dpx_port_info info;
    struct dpx_dp *other;
    char name[DPX_NAME_LEN];
    size_t len = make_packet(17, 8, 80);
    int fd;

    EXPECT_OK(dpx_dp_open(dp_name, false, NULL, &other));
    while (!dpx_port_poll(dp, name) || !dpx_port_poll(other, name)) {
        continue;
    }

    run("ip link set v2 down; ip link set v2 name v2x; ip link set v2x up");
    expect_change(dp, "v2x");
    expect_change(other, "v2x");
    EXPECT_OK(dpx_port_query(dp, 2, &info));
    EXPECT(!strcmp(info.name, "v2x"));

    add_port("int3", 3, true);
    expect_change(other, "int3");
    run("ip link set int3 up");
    EXPECT_OK(dpx_ports_sync(dpx_dp_maps(dp), NULL, NULL));
    fd = packet_socket("int3");
    dpx_csum_complete(out, len);
    EXPECT_OK(execute_output(3, out, len, 0));
    EXPECT_ARRIVAL(fd, out, len);
    close(fd);
    EXPECT_OK(dpx_port_del(dp, 3));
    EXPECT(!if_nametoindex("int3"));
    expect_change(other, "int3");

    run("ip link del v2x");
    expect_change(dp, "v2x");
    expect_change(other, "v2x");
    EXPECT_ERROR(dpx_port_query(dp, 2, &info), ENOENT);
    dpx_dp_close(other);
}

/* Another handle takes receiving over, and the first one's stop does not stop
 * it. */
static void
test_takeover(struct upcall *u)
{
    struct dpx_dp *first = dp;
    struct dpx_ring_info info;
    size_t len = make_packet(17, 9, 80);

    inject(peers[1], partial(17), out, len);
    usleep(50000);
    EXPECT(dpx_dp_maps(dp)->backlog[1] > 0);
    EXPECT_OK(dpx_dp_open(dp_name, false, NULL, &dp));
    EXPECT_OK(dpx_recv_set(dp, true));
    EXPECT(dpx_dp_maps(dp)->backlog[1] == 0);
    EXPECT_OK(dpx_recv_set(first, false));
    EXPECT(!next_upcall(u, 0));
    inject(peers[1], partial(17), out, len);
    usleep(50000);
    EXPECT_OK(dpx_ring_query(first, 0, &info));
    EXPECT(info.backlog > len && info.size > info.backlog);
    EXPECT_ERROR(dpx_ring_query(first, 1, &info), ENOENT);
    EXPECT(next_upcall(u, WAIT_MS));
    /* The first handle has the AF_XDP socket of port 2. */
    EXPECT_OK(execute_output(2, dpx_buf_data(&u->packet), len, 0));
    dpx_csum_complete(out, len);
    EXPECT_ARRIVAL(peers[2], out, len);
    len = make_packet(17, 9, 80);
    inject(peers[1], partial(17), out, len);
    usleep(50000);
    dpx_recv_purge(dp);
    EXPECT(dpx_dp_maps(dp)->backlog[1] == 0);
    EXPECT(!next_upcall(u, 0));
    EXPECT_OK(dpx_recv_set(dp, false));
    EXPECT(dpx_port_get_pid(dp, 1, 0) == 0);
    dpx_dp_close(dp);
    dp = first;
}

static void
test_destroy(void)
{
    EXPECT_OK(dpx_dp_destroy(dp));
    dpx_dp_close(dp);
    EXPECT_ERROR(dpx_dp_open(dp_name, false, NULL, &dp), ENODEV);
}

static void
passed(const char *what)
{
    static int n;

    printf("ok %d - %s\n", ++n, what);
    fflush(stdout);
}

static void
test_all(void)
{
    struct upcall u = { .buf = DPX_BUF_INIT, .packet = DPX_BUF_INIT };

    run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    for (int i = 1; i <= 2; i++) {
        char name[DPX_NAME_LEN];

        run("ip link add v%d type veth peer name p%d", i, i);
        run("ip link set v%d up && ip link set p%d up", i, i);
        snprintf(name, sizeof name, "p%d", i);
        peers[i] = packet_socket(name);
    }
    test_open();
    passed("open, create");
    test_ports();
    passed("ports");
    test_miss(&u);
    passed("a miss, completed and executed");
    test_flows(&u);
    passed("put, get, dump, modify, del");
    test_batch(&u);
    passed("requests of all kinds in one batch");
    test_userspace(&u);
    passed("userspace action in an execute");
    test_gso(&u);
    passed("TCP GSO");
    test_udp_gso();
    passed("UDP GSO");
    test_long_and_dropped();
    passed("long packets, counted drops");
    test_takeover(&u);
    passed("receiving is taken over");
    test_changes();
    passed("changes of ports");
    test_destroy();
    passed("destroy");
    dpx_buf_free(&u.buf);
    dpx_buf_free(&u.packet);
}

int
main(void)
{
    int status;
    pid_t pid;

    if (geteuid()) {
        printf("1..0 # skip needs root\n");
        return 0;
    }
    snprintf(dp_name, sizeof dp_name, "pt%d", getpid());
    if (unshare(CLONE_NEWNET)) {
        perror("cannot make a network namespace");
        return 1;
    }
    signal(SIGINT, SIG_IGN); /* The child's end is ours to clean up. */
    pid = fork();
    if (!pid) {
        signal(SIGINT, SIG_DFL);
        alarm(TIME_LIMIT_S);
        test_all();
        return 0;
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("cannot run the tests");
        return 1;
    }
    if (status) {
        printf("not ok - %s\n", WIFSIGNALED(status)
                                    ? strsignal(WTERMSIG(status))
                                    : "see above");
        dpx_unload(dp_name);
        return 1;
    }
    return 0;
}
