/* SPDX-License-Identifier: Apache-2.0 */

/* The rings of a datapath's handlers, in map `upcalls`: making, finding and
 * measuring them. */

#ifndef DPX_RING_H
#define DPX_RING_H 1

#include <stdint.h>

#include "maps/maps.h"

/* Makes a ring of twice conf.ring_bytes: a port's share is what is free in it,
 * so that one port alone gets to the half.  Writes its file descriptor, the
 * caller's, and its map id. */
int dpx_ring_create(const struct dpx_maps *, int *fdp, uint32_t *idp);

/* Makes the `n` rings in `fds` those of the handlers 0 to n - 1, and takes out
 * all others.  Waits for the packets that use them. */
int dpx_rings_install(const struct dpx_maps *, const int *fds, uint32_t n);

/* The id of a handler's ring; 0 if it has none. */
uint32_t dpx_ring_id(const struct dpx_maps *, uint32_t handler);

/* The size of a handler's ring and the bytes in it.  ENOENT. */
int dpx_ring_measure(const struct dpx_maps *, uint32_t handler, uint32_t *size,
                     uint32_t *backlog);

#endif /* provider-xdp/ring.h */
