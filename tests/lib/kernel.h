/* SPDX-License-Identifier: Apache-2.0 */

/* Planes `xdp` and `tc`: two datapaths in the kernel, one with its ports in
 * XDP and one with them in TC alone, with veths as ports.  Their other ends
 * send and capture.  They live in the network namespace of the process. */

#ifndef TESTS_KERNEL_H
#define TESTS_KERNEL_H 1

#include "tests/lib/plane.h"

/* tc_partial: the same as tc, but checksums that are right are left to the
 * device, as by a sender with offloads.  user_pinned: plane `user` on tc's
 * maps.  Both need tc. */
extern struct plane xdp_plane, tc_plane, tc_partial_plane, user_pinned_plane;

/* Makes the datapath of xdp_plane or tc_plane, by the name of `name`.  0, or
 * an errno with a message. */
int kernel_open(struct plane *, const char *name);

/* Removes it.  Nothing else is left behind when the namespace goes. */
void kernel_close(struct plane *);

/* File descriptor of the datapath's pinned object, or -errno. */
int kernel_fd(struct plane *, const char *pin);

#endif /* tests/lib/kernel.h */
