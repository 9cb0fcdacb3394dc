/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/lib/kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/odp.h"
#include "provider-xdp/provider.h"
#include "tests/lib/wire.h"

enum {
    N_FLOWS = 4096,
    N_MASKS = 256,
    MTU = 9000,
    WAIT_MS = 2000, /* For what is to come. */
    MAX_LATE = 20,  /* So many times; then less. */
    POISON = 32,    /* Bytes of metadata in front of a frame. */
};

/* Drops of so many ports are told apart. */
#define DROP_PORTS 256

struct drops {
    uint64_t packets[DROP_PORTS][DPX_DROP_MAX];
};

struct kernel {
    struct dpx_dp *dp;
    int peers[SMALL_PORT + 1];  /* Sockets; [0] unused. */
    int xdp;                    /* Program. */
    struct dpx_buf buf, packet; /* For upcalls. */
    int late;
};

static struct kernel xdp_kernel, tc_kernel;

/* Making it --------------------------------------------------------------- */

static int __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
    char command[256];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command) ? dpx_error(EIO, "failed: %s", command) : 0;
}

static int
add_port(struct plane *plane, int i)
{
    struct kernel *k = plane->aux;
    bool xdp = plane->where == DPX_PLANE_XDP;
    struct dpx_attach_opts opts = {
        .port = i,
        .mode = xdp ? DPX_MODE_XDP : DPX_MODE_TC,
    };
    char dev[8], peer[16];
    uint32_t port;
    int error;

    snprintf(dev, sizeof dev, "%c%d", "tx"[xdp], i % 100);
    snprintf(peer, sizeof peer, "%sp", dev);
    error = run("ip link add %s mtu %d type veth peer name %s mtu %d && ip "
                "link set %s up && ip link set %s %s",
                dev, i == SMALL_PORT ? SMALL_MTU : MTU, peer, MTU, dev, peer,
                i == DOWN_PORT ? "down" : "up");
    if (!error) {
        error = dpx_port_add(k->dp, dev, &opts, &port);
    }
    if (!error && i <= SMALL_PORT) {
        k->peers[i] = wire_open(peer);
        error = k->peers[i] < 0 ? dpx_error(errno, "no packet socket") : 0;
    }
    return error;
}

int
kernel_open(struct plane *plane, const char *name)
{
    struct dpx_create_opts opts = { .n_flows = N_FLOWS,
                                    .n_masks = N_MASKS,
                                    .no_local = true };
    struct kernel *k = plane->aux;
    int error = dpx_dp_open(name, true, &opts, &k->dp);

    if (!error) {
        error = dpx_handlers_set(k->dp, 1);
    }
    if (!error) {
        error = dpx_recv_set(k->dp, true);
    }
    for (int i = 1; i <= DOWN_PORT && !error; i++) {
        error = add_port(plane, i);
    }
    k->xdp = error ? -1 : kernel_fd(plane, "xdp");
    return error;
}

void
kernel_close(struct plane *plane)
{
    struct kernel *k = plane->aux;

    if (k->dp) {
        dpx_dp_destroy(k->dp);
        dpx_dp_close(k->dp);
        dpx_buf_free(&k->buf);
        dpx_buf_free(&k->packet);
    }
}

int
kernel_fd(struct plane *plane, const char *pin)
{
    struct kernel *k = plane->aux;

    return dpx_maps_fd(dpx_dp_maps(k->dp), pin);
}

static void
begin(struct plane *plane, struct datapath *dp)
{
    struct kernel *k = plane->aux;

    dp->maps = dpx_dp_maps(k->dp);
    dp->table = dpx_dp_table(k->dp);
    if (dpx_flow_flush(k->dp)) {
        fprintf(stderr, "cannot flush: %s\n", dpx_error_text(errno));
        exit(1);
    }
}

static void
end(struct plane *plane, struct datapath *dp)
{
    (void) plane;
    (void) dp;
}

/* What came of a packet --------------------------------------------------- */

