/* SPDX-License-Identifier: Apache-2.0 */

/* Logging: levels, a destination, rate limits.  Nothing is formatted that will
 * not be written.  Any thread may call anything here. */

#ifndef DPX_LOG_H
#define DPX_LOG_H 1

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dpx_log_level { DPX_LOG_ERR, DPX_LOG_WARN, DPX_LOG_INFO, DPX_LOG_DBG };

/* At most `per_minute` messages a minute, and bursts of `burst`.  Define one
 * statically for a kind of message with DPX_RATE_LIMIT_INIT. */
struct dpx_rate_limit {
    unsigned int per_minute;
    unsigned int burst;
    long long tokens;        /* In 1/60000 of a message. */
    long long filled;        /* ms of CLOCK_MONOTONIC. */
    unsigned int suppressed; /* Since the last message that came through. */
};

#define DPX_RATE_LIMIT_INIT(PER_MINUTE, BURST)                                \
    {                                                                         \
        PER_MINUTE, BURST, -1, 0, 0                                           \
    }

/* The least urgent level that is written; DPX_LOG_WARN at the start. */
void dpx_log_set_level(enum dpx_log_level);

/* Where messages go: "stderr" (at the start), "syslog", or a file's path,
 * which is appended to.  Returns 0 or a positive errno, and then changes
 * nothing. */
int dpx_log_set_target(const char *target);

/* The name that messages begin with; for syslog, to be set before the target.
 * Not copied. */
void dpx_log_set_program(const char *name);

/* Whether a message of `level` would be written now; takes its token from
 * `limit` (NULL: no limit).  Ask before formatting. */
bool dpx_log_wanted(enum dpx_log_level, struct dpx_rate_limit *limit);

/* Writes a message that dpx_log_wanted() wanted. */
void dpx_log_write(enum dpx_log_level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define DPX_LOG(LEVEL, LIMIT, ...)                                            \
    do {                                                                      \
        if (dpx_log_wanted(LEVEL, LIMIT)) {                                   \
            dpx_log_write(LEVEL, __VA_ARGS__);                                \
        }                                                                     \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif /* lib/log.h */
