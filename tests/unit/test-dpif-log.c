/* SPDX-License-Identifier: Apache-2.0 */

/* Logging: texts, levels, limits, targets; and that what is not logged is not
 * formatted. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "tests/unit/fake-provider.h"

static struct dpif *fake;
static char path[] = "/tmp/dpx-log-XXXXXX";
static struct dpx_buf text;

/* What was written since the last call. */
static const char *
written(void)
{
    static off_t read_so_far;
    FILE *f = fopen(path, "r");
    char line[1024];

    assert_non_null(f);
    dpx_buf_clear(&text);
    fseeko(f, read_so_far, SEEK_SET);
    while (fgets(line, sizeof line, f)) {
        /* Without the time. */
        dpx_buf_printf(&text, "%s", strchr(line, '|') + 1);
    }
    read_so_far = ftello(f);
    fclose(f);
    return dpx_buf_str(&text);
}

static unsigned int
count(const char *in, const char *what)
{
    unsigned int n = 0;

    while ((in = strstr(in, what))) {
        in += strlen(what);
        n++;
    }
    return n;
}

static void
test_texts(void **state)
{
    struct dpif_netdev netdev = { "eth7", NULL, NULL };
    struct dpx_buf key = DPX_BUF_INIT, acts = DPX_BUF_INIT;
    struct dpif_flow_stats stats;
    struct dpif_flow_dump dump;
    void *s;

    (void) state;
    dpx_log_set_level(DPX_LOG_DBG);
    fake_error = 0;
    written();
    dpif_delete(fake);
    assert_string_equal(written(), "dpx|DBG|fake@x: delete success\n");
    dpif_port_add(fake, &netdev, NULL);
    assert_string_equal(written(), "dpx|DBG|fake@x: added eth7 as port 7\n");
    dpif_flow_dump_start(&dump, fake);
    dpif_flow_dump_state_init(&dump, &s);
    dpif_flow_dump_next(&dump, s, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    dpif_flow_dump_state_uninit(&dump, s);
    dpif_flow_dump_done(&dump);
    assert_string_equal(written(), "dpx|DBG|fake@x: flow_dump_start success\n"
                                   "dpx|DBG|fake@x: dumped all flows\n"
                                   "dpx|DBG|fake@x: flow_dump_done success\n");

    dpx_nla_put_u32(&key, 3, 1);
    dpx_nla_put_u32(&acts, 1, 2);
    dpif_flow_put(fake, DPIF_FP_CREATE | DPIF_FP_MODIFY | DPIF_FP_ZERO_STATS,
                  (const void *) dpx_buf_data(&key), key.len, NULL, 0,
                  (const void *) dpx_buf_data(&acts), acts.len, NULL);
    assert_string_equal(written(), "dpx|DBG|fake@x: put[create][modify][zero]"
                                   " in_port(1), actions:2\n");

    fake_error = EIO;
    dpif_flow_put(fake, DPIF_FP_CREATE, (const void *) dpx_buf_data(&key),
                  key.len, NULL, 0, (const void *) dpx_buf_data(&acts),
                  acts.len, &stats);
    assert_string_equal(written(),
                        "dpx|WARN|fake@x: failed to put[create] "
                        "(failure 0) in_port(1), packets:0, bytes:0, "
                        "used:never, actions:2\n");
    dpif_delete(fake);
    assert_non_null(strstr(written(), "dpx|WARN|fake@x: delete failed ("));
    /* That a flow exists is no failure. */
    fake_error = EEXIST;
    dpif_flow_put(fake, 0, (const void *) dpx_buf_data(&key), key.len, NULL, 0,
                  NULL, 0, NULL);
    assert_string_equal(written(), "dpx|DBG|fake@x: failed to put (failure 0) "
                                   "in_port(1)\n");
    /* Nor that there is no such port. */
    fake_error = ENOENT;
    dpif_port_query_by_name(fake, "a", &(struct dpif_port){ 0 });
    assert_int_equal(count(written(), "|DBG|"), 1);
    dpif_port_exists(fake, "a");
    assert_string_equal(written(), "");
    fake_error = EIO;
    dpif_port_exists(fake, "a");
    assert_int_equal(count(written(), "|WARN|"), 1);
    /* Nothing to receive is nothing to tell. */
    fake_error = EAGAIN;
    dpif_recv(fake, 0, &(struct dpif_upcall){ 0 }, &acts);
    assert_string_equal(written(), "");
    dpx_buf_free(&key);
    dpx_buf_free(&acts);
}

/* Each operation of a batch is logged with its own error's text. */
static void
test_batch(void **state)
{
    struct dpif_op a = { .type = DPIF_OP_FLOW_DEL }, b = a;

    (void) state;
    dpx_log_set_level(DPX_LOG_WARN);
    fake_error = EIO;
    written();
    dpif_operate(fake, (struct dpif_op *[]){ &a, &b }, 2);
    written();
    assert_non_null(strstr(dpx_buf_str(&text), "(failure 0)"));
    assert_non_null(strstr(dpx_buf_str(&text), "(failure 1)"));
}

/* A key that cannot be read shows whether it is formatted. */
static void
test_not_formatted(void **state)
{
    const struct nlattr *bad = (const void *) 8;

    (void) state;
    dpx_log_set_level(DPX_LOG_ERR);
    for (int i = 0; i < 2; i++) {
        fake_error = i ? EIO : 0;
        dpif_flow_put(fake, 0, bad, 100, bad, 100, bad, 100, NULL);
        dpif_flow_del(fake, bad, 100, NULL);
        dpif_flow_get(fake, bad, 100, NULL, NULL);
    }
    dpx_log_set_level(DPX_LOG_WARN);
    fake_error = 0;
    dpif_flow_put(fake, 0, bad, 100, bad, 100, bad, 100, NULL);
    fake_error = EEXIST;
    dpif_flow_put(fake, 0, bad, 100, bad, 100, bad, 100, NULL);
}

/* 60 failures a minute and at once, 600 others. */
static void
test_limits(void **state)
{
    const struct nlattr *bad = (const void *) 8;
    struct dpif_dp_stats stats;
    unsigned int n;

    (void) state;
    dpx_log_set_level(DPX_LOG_DBG);
    written();
    fake_error = EIO;
    for (int i = 0; i < 100; i++) {
        dpif_get_dp_stats(fake, &stats);
    }
    n = count(written(), "|WARN|");
    assert_in_range(n, 1, 60);
    dpif_flow_put(fake, 0, bad, 100, bad, 100, bad, 100, NULL);

    fake_error = 0;
    for (int i = 0; i < 1000; i++) {
        dpif_get_dp_stats(fake, &stats);
    }
    n = count(written(), "|DBG|");
    assert_in_range(n, 500, 600);
}

static void
test_bucket(void **state)
{
    struct dpx_rate_limit limit = DPX_RATE_LIMIT_INIT(6000, 5);
    unsigned int n = 0;

    (void) state;
    dpx_log_set_level(DPX_LOG_WARN);
    for (int i = 0; i < 20; i++) {
        n += dpx_log_wanted(DPX_LOG_WARN, &limit);
    }
    assert_in_range(n, 5, 6);
    assert_false(dpx_log_wanted(DPX_LOG_INFO, &limit));
    written();
    usleep(50000); /* One in 10 ms. */
    assert_true(dpx_log_wanted(DPX_LOG_WARN, &limit));
    assert_int_equal(count(written(), "suppressed"), 1);
    assert_true(dpx_log_wanted(DPX_LOG_WARN, NULL));
}

static void
test_targets(void **state)
{
    (void) state;
    assert_int_equal(dpx_log_set_target("/nonexistent/file"), ENOENT);
    written();
    DPX_LOG(DPX_LOG_ERR, NULL, "still %s", "here");
    assert_string_equal(written(), "dpx|ERR|still here\n");
    assert_int_equal(dpx_log_set_target("syslog"), 0);
    DPX_LOG(DPX_LOG_ERR, NULL, "to syslog, from a test");
    assert_int_equal(dpx_log_set_target("stderr"), 0);
    assert_int_equal(dpx_log_set_target(path), 0);
    assert_string_equal(written(), "");
    dpx_log_set_program("other");
    DPX_LOG(DPX_LOG_ERR, NULL, "a");
    assert_string_equal(written(), "other|ERR|a\n");
    dpx_log_set_program("dpx");
}

static int
setup(void **state)
{
    int fd = mkstemp(path);

    (void) state;
    return fd < 0 || close(fd) || dpx_log_set_target(path)
           || dp_register_provider(&fake_class)
           || dpif_create("x", "fake", &fake);
}

static int
teardown(void **state)
{
    (void) state;
    dpif_close(fake);
    dpx_buf_free(&text);
    dpx_log_set_target("stderr");
    return unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_batch),
        cmocka_unit_test(test_not_formatted), cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_targets),       cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
