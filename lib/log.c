/* SPDX-License-Identifier: Apache-2.0 */

#include "lib/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "lib/poll.h"

enum { TOKEN = 60000 }; /* One message. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic enum dpx_log_level max_level = DPX_LOG_WARN;
static FILE *file; /* NULL: stderr, or syslog. */
static bool to_syslog;
static const char *program = "dpx";

void
dpx_log_set_level(enum dpx_log_level level)
{
    max_level = level;
}

int
dpx_log_set_target(const char *target)
{
    bool syslogging = !strcmp(target, "syslog");
    FILE *new = NULL;

    if (!syslogging && strcmp(target, "stderr")) {
        new = fopen(target, "ae");
        if (!new) {
            return errno;
        }
        setvbuf(new, NULL, _IOLBF, 0);
    }
    pthread_mutex_lock(&mutex);
    if (file) {
        fclose(file);
    }
    file = new;
    to_syslog = syslogging;
    if (syslogging) {
        openlog(program, LOG_PID, LOG_DAEMON);
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

void
dpx_log_set_program(const char *name)
{
    program = name;
}

static bool
take_token(struct dpx_rate_limit *limit)
{
    long long now = dpx_time_msec();
    long long full = (long long) limit->burst * TOKEN;
    bool taken;

    pthread_mutex_lock(&mutex);
    limit->tokens = limit->tokens < 0
                        ? full
                        : limit->tokens
                              + (now - limit->filled) * limit->per_minute;
    if (limit->tokens > full) {
        limit->tokens = full;
    }
    limit->filled = now;
    taken = limit->tokens >= TOKEN;
    if (taken) {
        limit->tokens -= TOKEN;
    } else {
        limit->suppressed++;
    }
    pthread_mutex_unlock(&mutex);
    return taken;
}

bool
dpx_log_wanted(enum dpx_log_level level, struct dpx_rate_limit *limit)
{
    unsigned int suppressed;

    if (level > max_level) {
        return false;
    } else if (!limit) {
        return true;
    } else if (!take_token(limit)) {
        return false;
    }
    pthread_mutex_lock(&mutex);
    suppressed = limit->suppressed;
    limit->suppressed = 0;
    pthread_mutex_unlock(&mutex);
    if (suppressed) {
        dpx_log_write(level, "(suppressed %u messages like the next one)",
                      suppressed);
    }
    return true;
}

void
dpx_log_write(enum dpx_log_level level, const char *format, ...)
{
    static const char *names[] = { "ERR", "WARN", "INFO", "DBG" };
    static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
                                      LOG_DEBUG };
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&mutex);
    if (to_syslog) {
        vsyslog(priorities[level], format, args);
    } else {
        FILE *out = file ? file : stderr;

        if (file) {
            char stamp[32];
            time_t now = time(NULL);
            struct tm tm;

            strftime(stamp, sizeof stamp, "%FT%TZ", gmtime_r(&now, &tm));
            fprintf(out, "%s|", stamp);
        }
        fprintf(out, "%s|%s|", program, names[level]);
        vfprintf(out, format, args);
        putc('\n', out);
    }
    pthread_mutex_unlock(&mutex);
    va_end(args);
}