static void
add_drop(const struct dpx_drop_key *key, const struct dpx_drop *drop,
         void *drops_)
{
    struct drops *drops = drops_;
    uint32_t reason = key->reason & ~DPX_DROP_USER;

    if (key->port < DROP_PORTS && reason < DPX_DROP_MAX) {
        drops->packets[key->port][reason] += drop->packets;
    }
}

static void
read_drops(struct kernel *k, struct drops *drops)
{
    memset(drops, 0, sizeof *drops);
    dpx_maps_drops(dpx_dp_maps(k->dp), add_drop, drops);
}

static void
note_drops(struct kernel *k, const struct drops *before, struct outcome *got)
{
    static struct drops now;

    read_drops(k, &now);
    for (uint32_t port = 0; port < DROP_PORTS; port++) {
        for (int reason = 0; reason < DPX_DROP_MAX; reason++) {
            uint64_t n = now.packets[port][reason]
                         - before->packets[port][reason];

            if (n) {
                outcome_drop(got, port, reason, n);
            }
        }
    }
}

static void
note_upcalls(struct kernel *k, struct outcome *got)
{
    struct dpx_upcall_info info;

    while (!dpx_recv(k->dp, 0, &info, &k->buf, &k->packet)) {
        struct dpx_key key = { .in_port = UINT32_MAX };

        dpx_key_parse(info.key, info.key_len, &key);
        outcome_upcall(got, info.type, info.pid, &key, info.userdata,
                       info.userdata_len, dpx_buf_data(&k->packet),
                       k->packet.len);
    }
}

static void
note_arrivals(struct kernel *k, struct outcome *got)
{
    static uint8_t frame[MAX_WIRE];

    for (int i = 1; i <= SMALL_PORT; i++) {
        size_t n;

        while ((n = wire_receive(k->peers[i], frame))) {
            outcome_output(got, i, frame, n);
        }
    }
    note_upcalls(k, got);
}

/* Hits and misses: one of them is counted for each packet. */
static uint64_t
counted(struct kernel *k)
{
    struct dpx_stats stats;

    dpx_maps_stats(dpx_dp_maps(k->dp), &stats);
    return stats.hit + stats.missed;
}

static int64_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* Waits for what is to come; whatever else comes meanwhile is noted too, or
 * with the next packet, and is wrong there. */
static void
collect(struct kernel *k, uint64_t before, const struct outcome *want,
        struct outcome *got)
{
    bool hasty = want->unsure || k->late >= MAX_LATE;
    int64_t end = now_ms() + (hasty ? WAIT_MS / 50 : WAIT_MS);
    struct pollfd pfds[SMALL_PORT + 1] = {
        { .fd = dpx_recv_fd(k->dp, 0), .events = POLLIN },
    };

    for (int i = 1; i <= SMALL_PORT; i++) {
        pfds[i] = (struct pollfd){ .fd = k->peers[i], .events = POLLIN };
    }
    for (;;) {
        note_arrivals(k, got);
        if (counted(k) != before && got->n_outputs >= want->n_outputs
            && got->n_upcalls >= want->n_upcalls) {
            break;
        }
        if (now_ms() > end) {
            k->late += !want->unsure;
            break;
        }
        poll(pfds, SMALL_PORT + 1, 1);
    }
    note_arrivals(k, got);
}

/* Sending ----------------------------------------------------------------- */

/* The kernel drops a frame with a tag and less than two bytes behind the tag's
 * EtherType, before TC sees it and before it arrives at a peer. */
static bool
short_of_a_tag(const struct dpx_buf *packet)
{
    const uint8_t *p = dpx_buf_data(packet);

    return packet->len < 20
           && (!memcmp(p + 12, "\x81\x00", 2)
               || !memcmp(p + 12, "\x88\xa8", 2));
}

