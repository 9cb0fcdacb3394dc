#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Misses of packets that are not as they would be on a wire: of 64 KB, their
# tag beside them, their checksum partial, in IPv4 and IPv6.  What the switch
# executes, and then its flow, arrives right.  And IPv6 addresses are set.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b D=${T}d PINS=/sys/fs/bpf/$T
MAC_A=02:00:00:00:00:01 MAC_B=02:00:00:00:00:02

stat() {
    dpxtool -j dp show dp "$D" | jq ".[0].$1"
}

flows() {
    [ "$(stat flows)" -gt 0 ]
}

# A UDP packet, from a miss on: it is one, and the next one, after the flow has
# been put, is none.  Arguments as for `frames udp`, without the hosts.
udp() {
    local before missed
    dpxtool flow flush dp "$D"
    before=$(stat missed)
    frames udp "${@:1:$# - 2}" "$A" "$B" "${@: -2}" || return
    within 3 flows || return
    frames udp "${@:1:$# - 2}" "$A" "$B" "${@: -2}" || return
    missed=$(($(stat missed) - before))
    echo "$missed missed"
    [ $missed = 1 ]
}

# Host $1 gets IPv6 address $2, and says nothing by itself; the other is $3 at
# MAC $4.
ipv6() {
    local conf=net.ipv6.conf.eth0
    in_ns "$1" sysctl -qw $conf.router_solicitations=0 \
        $conf.mldv2_unsolicited_report_interval=1 $conf.disable_ipv6=0
    in_ns "$1" ip addr add "$2/64" dev eth0 nodad
    in_ns "$1" ip neigh replace "$3" lladdr "$4" dev eth0
}

# What host $1 sends gets a tag, which is left to its device; what it receives
# loses one.
tag() {
    in_ns "$1" tc qdisc add dev eth0 clsact
    in_ns "$1" tc filter add dev eth0 egress bpf direct-action \
        object-pinned "$PINS/push"
    in_ns "$1" tc filter add dev eth0 ingress bpf direct-action \
        object-pinned "$PINS/pop"
}

# Both MACs are to be known: or the switch would flood, and not put a flow.
learn() {
    in_ns "$B" ping -q -c 2 -W 2 10.11.0.1
}

upcalls() {
    ok "$1the MACs are learnt" learn
    ok "${1}UDP" udp 10.11.0.2 1000
    ok "${1}UDP, 64 KB, GSO" udp -g 1472 10.11.0.2 65000
    ok "${1}UDP in IPv6" udp fd00::2 1000
    ok "${1}UDP in IPv6, 64 KB, GSO" udp -g 1452 fd00::2 65000
    dpxtool flow flush dp "$D"
    ok "${1}TCP, from a miss on and after one" \
        frames tcp "$A" "$B" 10.11.0.2 300000 dpxtool flow flush dp "$D"
}

host "$A" 10.11.0.1/24 $MAC_A
host "$B" 10.11.0.2/24 $MAC_B
knows "$A" 10.11.0.2 $MAC_B
knows "$B" 10.11.0.1 $MAC_A
ipv6 "$A" fd00::1 fd00::2 $MAC_B
ipv6 "$B" fd00::2 fd00::1 $MAC_A
in_ns "$A" ip neigh replace fd00::9 lladdr $MAC_B dev eth0
mkdir "$PINS" && undo rm -r "$PINS"
tests/e2e/kernel.py tagger "$PINS/push" 8100:5
tests/e2e/kernel.py tagger "$PINS/pop" pop

datapath "$D" --no-local --flows 1024
dpx-loader attach "$D" "$A" --port 1 --mode tc
dpx-loader attach "$D" "$B" --port 2 --mode tc
dpx-switch "$D" >"$TMP/switch" 2>&1 &
switch=$!
undo kill $switch
within 5 grep -qs switching "$TMP/switch"
sleep 2                         # For what IPv6 says at first.
upcalls ""
tag "$A"
tag "$B"
ok "the sender leaves tags to its device" \
    grep -qx 'tx-vlan-offload: on' <(in_ns "$A" ethtool -k eth0)
upcalls "tag beside it: "
ok "the switch saw the tag" \
    grep -q 'vlan(vid=5' <(dpxtool flow dump dp "$D")
kill $switch
wait $switch
in_ns "$A" tc qdisc del dev eth0 clsact
in_ns "$B" tc qdisc del dev eth0 clsact

# Set in flight: the checksum covers the address.
for offload in on off; do
    in_ns "$A" ethtool -K eth0 tx $offload >/dev/null
    dpxtool flow flush dp "$D"
    dpxtool flow add dp "$D" \
        flow 'in_port(1),eth(),eth_type(0x86dd),ipv6(dst=fd00::9,frag=no)' \
        actions 'set(ipv6(dst=fd00::2)),2'
    ok "IPv6 address set, tx checksum $offload" \
        frames udp "$A" "$B" fd00::9 1000 fd00::2
    [ $offload = off ] ||
        ok "IPv6 address set, 64 KB, GSO" \
            frames udp -g 1452 "$A" "$B" fd00::9 65000 fd00::2
done
dpxtool drop show dp "$D" >"$TMP/out"
! grep 'port [12]:' "$TMP/out" | grep -vw no_handler
result $? "nothing was dropped"
done_testing
