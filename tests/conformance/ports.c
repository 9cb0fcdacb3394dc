/* SPDX-License-Identifier: Apache-2.0 */

/* DPIF.md: ports. */

#include "tests/conformance/conformance.h"

#include "lib/poll.h"

static int
add(const char *name, uint32_t *number)
{
    struct dpif_netdev netdev = { .name = name, .type = harness.port_type };

    return dpif_port_add(dp, &netdev, number);
}

static void
test_local(void **state)
{
    struct dpif_port port;

    (void) state;
    OK(dpif_port_query_by_number(dp, DPIF_PORT_LOCAL, &port));
    assert_string_equal(port.name, dp_name);
    assert_string_equal(port.type, harness.local_type);
    assert_int_equal(port.port_no, 0);
    dpif_port_destroy(&port);
}

static void
test_add(void **state)
{
    uint32_t number = DPIF_PORT_NONE;
    struct dpif_port port;

    (void) state;
    harness.make("cnf4");
    OK(add("cnf4", &number));
    assert_int_not_equal(number, DPIF_PORT_NONE);
    assert_true(number > N_PORTS);
    OK(dpif_port_query_by_name(dp, "cnf4", &port));
    assert_int_equal(port.port_no, number);
    dpif_port_destroy(&port);
    OK(dpif_port_del(dp, number));
    assert_false(dpif_port_exists(dp, "cnf4"));
    OK(add("cnf4", NULL));
    assert_true(dpif_port_exists(dp, "cnf4"));
    harness.unmake("cnf4");
}

static void
test_add_wanted(void **state)
{
    uint32_t number = 77;
    struct dpif_port port;

    (void) state;
    harness.make("cnf4");
    harness.make("cnf5");
    OK(add("cnf4", &number));
    assert_int_equal(number, 77);
    OK(dpif_port_query_by_number(dp, 77, &port));
    assert_string_equal(port.name, "cnf4");
    dpif_port_destroy(&port);

    FAILS(add("cnf5", &number), EBUSY);
    assert_int_equal(number, DPIF_PORT_NONE);
    assert_false(dpif_port_exists(dp, "cnf5"));
    number = DPIF_PORT_LOCAL;
    FAILS(add("cnf5", &number), EBUSY);
    harness.unmake("cnf4");
    harness.unmake("cnf5");
}

static void
test_add_errors(void **state)
{
    struct dpif_netdev netdev = { "cnfabsent", "system", NULL };
    uint32_t number;

    (void) state;
    number = DPIF_PORT_NONE;
    FAILS(add(port_names[1], &number), EEXIST);
    assert_int_equal(number, DPIF_PORT_NONE);
    number = 50;
    FAILS(add(port_names[1], &number), EEXIST);
    assert_int_equal(number, DPIF_PORT_NONE);

    number = 50;
    assert_int_not_equal(dpif_port_add(dp, &netdev, &number), 0);
    assert_int_equal(number, DPIF_PORT_NONE);
    netdev.type = "nonsense";
    number = 50;
    assert_int_not_equal(dpif_port_add(dp, &netdev, &number), 0);
    assert_int_equal(number, DPIF_PORT_NONE);
    assert_false(dpif_port_exists(dp, "cnfabsent"));
}

static void
test_del(void **state)
{
    struct dpif_port port;

    (void) state;
    OK(dpif_port_del(dp, 2));
    FAILS(dpif_port_del(dp, 2), ENOENT);
    FAILS(dpif_port_del(dp, 4000), ENOENT);
    FAILS(dpif_port_del(dp, DPIF_PORT_NONE), ENOENT);
    memset(&port, 0xff, sizeof port);
    FAILS(dpif_port_query_by_number(dp, 2, &port), ENOENT);
    assert_true(!port.name && !port.type && !port.port_no);
}

static void
test_query(void **state)
{
    struct dpif_port port, copy;
    int error;

    (void) state;
    OK(dpif_port_query_by_number(dp, 1, &port));
    assert_string_equal(port.name, port_names[1]);
    assert_string_equal(port.type, harness.port_type);
    assert_int_equal(port.port_no, 1);
    dpif_port_clone(&copy, &port);
    dpif_port_destroy(&port);
    assert_string_equal(copy.name, port_names[1]);
    dpif_port_destroy(&copy);

    OK(dpif_port_query_by_name(dp, port_names[3], &port));
    assert_int_equal(port.port_no, 3);
    dpif_port_destroy(&port);

    memset(&port, 0xff, sizeof port);
    FAILS(dpif_port_query_by_number(dp, DPIF_PORT_NONE, &port), ENOENT);
    assert_true(!port.name && !port.type && !port.port_no);
    memset(&port, 0xff, sizeof port);
    error = dpif_port_query_by_name(dp, "cnfabsent", &port);
    assert_true(error == ENODEV || error == ENOENT);
    assert_true(!port.name && !port.type && !port.port_no);
    assert_true(dpif_port_exists(dp, port_names[1]));
    assert_false(dpif_port_exists(dp, "cnfabsent"));
    assert_false(dpif_port_exists(dp, ""));
}

static void
test_get_name(void **state)
{
    char name[32];

    (void) state;
    OK(dpif_port_get_name(dp, 1, name, sizeof name));
    assert_string_equal(name, port_names[1]);
    OK(dpif_port_get_name(dp, 1, name, 3));
    assert_string_equal(name, "cn");
    strcpy(name, "rubbish");
    FAILS(dpif_port_get_name(dp, 999, name, sizeof name), ENOENT);
    assert_string_equal(name, "");
}

