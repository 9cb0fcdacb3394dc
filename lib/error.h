/* SPDX-License-Identifier: Apache-2.0 */

/* Errors with a text.  A function that fails returns a positive errno and
 * leaves a message that names the thing and the place, for its caller's
 * caller to print.  The message belongs to the thread. */

#ifndef DPX_ERROR_H
#define DPX_ERROR_H 1

#ifdef __cplusplus
extern "C" {
#endif

/* Sets the thread's message, and returns `error`. */
int dpx_error(int error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* It does not look into the function, and would take any result for 0. */
void dpx_error_set(const char *format, ...);
#define dpx_error(ERROR, ...) (dpx_error_set(__VA_ARGS__), (ERROR))
#endif

/* The message of the last dpx_error() of this thread if that returned
 * `error`, else strerror(error).  Valid until the thread's next dpx_error().
 */
const char *dpx_error_text(int error);

#ifdef __cplusplus
}
#endif

#endif /* lib/error.h */
