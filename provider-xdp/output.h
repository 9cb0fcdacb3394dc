/* SPDX-License-Identifier: Apache-2.0 */

/* Sending packets out of a datapath's ports: by AF_XDP in batches where that
 * can carry them, else by a packet socket. */

#ifndef DPX_OUTPUT_H
#define DPX_OUTPUT_H 1

#include <stddef.h>
#include <stdint.h>

#include "maps/maps.h"

struct dpx_output;

/* Freed by dpx_output_close(), which accepts NULL. */
int dpx_output_open(struct dpx_maps *, struct dpx_output **);
void dpx_output_close(struct dpx_output *);

/* Packets are sent between begin, which takes a lock, and end, which sends
 * what is still queued.  Packets of one port keep their order. */
void dpx_output_begin(struct dpx_output *);
void dpx_output_end(struct dpx_output *);

/* Sends a copy of a whole frame out of `port`, or counts it as dropped.
 * `gso_size`: to be cut into segments of that much payload, unless 0. */
void dpx_output_packet(struct dpx_output *, uint32_t port,
                       const uint8_t *frame, size_t len, uint16_t gso_size);

/* Closes the socket of a port that is gone. */
void dpx_output_forget(struct dpx_output *, uint32_t port);

#endif /* provider-xdp/output.h */
