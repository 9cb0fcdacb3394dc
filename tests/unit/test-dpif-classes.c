/* SPDX-License-Identifier: Apache-2.0 */

/* The registry of datapath types, and what the library does by itself around
 * a provider. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "tests/unit/fake-provider.h"

static struct dpif *fake;

static int
setup(void **state)
{
    (void) state;
    fake_error = 0;
    fake_calls[0] = '\0';
    return dp_register_provider(&fake_class)
           || dpif_create("x", "fake", &fake);
}

static int
teardown(void **state)
{
    (void) state;
    dpif_close(fake);
    return dp_unregister_provider("fake");
}

/* Runs `check` in a process of its own, whose registry nobody has used. */
static void
in_child(bool (*check)(void))
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        _exit(!check());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static bool
has_type(const char *type)
{
    struct dpif_set set = DPIF_SET_INIT;
    bool has;

    dp_enumerate_types(&set);
    has = dpif_set_contains(&set, type);
    dpif_set_clear(&set);
    return has;
}

static bool
blacklist_first(void)
{
    struct dpif *dpif;

    dp_blacklist_provider("netdev");
    dp_blacklist_provider(NULL);
    return has_type("xdp") && !has_type("netdev")
           && dp_register_provider(&dpif_netdev_class) == EINVAL
           && dpif_open("x", "netdev", &dpif) == EAFNOSUPPORT;
}

static bool
blacklist_later(void)
{
    bool had = has_type("netdev");

    dp_blacklist_provider("netdev");
    dp_blacklist_provider("fake");
    return had && has_type("netdev") && !has_type("fake")
           && dp_register_provider(&fake_class) == EINVAL
           && !dp_unregister_provider("netdev") && !has_type("netdev")
           && dp_register_provider(&dpif_netdev_class) == EINVAL;
}

static _Atomic unsigned int n_found;

static void *
first_use(void *arg)
{
    (void) arg;
    n_found += has_type("xdp") && has_type("netdev");
    return NULL;
}

static bool
race_for_first_use(void)
{
    pthread_t threads[8];

    for (int i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, first_use, NULL);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    return n_found == 8;
}

static void
test_blacklist(void **state)
{
    (void) state;
    in_child(blacklist_first);
    in_child(blacklist_later);
}

static void
test_first_use(void **state)
{
    (void) state;
    in_child(race_for_first_use);
}

static void
test_registry(void **state)
{
    struct dpif_set names = DPIF_SET_INIT;
    struct dpif *other;

    (void) state;
    assert_true(has_type("fake"));
    assert_int_equal(dp_register_provider(&fake_class), EEXIST);
    assert_int_equal(dp_unregister_provider("fake"), EBUSY);
    assert_int_equal(dp_unregister_provider("nonsense"), EAFNOSUPPORT);
    assert_int_equal(dpif_open("y", "fake", &other), 0);
    dpif_close(other);
    assert_int_equal(dp_unregister_provider("fake"), EBUSY);
    fake_error = ENODEV;
    assert_int_equal(dpif_open("y", "fake", &other), ENODEV);
    assert_null(other);

    /* It cannot enumerate: none, and no error. */
    dpif_set_add(&names, "rubbish");
    assert_int_equal(dp_enumerate_names("fake", &names), 0);
    assert_int_equal(names.n, 0);
    dpif_close(fake);
    assert_int_equal(dp_unregister_provider("fake"), 0);
    assert_false(has_type("fake"));
    assert_int_equal(dp_unregister_provider("fake"), EAFNOSUPPORT);
    fake_error = 0;
    assert_int_equal(setup(state), 0);
}

static void
assert_parsed(const char *text, const char *name, const char *type)
{
    char *n, *t;

    dp_parse_name(text, &n, &t);
    assert_string_equal(n, name);
    assert_string_equal(t, type);
    free(n);
    free(t);
}

