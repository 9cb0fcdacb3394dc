/* SPDX-License-Identifier: Apache-2.0 */

#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __thread struct {
    int error;
    char text[512];
} last;

int
dpx_error(int error, const char *format, ...)
{
    char text[sizeof last.text]; /* An argument may be the last text. */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(last.text, text, sizeof text);
    last.error = error;
    return error;
}

const char *
dpx_error_text(int error)
{
    static __thread char unknown[128];

    if (error == last.error && last.text[0]) {
        return last.text;
    }
    return strerror_r(error, unknown, sizeof unknown);
}
