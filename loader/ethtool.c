/* SPDX-License-Identifier: Apache-2.0 */

/* Offloads, by the ethtool ioctl. */

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/error.h"
#include "loader/device.h"

/* The kernel's names (it numbers them differently in each version), and what
 * ethtool -K calls them. */
static const struct {
    const char *kernel;
    const char *ethtool;
} names[DPX_OFF_MAX] = {
    [DPX_OFF_LRO] = { "rx-lro", "lro" },
    [DPX_OFF_RXVLAN] = { "rx-vlan-hw-parse", "rxvlan" },
    [DPX_OFF_RXSTAG] = { "rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse" },
    [DPX_OFF_TXVLAN] = { "tx-vlan-hw-insert", "txvlan" },
    [DPX_OFF_TXSTAG] = { "tx-vlan-stag-hw-insert", "tx-vlan-stag-hw-insert" },
    [DPX_OFF_TXCSUM] = { "tx-checksum-ip-generic", "tx" },
    [DPX_OFF_TXSCTP] = { "tx-checksum-sctp", "tx-checksum-sctp" },
    [DPX_OFF_GRO] = { "rx-gro", "gro" },
};

#define MAX_BLOCKS 8 /* Of 32 features each. */

const char *
dpx_offload_name(enum dpx_offload offload)
{
    return names[offload].ethtool;
}

static int
control(struct dpx_net *net, const struct dpx_link *link, void *cmd)
{
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    memcpy(ifr.ifr_name, link->name, sizeof ifr.ifr_name);
    ifr.ifr_data = cmd;
    return ioctl(net->control, SIOCETHTOOL, &ifr) < 0 ? errno : 0;
}

/* The number of feature `name`, or -1. */
static int
find_feature(struct dpx_net *net, const struct dpx_link *link,
             const char *name)
{
    struct {
        struct ethtool_sset_info info;
        uint32_t size;
    } sset = { .info = { .cmd = ETHTOOL_GSSET_INFO,
                         .sset_mask = 1ull << ETH_SS_FEATURES } };
    struct ethtool_gstrings *strings;
    int found = -1;

    if (control(net, link, &sset) || !sset.info.sset_mask) {
        return -1;
    }
    strings = calloc(1, sizeof *strings + sset.size * ETH_GSTRING_LEN);
    if (!strings) {
        abort();
    }
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = sset.size;
    if (!control(net, link, strings)) {
        for (uint32_t i = 0; i < strings->len && found < 0; i++) {
            if (!strncmp((char *) strings->data + i * ETH_GSTRING_LEN, name,
                         ETH_GSTRING_LEN)) {
                found = i;
            }
        }
    }
    free(strings);
    return found < MAX_BLOCKS * 32 ? found : -1;
}

static bool
is_active(struct dpx_net *net, const struct dpx_link *link, int feature)
{
    struct {
        struct ethtool_gfeatures head;
        struct ethtool_get_features_block blocks[MAX_BLOCKS];
    } get = { .head = { .cmd = ETHTOOL_GFEATURES, .size = MAX_BLOCKS } };

    return !control(net, link, &get)
           && get.blocks[feature / 32].active & 1u << feature % 32;
}

bool
dpx_offload_get(struct dpx_net *net, const struct dpx_link *link,
                enum dpx_offload offload)
{
    int feature = find_feature(net, link, names[offload].kernel);

    return feature >= 0 && is_active(net, link, feature);
}

int
dpx_offload_set(struct dpx_net *net, const struct dpx_link *link,
                enum dpx_offload offload, bool on)
{
    int feature = find_feature(net, link, names[offload].kernel);
    struct {
        struct ethtool_sfeatures head;
        struct ethtool_set_features_block blocks[MAX_BLOCKS];
    } set = { .head = { .cmd = ETHTOOL_SFEATURES } };
    int error = EOPNOTSUPP;

    if (feature >= 0) {
        /* The kernel insists on exactly its own number of blocks, of which it
         * tells how many. */
        struct ethtool_gfeatures size = { .cmd = ETHTOOL_GFEATURES };

        control(net, link, &size);
        set.head.size = size.size;
        set.blocks[feature / 32].valid = 1u << feature % 32;
        set.blocks[feature / 32].requested = on ? 1u << feature % 32 : 0;
        error = control(net, link, &set);
        if (!error && is_active(net, link, feature) != on) {
            error = EOPNOTSUPP;
        }
    }
    return error ? dpx_error(error, "cannot turn %s %s on %s: %s",
                             names[offload].ethtool, on ? "on" : "off",
                             link->name, strerror(error))
                 : 0;
}

void
dpx_link_driver(struct dpx_net *net, const struct dpx_link *link,
                char driver[32])
{
    struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

    driver[0] = '\0';
    if (!control(net, link, &info)) {
        memcpy(driver, info.driver, sizeof info.driver);
        driver[31] = '\0';
    }
}
