/* SPDX-License-Identifier: Apache-2.0 */

/* Flow text, as of ovs-dpctl(8), from and to netlink attributes, of which
 * everything is hostile.
 *
 * Functions return 0 or a positive errno, with a message that names the place
 * in the text in dpx_error_text(). */

#ifndef DPX_FLOW_TEXT_H
#define DPX_FLOW_TEXT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Port names in flow text.  Either callback may be NULL: numbers only. */
struct dpx_port_names {
    const char *(*name)(uint32_t port, void *aux);   /* NULL: unknown. */
    uint32_t (*number)(const char *name, void *aux); /* DPX_PORT_NONE. */
    void *aux;
};

/* Flow text as of ovs-dpctl(8), appended.  `mask` may be NULL or empty: exact.
 * Without `more` wildcarded fields are left out.  What is written can be read
 * back: all of it with `more`, all that matters without. */
void dpx_format_flow(const void *key, size_t key_len, const void *mask,
                     size_t mask_len, bool more, const struct dpx_port_names *,
                     struct dpx_buf *text);
void dpx_format_actions(const void *actions, size_t len,
                        const struct dpx_port_names *, struct dpx_buf *text);
void dpx_format_ufid(const uint8_t ufid[16], struct dpx_buf *text);
void dpx_format_tcp_flags(uint16_t flags, struct dpx_buf *text); /* "SP." */

/* The other way: append the attributes, or nothing on an error.  A leading
 * "ufid:..." is accepted by dpx_parse_flow; then `*has_ufid`.  EINVAL names
 * the column and the word; E2BIG: longer than attributes can be. */
int dpx_parse_flow(const char *text, const struct dpx_port_names *,
                   struct dpx_buf *key, struct dpx_buf *mask, uint8_t ufid[16],
                   bool *has_ufid);
int dpx_parse_actions(const char *text, const struct dpx_port_names *,
                      struct dpx_buf *actions);

#ifdef __cplusplus
}
#endif

#endif /* lib/flow-text.h */
