/* SPDX-License-Identifier: Apache-2.0 */

/* Packets a second from live frames:
 *
 *     live bare IN OUT         attaches a bare bpf_redirect_map to device IN
 *     live run GEN SINK FLOWS  sends frames of FLOWS UDP flows out of device
 *                              GEN, and prints how many a second arrive at
 *                              device SINK, where they are dropped
 *
 * The bare program goes with its device. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "skel/live.skel.h"

enum { FRAMES = 1 << 20, BATCH = 64 };

static void
check(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "live: cannot %s: %s\n", what, strerror(-result));
        exit(1);
    }
}

static unsigned int
ifindex(const char *name)
{
    unsigned int index = if_nametoindex(name);

    if (!index) {
        fprintf(stderr, "live: no such device: %s\n", name);
        exit(1);
    }
    return index;
}

static struct dpx_live *
load(const char *gen, unsigned int n_flows)
{
    struct dpx_live *live = dpx_live__open();

    check(live ? 0 : -ENOMEM, "open the programs");
    live->rodata->out_ifindex = gen ? ifindex(gen) : 0;
    live->rodata->n_flows = n_flows;
    check(dpx_live__load(live), "load the programs");
    return live;
}

static unsigned long long
count(int fd)
{
    int n = libbpf_num_possible_cpus();
    unsigned long long values[n], sum = 0;

    check(bpf_map_lookup_elem(fd, &(__u32){ 0 }, values), "read a counter");
    for (int i = 0; i < n; i++) {
        sum += values[i];
    }
    return sum;
}

/* Packets a second that reach the sink. */
static double
measure(const struct dpx_live *live)
{
    static unsigned char frame[60] = {
        2,    0, 0,  0,  0, 2, 2,    0, 0,  0,  0,    1,    8,  0,
        0x45, 0, 0,  46, 0, 0, 0,    0, 64, 17, 0x66, 0xbd, 10, 0,
        0,    1, 10, 0,  0, 2, 0x80, 0, 0,  9,  0,    26,
    };
    struct xdp_md md = { .data_end = sizeof frame };
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
                .data_size_in = sizeof frame, .ctx_in = &md,
                .ctx_size_in = sizeof md, .repeat = FRAMES,
                .batch_size = BATCH, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
    int sunk = bpf_map__fd(live->maps.sunk);
    unsigned long long before = count(sunk);
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    check(bpf_prog_test_run_opts(bpf_program__fd(live->progs.generate), &opts),
          "generate frames");
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (count(sunk) - before)
           / (b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
}

static void
bare(const char *in, const char *out)
{
    struct dpx_live *live = load(NULL, 1);

    check(bpf_map_update_elem(bpf_map__fd(live->maps.bare_devmap),
                              &(__u32){ 2 }, &(__u32){ ifindex(out) }, 0),
          "set the devmap");
    check(bpf_xdp_attach(ifindex(in), bpf_program__fd(live->progs.bare),
                         XDP_FLAGS_DRV_MODE, NULL),
          "attach the program");
    dpx_live__destroy(live);
}

static void
run(const char *gen, const char *sink, int n_flows)
{
    struct dpx_live *live = load(gen, n_flows);
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
    int link = bpf_link_create(bpf_program__fd(live->progs.sink),
                               ifindex(sink), BPF_XDP, &opts);

    check(link, "attach the sink");
    printf("%.0f\n", measure(live));
    close(link);
    dpx_live__destroy(live);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "bare")) {
        bare(argv[2], argv[3]);
    } else if (argc == 5 && !strcmp(argv[1], "run")) {
        run(argv[2], argv[3], atoi(argv[4]));
    } else {
        fprintf(stderr, "usage: live bare IN OUT\n"
                        "       live run GEN SINK FLOWS\n");
        return 1;
    }
    return 0;
}
