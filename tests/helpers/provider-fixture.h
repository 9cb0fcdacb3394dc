/* SPDX-License-Identifier: Apache-2.0 */

/* What the provider's test stands on: expectations, packet sockets at the
 * ports' other ends, packets, requests. */

#ifndef PROVIDER_FIXTURE_H
#define PROVIDER_FIXTURE_H 1

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/openvswitch.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/error.h"
#include "provider-core/offload.h"
#include "provider-xdp/provider.h"

enum { WAIT_MS = 2000, MAX = 65536 + 64 };

static char dp_name[DPX_NAME_LEN];
static struct dpx_dp *dp;
static int peers[3]; /* Packet sockets on p1, p2; [0] unused. */
static uint8_t in[MAX], out[MAX];

static void
expect(bool ok, int line, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s:%d: failed: %s (last error: %s)\n", __FILE__, line,
                what, dpx_error_text(errno));
        exit(1);
    }
}

#define EXPECT(COND) expect(COND, __LINE__, #COND)

/* Expects `error` to be `want`. */
static void
expect_error(int error, int want, int line, const char *what)
{
    if (error != want) {
        fprintf(stderr, "%s:%d: failed: %s: error %d (%s), not %d\n", __FILE__,
                line, what, error, dpx_error_text(error), want);
        exit(1);
    }
}

#define EXPECT_ERROR(CALL, WANT) expect_error(CALL, WANT, __LINE__, #CALL)
#define EXPECT_OK(CALL) EXPECT_ERROR(CALL, 0)

static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
    char command[256];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    expect(!system(command), __LINE__, command);
}

/* Devices and packets ----------------------------------------------------- */

/* A packet socket on `device` that sends with, and receives without, a vnet
 * header. */
static int
packet_socket(const char *device)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = htobe16(ETH_P_ALL),
        .sll_ifindex = if_nametoindex(device),
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    int on = 1, bytes = 16 << 20;

    EXPECT(fd >= 0);
    EXPECT(!setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on));
    EXPECT(!setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on));
    EXPECT(!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes));
    EXPECT(!bind(fd, (struct sockaddr *) &addr, sizeof addr));
    return fd;
}

static void
inject(int fd, const struct virtio_net_hdr *vnet, const void *frame,
       size_t len)
{
    struct iovec iov[] = { { (void *) vnet, sizeof *vnet },
                           { (void *) frame, len } };

    EXPECT(writev(fd, iov, 2) == (ssize_t) (sizeof *vnet + len));
}

static void
be16(uint8_t *p, unsigned int x)
{
    p[0] = x >> 8;
    p[1] = x;
}

/* Puts the tag that the kernel took out of `n` bytes in `in` back. */
static size_t
retag(struct msghdr *msg, size_t n)
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
    memmove(in + 16, in + 12, n - 12);
    be16(in + 12, aux.tp_vlan_tpid);
    be16(in + 14, aux.tp_vlan_tci);
    return n + 4;
}

/* The next frame that arrives at `fd`, in `in`: its length, or 0 if none does
 * within `ms`.  What we sent ourselves does not count. */
static size_t
arrival(int fd, int ms)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    while (poll(&pfd, 1, ms) > 0) {
        struct virtio_net_hdr vnet;
        struct iovec iov[] = { { &vnet, sizeof vnet }, { in, sizeof in - 4 } };
        struct sockaddr_ll from;
        char control[128];
        struct msghdr msg = {
            .msg_name = &from,
            .msg_namelen = sizeof from,
            .msg_iov = iov,
            .msg_iovlen = 2,
            .msg_control = control,
            .msg_controllen = sizeof control,
        };
        ssize_t n = recvmsg(fd, &msg, 0);

        EXPECT(n >= (ssize_t) sizeof vnet);
        if (from.sll_pkttype != PACKET_OUTGOING) {
            return retag(&msg, n - sizeof vnet);
        }
    }
    return 0;
}

static void
expect_arrival(int line, int fd, const void *frame, size_t len)
{
    size_t n = arrival(fd, WAIT_MS);

    if (n != len) {
        fprintf(stderr, "%s:%d: %zu bytes arrived and not %zu\n", __FILE__,
                line, n, len);
        exit(1);
    }
    expect(!memcmp(in, frame, len), line, "the bytes are those sent");
}

#define EXPECT_ARRIVAL(FD, FRAME, LEN) expect_arrival(__LINE__, FD, FRAME, LEN)
#define EXPECT_NOTHING(FD) EXPECT(!arrival(FD, 200))

static uint32_t
sum16(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += p[i] << 8 | p[i + 1];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* An IPv4 packet of TCP (6) or UDP (17) in `out`, with `n` bytes of payload
 * that begin with `tag`; the transport checksum is the pseudo-header's sum. */
static size_t
make_packet(int proto, uint8_t tag, size_t n)
{
    size_t tp_len = n + (proto == 6 ? 20 : 8);
    uint8_t *ip = out + ETH_HLEN, *tp = ip + 20;
    uint32_t sum;

    memset(out, 0, 64);
    memcpy(out, "\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0", ETH_HLEN);
    ip[0] = 0x45;
    be16(ip + 2, 20 + tp_len);
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
    be16(ip + 10, ~sum16(0, ip, 20));
    be16(tp, 1000);
    be16(tp + 2, 2000);
    if (proto == 6) {
        tp[12] = 0x50;
        tp[13] = 0x10;
    } else {
        be16(tp + 4, tp_len);
    }
    for (size_t i = 0; i < n; i++) {
        tp[tp_len - n + i] = tag + i;
    }
    sum = sum16(proto, ip + 12, 8) + tp_len;
    be16(tp + (proto == 6 ? 16 : 6), (sum & 0xffff) + (sum >> 16));
    return ETH_HLEN + 20 + tp_len;
}

static const struct virtio_net_hdr *
partial(int proto)
{
    static struct virtio_net_hdr vnet;

    vnet = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .csum_start = ETH_HLEN + 20,
        .csum_offset = proto == 6 ? 16 : 6,
    };
    return &vnet;
}

