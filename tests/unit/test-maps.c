/* SPDX-License-Identifier: Apache-2.0 */

/* Maps in memory, the sizes that are chosen at create, and clocks. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/error.h"
#include "maps/table.h"

static void
test_names(void **state)
{
    (void) state;
    assert_int_equal(dpx_name_check("br-0_X"), 0);
    assert_int_equal(dpx_name_check("fifteen-letters"), 0);
    assert_int_equal(dpx_name_check("sixteen--letters"), EINVAL);
    assert_int_equal(dpx_name_check(""), EINVAL);
    assert_int_equal(dpx_name_check("a.b"), EINVAL);
    assert_int_equal(dpx_name_check("../x"), EINVAL);
    assert_int_equal(dpx_name_check("\xc3\xa4"), EINVAL);
    assert_non_null(strstr(dpx_error_text(EINVAL), "name"));
}

static void
test_config(void **state)
{
    static const uint32_t flows[] = { 1, 2, 1000, 200000, 262144, 4194304 };
    struct dpx_config conf, other;
    size_t i;

    (void) state;
    assert_int_equal(dpx_config_init(&conf, 0, 1, 1), EINVAL);
    assert_int_equal(dpx_config_init(&conf, 4194305, 1, 1), EINVAL);
    assert_int_equal(dpx_config_init(&conf, 1, 0, 1), EINVAL);
    assert_int_equal(dpx_config_init(&conf, 1, 65536, 1), EINVAL);
    assert_int_equal(dpx_config_init(&conf, 1, 1, 0), EINVAL);

    for (i = 0; i < sizeof flows / sizeof *flows; i++) {
        uint32_t n = flows[i];

        assert_int_equal(dpx_config_init(&conf, n, 1024, 3), 0);
        assert_int_equal(conf.n_flows, n + 1);
        assert_true(conf.n_slots > n);
        /* Room for two names of each flow, and for all in the index. */
        assert_true(conf.name_mask + 1 >= 4 * n);
        assert_true(4 * ((uint64_t) conf.bucket_mask + 1) >= 2 * n);
        assert_int_equal(conf.bucket_mask & (conf.bucket_mask + 1), 0);
        assert_int_equal(dpx_config_entries(&conf, "counters"),
                         3 * (uint64_t) (n + 1));
        assert_int_equal(dpx_config_entries(&conf, "order"), 2048);
        assert_int_equal(dpx_config_entries(&conf, "ports"), DPX_MAX_PORTS);
        assert_int_equal(dpx_config_entries(&conf, "upcalls"), 0);
    }
    assert_int_equal(dpx_config_init(&other, 1, 1, 1), 0);
    assert_memory_not_equal(conf.secret_lo, other.secret_lo,
                            sizeof conf.secret_lo);
}

static struct dpx_maps *
make_maps(void)
{
    struct dpx_config conf;
    struct dpx_maps *maps;

    assert_int_equal(dpx_config_init(&conf, 10, 4, 2), 0);
    assert_int_equal(dpx_maps_create_memory("mem", &conf, &maps), 0);
    return maps;
}

static void
test_memory(void **state)
{
    struct dpx_maps *maps = make_maps();
    struct dpx_stats sum;

    (void) state;
    assert_string_equal(maps->name, "mem");
    assert_int_equal(maps->dir, -1);
    assert_int_equal(maps->meta->magic, DPX_LAYOUT_MAGIC);
    assert_memory_equal(&maps->meta->conf, &maps->conf, sizeof maps->conf);
    assert_true(dpx_maps_fd(maps, "drops") < 0);

    maps->cpus[0].stats.hit = 3;
    maps->cpus[1].stats.hit = 4;
    maps->cpus[1].stats.missed = 1;
    dpx_maps_stats(maps, &sum);
    assert_int_equal(sum.hit, 7);
    assert_int_equal(sum.missed, 1);
    dpx_maps_close(maps);
    dpx_maps_close(NULL);
}

static void
test_clock(void **state)
{
    struct dpx_clock clock = { .jiffies = 10000, .msec = 60000, .hz = 250 };
    struct dpx_maps *maps = make_maps();

    (void) state;
    assert_int_equal(dpx_clock_msec(&clock, 0), 0);
    assert_int_equal(dpx_clock_msec(&clock, 10000), 60000);
    assert_int_equal(dpx_clock_msec(&clock, 9750), 59000);
    assert_int_equal(dpx_clock_msec(&clock, 10002), 60000);
    /* Before the clock began; but not never. */
    clock.msec = 10;
    assert_int_equal(dpx_clock_msec(&clock, 1), 1);

    assert_int_equal(dpx_clock_read(maps, &clock), 0);
    assert_true(clock.jiffies > 0);
    assert_int_equal(dpx_clock_msec(&clock, clock.jiffies), clock.msec);
    dpx_maps_close(maps);
}

static void
test_absent(void **state)
{
    struct dpx_maps *maps = (void *) 1;
    int ret;

    (void) state;
    assert_int_equal(dpx_maps_open("no.name", &maps), EINVAL);
    assert_null(maps);
    ret = dpx_maps_open("dpx-none-such", &maps);
    assert_true(ret == (getuid() ? EACCES : ENODEV) || ret == ENODEV);
    assert_non_null(
        strstr(dpx_error_text(ret), ret == ENODEV ? "no " : "root"));
}

struct waiter {
    struct dpx_maps *maps;
    _Atomic bool done;
};

static void *
wait_for_grace(void *waiter_)
{
    struct waiter *waiter = waiter_;

    assert_int_equal(dpx_grace(waiter->maps), 0);
    waiter->done = true;
    return NULL;
}

static void
test_grace(void **state)
{
    struct waiter waiter = { .maps = make_maps() };
    pthread_t thread;

    (void) state;
    assert_int_equal(dpx_grace(waiter.maps), 0);
    dpx_read_begin(waiter.maps, 1);
    pthread_create(&thread, NULL, wait_for_grace, &waiter);
    usleep(20000);
    assert_false(waiter.done);
    dpx_read_end(waiter.maps, 1);
    pthread_join(thread, NULL);
    assert_true(waiter.done);
    dpx_maps_close(waiter.maps);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_config),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_clock),
        cmocka_unit_test(test_absent), cmocka_unit_test(test_grace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
