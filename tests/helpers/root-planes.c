/* SPDX-License-Identifier: Apache-2.0 */

/* root-planes [-v] [-p PLANES] [FILE]...: runs packets and flows, of which is
 * known what becomes of them, through the planes (xdp, tc, tc-partial, user;
 * without -p all of them) of datapaths in the kernel; without FILE, those of
 * tests/data.  See tests/lib/plane.h and kernel.h.
 *
 * Needs root and bpffs, unless plane user is all that is asked for.  Works in
 * a network namespace of its own, and leaves nothing behind. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/loader.h"
#include "tests/lib/kernel.h"

static char names[2][DPX_NAME_LEN]; /* Of the datapaths. */

/* One CPU: what a packet leads to has mostly happened when it is sent. */
static int
prepare(void)
{
    cpu_set_t cpu;
    FILE *f;

    CPU_ZERO(&cpu);
    CPU_SET(sched_getcpu(), &cpu);
    sched_setaffinity(0, sizeof cpu, &cpu);
    if (unshare(CLONE_NEWNET)) {
        return dpx_error(errno, "no network namespace: %s", strerror(errno));
    }
    f = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w");
    if (f) { /* Else there is no IPv6. */
        fputs("1", f);
        fclose(f);
    }
    return 0;
}

/* Replaces the names in `list` by planes; at most 4. */
static size_t
find_planes(char *list, bool kernel, struct plane *planes[4])
{
    struct plane *all[] = {
        &xdp_plane,
        &tc_plane,
        &tc_partial_plane,
        kernel ? &user_pinned_plane : &user_plane,
    };
    size_t n = 0;

    for (char *s = strtok(list, " ,"); s; s = strtok(NULL, " ,")) {
        size_t i = 0;

        while (i < 4 && strcmp(s, all[i]->name)) {
            i++;
        }
        if (i == 4 || n == 4) {
            fprintf(stderr, "root-planes: no such plane: %s\n", s);
            exit(1);
        }
        planes[n++] = all[i];
    }
    return n;
}

static int
run_in_kernel(char *list, const char *const files[], size_t n, bool verbose)
{
    struct plane *const makers[] = { &xdp_plane, &tc_plane };
    struct plane *planes[4];
    size_t n_planes = find_planes(list, true, planes);
    int error = prepare(), status = 1;

    for (int i = 0; i < 2 && !error; i++) {
        error = kernel_open(makers[i], names[i]);
    }
    if (error) {
        fprintf(stderr, "root-planes: %s\n", dpx_error_text(error));
    } else {
        status = run_files(planes, n_planes, files, n, verbose);
    }
    for (int i = 0; i < 2; i++) {
        kernel_close(makers[i]);
    }
    return status;
}

/* In a child, so that its end, whatever it is, can be cleaned up after. */
static int
run_in_child(char *list, const char *const files[], size_t n, bool verbose)
{
    int status;
    pid_t pid;

    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "pl%d%c", getpid(), "xt"[i]);
    }
    signal(SIGINT, SIG_IGN); /* The child's end is ours to clean up. */
    signal(SIGTERM, SIG_IGN);
    pid = fork();
    if (!pid) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        exit(run_in_kernel(list, files, n, verbose));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror("root-planes");
        return 1;
    }
    if (WIFSIGNALED(status)) {
        printf("not ok - %s\n", strsignal(WTERMSIG(status)));
    }
    for (int i = 0; i < 2 && status; i++) {
        dpx_unload(names[i]);
    }
    return status ? 1 : 0;
}

int
main(int argc, char *argv[])
{
    static const char *const kept[] = {
        "tests/data/planes.jsonl",
        "tests/data/actions.jsonl",
        "tests/data/parse.jsonl",
    };
    const char *const *files = kept;
    size_t n = sizeof kept / sizeof *kept;
    char all[] = "xdp tc tc-partial user", *list = all;
    bool verbose = false;
    int option;

    while ((option = getopt(argc, argv, "vp:")) != -1) {
        if (option == 'p') {
            list = optarg;
        } else if (option == 'v') {
            verbose = true;
        } else {
            fprintf(stderr, "usage: root-planes [-v] [-p PLANES] [FILE]...\n");
            return 1;
        }
    }
    if (optind < argc) {
        files = (const char *const *) argv + optind;
        n = argc - optind;
    }
    if (!strcmp(list, "user")) {
        struct plane *const planes[] = { &user_plane };

        return run_files(planes, 1, files, n, verbose);
    }
    if (geteuid()) {
        printf("1..0 # skip needs root\n");
        return argc > 1;
    }
    return run_in_child(list, files, n, verbose);
}
