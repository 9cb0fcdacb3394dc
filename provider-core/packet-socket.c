/* SPDX-License-Identifier: Apache-2.0 */

#include "provider-core/packet-socket.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bpf/bytes.h"
#include "lib/error.h"
#include "provider-core/offload.h"

int
dpx_packet_socket_open(void)
{
    int sndbuf = 4 << 20; /* Several GSO packets under way. */
    int on = 1;
    int fd;

    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -dpx_error(errno, "cannot open a packet socket: %s",
                          strerror(errno));
    }
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)) {
        int error = errno;

        close(fd);
        return -dpx_error(error, "cannot set PACKET_VNET_HDR: %s",
                          strerror(error));
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof sndbuf);
    return fd;
}

int
dpx_packet_socket_send(int fd, uint32_t ifindex, const uint8_t *frame,
                       size_t len, uint16_t gso_size)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_ifindex = ifindex,
    };
    struct virtio_net_hdr vnet = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
    uint8_t headers[512];
    struct iovec iov[3] = { { &vnet, sizeof vnet }, { headers, 0 } };
    struct msghdr msg = {
        .msg_name = &addr,
        .msg_namelen = sizeof addr,
        .msg_iov = iov,
        .msg_iovlen = 3,
    };
    size_t n = 0;

    if (len < ETH_HLEN) {
        return EINVAL;
    }
    if (gso_size) {
        n = dpx_gso_describe(frame, len, gso_size, &vnet, headers,
                             sizeof headers);
        if (!n) {
            return EOPNOTSUPP;
        }
    }
    addr.sll_protocol = dpx_load16(frame + ETH_HLEN - 2);
    iov[1].iov_len = n;
    iov[2].iov_base = (uint8_t *) frame + n;
    iov[2].iov_len = len - n;
    return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? errno : 0;
}
