/* SPDX-License-Identifier: Apache-2.0 */

/* What the suite's tests are made of. */

#include "tests/conformance/conformance.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/openvswitch.h>
#include <linux/tcp.h>
#include <time.h>

#include "lib/poll.h"

struct dpif *dp;
char dp_name[16], absent_name[16];
const char *const port_names[N_PORTS + 1] = { dp_name, "cnf1", "cnf2",
                                              "cnf3" };

/* Freed by teardown(). */
static struct attrs *all_attrs;

void
ok_(int error, const char *what, const char *file, int line)
{
    if (error) {
        print_error("%s:%d: %s: %s (%d)\n", file, line, what,
                    dpx_error_text(error), error);
        _fail(file, line);
    }
}

void
fails_(int error, int expected, const char *what, const char *file, int line)
{
    if (error != expected) {
        print_error("%s:%d: %s: got %d (%s), expected %d (%s)\n", file, line,
                    what, error, error ? dpx_error_text(error) : "success",
                    expected, strerror(expected));
        _fail(file, line);
    }
}

int
setup(void **state)
{
    struct dpif *old;
    int error;

    (void) state;
    if (!dpif_open(dp_name, harness.type, &old)) {
        dpif_delete(old);
        dpif_close(old);
    }
    error = dpif_create(dp_name, harness.type, &dp);
    if (error) {
        print_error("cannot make a datapath: %s\n", dpx_error_text(error));
        return -1;
    }
    for (uint32_t i = 1; i <= N_PORTS; i++) {
        struct dpif_netdev netdev = {
            .name = port_names[i],
            .type = harness.port_type,
        };
        uint32_t number = i;

        harness.make(port_names[i]);
        error = dpif_port_add(dp, &netdev, &number);
        if (error) {
            print_error("cannot add a port: %s\n", dpx_error_text(error));
            return -1;
        }
    }
    return 0;
}

int
teardown(void **state)
{
    (void) state;
    if (dp) {
        dpif_delete(dp);
        dpif_close(dp);
        dp = NULL;
    }
    for (uint32_t i = 1; i <= N_PORTS; i++) {
        harness.unmake(port_names[i]);
    }
    while (all_attrs) {
        struct attrs *a = all_attrs;

        all_attrs = a->next;
        dpx_buf_free(&a->buf);
        free(a);
    }
    return 0;
}

long long
now_ms(void)
{
    return dpx_time_msec();
}

void
sleep_ms(unsigned int ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&ts, NULL);
}

/* Frames ------------------------------------------------------------------ */

static void
set_mac(uint8_t *mac, unsigned int last)
{
    memcpy(mac, "\x02\x00\x00\x00\x00", 5);
    mac[5] = last;
}

struct frame
frame_of(unsigned int src, unsigned int dst, uint32_t number)
{
    struct frame f;

    memset(&f, 0, sizeof f);
    set_mac(f.data, dst);
    set_mac(f.data + 6, src);
    f.data[12] = 0x88;
    f.data[13] = 0xb5; /* Local experimental, IEEE 802. */
    memcpy(f.data + FRAME_LEN - 4, &number, sizeof number);
    return f;
}

static uint16_t
checksum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i += 2) {
        sum += p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

struct frame
frame_tcp(uint8_t flags, uint32_t number)
{
    struct frame f = frame_of(1, 2, number);
    size_t len = FRAME_LEN - ETH_HLEN;
    uint8_t *ip = f.data + ETH_HLEN, *tcp = ip + 20;
    uint16_t sum;

    f.data[12] = 0x08;
    f.data[13] = 0x00;
    memcpy(ip,
           "\x45\x00\x00\x00\x00\x00\x00\x00\x40\x06\x00\x00"
           "\x0a\x00\x00\x01\x0a\x00\x00\x02",
           20);
    ip[2] = len >> 8;
    ip[3] = len;
    sum = checksum(ip, 20, 0);
    ip[10] = sum >> 8;
    ip[11] = sum;
    memcpy(tcp, "\x03\xe8\x07\xd0", 4); /* 1000 to 2000. */
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    sum = checksum(tcp, len - 20, 2 * 0x0a00 + 1 + 2 + 6 + len - 20);
    tcp[16] = sum >> 8;
    tcp[17] = sum;
    return f;
}

void
inject(uint32_t port, const struct frame *f)
{
    harness.inject(dp, port, port_names[port], f->data, sizeof f->data);
}

void
expect_sent(uint32_t port, const void *data, size_t len)
{
    struct dpx_buf got = DPX_BUF_INIT;
    long long deadline = now_ms() + 2000;

    while (!harness.sent(dp, port, port_names[port], &got)) {
        if (now_ms() > deadline) {
            print_error("nothing came out of port %u\n", port);
            fail();
        }
        sleep_ms(1);
    }
    assert_int_equal(got.len, len);
    assert_memory_equal(dpx_buf_data(&got), data, len);
    dpx_buf_free(&got);
}

void
expect_frame(uint32_t port, const struct frame *f)
{
    expect_sent(port, f->data, sizeof f->data);
}

void
expect_silence(uint32_t port)
{
    struct dpx_buf got = DPX_BUF_INIT;

    sleep_ms(harness.settle_ms);
    assert_false(harness.sent(dp, port, port_names[port], &got));
}

/* Attributes -------------------------------------------------------------- */

struct attrs *
actions(void)
{
    struct attrs *a = calloc(1, sizeof *a);

    assert_non_null(a);
    a->next = all_attrs;
    all_attrs = a;
    return a;
}

struct attrs *
key_of(uint32_t port, unsigned int src, unsigned int dst)
{
    struct attrs *a = actions();
    struct ovs_key_ethernet eth;

    set_mac(eth.eth_src, src);
    set_mac(eth.eth_dst, dst);
    dpx_nla_put_u32(&a->buf, OVS_KEY_ATTR_IN_PORT, port);
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    dpx_nla_put_u16(&a->buf, OVS_KEY_ATTR_ETHERTYPE, htons(0x88b5));
    return a;
}

struct attrs *
key_tcp(uint32_t port)
{
    struct attrs *a = actions();
    struct ovs_key_ethernet eth;
    struct ovs_key_ipv4 ip = {
        .ipv4_src = htonl(0x0a000001),
        .ipv4_dst = htonl(0x0a000002),
        .ipv4_proto = 6,
        .ipv4_ttl = 64,
    };
    struct ovs_key_tcp tcp = { htons(1000), htons(2000) };

    set_mac(eth.eth_src, 1);
    set_mac(eth.eth_dst, 2);
    dpx_nla_put_u32(&a->buf, OVS_KEY_ATTR_IN_PORT, port);
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    dpx_nla_put_u16(&a->buf, OVS_KEY_ATTR_ETHERTYPE, htons(ETH_P_IP));
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_IPV4, &ip, sizeof ip);
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_TCP, &tcp, sizeof tcp);
    return a;
}