static enum result
receive(struct plane *plane, struct datapath *dp, uint32_t in_port,
        const struct dpx_buf *packet, const struct outcome *want,
        struct outcome *got)
{
    struct kernel *k = plane->aux;
    static uint8_t frame[MAX_WIRE];
    static struct drops drops;
    struct virtio_net_hdr vnet = { 0 };
    uint64_t before;
    int error;

    (void) dp;
    if (in_port < 1 || in_port > LAST_PORT || packet->len > sizeof frame) {
        return because(SKIP, "no such port");
    }
    if (short_of_a_tag(packet)) {
        return because(SKIP, "too short for the kernel to take its tag off");
    }
    note_arrivals(k, got);
    if (got->n_outputs || got->n_upcalls) {
        return because(FAIL, "more came of a packet of before");
    }
    memcpy(frame, dpx_buf_data(packet), packet->len);
    if (plane == &tc_partial_plane
        && !wire_partial(frame, packet->len, &vnet)) {
        return because(SKIP, "no checksum that a device could complete");
    }
    before = counted(k);
    read_drops(k, &drops);
    error = wire_send(k->peers[in_port], &vnet, frame, packet->len);
    if (error) {
        return because(FAIL, "cannot be sent: %s", strerror(error));
    }
    collect(k, before, want, got);
    note_drops(k, &drops, got);
    if (counted(k) == before && !got->n_drops) {
        return because(FAIL, "not counted");
    }
    return PASS;
}

/* The XDP program alone, on a frame with other bytes in front of it. */
static enum result
verify_xdp(struct plane *plane, struct datapath *dp, uint32_t in_port,
           const struct dpx_buf *packet, const struct outcome *want)
{
    static uint8_t in[POISON + MAX_WIRE], out[POISON + MAX_WIRE];
    struct kernel *k = plane->aux;
    struct xdp_md ctx = {
        .data = POISON,
        .data_end = POISON + packet->len,
        .ingress_ifindex = dp->maps->ports[in_port].ifindex,
    };
    struct xdp_md ctx_out = ctx;
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in,
                .data_size_in = POISON + packet->len, .data_out = out,
                .data_size_out = sizeof out, .ctx_in = &ctx,
                .ctx_size_in = sizeof ctx, .ctx_out = &ctx_out,
                .ctx_size_out = sizeof ctx_out);
    const struct dpx_buf *wanted = want->n_outputs ? &want->outputs[0].packet
                                                   : NULL;
    int error;

    memset(in, 0xa5, POISON);
    memcpy(in + POISON, dpx_buf_data(packet), packet->len);
    error = -bpf_prog_test_run_opts(k->xdp, &opts);
    if (error) {
        return because(FAIL, "test run: %s", strerror(error));
    }
    if (opts.retval != (wanted ? XDP_REDIRECT : XDP_DROP)) {
        return because(FAIL, "test run: verdict %u", opts.retval);
    }
    if (wanted
        && (opts.data_size_out != ctx_out.data + wanted->len
            || memcmp(out + ctx_out.data, dpx_buf_data(wanted),
                      wanted->len))) {
        return because(FAIL, "test run: other bytes");
    }
    return PASS;
}

struct plane xdp_plane = {
    .name = "xdp",
    .where = DPX_PLANE_XDP,
    .drops = true,
    .aux = &xdp_kernel,
    .begin = begin,
    .end = end,
    .receive = receive,
    .verify = verify_xdp,
};

struct plane tc_plane = {
    .name = "tc",
    .where = DPX_PLANE_TC,
    .drops = true,
    .aux = &tc_kernel,
    .begin = begin,
    .end = end,
    .receive = receive,
};

struct plane tc_partial_plane = {
    .name = "tc-partial",
    .where = DPX_PLANE_TC,
    .drops = true,
    .aux = &tc_kernel,
    .begin = begin,
    .end = end,
    .receive = receive,
};

struct plane user_pinned_plane = {
    .name = "user",
    .where = DPX_PLANE_USER,
    .aux = &tc_kernel,
    .begin = begin,
    .end = end,
    .receive = user_receive,
};
