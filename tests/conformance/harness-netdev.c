/* SPDX-License-Identifier: Apache-2.0 */

/* The suite on netdev datapaths with ports in memory: needs no privilege. */

#include "dpif/dummy.h"
#include "tests/conformance/conformance.h"

static bool
start(void)
{
    return true;
}

static void
stop(void)
{
}

static void
nothing(const char *name)
{
    (void) name;
}

static void
netdev_inject(struct dpif *dpif, uint32_t port, const char *name,
              const void *frame, size_t len)
{
    (void) name;
    OK(dpif_dummy_receive(dpif, port, frame, len));
}

static bool
netdev_sent(struct dpif *dpif, uint32_t port, const char *name,
            struct dpx_buf *frame)
{
    int error = dpif_dummy_sent(dpif, port, frame);

    (void) name;
    assert_true(!error || error == EAGAIN);
    return !error;
}

const struct harness harness = {
    .type = "netdev",
    .port_type = "dummy",
    .local_type = "internal",
    .as_put = true,
    .start = start,
    .stop = stop,
    .make = nothing,
    .unmake = nothing,
    .inject = netdev_inject,
    .sent = netdev_sent,
};
