/* SPDX-License-Identifier: Apache-2.0 */

/* What the programs cost the running kernel's verifier, which gives up at a
 * million instructions: each must stay below half of that.  Needs root and
 * bpffs.  Prints TAP; leaves nothing behind. */

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/loader.h"

#define BUDGET 500000

static int n_tests, n_failed;

static void
check(const char *name, int prog)
{
    struct bpf_prog_info info = { 0 };
    __u32 len = sizeof info;
    bool ok = prog >= 0 && !bpf_obj_get_info_by_fd(prog, &info, &len)
              && info.verified_insns && info.verified_insns < BUDGET;

    printf("%sok %d - %s: %u instructions verified, %u translated, %u bytes "
           "of machine code\n",
           ok ? "" : "not ", ++n_tests, name, info.verified_insns,
           info.xlated_prog_len / 8, info.jited_prog_len);
    n_failed += !ok;
}

static void
check_pin(const struct dpx_maps *maps, const char *pin)
{
    int prog = dpx_maps_fd(maps, pin);

    check(pin, prog);
    close(prog);
}

static void
check_link(const struct dpx_maps *maps, const char *pin)
{
    struct bpf_link_info info = { 0 };
    __u32 len = sizeof info;
    int link = dpx_maps_fd(maps, pin), prog = -1;

    if (link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &len)) {
        prog = bpf_prog_get_fd_by_id(info.prog_id);
    }
    check(pin, prog);
    close(prog);
    close(link);
}

int
main(void)
{
    struct dpx_create_opts opts = { .n_flows = 1024, .no_local = true };
    char name[DPX_NAME_LEN];
    struct dpx_maps *maps;
    struct utsname kernel;
    int error;

    if (geteuid()) {
        printf("1..0 # skip needs root\n");
        return 0;
    }
    uname(&kernel);
    printf("# Linux %s\n", kernel.release);
    snprintf(name, sizeof name, "vf%d", getpid());
    error = dpx_load(name, &opts);
    if (error) {
        printf("not ok 1 - the programs load\n# %s\n", dpx_error_text(error));
        return 1;
    }
    if (!dpx_maps_open(name, &maps)) {
        check_pin(maps, "xdp");
        check_pin(maps, "tc");
        check_pin(maps, "clock");
        check_link(maps, "link-devmap");
        dpx_maps_close(maps);
    }
    dpx_unload(name);
    printf("1..%d\n", n_tests);
    return n_failed || !n_tests ? 1 : 0;
}
