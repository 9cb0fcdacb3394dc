/* SPDX-License-Identifier: Apache-2.0 */

/* Packets a second through dpx in XDP against a bare bpf_redirect_map, from
 * live frames, interleaved in one run:
 *
 *     live BARE_GEN BARE_IN BARE_OUT BARE_SINK DPX_GEN DPX_SINK FLOWS ROUNDS
 *
 * names devices: GEN is where the generator transmits, its veth peer is where
 * frames arrive (BARE_IN gets the bare program, the datapath's port has ours),
 * SINK is the far end, where frames are counted and dropped.  Prints a line
 * "bare dpx" of packets a second for each round. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
load(const char *gen, unsigned int n_flows, int sunk)
{
    struct dpx_live *skel = dpx_live__open();

    if (!skel) {
        check(-1, "open the programs");
    }
    skel->rodata->out_ifindex = ifindex(gen);
    skel->rodata->n_flows = n_flows;
    if (sunk >= 0) {
        check(bpf_map__reuse_fd(skel->maps.sunk, sunk), "share the counter");
    }
    check(dpx_live__load(skel), "load the programs");
    return skel;
}

static void
attach(const struct bpf_program *program, const char *device)
{
    check(bpf_xdp_attach(ifindex(device), bpf_program__fd(program),
                         XDP_FLAGS_DRV_MODE, NULL), "attach a program");
}

static unsigned long long
count(int fd, __u32 which)
{
    unsigned long long values[libbpf_num_possible_cpus()], sum = 0;

    check(bpf_map_lookup_elem(fd, &which, values), "read the counter");
    for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
        sum += values[i];
    }
    return sum;
}

/* Packets a second that reach the sink. */
static double
run(const struct dpx_live *gen, int sunk, __u32 which)
{
    static unsigned char frame[60] = {
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
        0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0x66, 0xbd,
        10, 0, 0, 1, 10, 0, 0, 2, 0x80, 0, 0, 9, 0, 26,
    };
    struct xdp_md md = { .data_end = sizeof frame };
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = frame, .data_size_in = sizeof frame,
                .ctx_in = &md, .ctx_size_in = sizeof md,
                .repeat = FRAMES, .batch_size = BATCH,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
    unsigned long long before = count(sunk, which);
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    check(bpf_prog_test_run_opts(bpf_program__fd(gen->progs.generate),
                                 &opts), "generate frames");
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (count(sunk, which) - before)
           / (b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
}

int
main(int argc, char **argv)
{
    struct dpx_live *bare, *ours;
    int sunk;

    if (argc != 9) {
        fprintf(stderr, "usage: live BARE_GEN BARE_IN BARE_OUT BARE_SINK "
                        "DPX_GEN DPX_SINK FLOWS ROUNDS\n");
        return 1;
    }
    bare = load(argv[1], atoi(argv[7]), -1);
    sunk = bpf_map__fd(bare->maps.sunk);
    ours = load(argv[5], atoi(argv[7]), sunk);
    attach(bare->progs.bare, argv[2]);
    attach(bare->progs.sink_bare, argv[4]);
    attach(bare->progs.sink_dpx, argv[6]);
    check(bpf_map_update_elem(bpf_map__fd(bare->maps.bare_devmap),
                              &(__u32) { 2 },
                              &(__u32) { ifindex(argv[3]) }, 0),
          "set the devmap");
    run(bare, sunk, 0);         /* Warm up. */
    run(ours, sunk, 1);
    for (int i = 0; i < atoi(argv[8]); i++) {
        double b = run(bare, sunk, 0), d = run(ours, sunk, 1);

        printf("%.0f %.0f\n", b, d);
        fflush(stdout);
    }
    dpx_live__destroy(ours);
    dpx_live__destroy(bare);
    return 0;
}
