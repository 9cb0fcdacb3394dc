/* SPDX-License-Identifier: Apache-2.0 */

/* A packet socket that sends frames of any length, GSO packets among them, out
 * of any device.  May be shared by threads. */

#ifndef DPX_PACKET_SOCKET_H
#define DPX_PACKET_SOCKET_H 1

#include <stddef.h>
#include <stdint.h>

/* Opens one in the network namespace of the process: a file descriptor, or
 * -errno. */
int dpx_packet_socket_open(void);

/* Sends a frame out of device `ifindex`; as a GSO packet of segments of
 * `gso_size` bytes of payload unless that is 0.  EINVAL, EOPNOTSUPP: this
 * kernel does not take such a GSO packet.  EMSGSIZE: longer than the MTU.
 * ENETDOWN, ENXIO: the device is down, gone.  EAGAIN, ENOBUFS: full. */
int dpx_packet_socket_send(int fd, uint32_t ifindex, const uint8_t *frame,
                           size_t len, uint16_t gso_size);

#endif /* provider-core/packet-socket.h */
