/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the dpif library share. */

#ifndef DPIF_PRIVATE_H
#define DPIF_PRIVATE_H 1

#include "dpif/dpif-provider.h"
#include "lib/log.h"

/* classes.c: a class in use.  dpif_class_ref() returns EAFNOSUPPORT if there
 * is no such type. */
struct registration;
int dpif_class_ref(const char *type, struct registration **);
void dpif_class_unref(struct registration *);
const struct dpif_class *dpif_class_of(const struct registration *);

/* log.c: logs operations and their outcomes: failures as warnings, the rest
 * for debugging, each within its limit.  dpif_log_wanted() takes the token of
 * a message about an operation that returned `error`; ask it before anything
 * is formatted.  The others ask it themselves. */
bool dpif_log_wanted(int error, enum dpx_log_level *);
void dpif_log_class(const char *type, const char *name, const char *operation,
                    int error);
void dpif_log_result(const struct dpif *, const char *operation, int error);
void dpif_log_debug(const struct dpif *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dpif_log_warning(const struct dpif *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void
dpif_log_put(const struct dpif *, const struct dpif_flow_put_op *, int error);
void dpif_log_flow(const struct dpif *, const char *operation, int error,
                   const struct nlattr *key, size_t key_len,
                   const struct nlattr *mask, size_t mask_len,
                   const struct dpif_flow_stats *,
                   const struct nlattr *actions, size_t actions_len);
void
dpif_log_execute(const struct dpif *, const struct dpif_execute *, int error);
void dpif_log_upcall(const struct dpif *, const struct dpif_upcall *);

/* dpif.c */
void dpif_count(enum dpif_event);

#endif /* dpif/dpif-private.h */
