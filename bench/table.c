/* SPDX-License-Identifier: Apache-2.0 */

/* Flows a second into and out of a datapath through the provider, against raw
 * batches of a BPF hash map, interleaved:
 *
 *     table DP FLOWS ROUNDS
 *
 * Prints "put RAW OURS" and "dump RAW OURS" for each round.  The peer's key
 * and value are as large as what the packet path has to know of a flow, which
 * is what a provider on plain BPF hash maps would keep. */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/openvswitch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/odp.h"
#include "provider-xdp/provider.h"

enum { BATCH = 4096 };

struct raw_key {
    __u64 words[8];
};

struct raw_value {
    __u64 words[8];
};

static void
check(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "table: cannot %s: %s\n", what, dpx_error_text(error));
        exit(1);
    }
}

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The peer ---------------------------------------------------------------- */

static int
raw_create(int n)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "peer", sizeof(struct raw_key),
                            sizeof(struct raw_value), n, NULL);

    check(fd < 0 ? -fd : 0, "create the peer's map");
    return fd;
}

static double
raw_put(int fd, int n)
{
    static struct raw_key keys[BATCH];
    static struct raw_value values[BATCH];
    double start = now();

    for (int i = 0; i < n; i += BATCH) {
        __u32 count = n - i < BATCH ? n - i : BATCH;

        for (unsigned int j = 0; j < count; j++) {
            keys[j].words[0] = i + j;
        }
        check(-bpf_map_update_batch(fd, keys, values, &count, NULL),
              "update a batch");
    }
    return n / (now() - start);
}

static double
raw_dump(int fd, int n)
{
    static struct raw_key keys[2 * BATCH];
    static struct raw_value values[2 * BATCH];
    __u32 position, *in = NULL;
    double start = now();
    int seen = 0, result;

    do {
        __u32 count = 2 * BATCH;

        result = bpf_map_lookup_batch(fd, in, &position, keys, values, &count,
                                      NULL);
        check(result && result != -ENOENT ? -result : 0, "look up a batch");
        in = &position;
        seen += count;
    } while (!result);
    check(seen == n ? 0 : EIO, "see all of the peer's entries");
    return n / (now() - start);
}

/* Ours -------------------------------------------------------------------- */

struct flows {
    struct dpx_request *requests;
    struct dpx_request **pointers;
    struct dpx_buf attrs;
};

/* `n` TCP flows, as a learning switch with an ACL would install them. */
static void
make_flows(struct flows *f, int n)
{
    static const char format[] =
        "recirc_id(0),in_port(1),eth(src=02:00:00:00:00:01,"
        "dst=02:00:00:00:00:02),eth_type(0x0800),"
        "ipv4(src=10.%d.%d.%d,dst=10.1.2.3,proto=6,frag=no),"
        "tcp(src=%d,dst=80)";
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    struct dpx_buf actions = DPX_BUF_INIT, text = DPX_BUF_INIT;
    size_t key_len, mask_len;
    uint8_t ufid[16];
    bool has_ufid;

    memset(&f->attrs, 0, sizeof f->attrs);
    f->requests = calloc(n, sizeof *f->requests);
    f->pointers = calloc(n, sizeof *f->pointers);
    check(dpx_parse_actions("2", NULL, &actions), "parse actions");
    for (int i = 0; i < n; i++) {
        dpx_buf_clear(&text);
        dpx_buf_clear(&key);
        dpx_buf_clear(&mask);
        dpx_buf_printf(&text, format, i >> 16 & 255, i >> 8 & 255, i & 255,
                       1024 + i % 60000);
        check(dpx_parse_flow(dpx_buf_str(&text), NULL, &key, &mask, ufid,
                             &has_ufid),
              "parse a flow");
        if (!i) {
            key_len = key.len;
            mask_len = mask.len;
            dpx_buf_reserve(&f->attrs, 0,
                            n * (key_len + mask_len) + actions.len);
            dpx_buf_put(&f->attrs, dpx_buf_data(&actions), actions.len);
        }
        f->requests[i] = (struct dpx_request){
            .kind = DPX_DO_PUT,
            .flags = DPX_PUT_CREATE,
            .key = dpx_buf_put(&f->attrs, dpx_buf_data(&key), key_len),
            .key_len = key_len,
            .mask = dpx_buf_put(&f->attrs, dpx_buf_data(&mask), mask_len),
            .mask_len = mask_len,
            .actions = dpx_buf_data(&f->attrs),
            .actions_len = actions.len,
        };
        f->pointers[i] = &f->requests[i];
    }
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    dpx_buf_free(&actions);
    dpx_buf_free(&text);
}

static double
our_put(struct dpx_dp *dp, struct flows *f, int n)
{
    double start = now();

    for (int i = 0; i < n; i += BATCH) {
        dpx_operate(dp, f->pointers + i, n - i < BATCH ? n - i : BATCH);
    }
    start = n / (now() - start);
    for (int i = 0; i < n; i++) {
        check(f->requests[i].error, "put a flow");
    }
    return start;
}

static double
our_dump(struct dpx_dp *dp, int n)
{
    const struct dpx_flow_view *view;
    struct dpx_dump_state *state;
    struct dpx_dump *dump;
    uint64_t packets = 0;
    double start = now();
    int seen = 0;

    check(dpx_dump_start(dp, &dump), "start a dump");
    check(dpx_dump_state_open(dump, &state), "start a dump");
    while ((view = dpx_dump_next(state))) {
        packets += view->stats.packets;
        seen++;
    }
    dpx_dump_state_close(state);
    check(dpx_dump_done(dump), "dump");
    check(seen == n && !packets ? 0 : EIO, "see all flows");
    return n / (now() - start);
}

int
main(int argc, char **argv)
{
    struct flows flows;
    struct dpx_dp *dp;
    int n, rounds;

    if (argc != 4 || (n = atoi(argv[2])) < 1 || (rounds = atoi(argv[3])) < 1) {
        fprintf(stderr, "usage: table DP FLOWS ROUNDS\n");
        return 1;
    }
    setrlimit(RLIMIT_MEMLOCK,
              &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    check(dpx_dp_open(argv[1], false, NULL, &dp), "open the datapath");
    make_flows(&flows, n);
    for (int i = 0; i < rounds; i++) {
        int raw = raw_create(n);
        double put = raw_put(raw, n), ours = our_put(dp, &flows, n);

        printf("put %.0f %.0f\n", put, ours);
        for (int j = 0; j < 3; j++) {
            double dump = raw_dump(raw, n);

            printf("dump %.0f %.0f\n", dump, our_dump(dp, n));
        }
        check(dpx_flow_flush(dp), "flush");
        close(raw);
    }
    dpx_dp_close(dp);
    free(flows.requests);
    free(flows.pointers);
    dpx_buf_free(&flows.attrs);
    return 0;
}