static void
test_names(void **state)
{
    (void) state;
    assert_parsed("br0", "br0", "system");
    assert_parsed("@br0", "br0", "system");
    assert_parsed("xdp@br0", "br0", "xdp");
    assert_parsed("xdp@br0@x", "br0@x", "xdp");
    assert_parsed("xdp@", "", "xdp");
    assert_string_equal(dpif_normalize_type(NULL), "system");
    assert_string_equal(dpif_normalize_type(""), "system");
    assert_string_equal(dpif_normalize_type("xdp"), "xdp");
    assert_string_equal(dpif_name(fake), "fake@x");
    /* No say: the port's own type. */
    assert_string_equal(dpif_port_open_type("fake", "vxlan"), "vxlan");
    assert_string_equal(dpif_port_open_type("netdev", "internal"), "dummy");
    assert_string_equal(dpif_port_open_type("xdp", "internal"), "system");
}

static void
test_sets(void **state)
{
    struct dpif_set set = DPIF_SET_INIT;

    (void) state;
    dpif_set_add(&set, "b");
    dpif_set_add(&set, "a");
    dpif_set_add(&set, "c");
    dpif_set_add(&set, "b");
    assert_int_equal(set.n, 3);
    assert_string_equal(set.names[0], "a");
    assert_string_equal(set.names[2], "c");
    assert_false(dpif_set_contains(&set, "d"));
    dpif_set_clear(&set);
    assert_false(dpif_set_contains(&set, "a"));
    dpif_set_clear(&set);
}

/* What a failing provider wrote reaches nobody. */
static void
test_zeroed_on_error(void **state)
{
    struct dpx_buf *actions = (struct dpx_buf *) 1, buf = DPX_BUF_INIT;
    struct dpif_flow_stats flow_stats;
    struct dpif_dp_stats stats;
    struct dpif_upcall upcall;
    struct dpif_port port;
    uint32_t number = 3, priority = 5;
    char name[4] = "abc";

    (void) state;
    fake_error = EIO;
    assert_int_equal(dpif_get_dp_stats(fake, &stats), EIO);
    assert_int_equal(stats.n_hit, 0);
    assert_int_equal(stats.n_masks, 0);
    assert_int_equal(
        dpif_port_add(fake, &(struct dpif_netdev){ "a", 0, 0 }, &number), EIO);
    assert_int_equal(number, DPIF_PORT_NONE);
    assert_int_equal(dpif_port_query_by_number(fake, 1, &port), EIO);
    assert_true(!port.name && !port.type && !port.port_no);
    assert_int_equal(dpif_port_get_name(fake, 1, name, sizeof name), EIO);
    assert_string_equal(name, "");
    assert_int_equal(dpif_flow_get(fake, NULL, 0, &actions, &flow_stats), EIO);
    assert_null(actions);
    assert_int_equal(flow_stats.n_packets, 0);
    assert_int_equal(dpif_recv(fake, 0, &upcall, &buf), EIO);
    assert_null(upcall.packet.base);
    assert_int_equal(dpif_queue_to_priority(fake, 1, &priority), EOPNOTSUPP);
    assert_int_equal(priority, 0);
    assert_false(dpif_port_exists(fake, "a"));
}

