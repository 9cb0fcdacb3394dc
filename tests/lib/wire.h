/* SPDX-License-Identifier: Apache-2.0 */

/* Packet sockets: frames in and out of a device, byte for byte. */

#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H 1

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_WIRE = 65536 + 64 };

/* A socket that sends to, and hears what arrives at, `device`; -1 with errno
 * set.  It does not hear what is sent there. */
int wire_open(const char *device);

/* Sends a frame.  `vnet` says which checksum is left to the device; NULL:
 * none.  0 or an errno. */
int wire_send(int fd, const struct virtio_net_hdr *vnet, const void *frame,
              size_t len);

/* The next frame that has arrived, in `frame` (MAX_WIRE bytes): its tag in its
 * place, its checksum completed.  0: there is none. */
size_t wire_receive(int fd, uint8_t *frame);

/* Makes the right checksum of a TCP or UDP packet a partial one, which `vnet`
 * then describes.  False: it has none. */
bool wire_partial(uint8_t *frame, size_t len, struct virtio_net_hdr *vnet);

#endif /* tests/lib/wire.h */
