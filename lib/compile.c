/* SPDX-License-Identifier: Apache-2.0 */

/* OVS_ACTION_ATTR_* -> struct dpx_op.  What is accepted is what
 * openvswitch.ko's flow_netlink.c accepts and the planes execute exactly. */

#include "lib/odp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>

#include "lib/error.h"
#include "lib/odp-private.h"

#define LEN_ANY -1

int
dpx_compile_emit(struct dpx_compiler *c, struct dpx_op op)
{
    struct dpx_program *p = c->prog;

    if (c->facts.limited && p->n >= DPX_MAX_OPS) {
        return dpx_error(E2BIG, "actions: more than %d operations",
                         DPX_MAX_OPS);
    }
    if (p->n >= p->allocated) {
        p->allocated = p->allocated ? 2 * p->allocated : 16;
        p->ops = realloc(p->ops, p->allocated * sizeof *p->ops);
        if (!p->ops) {
            abort();
        }
    }
    p->ops[p->n++] = op;
    if (op.type == DPX_OP_OUTPUT || op.type == DPX_OP_USERSPACE) {
        c->visible = p->n;
    }
    return 0;
}

static int
compile_output(struct dpx_compiler *c, const struct dpx_attr *a)
{
    uint32_t port = dpx_get_u32(a->data);

    if (port >= DPX_MAX_PORTS) {
        return dpx_error(EINVAL, "output: port %u, the highest is %u", port,
                         DPX_MAX_PORTS - 1);
    }
    return dpx_compile_emit(
        c, (struct dpx_op){ .type = DPX_OP_OUTPUT, .a = port });
}

static const struct {
    const char *name;
    int len;
} userspace_attrs[] = {
    [OVS_USERSPACE_ATTR_PID] = { "pid", 4 },
    [OVS_USERSPACE_ATTR_USERDATA] = { "userdata", LEN_ANY },
    [OVS_USERSPACE_ATTR_EGRESS_TUN_PORT] = { "egress_tun_port", 4 },
    [OVS_USERSPACE_ATTR_ACTIONS] = { "actions", 0 },
};

#define N_USERSPACE (sizeof userspace_attrs / sizeof userspace_attrs[0])

static int
read_userspace(const struct dpx_attr *nest, struct dpx_attr got[N_USERSPACE])
{
    struct dpx_attrs left = dpx_attrs(nest->data, nest->len);
    struct dpx_attr a;

    while (dpx_attrs_next(&left, &a)) {
        if (a.type >= N_USERSPACE || !userspace_attrs[a.type].name) {
            return dpx_error(EINVAL, "userspace: unknown attribute %u",
                             a.type);
        }
        if (got[a.type].type) {
            return dpx_error(EINVAL, "userspace: %s given twice",
                             userspace_attrs[a.type].name);
        }
        if (userspace_attrs[a.type].len != LEN_ANY
            && a.len != (size_t) userspace_attrs[a.type].len) {
            return dpx_error(EINVAL,
                             "userspace: %s has %zu bytes, expected "
                             "%d",
                             userspace_attrs[a.type].name, a.len,
                             userspace_attrs[a.type].len);
        }
        got[a.type] = a;
    }
    if (left.left) {
        return dpx_error(EINVAL,
                         "userspace: %zu bytes behind its last "
                         "attribute",
                         left.left);
    }
    return 0;
}

static int
compile_userspace(struct dpx_compiler *c, const struct dpx_attr *nest)
{
    struct dpx_attr got[N_USERSPACE] = { { 0 } };
    const struct dpx_attr *data = &got[OVS_USERSPACE_ATTR_USERDATA];
    int error = read_userspace(nest, got);

    if (error) {
        return error;
    }
    if (!got[OVS_USERSPACE_ATTR_PID].type) {
        return dpx_error(EINVAL, "userspace: without pid");
    }
    if (got[OVS_USERSPACE_ATTR_EGRESS_TUN_PORT].type) {
        return dpx_error(EOPNOTSUPP, "userspace: egress_tun_port is not "
                                     "supported yet");
    }
    if (data->len > DPX_MAX_USERDATA) {
        return dpx_error(E2BIG, "userspace: %zu bytes of userdata, at most %d",
                         data->len, DPX_MAX_USERDATA);
    }
    for (size_t i = 0; i < data->len && !error; i += 8) {
        size_t n = data->len - i < 8 ? data->len - i : 8;
        uint32_t words[2] = { 0, 0 };

        memcpy(words, data->data + i, n);
        error = dpx_compile_emit(c, (struct dpx_op){ .type = DPX_OP_DATA,
                                                     .a = words[0],
                                                     .b = words[1] });
    }
    return error ? error
                 : dpx_compile_emit(
                     c,
                     (struct dpx_op){
                         .type = DPX_OP_USERSPACE,
                         .off = data->len,
                         .a = dpx_get_u32(got[OVS_USERSPACE_ATTR_PID].data) });
}

