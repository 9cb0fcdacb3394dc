/* SPDX-License-Identifier: Apache-2.0 */

/* AF_XDP sockets that only transmit, in copy mode, which every device takes.
 * They need no XDP program.  All sockets send from one area of frames.
 * Nothing here is safe for several threads at once. */

#ifndef DPX_XSK_H
#define DPX_XSK_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DPX_XSK_FRAME 4096 /* Longest packet, in bytes. */
#define DPX_XSK_BATCH 32   /* Packets that one system call sends. */

struct dpx_umem;
struct dpx_xsk;

/* ENOMEM.  Freed by dpx_umem_close(), after its sockets; accepts NULL. */
int dpx_umem_open(struct dpx_umem **);
void dpx_umem_close(struct dpx_umem *);

/* Opens a socket on queue 0 of device `ifindex`, of the network namespace of
 * the process.  EBUSY: somebody has a socket there, or the kernel has not let
 * go of a closed one yet; other errors: the device or the kernel refuses.
 * dpx_xsk_close() accepts NULL; packets not flushed are lost. */
int dpx_xsk_open(struct dpx_umem *, uint32_t ifindex, struct dpx_xsk **);
void dpx_xsk_close(struct dpx_xsk *);

/* Copies a packet of at most DPX_XSK_FRAME bytes and queues it.  False if no
 * frame is free or DPX_XSK_BATCH packets are queued: flush, or send it by
 * other means. */
bool dpx_xsk_put(struct dpx_xsk *, const void *packet, size_t len);

/* Packets put and not yet flushed. */
unsigned int dpx_xsk_queued(const struct dpx_xsk *);

/* Sends what is queued, and adds the number of packets that the device did not
 * take to `*lost`.  After an error (ENETDOWN, ENXIO...) the socket is good for
 * closing only. */
int dpx_xsk_flush(struct dpx_xsk *, unsigned int *lost);

/* Takes back the frames that the kernel has done with. */
void dpx_xsk_reap(struct dpx_xsk *);

#endif /* provider-xdp/xsk.h */
