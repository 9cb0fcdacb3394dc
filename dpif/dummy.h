/* SPDX-License-Identifier: Apache-2.0 */

/* The far side of a netdev datapath's ports in memory: those of type "dummy",
 * and the local port.  For tests, and for programs that have their packets
 * from elsewhere.  Neither needs any privilege.
 *
 * All of it may be called from any thread. */

#ifndef DPIF_DUMMY_H
#define DPIF_DUMMY_H 1

#include "dpif/dpif.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Packets that a port keeps until they are taken; more are dropped. */
#define DPIF_DUMMY_QUEUE 4096

/* Lets a frame, from its destination MAC on, arrive on `port_no`.  When the
 * call returns the datapath is done with it: it has been sent, dropped, or
 * queued as an upcall.  ENOENT: no such port; EINVAL: not a netdev datapath,
 * not a port in memory, or no Ethernet header. */
int dpif_dummy_receive(struct dpif *, uint32_t port_no, const void *frame,
                       size_t len);

/* Takes the oldest frame that was sent out of `port_no` and not taken yet, and
 * makes `frame` hold it.  EAGAIN if there is none; ENOENT, EINVAL as above. */
int dpif_dummy_sent(struct dpif *, uint32_t port_no, struct dpx_buf *frame);

#ifdef __cplusplus
}
#endif

#endif /* dpif/dummy.h */
