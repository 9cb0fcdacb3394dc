/* SPDX-License-Identifier: Apache-2.0 */

/* Sizes and secrets of a datapath, chosen once, at create. */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "lib/error.h"
#include "maps/maps.h"

#define MAX_FLOWS 4194304
#define MAX_MASKS 65535

static uint32_t
power_of_two(uint32_t at_least)
{
    uint32_t n = 64;

    while (n < at_least) {
        n *= 2;
    }
    return n;
}

int
dpx_config_init(struct dpx_config *conf, uint32_t n_flows, uint32_t n_masks,
                uint32_t n_cpus)
{
    uint32_t n_buckets;

    if (n_flows < 1 || n_flows > MAX_FLOWS) {
        return dpx_error(EINVAL, "%u flows: must be 1 to %d", n_flows,
                         MAX_FLOWS);
    }
    if (n_masks < 1 || n_masks > MAX_MASKS) {
        return dpx_error(EINVAL, "%u masks: must be 1 to %d", n_masks,
                         MAX_MASKS);
    }
    if (!n_cpus) {
        return dpx_error(EINVAL, "no CPUs");
    }

    memset(conf, 0, sizeof *conf);
    conf->n_flows = n_flows + 1;
    /* Bodies that wait for a grace period: an eighth more. */
    conf->n_slots = n_flows + n_flows / 8 + 1024;
    conf->n_masks = n_masks;
    conf->n_blocks = n_flows / 2 + 4096;
    /* At most half of the buckets' cells are in use in a full table; then one
     * bucket in 20 overflows. */
    n_buckets = power_of_two(n_flows / 2);
    conf->bucket_mask = n_buckets - 1;
    conf->n_buckets = n_buckets + n_buckets / 4;
    conf->cache_mask = power_of_two(2 * n_flows) - 1;
    /* Two names each, and at least half of the entries empty. */
    conf->name_mask = power_of_two(4 * n_flows) - 1;
    conf->n_cpus = n_cpus;
    conf->ring_bytes = 4 << 20;
    if (getrandom(conf->secret_lo, sizeof conf->secret_lo, 0)
            != sizeof conf->secret_lo
        || getrandom(conf->secret_hi, sizeof conf->secret_hi, 0)
               != sizeof conf->secret_hi) {
        return dpx_error(errno, "no random bytes: %s", strerror(errno));
    }
    return 0;
}

uint64_t
dpx_config_entries(const struct dpx_config *c, const char *name)
{
#define X(NAME, TYPE, ENTRIES)                                                \
    if (!strcmp(name, #NAME)) {                                               \
        return ENTRIES;                                                       \
    }
    DPX_MMAPS(X)
#undef X
    return 0;
}
