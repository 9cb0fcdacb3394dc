/* SPDX-License-Identifier: Apache-2.0 */

/* The suite on netdev datapaths, with veths for ports. */

#include "tests/conformance/veth.h"

const struct harness harness = {
    .type = "netdev",
    .port_type = "system",
    .local_type = "internal",
    .settle_ms = 50,
    .burst = 100,
    .as_put = true,
    .start = veth_start,
    .stop = veth_stop,
    .make = veth_make,
    .unmake = veth_unmake,
    .inject = veth_inject,
    .sent = veth_sent,
};
