#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the kernel loses behind a redirect, after the datapath has done its
# part: each packet is counted once, and the port's record is corrected.  Every
# change is made behind the datapath's back: no process of ours is alive.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b D=${T}d
FLOW='in_port(1),eth(),eth_type(0x88b5)'
SHORT=$(frames frame)
LONG=$(frames frame size=1450)

# "5 sent: N received, N devmap, ..." of 5 frames $1 from host A to port 2.
send() {
    local n now before
    before=$(drops) n=$(received "$B" eth0)
    send_frame 5 "$1"
    now=$(drops)
    jq -rn --argjson b "$before" --argjson n "$now" \
        --argjson r $(($(received "$B" eth0) - n)) \
        '"\($r) received", ($n | keys[] as $k | .[$k] - ($b[$k] // 0) |
         select(. > 0) | "\(.) \($k)")' | paste -sd,
}

drops() {               # {"REASON": PACKETS, ...} of port 2.
    dpxtool -j drop show dp "$D" | jq -c '[.[0].drops[] |
        select(.port == 2) | { key: .reason, value: .packets }] | from_entries'
}

sends() {               # What send() is to print for frame $1, as a pattern.
    local out
    out=$(send "$1")
    echo "$out, expected $2"
    [[ $out =~ ^($2)$ ]]
}

# Of the first frames some may be lost before the record is corrected; they are
# counted as $2.  All the others are counted as $3, or received.
first() {
    local out n m=0
    out=$(send "$1")
    echo "$out, expected $2 for the first"
    n=$(sed -nE "s/.*\\b([1-9]) $2.*/\\1/p" <<< "$out")
    m=$(sed -nE "s/.*\\b([0-9]) $3.*/\\1/p" <<< "$out")
    [ "${n:-0}" -gt 0 ] && [ $((n + ${m:-0})) = 5 ]
}

flag() {                # Bit $1 of port 2's record is $2.
    local flags
    flags=$(bpftool -j map lookup pinned "/sys/fs/bpf/dpx/$D/ports" \
        key hex 02 00 00 00 | jq '.formatted.value.flags')
    echo "flags $flags"
    [ $((flags & $1)) = "$2" ]
}
UP=1 RX_XDP=2

gone() {                # The link, and its program has run for the last time.
    ! bpftool link show id "$1" >/dev/null 2>&1 && sleep 0.5
}

setup() {
    datapath "$D" --no-local
    dpx-loader attach "$D" "$A" --port 1 --mode "$1"
    dpx-loader attach "$D" "$B" --port 2 --mode "$1"
    dpxtool flow add dp "$D" flow "$FLOW" actions 2
}

host "$A" 10.9.0.1/24 02:00:00:00:00:01
host "$B" 10.9.0.2/24 02:00:00:00:00:02
start_sender "$A"

setup xdp
ok "xdp: frames arrive" sends "$SHORT" '5 received'

# No GRO: the peer takes no frames.
in_ns "$B" ethtool -K eth0 gro off
ok "xdp: no GRO, counted" first "$SHORT" devmap received
ok "xdp: no GRO, noted" flag $RX_XDP 0
ok "xdp: no GRO, sent by TC" sends "$SHORT" '5 received'
in_ns "$B" ethtool -K eth0 gro on
dpx-loader show "$D" >/dev/null
ok "xdp: GRO again, noted" flag $RX_XDP $RX_XDP
dpxtool flow mod dp "$D" flow "$FLOW" actions 2
ok "xdp: GRO again" sends "$SHORT" '5 received'

# Longer than the peer takes, then than the device.
in_ns "$B" ip link set eth0 mtu 1400
ok "xdp: the peer's MTU" sends "$LONG" '0 received,5 devmap'
ok "xdp: still takes frames" flag $RX_XDP $RX_XDP
in_ns "$B" ip link set eth0 mtu 1500
ip link set "$B" mtu 1400
ok "xdp: the device's MTU" sends "$LONG" '0 received,5 devmap'
ok "xdp: within it" sends "$SHORT" '5 received'
ip link set "$B" mtu 1500
ok "xdp: MTU restored" sends "$LONG" '5 received'

# Down, which the record is made not to know.
link=$(bpftool -j link show pinned "/sys/fs/bpf/dpx/$D/link-qdisc" | jq .id)
rm "/sys/fs/bpf/dpx/$D/link-qdisc"
within 5 gone "$link"
ip link set "$B" down
ok "xdp: down, not noted" flag $UP 1
ok "xdp: down, counted" first "$SHORT" devmap port_down
ok "xdp: down, noted" flag $UP 0
ok "xdp: still down" sends "$SHORT" '0 received,5 port_down'
ip link set "$B" up
ok "xdp: up" sends "$SHORT" '5 received'
ok "xdp: up, noted" flag $UP 1
ok "xdp: delete" dpx-loader delete "$D"

setup tc
ok "tc: packets arrive" sends "$SHORT" '5 received'
in_ns "$B" ip link set eth0 mtu 1400
ok "tc: the peer's MTU" sends "$LONG" '0 received,5 device'
in_ns "$B" ip link set eth0 mtu 1500
ok "tc: MTU restored" sends "$LONG" '5 received'

# Another device of the same index stops.
index=$(cat "/sys/class/net/$B/ifindex")
in_ns "$A" ip link add other index "$index" type veth peer name other2
in_ns "$A" ip link set other2 up
in_ns "$A" ip link set other up
in_ns "$A" ip link set other down
ok "tc: another namespace's device" flag $UP 1
ip link set "$B" down
ok "tc: down, noted" flag $UP 0
ip link set "$B" up
ok "tc: up" sends "$SHORT" '5 received'

# What was lost earlier is not the datapath's.
in_ns "$B" ip link set eth0 mtu 1400
ok "tc: the peer's MTU again" sends "$LONG" '0 received,5 device'
in_ns "$B" ip link set eth0 mtu 1500
dpx-loader detach "$D" "$B"
dpx-loader attach "$D" "$B" --port 2 --mode tc
ok "tc: attached anew, nothing lost" sends "$SHORT" '5 received'
[ "$(drops)" = "{}" ]
result $? "tc: and no drops shown"
done_testing
