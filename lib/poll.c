/* SPDX-License-Identifier: Apache-2.0 */

#include "lib/poll.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* What a thread waits for. */
struct loop {
    struct pollfd *fds;
    size_t n, allocated;
    long long deadline; /* ms; LLONG_MAX: none. */
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
destroy(void *loop_)
{
    struct loop *loop = loop_;

    free(loop->fds);
    free(loop);
}

static void
init(void)
{
    if (pthread_key_create(&key, destroy)) {
        abort();
    }
}

static struct loop *
this_loop(void)
{
    struct loop *loop;

    pthread_once(&once, init);
    loop = pthread_getspecific(key);
    if (!loop) {
        loop = calloc(1, sizeof *loop);
        if (!loop || pthread_setspecific(key, loop)) {
            abort();
        }
        loop->deadline = LLONG_MAX;
    }
    return loop;
}

void
dpx_poll_fd_wait(int fd, short events)
{
    struct loop *loop = this_loop();

    if (fd < 0) {
        return;
    }
    if (loop->n == loop->allocated) {
        loop->allocated = 2 * loop->allocated + 4;
        loop->fds = realloc(loop->fds, loop->allocated * sizeof *loop->fds);
        if (!loop->fds) {
            abort();
        }
    }
    loop->fds[loop->n++] = (struct pollfd){ .fd = fd, .events = events };
}

void
dpx_poll_timer_wait_until(long long msec)
{
    struct loop *loop = this_loop();

    if (msec < loop->deadline) {
        loop->deadline = msec;
    }
}

void
dpx_poll_immediate_wake(void)
{
    dpx_poll_timer_wait_until(LLONG_MIN);
}

void
dpx_poll_block(void)
{
    struct loop *loop = this_loop();
    long long left = -1;

    if (loop->deadline != LLONG_MAX) {
        long long now = dpx_time_msec();

        left = loop->deadline > now ? loop->deadline - now : 0;
        if (left > INT_MAX) {
            left = INT_MAX;
        }
    } else if (!loop->n) {
        return;
    }
    poll(loop->fds, loop->n, left);
    loop->n = 0;
    loop->deadline = LLONG_MAX;
}

long long
dpx_time_msec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