static int
compile_set(struct dpx_compiler *c, const struct dpx_attr *a)
{
    return dpx_compile_set(c, a, false);
}

static int
compile_set_masked(struct dpx_compiler *c, const struct dpx_attr *a)
{
    return dpx_compile_set(c, a, true);
}

/* The TCI's bit 12, which says that there is a tag, is not put on the wire. */
static int
compile_push_vlan(struct dpx_compiler *c, const struct dpx_attr *a)
{
    uint16_t tpid = ntohs(dpx_get_u16(a->data));
    uint16_t tci = ntohs(dpx_get_u16(a->data + 2));

    if (c->facts.mac_proto != DPX_MAC_ETHERNET) {
        return dpx_error(EINVAL, "push_vlan: the flow is of layer 3 packets");
    }
    if (tpid != ETH_P_8021Q && tpid != ETH_P_8021AD) {
        return dpx_error(EINVAL,
                         "push_vlan: tpid 0x%04x, expected 0x8100 or "
                         "0x88a8",
                         tpid);
    }
    if (!(tci & DPX_VLAN_PRESENT)) {
        return dpx_error(EINVAL,
                         "push_vlan: TCI 0x%04x without the bit "
                         "0x1000 (cfi)",
                         tci);
    }
    return dpx_compile_emit(
        c, (struct dpx_op){ .type = DPX_OP_PUSH_VLAN,
                            .a = (uint32_t) tpid << 16
                                 | (tci & ~DPX_VLAN_PRESENT) });
}

static int
compile_pop_vlan(struct dpx_compiler *c, const struct dpx_attr *a)
{
    (void) a;
    if (c->facts.mac_proto != DPX_MAC_ETHERNET) {
        return dpx_error(EINVAL, "pop_vlan: the flow is of layer 3 packets");
    }
    return dpx_compile_emit(c, (struct dpx_op){ .type = DPX_OP_POP_VLAN });
}

static const struct {
    const char *name;
    int len;
    int (*compile)(struct dpx_compiler *, const struct dpx_attr *);
} actions_table[] = {
    [OVS_ACTION_ATTR_OUTPUT] = { "output", 4, compile_output },
    [OVS_ACTION_ATTR_USERSPACE] = { "userspace", LEN_ANY, compile_userspace },
    [OVS_ACTION_ATTR_SET] = { "set", LEN_ANY, compile_set },
    [OVS_ACTION_ATTR_PUSH_VLAN] = { "push_vlan", 4, compile_push_vlan },
    [OVS_ACTION_ATTR_POP_VLAN] = { "pop_vlan", 0, compile_pop_vlan },
    [OVS_ACTION_ATTR_SAMPLE] = { "sample", LEN_ANY, NULL },
    [OVS_ACTION_ATTR_RECIRC] = { "recirc", 4, NULL },
    [OVS_ACTION_ATTR_HASH] = { "hash", 8, NULL },
    [OVS_ACTION_ATTR_PUSH_MPLS] = { "push_mpls", 8, NULL },
    [OVS_ACTION_ATTR_POP_MPLS] = { "pop_mpls", 2, NULL },
    [OVS_ACTION_ATTR_SET_MASKED] = { "set", LEN_ANY, compile_set_masked },
    [OVS_ACTION_ATTR_CT] = { "ct", LEN_ANY, NULL },
    [OVS_ACTION_ATTR_TRUNC] = { "trunc", 4, NULL },
    [OVS_ACTION_ATTR_PUSH_ETH] = { "push_eth", 12, NULL },
    [OVS_ACTION_ATTR_POP_ETH] = { "pop_eth", 0, NULL },
    [OVS_ACTION_ATTR_CT_CLEAR] = { "ct_clear", 0, NULL },
    [OVS_ACTION_ATTR_PUSH_NSH] = { "push_nsh", LEN_ANY, NULL },
    [OVS_ACTION_ATTR_POP_NSH] = { "pop_nsh", 0, NULL },
    [OVS_ACTION_ATTR_METER] = { "meter", 4, NULL },
    [OVS_ACTION_ATTR_CLONE] = { "clone", LEN_ANY, NULL },
    [OVS_ACTION_ATTR_CHECK_PKT_LEN] = { "check_pkt_len", LEN_ANY, NULL },
    [OVS_ACTION_ATTR_ADD_MPLS] = { "add_mpls", 8, NULL },
    [OVS_ACTION_ATTR_DEC_TTL] = { "dec_ttl", LEN_ANY, NULL },
};

