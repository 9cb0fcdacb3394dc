/* SPDX-License-Identifier: Apache-2.0 */

/* The poll loop. */

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/poll.h"

static long long
block(void)
{
    long long start = dpx_time_msec();

    dpx_poll_block();
    return dpx_time_msec() - start;
}

static void
test_timers(void **state)
{
    (void) state;
    assert_in_range(block(), 0, 20); /* Nothing is armed. */
    dpx_poll_timer_wait_until(dpx_time_msec() + 30);
    dpx_poll_timer_wait_until(dpx_time_msec() + 10000);
    assert_in_range(block(), 29, 2000);
    dpx_poll_timer_wait_until(dpx_time_msec() - 5);
    assert_in_range(block(), 0, 20);
    dpx_poll_timer_wait_until(dpx_time_msec() + 10000);
    dpx_poll_immediate_wake();
    assert_in_range(block(), 0, 20);
    /* What was armed is disarmed. */
    dpx_poll_timer_wait_until(dpx_time_msec() + 30);
    assert_in_range(block(), 29, 2000);
}

static void
test_fds(void **state)
{
    int pipes[20][2];

    (void) state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        dpx_poll_fd_wait(pipes[i][0], POLLIN);
    }
    dpx_poll_fd_wait(-1, POLLIN);
    assert_int_equal(write(pipes[17][1], "x", 1), 1);
    dpx_poll_timer_wait_until(dpx_time_msec() + 10000);
    assert_in_range(block(), 0, 1000);
    /* Level triggered; and disarmed until armed again. */
    dpx_poll_fd_wait(pipes[17][0], POLLIN);
    assert_in_range(block(), 0, 1000);
    dpx_poll_timer_wait_until(dpx_time_msec() + 30);
    assert_in_range(block(), 29, 2000);
    for (int i = 0; i < 20; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static void *
other(void *arg)
{
    *(long long *) arg = block();
    return NULL;
}

/* What one thread arms wakes no other. */
static void
test_threads(void **state)
{
    long long took = LLONG_MAX;
    pthread_t thread;

    (void) state;
    dpx_poll_timer_wait_until(dpx_time_msec() + 60);
    assert_int_equal(pthread_create(&thread, NULL, other, &took), 0);
    pthread_join(thread, NULL);
    assert_true(took < 50);
    assert_in_range(block(), 1, 2000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_fds),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
