/* SPDX-License-Identifier: Apache-2.0 */

/* Sends small UDP packets as fast as it can, or checks those that arrive.
 *
 *   dpx-traffic send DEV SECONDS N
 *       To 10.77.0.1, ... 10.77.0.N in turn; prints how many.
 *   dpx-traffic check DEV SECONDS [MARK]
 *       Each must bear one number in its source MAC, TTL and source port:
 *       MARK, or else the last byte of its destination address.  And its
 *       checksums must be right.  Prints how many were and were not. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, PORT = 4242 };

struct frame {
    struct ethhdr eth;
    struct iphdr ip;
    struct udphdr udp;
    uint8_t data[18];
} __attribute__((packed));

static void __attribute__((noreturn)) die(const char *what)
{
    fprintf(stderr, "dpx-traffic: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint16_t
csum(const void *data, size_t n, uint32_t sum)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i += 2) {
        sum += p[i] << 8 | p[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return ~((sum & 0xffff) + (sum >> 16));
}

static uint16_t
udp_csum(const struct frame *f)
{
    size_t n = sizeof f->udp + sizeof f->data;
    uint16_t pseudo = ~csum(&f->ip.saddr, 8, IPPROTO_UDP + n);

    return csum(&f->udp, n, pseudo);
}

static int
open_socket(const char *dev, uint16_t proto)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(proto),
        .sll_ifindex = if_nametoindex(dev),
    };
    int s = socket(AF_PACKET, SOCK_RAW, 0);
    int size = 1 << 24;
    struct timeval tick = { 0, 100000 };

    if (s < 0 || !addr.sll_ifindex
        || bind(s, (struct sockaddr *) &addr, sizeof addr)) {
        die(dev);
    }
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
    return s;
}

static void
make_frame(struct frame *f, unsigned int number)
{
    memset(f, 0, sizeof *f);
    memcpy(f->eth.h_dest, "\2\0\0\0\0\2", 6);
    memcpy(f->eth.h_source, "\2\0\0\0\0\1", 6);
    f->eth.h_proto = htons(ETH_P_IP);
    f->ip.version = 4;
    f->ip.ihl = 5;
    f->ip.ttl = 64;
    f->ip.protocol = IPPROTO_UDP;
    f->ip.tot_len = htons(sizeof *f - sizeof f->eth);
    f->ip.saddr = htonl(0x0a4d00fe);
    f->ip.daddr = htonl(0x0a4d0000 + number);
    f->ip.check = htons(csum(&f->ip, sizeof f->ip, 0));
    f->udp.source = htons(1);
    f->udp.dest = htons(PORT);
    f->udp.len = htons(sizeof f->udp + sizeof f->data);
    memset(f->data, number, sizeof f->data);
    f->udp.check = htons(udp_csum(f));
}

static void
run_send(const char *dev, time_t end, unsigned int n)
{
    struct frame frames[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr msgs[BATCH];
    int s = open_socket(dev, 0);
    unsigned int next = 0;
    uint64_t sent = 0;

    memset(msgs, 0, sizeof msgs);
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ &frames[i], sizeof frames[i] };
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    while (time(NULL) < end) {
        int m;

        for (int i = 0; i < BATCH; i++) {
            make_frame(&frames[i], 1 + next++ % n);
        }
        m = sendmmsg(s, msgs, BATCH, 0);
        if (m < 0 && errno != ENOBUFS) {
            die("send");
        }
        sent += m > 0 ? m : 0;
    }
    printf("%llu sent\n", (unsigned long long) sent);
}

static bool
is_right(const struct frame *f, int mark)
{
    int number = mark ? mark : (int) (ntohl(f->ip.daddr) & 0xff);

    return f->eth.h_source[5] == number && f->ip.ttl == number
           && ntohs(f->udp.source) == 4096 + number
           && !csum(&f->ip, sizeof f->ip, 0) && !udp_csum(f);
}

static void
print_wrong(const struct frame *f)
{
    for (size_t i = 0; i < sizeof *f; i++) {
        fprintf(stderr, "%02x", ((const uint8_t *) f)[i]);
    }
    fputc('\n', stderr);
}

static int
run_check(const char *dev, time_t end, int mark)
{
    int s = open_socket(dev, ETH_P_IP);
    uint64_t right = 0, wrong = 0;

    while (time(NULL) < end) {
        struct frame f;
        ssize_t n = recv(s, &f, sizeof f, MSG_TRUNC);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            die("receive");
        } else if (n < 0 || ntohs(f.udp.dest) != PORT) {
            continue;
        } else if (n == sizeof f && is_right(&f, mark)) {
            right++;
        } else if (wrong++ < 5) {
            print_wrong(&f);
        }
    }
    printf("%llu right, %llu wrong\n", (unsigned long long) right,
           (unsigned long long) wrong);
    return wrong || !right;
}

int
main(int argc, char **argv)
{
    time_t end = argc > 3 ? time(NULL) + atoi(argv[3]) : 0;

    if (argc == 5 && !strcmp(argv[1], "send")) {
        run_send(argv[2], end, atoi(argv[4]));
    } else if ((argc == 4 || argc == 5) && !strcmp(argv[1], "check")) {
        return run_check(argv[2], end, argc == 5 ? atoi(argv[4]) : 0);
    } else {
        fputs("dpx-traffic: wrong arguments\n", stderr);
        return 1;
    }
    return 0;
}
