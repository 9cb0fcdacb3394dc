#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Devices that go down and come up, and whose MTU changes, while no process of
# ours is alive: what cannot be sent is counted, what can be is sent.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b D=${T}d
FLOW='in_port(1),eth(),eth_type(0x88b5)'
SHORT=$(frames frame)
LONG=$(frames frame size=3000)

# "N N N": packets dropped on the way to port $1, those of them for reasons $2,
# and frames that host B received; or, for port 0, the host's end.
state() {
    local got
    if [ "$1" = 0 ]; then got=$(<"/sys/class/net/$D/statistics/rx_packets")
    else got=$(received "$B" eth0); fi
    dpxtool -j drop show dp "$D" |
        jq -r --argjson port "$1" --arg r "^($2)$" \
        --arg got "$got" '[.[0].drops[] | select(.port == $port)] |
        [map(.packets), map(select(.reason | test($r)) | .packets)] |
        map(add // 0) | "\(.[0]) \(.[1]) \($got)"'
}

# Sends frame $3, 5 times: port $1 drops $4 for reasons $2 alone, and $5 are
# received.
expect() {
    local before after
    read -ra before <<< "$(state "$1" "$2")"
    send_frame 5 "$3"
    read -ra after <<< "$(state "$1" "$2")"
    for i in 0 1 2; do
        after[i]=$((after[i] - before[i]))
    done
    echo "${after[0]} dropped, ${after[1]} as $2, ${after[2]} received"
    [ "${after[*]}" = "$4 $4 $5" ] || { dpxtool drop show dp "$D"; false; }
}

lost() {                # PORT REASONS FRAME
    expect "$1" "$2" "$3" 5 0
}

sent() {                # PORT FRAME
    expect "$1" any "$2" 0 5
}

flags() {               # Of port 2's record; 1 is DPX_PORT_UP.
    bpftool -j map lookup pinned "/sys/fs/bpf/dpx/$D/ports" \
        key hex 02 00 00 00 | jq '.formatted.value.flags'
}

record_is() {
    echo "flags $(flags)"
    [ $(($(flags) & 1)) = "$1" ]
}

no_process() {
    ! pgrep -x 'dpx-switch|dpx-loader|dpxtool' -a | grep -w "$D"
}

mtu() {                 # The MTU of both ends of host $1's veth.
    ip link set "$1" mtu "$2" && in_ns "$1" ip link set eth0 mtu "$2"
}

host "$A" 10.8.0.1/24 02:00:00:00:00:01
host "$B" 10.8.0.2/24 02:00:00:00:00:02
start_sender "$A"

for mode in tc xdp; do
    datapath "$D"
    sysctl -qw "net.ipv6.conf.$D.disable_ipv6=1"
    dpx-loader attach "$D" "$A" --port 1 --mode $mode
    dpx-loader attach "$D" "$B" --port 2 --mode $mode
    dpxtool flow add dp "$D" flow "$FLOW" actions 2

    ok "$mode: no process of ours" no_process
    ok "$mode: packets go through" sent 2 "$SHORT"
    ip link set "$B" down
    ok "$mode: down, counted" lost 2 'port_down|devmap' "$SHORT"
    ok "$mode: down is noted" record_is 0
    ok "$mode: still down" lost 2 port_down "$SHORT"
    ip link set "$B" up
    ok "$mode: up again" sent 2 "$SHORT"
    ok "$mode: up is noted" record_is 1

    # The other end.  Until the kernel has stopped the device, it loses them.
    in_ns "$B" ip link set eth0 down
    ok "$mode: peer down, counted" lost 2 'port_down|devmap|device' \
        "$SHORT"
    sleep 1.5
    ok "$mode: peer still down" lost 2 port_down "$SHORT"
    in_ns "$B" ip link set eth0 up
    ok "$mode: peer up again" sent 2 "$SHORT"

    # A process that saw it down, and was killed before it came up.
    dpx-switch "$D" >"$TMP/switch" 2>&1 &
    switch=$!
    undo kill $switch
    within 5 grep -qs switching "$TMP/switch"
    ip link set "$B" down
    within 5 record_is 0 >/dev/null
    kill -9 $switch
    wait $switch 2>/dev/null
    ip link set "$B" up
    ok "$mode: up behind a killed process" sent 2 "$SHORT"

    # The MTU.
    dpxtool flow mod dp "$D" flow "$FLOW" actions 2
    mtu "$A" 3600
    ok "$mode: too long" lost 2 mtu "$LONG"
    mtu "$B" 3500
    ok "$mode: MTU raised" sent 2 "$LONG"
    ok "$mode: to the byte" sent 2 "$(frames frame size=3485)"
    ok "$mode: and not beyond" lost 2 mtu "$(frames frame size=3486)"
    dpxtool flow mod dp "$D" flow "$FLOW" \
        actions 'set(eth(src=02:00:00:00:00:09)),2'
    ok "$mode: MTU raised, edited" sent 2 "$LONG"
    dpx-loader show "$D" >/dev/null
    mtu "$B" 1500
    ok "$mode: MTU lowered, edited" lost 2 'mtu|devmap|device' "$LONG"
    dpxtool flow mod dp "$D" flow "$FLOW" actions 2
    ok "$mode: MTU lowered" lost 2 'mtu|devmap|device' "$LONG"
    ok "$mode: shorter ones go on" sent 2 "$SHORT"
    dpx-loader show "$D" >/dev/null
    ok "$mode: MTU lowered and noted" lost 2 mtu "$LONG"
    ok "$mode: and shorter ones go on" sent 2 "$SHORT"

    # The local port, to which all is flooded.
    dpxtool flow mod dp "$D" flow "$FLOW" actions 0,2
    ok "$mode: local port down" lost 0 port_down "$SHORT"
    ok "$mode: the others get it" sent 2 "$SHORT"
    ip link set "$D" up
    ok "$mode: local port up" sent 0 "$SHORT"
    ok "$mode: too long for the host" lost 0 mtu "$LONG"
    ip link set "$D" mtu 3500
    ok "$mode: the host's MTU raised" sent 0 "$LONG"
    ip link set "$D" down
    ok "$mode: local port down again" lost 0 'port_down' "$SHORT"
    sleep 1.5
    ok "$mode: local port still down" lost 0 port_down "$SHORT"
    dpxtool flow mod dp "$D" flow "$FLOW" actions 2,0
    ok "$mode: local port last" lost 0 port_down "$SHORT"
    ip link set "$D" up
    ok "$mode: local port last, up" sent 0 "$SHORT"
    ip link set "$D" down
    dpx-loader show "$D" >/dev/null
    ip link set "$D" up
    dpxtool flow flush dp "$D"
    dpx-switch "$D" >"$TMP/switch" 2>&1 &
    switch=$!
    undo kill $switch
    within 5 grep -qs switching "$TMP/switch"
    ok "$mode: local port up before the switch" sent 0 "$SHORT"
    kill $switch
    wait $switch
    mtu "$A" 1500
    ok "$mode: delete" dpx-loader delete "$D"
done
done_testing
