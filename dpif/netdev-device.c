/* SPDX-License-Identifier: Apache-2.0 */

/* Ports of netdev datapaths that are devices: packet sockets on devices that
 * exist, and taps that we make; and the thread that receives from them. */

#include "dpif/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/bytes.h"
#include "lib/error.h"
#include "loader/loader.h"
#include "provider-core/offload.h"
#include "provider-core/packet-socket.h"

enum {
    MAX_FRAME = 65536 + 64, /* A GSO packet, with its headers. */
    BATCH = 32,             /* Packets of a port before others' turn. */
    WATCH = DPX_MAX_PORTS,  /* In epoll's data: not a port. */
    STOP,
};

static int
ioctl_ifreq(unsigned long request, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 || ioctl(fd, request, ifr) ? errno : 0;

    if (fd >= 0) {
        close(fd);
    }
    return error;
}

/* The device's IFF_*, or 0. */
static unsigned int
get_flags(const char *name)
{
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    return ioctl_ifreq(SIOCGIFFLAGS, &ifr) ? 0 : (uint16_t) ifr.ifr_flags;
}

static int
open_tap(struct netdev_port *port)
{
    struct ifreq ifr;
    int error = 0;

    port->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    memset(&ifr, 0, sizeof ifr);
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", port->name);
    ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (port->fd < 0 || ioctl(port->fd, TUNSETIFF, &ifr)) {
        error = errno;
    } else {
        ifr.ifr_flags = get_flags(port->name) | IFF_UP;
        error = ioctl_ifreq(SIOCSIFFLAGS, &ifr);
    }
    return error ? dpx_error(error, "cannot make tap %s: %s", port->name,
                             strerror(error))
                 : 0;
}

static int
open_socket(struct netdev_port *port)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = DPX_BE16(ETH_P_ALL),
        .sll_ifindex = port->ifindex,
    };
    struct packet_mreq promisc = {
        .mr_ifindex = port->ifindex,
        .mr_type = PACKET_MR_PROMISC,
    };
    int on = 1, rcvbuf = 8 << 20; /* Thousands of short frames. */

    port->fd = dpx_packet_socket_open();
    if (port->fd < 0) {
        return -port->fd;
    }
    setsockopt(port->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof rcvbuf);
    if (setsockopt(port->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on)
        || setsockopt(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
                      sizeof on)
        || setsockopt(port->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc,
                      sizeof promisc)
        || bind(port->fd, (struct sockaddr *) &addr, sizeof addr)) {
        return dpx_error(errno, "cannot receive from %s: %s", port->name,
                         strerror(errno));
    }
    return 0;
}

static int
watch_fd(struct netdev_dp *dp, int fd, uint32_t what)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

    return epoll_ctl(dp->epoll, EPOLL_CTL_ADD, fd, &event)
               ? dpx_error(errno, "cannot poll a port: %s", strerror(errno))
               : 0;
}

/* Receiving --------------------------------------------------------------- */

/* Puts the tag back that the kernel hands out beside the frame. */
static void
insert_tag(struct dpx_buf *frame, uint16_t tpid, uint16_t tci)
{
    uint8_t *p = dpx_buf_push(frame, NULL, 4);

    memmove(p, p + 4, 12);
    dpx_store16(p + 12, DPX_BE16(tpid));
    dpx_store16(p + 14, DPX_BE16(tci));
}

/* Receives into `packet`'s frame, where there is room for MAX_FRAME bytes. */
static bool
receive_socket(const struct netdev_port *port, struct dpx_packet *packet)
{
    struct dpx_buf *frame = &packet->frame;
    struct virtio_net_hdr vnet;
    struct iovec iov[2] = {
        { &vnet, sizeof vnet },
        { dpx_buf_data(frame), MAX_FRAME },
    };
    char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct msghdr msg = {
        .msg_iov = iov,
        .msg_iovlen = 2,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(port->fd, &msg, MSG_DONTWAIT);
    struct cmsghdr *c;

    if (n < (ssize_t) sizeof vnet + ETH_HLEN) {
        return false;
    }
    frame->len = n - sizeof vnet;
    packet->gso_size = vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE
                           ? 0
                           : vnet.gso_size;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        struct tpacket_auxdata aux;

        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) {
            continue;
        }
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if (aux.tp_status & TP_STATUS_VLAN_VALID) {
            insert_tag(frame,
                       aux.tp_status & TP_STATUS_VLAN_TPID_VALID
                           ? aux.tp_vlan_tpid
                           : ETH_P_8021Q,
                       aux.tp_vlan_tci);
        }
    }
    if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && !packet->gso_size) {
        dpx_csum_complete(dpx_buf_data(frame), frame->len);
    }
    return true;
}

static bool
receive_tap(const struct netdev_port *port, struct dpx_packet *packet)
{
    ssize_t n = read(port->fd, dpx_buf_data(&packet->frame), MAX_FRAME);

    packet->frame.len = n < 0 ? 0 : n;
    packet->gso_size = 0;
    return n >= ETH_HLEN;
}

