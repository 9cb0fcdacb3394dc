/* SPDX-License-Identifier: Apache-2.0 */

/* A hub on the dpif library: what arrives on a port leaves by all others.
 *
 *     cc hub.c $(pkg-config --cflags --libs libdpif)
 *
 * It makes a datapath in this process, with ports in memory, so it needs no
 * privilege; three frames show what happens.  With type "xdp", and devices
 * for ports, the same program forwards in the kernel. */

#include <errno.h>
#include <linux/openvswitch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif/dpif.h"
#include "dpif/dummy.h"
#include "lib/error.h"
#include "lib/flow-text.h"

enum { N_PORTS = 3 };

static struct dpif *dpif;

static void
check(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "hub: cannot %s: %s\n", what, dpx_error_text(error));
        exit(1);
    }
}

/* The payload of attribute `type`, a u32. */
static uint32_t
find_u32(const struct nlattr *a, size_t len, int type)
{
    while (len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN
           && (size_t) NLA_ALIGN(a->nla_len) <= len) {
        if (a->nla_type == type) {
            uint32_t value;

            memcpy(&value, (const char *) a + NLA_HDRLEN, sizeof value);
            return value;
        }
        len -= NLA_ALIGN(a->nla_len);
        a = (const void *) ((const char *) a + NLA_ALIGN(a->nla_len));
    }
    return DPIF_PORT_NONE;
}

/* Sends the packet of an upcall to all other ports, and lets those that follow
 * go there by themselves: the flow matches the port alone. */
static void
flood(struct dpif_upcall *upcall)
{
    uint32_t in_port = find_u32(upcall->key, upcall->key_len,
                                OVS_KEY_ATTR_IN_PORT);
    struct dpx_buf actions = DPX_BUF_INIT, key = DPX_BUF_INIT;
    struct dpx_buf mask = DPX_BUF_INIT;
    char text[128];
    uint8_t ufid[16];
    bool has_ufid;
    struct dpif_port_dump dump;
    struct dpif_port port;
    struct dpif_execute execute;

    DPIF_PORT_FOR_EACH(&port, &dump, dpif)
    {
        if (port.port_no != in_port) {
            dpx_nla_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, port.port_no);
        }
    }
    snprintf(text, sizeof text, "in_port(%u),eth(),eth_type(0/0)", in_port);
    check(dpx_parse_flow(text, NULL, &key, &mask, ufid, &has_ufid),
          "parse a flow");
    check(dpif_flow_put(dpif, DPIF_FP_CREATE,
                        (const struct nlattr *) dpx_buf_data(&key), key.len,
                        (const struct nlattr *) dpx_buf_data(&mask), mask.len,
                        (const struct nlattr *) dpx_buf_data(&actions),
                        actions.len, NULL),
          "put a flow");
    memset(&execute, 0, sizeof execute);
    execute.actions = (const struct nlattr *) dpx_buf_data(&actions);
    execute.actions_len = actions.len;
    execute.key = upcall->key;
    execute.key_len = upcall->key_len;
    execute.packet = &upcall->packet;
    check(dpif_execute(dpif, &execute), "execute");
    dpx_buf_free(&actions);
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
}

static void
receive_upcalls(void)
{
    struct dpx_buf buf = DPX_BUF_INIT;
    struct dpif_upcall upcall;
    int error;

    while (!(error = dpif_recv(dpif, 0, &upcall, &buf))) {
        printf("%s upcall of %zu bytes\n",
               dpif_upcall_type_to_string(upcall.type), upcall.packet.len);
        flood(&upcall);
        dpx_buf_free(&upcall.packet);
    }
    check(error == EAGAIN ? 0 : error, "receive");
    dpx_buf_free(&buf);
}

static void
print_flows(void)
{
    const struct nlattr *key, *mask, *actions;
    size_t key_len, mask_len, actions_len;
    const struct dpif_flow_stats *stats;
    struct dpif_flow_dump dump;
    void *state;

    check(dpif_flow_dump_start(&dump, dpif), "dump");
    check(dpif_flow_dump_state_init(&dump, &state), "dump");
    while (dpif_flow_dump_next(&dump, state, &key, &key_len, &mask, &mask_len,
                               &actions, &actions_len, &stats)) {
        struct dpx_buf text = DPX_BUF_INIT;

        dpx_format_flow(key, key_len, mask, mask_len, false, NULL, &text);
        dpx_buf_printf(&text, " ");
        dpif_flow_stats_format(stats, &text);
        dpx_buf_printf(&text, " actions:");
        dpx_format_actions(actions, actions_len, NULL, &text);
        puts(dpx_buf_str(&text));
        dpx_buf_free(&text);
    }
    dpif_flow_dump_state_uninit(&dump, state);
    check(dpif_flow_dump_done(&dump), "dump");
}

int
main(void)
{
    const uint8_t frame[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6 };
    struct dpx_buf sent = DPX_BUF_INIT;

    check(dpif_create("hub", "netdev", &dpif), "create a datapath");
    for (uint32_t i = 1; i <= N_PORTS; i++) {
        char name[16];
        struct dpif_netdev netdev = { name, "dummy", NULL };
        uint32_t number = DPIF_PORT_NONE;

        snprintf(name, sizeof name, "p%u", i);
        check(dpif_port_add(dpif, &netdev, &number), "add a port");
        printf("%s is port %u\n", name, number);
    }
    check(dpif_recv_set(dpif, true), "receive");

    for (int i = 0; i < 3; i++) {
        check(dpif_dummy_receive(dpif, 1, frame, sizeof frame),
              "let a frame arrive");
        receive_upcalls();
    }
    for (uint32_t i = 0; i <= N_PORTS; i++) {
        unsigned int n = 0;

        while (!dpif_dummy_sent(dpif, i, &sent)) {
            n++;
        }
        printf("port %u sent %u\n", i, n);
    }
    print_flows();

    dpx_buf_free(&sent);
    check(dpif_delete(dpif), "delete the datapath");
    dpif_close(dpif);
    return 0;
}
