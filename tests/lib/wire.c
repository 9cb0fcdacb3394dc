/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/lib/wire.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "provider-core/offload.h"

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static uint32_t
add(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

int
wire_open(const char *device)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = htobe16(ETH_P_ALL),
        .sll_ifindex = if_nametoindex(device),
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    int on = 1, bytes = 16 << 20;

    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)
        || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on)
        || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on)
        || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes)
        || bind(fd, (struct sockaddr *) &addr, sizeof addr)) {
        return -1;
    }
    return fd;
}

int
wire_send(int fd, const struct virtio_net_hdr *vnet, const void *frame,
          size_t len)
{
    static const struct virtio_net_hdr none;
    struct iovec iov[] = {
        { (void *) (vnet ? vnet : &none), sizeof none },
        { (void *) frame, len },
    };

    return writev(fd, iov, 2) < 0 ? errno : 0;
}

/* Puts the tag that the kernel took out of `n` bytes back. */
static size_t
retag(struct msghdr *msg, uint8_t *frame, size_t n)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    struct tpacket_auxdata aux;

    if (!cmsg || cmsg->cmsg_type != PACKET_AUXDATA) {
        return n;
    }
    memcpy(&aux, CMSG_DATA(cmsg), sizeof aux);
    if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) {
        return n;
    }
    memmove(frame + 16, frame + 12, n - 12);
    put16(frame + 12, aux.tp_vlan_tpid);
    put16(frame + 14, aux.tp_vlan_tci);
    return n + 4;
}

/* As the kernel does it: 0 is written as 0xffff, which no other protocol than
 * UDP cares for. */
static void
complete(uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet)
{
    size_t start = vnet->csum_start, at = start + vnet->csum_offset;
    uint16_t sum;

    if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && at + 2 <= len) {
        sum = ~add(0, frame + start, len - start);
        put16(frame + at, sum || vnet->csum_offset == 16 ? sum : 0xffff);
    }
}

size_t
wire_receive(int fd, uint8_t *frame)
{
    struct virtio_net_hdr vnet;
    struct iovec iov[] = { { &vnet, sizeof vnet }, { frame, MAX_WIRE - 4 } };
    char control[128];
    struct msghdr msg = {
        .msg_iov = iov,
        .msg_iovlen = 2,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(fd, &msg, 0);

    if (n < (ssize_t) sizeof vnet) {
        return 0;
    }
    complete(frame, n - sizeof vnet, &vnet);
    return retag(&msg, frame, n - sizeof vnet);
}

bool
wire_partial(uint8_t *frame, size_t len, struct virtio_net_hdr *vnet)
{
    struct dpx_layers l;
    uint32_t pseudo;
    uint8_t *check;

    if (!dpx_layers_find(frame, len, false, &l) || l.end != len
        || (l.proto != IPPROTO_TCP && l.proto != IPPROTO_UDP)
        || len - l.tp < (l.proto == IPPROTO_TCP ? 20 : 8)) {
        return false;
    }
    *vnet = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .csum_start = l.tp,
        .csum_offset = l.proto == IPPROTO_TCP ? 16 : 6,
    };
    check = frame + l.tp + vnet->csum_offset;
    pseudo = l.ipv6 ? add(0, frame + l.net + 8, 32)
                    : add(0, frame + l.net + 12, 8);
    pseudo = add(pseudo + l.proto + (len - l.tp), NULL, 0);
    if (add(pseudo, frame + l.tp, len - l.tp) != 0xffff
        || (l.proto == IPPROTO_UDP && !get16(check))) {
        return false;
    }
    put16(check, pseudo);
    return true;
}