/* Requests ---------------------------------------------------------------- */

static int
operate(struct dpx_request *r)
{
    dpx_operate(dp, &r, 1);
    free((char *) r->message);
    return r->error;
}

/* Output actions to `n` ports. */
static struct dpx_buf
outputs(int n, ...)
{
    struct dpx_buf actions = DPX_BUF_INIT;
    va_list args;

    va_start(args, n);
    while (n--) {
        dpx_nla_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, va_arg(args, int));
    }
    va_end(args);
    return actions;
}

static int
execute(const struct dpx_buf *actions, const void *packet, size_t len,
        uint16_t gso_size)
{
    struct dpx_buf key = DPX_BUF_INIT;
    struct dpx_execute ex = {
        .actions = dpx_buf_data(actions),
        .actions_len = actions->len,
        .packet = packet,
        .packet_len = len,
        .gso_size = gso_size,
    };
    struct dpx_request r = { .kind = DPX_DO_EXECUTE, .execute = &ex };
    int error;

    dpx_nla_put_u32(&key, OVS_KEY_ATTR_IN_PORT, 1);
    ex.key = dpx_buf_data(&key);
    ex.key_len = key.len;
    error = operate(&r);
    dpx_buf_free(&key);
    return error;
}

static int
execute_output(int port, const void *packet, size_t len, uint16_t gso_size)
{
    struct dpx_buf actions = outputs(1, port);
    int error = execute(&actions, packet, len, gso_size);

    dpx_buf_free(&actions);
    return error;
}

struct upcall {
    struct dpx_upcall_info info;
    struct dpx_buf buf, packet;
};

/* Waits for an upcall at any of the two handlers. */
static bool
next_upcall(struct upcall *u, int ms)
{
    struct pollfd pfds[] = {
        { .fd = dpx_recv_fd(dp, 0), .events = POLLIN },
        { .fd = dpx_recv_fd(dp, 1), .events = POLLIN },
    };

    do {
        for (int i = 0; i < 2; i++) {
            int error = dpx_recv(dp, i, &u->info, &u->buf, &u->packet);

            if (!error) {
                return true;
            }
            EXPECT_ERROR(error, EAGAIN);
        }
    } while (poll(pfds, 2, ms) > 0);
    return false;
}

struct drop_query {
    struct dpx_drop_key key;
    uint64_t packets;
};

static void
add_drops(const struct dpx_drop_key *key, const struct dpx_drop *drop,
          void *query_)
{
    struct drop_query *query = query_;

    if (key->port == query->key.port && key->reason == query->key.reason) {
        query->packets += drop->packets;
    }
}

static uint64_t
drops(uint32_t port, enum dpx_drop_reason reason)
{
    struct drop_query query = { { port, reason }, 0 };

    EXPECT_OK(dpx_maps_drops(dpx_dp_maps(dp), add_drops, &query));
    return query.packets;
}

static void
add_port(const char *name, uint32_t number, bool internal)
{
    struct dpx_attach_opts opts = { .port = number,
                                    .mode = DPX_MODE_TC,
                                    .internal = internal };
    uint32_t port;

    EXPECT_OK(dpx_port_add(dp, name, &opts, &port));
    EXPECT(port == number);
}

/* Waits until `handle` tells of a change of `name`. */
static void
expect_change(struct dpx_dp *handle, const char *want)
{
    struct pollfd pfd = { .fd = dpx_port_poll_fd(handle), .events = POLLIN };
    char name[DPX_NAME_LEN];

    for (int tries = 0; tries < 5; tries++) {
        int error;

        while (!(error = dpx_port_poll(handle, name))) {
            if (!strcmp(name, want)) {
                return;
            }
        }
        EXPECT_ERROR(error, EAGAIN);
        poll(&pfd, 1, WAIT_MS);
    }
    expect(false, __LINE__, want);
}

/* Actions that push a tag and output to port 2. */
static void
push_vlan(struct dpx_buf *actions, uint16_t tpid, uint16_t tci)
{
    struct ovs_action_push_vlan push = {
        .vlan_tpid = htobe16(tpid),
        .vlan_tci = htobe16(tci | 0x1000),
    };

    dpx_nla_put(actions, OVS_ACTION_ATTR_PUSH_VLAN, &push, sizeof push);
    dpx_nla_put_u32(actions, OVS_ACTION_ATTR_OUTPUT, 2);
}

/* The kernel's segments have partial checksums where the device has them. */
static void
expect_segment(void *aux, const uint8_t *frame, size_t len)
{
    (void) aux;
    EXPECT(arrival(peers[2], WAIT_MS) == len);
    dpx_csum_complete(in, len);
    EXPECT(!memcmp(in, frame, len));
}

#endif /* tests/helpers/provider-fixture.h */
