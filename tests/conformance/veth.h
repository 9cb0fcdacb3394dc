/* SPDX-License-Identifier: Apache-2.0 */

/* The members of a struct harness for ports that are veths: see veth.c. */

#ifndef CONFORMANCE_VETH_H
#define CONFORMANCE_VETH_H 1

#include "tests/conformance/conformance.h"

bool veth_start(void);
void veth_stop(void);
void veth_make(const char *name);
void veth_unmake(const char *name);
void veth_inject(struct dpif *, uint32_t port, const char *name,
                 const void *frame, size_t len);
bool
veth_sent(struct dpif *, uint32_t port, const char *name, struct dpx_buf *);

#endif /* tests/conformance/veth.h */
