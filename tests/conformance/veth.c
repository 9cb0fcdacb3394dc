/* SPDX-License-Identifier: Apache-2.0 */

/* Ports that are veths in a network namespace of this process; frames come
 * from and go to their peers' packet sockets.  Needs root. */

#include "tests/conformance/veth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The peers' sockets. */
enum { MAX_DEVICES = 64 };
static struct {
    char name[IF_NAMESIZE];
    int fd;
} peers[MAX_DEVICES];

static bool
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool
veth_start(void)
{
    if (geteuid() || unshare(CLONE_NEWNET)) {
        printf("1..0 # SKIP no network namespace of its own\n");
        return false;
    }
    /* Nothing but the tests' frames. */
    write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        peers[i].fd = -1;
    }
    return true;
}

void
veth_stop(void)
{
}

static void
run(const char *format, const char *name)
{
    char command[256];

    snprintf(command, sizeof command, format, name, name, name, name);
    if (system(command)) {
        print_error("failed: %s\n", command);
        fail();
    }
}

/* Before that, what is sent is lost. */
static void
wait_running(const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    for (int i = 0; i < 2000 && !(ifr.ifr_flags & IFF_RUNNING); i++) {
        assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
        sleep_ms(1);
    }
    close(fd);
}

void
veth_make(const char *name)
{
    char peer[32];
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
    };
    size_t i = 0;
    int on = 1;

    run("ip link add %s type veth peer name %sx && ip link set %s up "
        "&& ip link set %sx up",
        name);
    snprintf(peer, sizeof peer, "%sx", name);
    wait_running(name);
    wait_running(peer);
    addr.sll_ifindex = if_nametoindex(peer);
    while (peers[i].fd >= 0) {
        assert_true(++i < MAX_DEVICES);
    }
    snprintf(peers[i].name, sizeof peers[i].name, "%s", name);
    peers[i].fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                         0);
    assert_true(peers[i].fd >= 0);
    assert_int_equal(setsockopt(peers[i].fd, SOL_PACKET,
                                PACKET_IGNORE_OUTGOING, &on, sizeof on),
                     0);
    assert_int_equal(
        setsockopt(peers[i].fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on),
        0);
    assert_int_equal(bind(peers[i].fd, (struct sockaddr *) &addr, sizeof addr),
                     0);
}

static int *
peer_of(const char *name)
{
    for (size_t i = 0; i < MAX_DEVICES; i++) {
        if (peers[i].fd >= 0 && !strcmp(peers[i].name, name)) {
            return &peers[i].fd;
        }
    }
    return NULL;
}

void
veth_unmake(const char *name)
{
    int *fd = peer_of(name);

    if (fd) {
        close(*fd);
        *fd = -1;
        run("ip link del %sx", name);
    }
}

void
veth_inject(struct dpif *dpif, uint32_t port, const char *name,
            const void *frame, size_t len)
{
    int *fd = peer_of(name);
    ssize_t n;

    (void) dpif;
    (void) port;
    assert_non_null(fd);
    do {
        n = send(*fd, frame, len, 0);
    } while (n < 0 && (errno == ENOBUFS || errno == EAGAIN));
    assert_int_equal(n, len);
}

/* The kernel hands out the outer tag beside the frame. */
static size_t
insert_tag(const struct msghdr *msg, uint8_t *frame, size_t len)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    struct tpacket_auxdata aux;

    if (!c || c->cmsg_type != PACKET_AUXDATA) {
        return len;
    }
    memcpy(&aux, CMSG_DATA(c), sizeof aux);
    if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) {
        return len;
    }
    memmove(frame + 16, frame + 12, len - 12);
    frame[12] = aux.tp_vlan_tpid >> 8;
    frame[13] = aux.tp_vlan_tpid;
    frame[14] = aux.tp_vlan_tci >> 8;
    frame[15] = aux.tp_vlan_tci;
    return len + 4;
}

bool
veth_sent(struct dpif *dpif, uint32_t port, const char *name,
          struct dpx_buf *frame)
{
    char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    uint8_t data[65536 + 4];
    struct iovec iov = { data, sizeof data - 4 };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    int *fd = peer_of(name);
    ssize_t n;

    (void) dpif;
    (void) port;
    assert_non_null(fd);
    n = recvmsg(*fd, &msg, MSG_DONTWAIT);
    if (n < 0) {
        return false;
    }
    n = insert_tag(&msg, data, n);
    dpx_buf_clear(frame);
    dpx_buf_put(frame, data, n);
    return true;
}
