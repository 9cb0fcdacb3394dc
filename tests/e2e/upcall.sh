#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Misses: those that nobody receives, or that a full ring does not take, are
# counted at their port; a port that floods does not starve the others; what
# was taken is delivered, however large.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b C=${T}c D=${T}d

# Packets that eth0 of $2 has sent ($1 tx) or received (rx).
packets() {
    in_ns "$2" ip -s -j link show eth0 | jq ".[0].stats64.$1.packets"
}

# Lost of port $1 for reason $2, by `drop show` and `upcall show` alike.
lost() {
    local drop upcall
    drop=$(dpxtool -j drop show dp "$D" | jq "[.[0].drops[] |
        select(.port == $1 and .reason == \"$2\").packets] | add // 0")
    upcall=$(dpxtool -j upcall show dp "$D" | jq "[.[0].lost[] |
        select(.port == $1 and .reason == \"$2\").packets] | add // 0")
    [ "$drop" = "$upcall" ] || echo "drop $drop but upcall $upcall" >&2
    echo "$drop"
}

lost_is() {
    local n
    n=$(lost "$1" "$2") || return
    echo "port $1: $n $2, expected $3"
    [ "$n" = "$3" ]
}

stat() {
    dpxtool -j dp show dp "$D" | jq ".[0].$1"
}

backlog() {
    dpxtool -j upcall show dp "$D" | jq '[.[0].rings[].backlog] | add'
}

send() {
    frames exchange -t 0.05 "$1" "$1" "${@:2}"
}

is() {
    echo "$1, expected $2"
    [ "$1" = "$2" ]
}

# Until the ring is full.
flood_from_a() {
    in_ns "$A" dpx-traffic send eth0 1 1
    [ "$(lost 1 lost)" -gt 0 ]
} >/dev/null

flood_from_b() {
    local i frames=()
    for i in {10..59}; do
        frames+=("$(frames frame src=02:00:00:00:00:0b dst=02:00:00:00:01:$i)")
    done
    send "$B" "${frames[@]}"
    lost_is 2 lost 0
}

mtus_are() {
    [ "$(dpxtool -j port show dp "$D" | jq -c '[.[0].ports[].mtu]')" = "$1" ]
}

no_backlog() {
    [ "$(backlog)" = 0 ]
}

between() {
    echo "$2, expected $1 to $3"
    [ "$1" -le "$2" ] && [ "$2" -le "$3" ]
}

for mode in tc xdp; do
    datapath "$D" --no-local --flows 1024
    host "$A" 10.5.0.1/24 02:00:00:00:00:01
    host "$B" 10.5.0.2/24 02:00:00:00:00:0b
    host "$C" 10.5.0.3/24 02:00:00:00:00:0c
    dpx-loader attach "$D" "$A" --port 1 --mode $mode
    dpx-loader attach "$D" "$B" --port 2 --mode $mode
    dpx-loader attach "$D" "$C" --port 3 --mode $mode

    # Nobody receives.
    frame=$(frames frame src=02:00:00:00:00:01)
    send "$A" "$frame" "$frame" "$frame"
    send "$B" "$(frames frame src=02:00:00:00:00:0b)"
    ok "$mode: no handler, port 1" lost_is 1 no_handler 3
    ok "$mode: no handler, port 2" lost_is 2 no_handler 1
    ok "$mode: 4 missed" is "$(stat missed)" 4
    ok "$mode: 4 lost" is "$(stat lost)" 4
    dpxtool flow add dp "$D" flow 'in_port(1),eth(),eth_type(0x88b5)' \
        actions 'userspace(pid=1),2'
    send "$A" "$frame"
    ok "$mode: userspace() without a handler" lost_is 1 no_handler 4
    ok "$mode: is no miss" is "$(stat missed)" 4
    dpxtool flow flush dp "$D"

    # A receiver that does not get round to it.
    dpx-switch "$D" >"$TMP/switch" 2>&1 &
    switch=$!
    undo kill -CONT $switch
    undo kill $switch
    within 5 grep -qs switching "$TMP/switch"
    kill -STOP $switch
    before=$(packets tx "$A") missed=$(stat missed) received=$(packets rx "$C")
    within 20 flood_from_a
    sleep 0.2
    sent=$(($(packets tx "$A") - before)) n=$(lost 1 lost)
    ok "$mode: a flood of $sent misses is counted" \
        is $(($(stat missed) - missed)) $sent
    ok "$mode: a ring full of it was taken" \
        between 4000 $((sent - n)) 20000
    ok "$mode: upcall show has the backlog" \
        between 2000000 "$(backlog)" 10000000
    ok "$mode: the other port is not starved" flood_from_b
    kill -CONT $switch
    ok "$mode: the backlog is worked off" within 10 no_backlog
    sleep 0.3
    ok "$mode: all that was taken arrives" \
        is $(($(packets rx "$C") - received)) $((sent - n + 50))
    ok "$mode: the port is heard again" in_ns "$A" ping -q -c 2 -W 1 10.5.0.3
    ok "$mode: nothing more was lost" lost_is 1 lost "$n"

    # Large ones.
    dpxtool flow flush dp "$D"
    ok "$mode: UDP, 64 KB in one GSO packet" \
        frames udp -g 1472 "$A" "$B" 10.5.0.2 65000
    dpxtool flow flush dp "$D"
    ok "$mode: UDP, 65507 bytes in fragments" \
        frames udp "$A" "$B" 10.5.0.2 65507
    for d in "$A" "$B"; do
        ip link set "$d" mtu 9000
        in_ns "$d" ip link set eth0 mtu 9000
    done
    within 10 mtus_are "[9000,9000,1500]"
    dpxtool flow flush dp "$D"
    ok "$mode: UDP, MTU 9000" frames udp "$A" "$B" 10.5.0.2 8972
    dpxtool flow flush dp "$D"
    ok "$mode: UDP, GSO, MTU 9000" \
        frames udp -g 8972 "$A" "$B" 10.5.0.2 60000
    ok "$mode: the switch goes on" kill -0 $switch
    kill $switch
    wait $switch
    dpx-loader delete "$D"
    for d in "$A" "$B" "$C"; do
        ip netns del "$d"
        ip link del "$d" 2>/dev/null
    done
done
done_testing
