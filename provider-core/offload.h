/* SPDX-License-Identifier: Apache-2.0 */

/* What a device's offloads would have done to a packet that goes out: the
 * transport checksum, and cutting a GSO packet into segments.  Packets are
 * whole frames, from the destination MAC on. */

#ifndef DPX_OFFLOAD_H
#define DPX_OFFLOAD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_net_hdr;

/* Where a frame's headers are. */
struct dpx_layers {
    size_t net;     /* Offset of the IP header. */
    size_t tp;      /* Of the TCP, UDP or SCTP header. */
    size_t payload; /* Behind it, TCP's options included. */
    size_t end;     /* Of the IP packet; padding follows. */
    uint8_t proto;  /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP. */
    bool ipv6;
};

/* Finds the headers of an unfragmented TCP, UDP or SCTP packet behind any
 * number of VLAN tags, MPLS labels and IPv6 extension headers.  False for
 * anything else, and for what is cut off.  `gso`: the packet ends where the
 * frame does, whatever the IP header says. */
bool dpx_layers_find(const uint8_t *frame, size_t len, bool gso,
                     struct dpx_layers *);

/* Completes a checksum that the sender left to its device (RFC 1071; SCTP: RFC
 * 9260, appendix A): the field holds the folded sum of the pseudo-header,
 * SCTP's holds zero, and the checksum as it is does not verify.  Returns true
 * if it did.  Not for GSO packets. */
bool dpx_csum_complete(uint8_t *frame, size_t len);

/* Calls `cb` with each segment of a TCP or UDP GSO packet, in order, each with
 * all lengths, ids, sequence numbers and checksums right.  The segment dies
 * with the call.  EINVAL if the packet has no headers or not enough payload
 * for them to be cut; EOPNOTSUPP for other protocols. */
int dpx_segment(const uint8_t *frame, size_t len, uint16_t gso_size,
                void (*cb)(void *aux, const uint8_t *frame, size_t len),
                void *aux);

/* Describes a GSO packet to a packet socket: fills in `vnet`, and copies the
 * headers to `headers`, of `size` bytes, with the checksum as a device expects
 * it.  Returns their length, which replaces the frame's as many first bytes,
 * or 0 if the packet cannot be described. */
size_t
dpx_gso_describe(const uint8_t *frame, size_t len, uint16_t gso_size,
                 struct virtio_net_hdr *vnet, uint8_t *headers, size_t size);

#endif /* provider-core/offload.h */
