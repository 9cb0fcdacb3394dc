/* SPDX-License-Identifier: Apache-2.0 */

/* test-corpus [-v] [FILE]...: runs packets and flows, of which is known what
 * becomes of them, through plane `user` in memory; without FILE, those of
 * tests/data.  See tests/lib/plane.h. */

#include <stdio.h>
#include <unistd.h>

#include "tests/lib/plane.h"

int
main(int argc, char *argv[])
{
    static const char *const kept[] = {
        "tests/data/parse.jsonl",
        "tests/data/actions.jsonl",
        "tests/data/planes.jsonl",
    };
    static struct plane *const planes[] = { &user_plane };
    bool verbose = getopt(argc, argv, "v") == 'v';

    if (optind == argc) {
        return run_files(planes, 1, kept, sizeof kept / sizeof *kept, verbose);
    }
    return run_files(planes, 1, (const char *const *) argv + optind,
                     argc - optind, verbose);
}
