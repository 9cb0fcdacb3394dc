/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The complete plane: whatever XDP let pass, executed to the end.  Nothing of
 * a port's traffic goes on to the host's stack. */

#include "bpf/ctx_tc.bpf.h"
#include "bpf/parse.h"
#include "bpf/lookup.h"
#include "bpf/actions.h"

SEC("tc")
int
dpx_tc(struct __sk_buff *skb)
{
    struct dpx_scratch *s = ctx_begin(skb, skb->ifindex);
    struct dpx_body *body;
    int reason;

    if (!s) {
        return TC_ACT_UNSPEC;
    }
    s->len = skb->len + (skb->vlan_present ? 4 : 0);
    s->key.skb_priority = skb->priority;
    s->key.skb_mark = skb->mark;
    s->verdict = TC_ACT_SHOT;
    reason = dpx_parse_packet(skb, s);
    if (!reason) {
        body = dpx_lookup(skb, s);
        if (!body) {
            dpx_miss(skb, s);
            return TC_ACT_SHOT;
        }
        dpx_count_hit(skb, s, body);
        reason = dpx_execute(skb, s, body);
    }
    if (reason) {
        ctx_drop(skb, s, s->key.in_port, reason);
        return TC_ACT_SHOT;
    }
    return s->verdict;
}

char dpx_license[] SEC("license") = "Dual BSD/GPL";