#define N_ACTIONS (sizeof actions_table / sizeof actions_table[0])

static int
compile_list(struct dpx_compiler *c, const void *actions, size_t len)
{
    struct dpx_attrs left = dpx_attrs(actions, len);
    struct dpx_attr a;
    int error;

    while (dpx_attrs_next(&left, &a)) {
        if (a.type >= N_ACTIONS || !actions_table[a.type].name) {
            return dpx_error(EINVAL, "action %u: unknown", a.type);
        }
        if (actions_table[a.type].len != LEN_ANY
            && a.len != (size_t) actions_table[a.type].len) {
            return dpx_error(EINVAL, "%s: %zu bytes, expected %d",
                             actions_table[a.type].name, a.len,
                             actions_table[a.type].len);
        }
        if (!actions_table[a.type].compile) {
            return dpx_error(EOPNOTSUPP, "%s: cannot be executed yet",
                             actions_table[a.type].name);
        }
        error = actions_table[a.type].compile(c, &a);
        if (error) {
            return error;
        }
    }
    if (left.left) {
        return dpx_error(EINVAL, "actions: %zu bytes behind the last one",
                         left.left);
    }
    return 0;
}

/* XDP has no clones and no upcalls: one output at most, at the end, and edits
 * of the packet alone in front of it. */
static void
classify(struct dpx_program *prog)
{
    const struct dpx_op *last = prog->n ? &prog->ops[prog->n - 1] : NULL;
    bool edits = true, others = false;

    prog->body_flags = 0;
    prog->out = DPX_PORT_NONE;
    for (size_t i = 0; i + 1 < prog->n; i++) {
        uint8_t type = prog->ops[i].type;

        edits &= type == DPX_OP_SET || type == DPX_OP_PUSH_VLAN
                 || type == DPX_OP_POP_VLAN;
        others |= type == DPX_OP_OUTPUT;
    }
    if (last && last->type == DPX_OP_OUTPUT && !others) {
        prog->out = last->a;
    }
    if (!last || (last->type == DPX_OP_OUTPUT && edits)) {
        prog->body_flags |= DPX_BODY_XDP;
        if (prog->n <= 1) {
            prog->body_flags |= DPX_BODY_PLAIN;
        }
    }
}

_Static_assert(sizeof(struct dpx_facts) == 8, "facts are compared as bytes");

static struct dpx_facts
facts_of(const struct dpx_key *key, const struct dpx_key *mask)
{
    static const struct dpx_key all = {
        .eth_type = 0xffff,
        .ip_proto = 0xff,
        .ip_frag = 0xff,
        .mac_proto = 0xff,
    };
    const struct dpx_key *m = mask ? mask : &all;

    return (struct dpx_facts){
        .eth_type = key->eth_type & m->eth_type,
        .ip_proto = key->ip_proto & m->ip_proto,
        .ip_frag = key->ip_frag & m->ip_frag,
        .mac_proto = key->mac_proto & m->mac_proto,
        .exact_type = m->eth_type == 0xffff,
        .exact_proto = m->ip_proto == 0xff,
        .limited = mask != NULL,
    };
}

int
dpx_compile(const void *actions, size_t len, const struct dpx_key *key,
            const struct dpx_key *mask, struct dpx_program *prog)
{
    struct dpx_compiler c = { .prog = prog, .facts = facts_of(key, mask) };
    int error;

    prog->n = 0;
    prog->actions = NULL;
    if (c.facts.limited && len > DPX_MAX_ACTIONS) {
        return dpx_error(E2BIG, "actions: %zu bytes, at most %d", len,
                         DPX_MAX_ACTIONS);
    }
    error = compile_list(&c, actions, len);
    if (!error) {
        /* What follows the last output changes what nobody sees. */
        prog->n = c.visible;
        classify(prog);
        prog->actions = actions;
        prog->actions_len = len;
        prog->facts = c.facts;
    }
    return error;
}

bool
dpx_program_fits(const struct dpx_program *prog, const void *actions,
                 size_t len, const struct dpx_key *key,
                 const struct dpx_key *mask)
{
    struct dpx_facts facts = facts_of(key, mask);

    return prog->actions && prog->actions_len == len
           && (prog->actions == actions
               || !memcmp(prog->actions, actions, len))
           && !memcmp(&prog->facts, &facts, sizeof facts);
}

void
dpx_program_free(struct dpx_program *prog)
{
    free(prog->ops);
    *prog = (struct dpx_program){ 0 };
}
