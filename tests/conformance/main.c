/* SPDX-License-Identifier: Apache-2.0 */

#include <unistd.h>

#include "lib/log.h"
#include "tests/conformance/conformance.h"

/* Runs all subjects, or those named. */
int
main(int argc, char *argv[])
{
    const struct {
        const char *name;
        const struct CMUnitTest *tests;
        size_t n;
    } subjects[] = {
        { "datapaths", datapath_tests, n_datapath_tests },
        { "ports", port_tests, n_port_tests },
        { "flows", flow_tests, n_flow_tests },
        { "dumps", dump_tests, n_dump_tests },
        { "packets", packet_tests, n_packet_tests },
        { "upcalls", upcall_tests, n_upcall_tests },
        { "threads", thread_tests, n_thread_tests },
    };
    int failed = 0;

    snprintf(dp_name, sizeof dp_name, "cnf%d", getpid());
    snprintf(absent_name, sizeof absent_name, "cnfx%d", getpid());
    /* Everything is formatted, and nobody reads it. */
    dpx_log_set_level(DPX_LOG_DBG);
    if (dpx_log_set_target("/dev/null") || !harness.start()) {
        return 0;
    }
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        bool chosen = argc == 1;

        for (int j = 1; j < argc; j++) {
            chosen |= !strcmp(argv[j], subjects[i].name);
        }
        if (chosen) {
            failed += _cmocka_run_group_tests(subjects[i].name,
                                              subjects[i].tests, subjects[i].n,
                                              NULL, NULL);
        }
    }
    harness.stop();
    return failed != 0;
}
