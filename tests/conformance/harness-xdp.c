/* SPDX-License-Identifier: Apache-2.0 */

/* The suite on xdp datapaths, with veths. */

#include "loader/loader.h"
#include "tests/conformance/veth.h"

static bool
start(void)
{
    int error = dpx_machine_check();

    if (error) {
        printf("1..0 # SKIP %s\n", dpx_error_text(error));
        return false;
    }
    return veth_start();
}

const struct harness harness = {
    .type = "xdp",
    .port_type = "system",
    .local_type = "internal",
    .settle_ms = 50,
    .as_put = true,
    .start = start,
    .stop = veth_stop,
    .make = veth_make,
    .unmake = veth_unmake,
    .inject = veth_inject,
    .sent = veth_sent,
};