/* Receives from port `number`, a device, what is there. */
static void
receive(struct netdev_dp *dp, uint32_t number, struct dpx_packet *packet)
{
    const struct netdev_port *port;

    pthread_rwlock_rdlock(&dp->lock);
    port = dp->ports[number];
    for (int i = 0; port && port->fd >= 0 && i < BATCH; i++) {
        struct dpx_buf *frame = &packet->frame;

        frame->head = frame->len = 0;
        if (frame->allocated < DPX_FRAME_HEADROOM + MAX_FRAME) {
            dpx_buf_reserve(frame, DPX_FRAME_HEADROOM, MAX_FRAME);
        }
        frame->head = DPX_FRAME_HEADROOM;
        if (!(port->kind == NETDEV_TAP ? receive_tap(port, packet)
                                       : receive_socket(port, packet))) {
            break;
        }
        packet->in_port = number;
        packet->recirc_id = packet->skb_priority = packet->skb_mark =
            packet->dp_hash = 0;
        netdev_packet_receive(dp, packet);
    }
    pthread_rwlock_unlock(&dp->lock);
}

/* Compares the ports with their devices. */
static void
sync_devices(struct netdev_dp *dp)
{
    pthread_rwlock_wrlock(&dp->lock);
    for (size_t i = 0; i < DPX_MAX_PORTS; i++) {
        struct netdev_port *port = dp->ports[i];
        char name[IF_NAMESIZE];
        unsigned int flags;

        if (!port || port->kind == NETDEV_MEMORY) {
            continue;
        }
        if (!if_indextoname(port->ifindex, name)) {
            netdev_port_remove(dp, port);
            continue;
        }
        if (strcmp(name, port->name)) {
            netdev_notify(dp, port->name);
            snprintf(port->name, sizeof port->name, "%s", name);
            netdev_notify(dp, name);
        }
        flags = get_flags(name);
        if ((flags ^ port->flags) & (IFF_UP | IFF_RUNNING)) {
            netdev_notify(dp, name);
        }
        port->flags = flags;
    }
    pthread_rwlock_unlock(&dp->lock);
}

static void *
run(void *dp_)
{
    struct netdev_dp *dp = dp_;
    struct dpx_packet packet = { .frame = DPX_BUF_INIT };
    struct epoll_event events[32];

    for (;;) {
        int n = epoll_wait(dp->epoll, events, 32, -1);

        for (int i = 0; i < n; i++) {
            uint32_t what = events[i].data.u32;

            if (what == STOP) {
                dpx_buf_free(&packet.frame);
                return NULL;
            } else if (what == WATCH) {
                if (dpx_watch_read(dp->watch) != EAGAIN) {
                    sync_devices(dp);
                }
            } else {
                receive(dp, what, &packet);
            }
        }
    }
}

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Starts the thread, once. */
static int
start(struct netdev_dp *dp)
{
    int error;

    if (dp->threaded) {
        return 0;
    }
    dp->epoll = epoll_create1(EPOLL_CLOEXEC);
    dp->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    error = dp->epoll < 0 || dp->stop < 0 ? errno : dpx_watch_open(&dp->watch);
    if (!error) {
        error = watch_fd(dp, dp->stop, STOP);
    }
    if (!error) {
        error = watch_fd(dp, dp->watch, WATCH);
    }
    if (!error) {
        error = pthread_create(&dp->thread, NULL, run, dp);
    }
    dp->threaded = !error;
    if (error) {
        close_fd(&dp->epoll);
        close_fd(&dp->stop);
        close_fd(&dp->watch);
    }
    return error;
}

int
netdev_device_open(struct netdev_dp *dp, struct netdev_port *port)
{
    int error = start(dp);

    if (!error && port->kind == NETDEV_TAP) {
        error = open_tap(port);
    }
    if (!error) {
        port->ifindex = if_nametoindex(port->name);
        error = port->ifindex
                    ? 0
                    : dpx_error(ENODEV, "there is no device %s", port->name);
    }
    if (!error && port->kind == NETDEV_SYSTEM) {
        error = open_socket(port);
    }
    if (!error) {
        port->flags = get_flags(port->name);
        error = watch_fd(dp, port->fd, port->number);
    }
    if (error) {
        close_fd(&port->fd);
    }
    return error;
}

void
netdev_device_close(struct netdev_port *port)
{
    close_fd(&port->fd); /* Which also ends its being polled. */
}

void
netdev_devices_close(struct netdev_dp *dp)
{
    uint64_t one = 1;

    if (!dp->threaded) {
        return;
    }
    if (write(dp->stop, &one, sizeof one) < 0) {
        /* It is signalled already. */
    }
    pthread_join(dp->thread, NULL);
    close_fd(&dp->epoll);
    close_fd(&dp->stop);
    close_fd(&dp->watch);
}

/* Sending ----------------------------------------------------------------- */

struct segments {
    struct netdev_port *port;
    int error; /* The first one. */
};

static void
send_segment(void *aux, const uint8_t *frame, size_t len)
{
    struct segments *s = aux;
    int error = netdev_device_send(s->port, frame, len, 0);

    if (error && !s->error) {
        s->error = error;
    }
}

int
netdev_device_send(struct netdev_port *port, const uint8_t *frame, size_t len,
                   uint16_t gso_size)
{
    struct segments s = { port, 0 };
    int error = EOPNOTSUPP;

    if (port->kind == NETDEV_SYSTEM) {
        error = dpx_packet_socket_send(port->fd, port->ifindex, frame, len,
                                       gso_size);
    } else if (!gso_size) {
        error = write(port->fd, frame, len) < 0 ? errno : 0;
    }
    if (gso_size && (error == EOPNOTSUPP || error == EINVAL)) {
        error = dpx_segment(frame, len, gso_size, send_segment, &s);
        error = error ? error : s.error;
    }
    return error;
}