static struct attrs *
mask_of(uint8_t eth_bits)
{
    struct attrs *a = actions();
    struct ovs_key_ethernet eth;

    memset(&eth, eth_bits, sizeof eth);
    dpx_nla_put_u32(&a->buf, OVS_KEY_ATTR_IN_PORT, 0xffffffff);
    dpx_nla_put(&a->buf, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    dpx_nla_put_u16(&a->buf, OVS_KEY_ATTR_ETHERTYPE, 0xffff);
    return a;
}

struct attrs *
mask_all(void)
{
    return mask_of(0xff);
}

struct attrs *
mask_port(void)
{
    return mask_of(0);
}

void
add_output(struct attrs *a, uint32_t port)
{
    dpx_nla_put_u32(&a->buf, OVS_ACTION_ATTR_OUTPUT, port);
}

struct attrs *
outputs(uint32_t port)
{
    struct attrs *a = actions();

    add_output(a, port);
    return a;
}

void
add_userspace(struct attrs *a, uint32_t pid, const void *userdata, size_t len)
{
    size_t nest = dpx_nla_nest(&a->buf, OVS_ACTION_ATTR_USERSPACE);

    dpx_nla_put_u32(&a->buf, OVS_USERSPACE_ATTR_PID, pid);
    if (len) {
        dpx_nla_put(&a->buf, OVS_USERSPACE_ATTR_USERDATA, userdata, len);
    }
    dpx_nla_end(&a->buf, nest);
}

const void *
attr_find(const struct nlattr *a, size_t len, uint16_t type, size_t size)
{
    while (len >= NLA_HDRLEN) {
        size_t step = NLA_ALIGN(a->nla_len);

        if ((a->nla_type & NLA_TYPE_MASK) == type) {
            return a->nla_len == NLA_HDRLEN + size
                       ? (const uint8_t *) a + NLA_HDRLEN
                       : NULL;
        }
        if (step < NLA_HDRLEN || step > len) {
            break;
        }
        a = (const void *) ((const uint8_t *) a + step);
        len -= step;
    }
    return NULL;
}

/* Operations -------------------------------------------------------------- */

int
put_flags(unsigned int flags, const struct attrs *key,
          const struct attrs *mask, const struct attrs *acts,
          struct dpif_flow_stats *stats)
{
    return dpif_flow_put(dp, flags, ATTRS(key),
                         mask ? (const void *) dpx_buf_data(&mask->buf) : NULL,
                         mask ? mask->buf.len : 0, ATTRS(acts), stats);
}

int
put(const struct attrs *key, const struct attrs *mask,
    const struct attrs *acts)
{
    return put_flags(DPIF_FP_CREATE, key, mask, acts, NULL);
}

struct dpif_flow_stats
stats_of(const struct attrs *key, uint64_t n)
{
    long long deadline = now_ms() + 2000;
    struct dpif_flow_stats stats;

    do {
        OK(dpif_flow_get(dp, ATTRS(key), NULL, &stats));
    } while (stats.n_packets < n && now_ms() < deadline);
    return stats;
}

int
execute(const struct attrs *acts, const struct frame *f,
        const struct attrs *key, bool help)
{
    struct dpx_buf packet = DPX_BUF_INIT;
    struct dpif_execute e = {
        .actions = (const void *) dpx_buf_data(&acts->buf),
        .actions_len = acts->buf.len,
        .key = (const void *) dpx_buf_data(&key->buf),
        .key_len = key->buf.len,
        .packet = &packet,
        .needs_help = help,
    };
    int error;

    dpx_buf_put(&packet, f->data, sizeof f->data);
    error = dpif_execute(dp, &e);
    dpx_buf_free(&packet);
    return error;
}

int
recv_within(uint32_t handler, struct dpif_upcall *upcall, struct dpx_buf *buf)
{
    long long deadline = now_ms() + 2000;
    int error;

    while ((error = dpif_recv(dp, handler, upcall, buf)) == EAGAIN
           && now_ms() < deadline) {
        sleep_ms(1);
    }
    return error;
}
