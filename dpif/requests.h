/* SPDX-License-Identifier: Apache-2.0 */

/* Members of struct dpif_class for providers that stand on provider-core/: in
 * the core's terms where it takes a struct dpx_core, and as they are where
 * dpif_class wants them. */

#ifndef DPIF_REQUESTS_H
#define DPIF_REQUESTS_H 1

#include "dpif/dpif-provider.h"
#include "provider-core/core.h"

/* Zeroed memory, copies of strings: never NULL. */
void *dpif_xzalloc(size_t size);
char *dpif_xstrdup(const char *);

void dpif_core_operate(struct dpx_core *, struct dpif_op **, size_t n);
int
dpif_core_flow_get(struct dpx_core *, const struct nlattr *key, size_t key_len,
                   struct dpx_buf *actions, struct dpif_flow_stats *);

int dpif_core_flow_dump_start(struct dpx_core *, void **iter);
int
dpif_core_flow_dump_state_init(const struct dpif *, void *iter, void **statep);
int
dpif_core_flow_dump_next(const struct dpif *, void *iter, void *state,
                         const struct nlattr **key, size_t *key_len,
                         const struct nlattr **mask, size_t *mask_len,
                         const struct nlattr **actions, size_t *actions_len,
                         const struct dpif_flow_stats **);
void dpif_core_flow_dump_state_uninit(const struct dpif *, void *state);
int dpif_core_flow_dump_done(const struct dpif *, void *iter);

/* Translates an upcall, but for its packet.  Userdata becomes an attribute in
 * `buf`. */
void dpif_core_upcall(const struct dpx_upcall_info *, struct dpx_buf *buf,
                      struct dpif_upcall *);

int dpif_core_queue_to_priority(const struct dpif *, uint32_t queue_id,
                                uint32_t *priority);

#endif /* dpif/requests.h */
