/* SPDX-License-Identifier: Apache-2.0 */

/* A poll loop: what a thread waits for is armed by any number of `_wait`
 * functions, then dpx_poll_block() sleeps until one of them happens.  All of
 * this belongs to the calling thread. */

#ifndef DPX_POLL_H
#define DPX_POLL_H 1

#ifdef __cplusplus
extern "C" {
#endif

/* Wakes the next dpx_poll_block() when `events` (POLLIN, POLLOUT) happen on
 * `fd`.  A negative fd is ignored. */
void dpx_poll_fd_wait(int fd, short events);

/* Wakes it at `msec` of CLOCK_MONOTONIC, or at once. */
void dpx_poll_timer_wait_until(long long msec);
void dpx_poll_immediate_wake(void);

/* Sleeps until something armed happens or a signal comes, then disarms all.
 * Returns at once if nothing is armed but the past. */
void dpx_poll_block(void);

/* Now, in ms of CLOCK_MONOTONIC. */
long long dpx_time_msec(void);

#ifdef __cplusplus
}
#endif

#endif /* lib/poll.h */