static void
test_dump_errors(void **state)
{
    struct dpif_flow_dump dump;
    struct dpif_port_dump ports;
    const struct nlattr *key;
    struct dpif_port port;
    size_t key_len;
    void *s;

    (void) state;
    fake_error = EIO;
    assert_int_equal(dpif_flow_dump_start(&dump, fake), 0);
    assert_int_equal(dpif_flow_dump_state_init(&dump, &s), 0);
    assert_false(dpif_flow_dump_next(&dump, s, &key, &key_len, NULL, NULL,
                                     NULL, NULL, NULL));
    assert_true(!key && !key_len);
    dpif_flow_dump_state_uninit(&dump, s);
    assert_int_equal(dpif_flow_dump_done(&dump), EIO);
    assert_string_equal(fake_calls, "done ");
    fake_calls[0] = '\0';

    dpif_port_dump_start(&ports, fake);
    assert_false(dpif_port_dump_next(&ports, &port));
    assert_false(dpif_port_dump_next(&ports, &port));
    assert_int_equal(dpif_port_dump_done(&ports), EIO);
    assert_string_equal(fake_calls, "done ");
    fake_error = 0;
    fake_calls[0] = '\0';
    dpif_port_dump_start(&ports, fake);
    assert_false(dpif_port_dump_next(&ports, &port));
    assert_int_equal(dpif_port_dump_done(&ports), 0);
    assert_string_equal(fake_calls, "done ");
}

/* Runs go to the provider whole; what the library does itself splits them. */
static void
test_operate_runs(void **state)
{
    struct dpx_buf packet = DPX_BUF_INIT, key = DPX_BUF_INIT;
    struct dpx_buf acts = DPX_BUF_INIT, two = DPX_BUF_INIT;
    struct dpif_op ops[7], *pointers[7];

    (void) state;
    dpx_buf_put(&packet, NULL, 60);
    dpx_nla_put_u32(&key, 3, 1);  /* in_port(1) */
    dpx_nla_put_u32(&acts, 1, 2); /* output(2) */
    dpx_nla_put_u32(&two, 1, 2);
    dpx_nla_put_u32(&two, 1, 3);
    for (int i = 0; i < 7; i++) {
        ops[i] = (struct dpif_op) {
            .type = DPIF_OP_EXECUTE, .error = -1, .message = (char *) 1,
            .u.execute = {
                .actions = (const void *) dpx_buf_data(&acts),
                .actions_len = acts.len,
                .key = (const void *) dpx_buf_data(&key), .key_len = key.len,
                .packet = &packet,
            },
        };
        pointers[i] = &ops[i];
    }
    ops[0] = (struct dpif_op){ .type = DPIF_OP_FLOW_PUT, .error = -1 };
    ops[2].u.execute.needs_help = true;
    ops[2].u.execute.actions = (const void *) dpx_buf_data(&two);
    ops[2].u.execute.actions_len = two.len;
    ops[3] = (struct dpif_op){ .type = DPIF_OP_FLOW_DEL, .error = -1 };
    ops[5].u.execute.actions_len = 0;
    dpif_operate(fake, pointers, 7);
    assert_string_equal(fake_calls, "( put execute ) ( execute ) ( execute ) "
                                    "( del execute ) ( execute ) ");
    for (int i = 0; i < 7; i++) {
        assert_int_equal(ops[i].error, 0);
        assert_null(ops[i].message);
    }

    /* Of unknown type: an error, and the others go on. */
    fake_calls[0] = '\0';
    ops[1].type = 99;
    dpif_operate(fake, pointers, 3);
    assert_int_equal(ops[0].error, 0);
    assert_int_equal(ops[1].error, EINVAL);
    assert_int_equal(ops[2].error, 0);

    /* An error of what a helped execute sends is the execute's. */
    fake_error = EIO;
    dpif_operate(fake, pointers + 2, 1);
    assert_int_equal(ops[2].error, EIO);
    assert_string_equal(dpx_error_text(EIO), "failure 0");
    dpx_buf_free(&packet);
    dpx_buf_free(&key);
    dpx_buf_free(&acts);
    dpx_buf_free(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        /* These fork, before anybody has used the registry. */
        cmocka_unit_test(test_blacklist),
        cmocka_unit_test(test_first_use),
        cmocka_unit_test_setup_teardown(test_registry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test(test_sets),
        cmocka_unit_test_setup_teardown(test_zeroed_on_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dump_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operate_runs, setup, teardown),
    };

    dpx_log_set_level(DPX_LOG_DBG);
    dpx_log_set_target("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