static void
test_dump(void **state)
{
    struct dpif_port_dump dump;
    struct dpif_port port;
    unsigned int seen[N_PORTS + 1] = { 0 };

    (void) state;
    DPIF_PORT_FOR_EACH(&port, &dump, dp)
    {
        assert_true(port.port_no <= N_PORTS);
        assert_string_equal(port.name, port_names[port.port_no]);
        assert_string_equal(port.type, port.port_no ? harness.port_type
                                                    : harness.local_type);
        seen[port.port_no]++;
    }
    OK(dpif_port_dump_done(&dump));
    for (int i = 0; i <= N_PORTS; i++) {
        assert_int_equal(seen[i], 1);
    }

    /* Left early. */
    DPIF_PORT_FOR_EACH(&port, &dump, dp)
    {
        break;
    }
    OK(dpif_port_dump_done(&dump));
}

/* Ports that come and go meanwhile disturb no dump. */
static void
test_dump_changing(void **state)
{
    struct dpif_port_dump dump;
    struct dpif_port port;
    unsigned int n = 0;
    bool seen3 = false;

    (void) state;
    DPIF_PORT_FOR_EACH(&port, &dump, dp)
    {
        if (!n++) {
            OK(dpif_port_del(dp, 2));
        }
        seen3 |= port.port_no == 3;
    }
    OK(dpif_port_dump_done(&dump));
    assert_true(seen3);
}

/* Polls until nothing is new; whether `name` changed, or anything may have. */
static bool
changed(struct dpif *dpif, const char *name)
{
    long long deadline = now_ms() + 2500;
    bool found = false;

    while (!found && now_ms() < deadline) {
        char *devname = NULL;
        int error = dpif_port_poll(dpif, &devname);

        found = error == ENOBUFS || (!error && !strcmp(devname, name));
        free(devname);
        if (error == EAGAIN) {
            assert_null(devname);
            dpx_poll_timer_wait_until(deadline);
            dpif_port_poll_wait(dpif);
            dpx_poll_block();
        } else {
            assert_true(!error || error == ENOBUFS);
        }
    }
    return found;
}

static void
drain(struct dpif *dpif)
{
    char *devname;
    int error;

    do {
        error = dpif_port_poll(dpif, &devname);
        free(devname);
    } while (error != EAGAIN);
}

static void
test_poll(void **state)
{
    struct dpif *other;
    char *devname = (char *) 1;

    (void) state;
    OK(dpif_open(dp_name, harness.type, &other));
    sleep_ms(harness.settle_ms);
    drain(other);
    drain(dp);
    FAILS(dpif_port_poll(other, &devname), EAGAIN);
    assert_null(devname);

    /* Each handle is told, of what another did too. */
    harness.make("cnf4");
    OK(add("cnf4", NULL));
    assert_true(changed(dp, "cnf4"));
    assert_true(changed(other, "cnf4"));
    drain(dp);
    drain(other);
    OK(dpif_port_del(dp, 1));
    assert_true(changed(other, port_names[1]));
    assert_true(changed(dp, port_names[1]));
    dpif_close(other);
    harness.unmake("cnf4");
}

/* However many changes, none is forgotten. */
static void
test_poll_many(void **state)
{
    struct dpif *other;
    bool told = false;
    int error;

    (void) state;
    OK(dpif_open(dp_name, harness.type, &other));
    harness.make("cnf4");
    for (int i = 0; i < 40; i++) {
        uint32_t number = 4;

        OK(add("cnf4", &number));
        OK(dpif_port_del(dp, 4));
    }
    OK(dpif_port_del(dp, 3));
    do {
        char *devname;

        error = dpif_port_poll(other, &devname);
        told |= error == ENOBUFS
                || (!error && !strcmp(devname, port_names[3]));
        free(devname);
    } while (error != EAGAIN);
    assert_true(told || changed(other, port_names[3]));
    dpif_close(other);
    harness.unmake("cnf4");
}

static void
test_get_pid(void **state)
{
    (void) state;
    OK(dpif_recv_set(dp, true));
    OK(dpif_handlers_set(dp, 4));
    for (uint32_t hash = 0; hash < 100; hash++) {
        uint32_t pid = dpif_port_get_pid(dp, 1, hash);

        assert_int_equal(pid, dpif_port_get_pid(dp, 1, hash));
    }
    assert_int_equal(dpif_port_get_pid(dp, DPIF_PORT_NONE, 1),
                     dpif_port_get_pid(dp, DPIF_PORT_NONE, 2));
}

static void
test_open_type(void **state)
{
    (void) state;
    assert_string_equal(dpif_port_open_type(harness.type, "system"), "system");
    assert_string_equal(dpif_port_open_type("nonsense", "vxlan"), "vxlan");
    assert_non_null(dpif_port_open_type(harness.type, "internal"));
}

const struct CMUnitTest port_tests[] = {
    TEST(test_local),      TEST(test_add),       TEST(test_add_wanted),
    TEST(test_add_errors), TEST(test_del),       TEST(test_query),
    TEST(test_get_name),   TEST(test_dump),      TEST(test_dump_changing),
    TEST(test_poll),       TEST(test_poll_many), TEST(test_get_pid),
    TEST(test_open_type),
};
const size_t n_port_tests = sizeof port_tests / sizeof port_tests[0];
