#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Flows change under traffic: a packet never follows half a list of actions, nor
# another flow's; several write at once; writers are killed at work.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b C=${T}c D=${T}d
KEY='in_port(1),eth(),eth_type(0x0800),ipv4(dst=10.77.0.0/255.255.0.0,proto=17,frag=no),udp()'
PINGS='in_port(1),eth(),eth_type(0x0800),ipv4(proto=1,frag=no),icmp()'

# Actions that mark with number $1 and send to port $2.  Twelve operations: more
# than a body holds.
list() {
    printf 'set(eth(src=02:00:00:00:00:%02x,dst=02:00:00:00:00:02)),' "$1"
    printf 'set(ipv4(src=10.77.9.%d,ttl=%d)),set(udp(src=%d)),%d' \
        "$1" "$1" $((4096 + $1)) "$2"
}

# Traffic for $1 seconds to $2 addresses, checked at $B (mark $3) and, if there
# is a mark $4, at $C.  Besides, the rest of the arguments are run.
under_traffic() {
    local seconds=$1 n=$2 mark_b=$3 mark_c=$4 p status=0 checks=()
    shift 4
    # shellcheck disable=SC2086  # No mark: no argument.
    in_ns "$B" dpx-traffic check eth0 $((seconds + 1)) $mark_b & checks+=($!)
    if [ -n "$mark_c" ]; then
        in_ns "$C" dpx-traffic check eth0 $((seconds + 1)) "$mark_c" &
        checks+=($!)
    fi
    in_ns "$A" dpx-traffic send eth0 "$seconds" "$n" & checks+=($!)
    "$@" || status=1
    for p in "${checks[@]}"; do
        wait "$p" || status=1
    done
    return $status
}

missed() {
    dpxtool -j dp show dp "$D" | jq '.[0].missed'
}

none_missed() {
    echo "$(missed) missed, $1 before"
    [ "$(missed)" = "$1" ]
}

# $1 pings while $2 changes of the flow that they follow; counted to the last.
pings_under_change() {
    dpx-churn modify "$D" "$2" "$PINGS" "$(ping_list 1)" 2 "$(ping_list 2)" &
    local churn=$!
    in_ns "$A" ping -q -f -c "$1" -W 2 10.6.0.2 || return
    wait $churn || return
    counted "$D" "$PINGS"
    counted "$D" "$PINGS" | grep -q "^$1 $(($1 * 98)) "
}

# Another way to the same end.
ping_list() {
    printf 'set(eth(src=02:00:00:00:00:%02x)),' "$1"
    printf 'set(ipv4(ttl=3%d)),set(ipv4(tos=%d)),2' "$1" $(($1 * 4))
}

# Four writers: two of one process each on flows of their own, one on flows of
# both, and the tool.
writers() {
    local p pids=()
    dpx-churn readd "$D" "$1" 1 40 2 & pids+=($!)
    dpx-churn readd "$D" "$1" 41 40 2 & pids+=($!)
    dpx-churn readd "$D" "$1" 21 40 2 & pids+=($!)
    tool_writes "$1" & pids+=($!)
    for p in "${pids[@]}"; do
        wait "$p" || return
    done
}

tool_writes() {
    local end=$((SECONDS + $1)) key='in_port(7),eth(),eth_type(0x0806),arp()'
    while [ $SECONDS -lt $end ]; do
        dpxtool flow add dp "$D" flow "$key" actions 2 &&
            dpxtool flow mod dp "$D" flow "$key" actions 3 &&
            dpxtool -j flow dump dp "$D" | jq -e 'length > 0' >/dev/null &&
            dpxtool flow del dp "$D" flow "$key" || return
    done
}

# Writers are killed $1 times, at any instruction; the table is then right.
kill_writers() {
    local i p q
    for ((i = 0; i < $1; i++)); do
        dpx-churn readd "$D" 60 1 80 2 & p=$!
        dpx-churn modify "$D" 10000000 "$KEY" "$(list 200 3)" "$(list 201 3)" &
        q=$!
        sleep "0.0$((RANDOM % 9 + 1))"
        kill -KILL $p
        sleep "0.0$((RANDOM % 3))"
        kill -KILL $q
        wait $p $q
        dpx-churn check "$D" || return
        dpxtool -j flow dump dp "$D" | jq -e . >/dev/null || return
    done 2>/dev/null
}

# All 80 flows can be put and deleted: none was lost, none is there twice.
complete() {
    dpx-churn readd "$D" 1 1 80 2 && dpx-churn check "$D" &&
        [ "$(dpxtool flow dump dp "$D" | grep -c 'dst=10\.77\.0\.[1-9]')" = 80 ]
}

for mode in tc xdp; do
    host "$A" 10.6.0.1/24 02:00:00:00:00:01
    host "$B" 10.6.0.2/24 02:00:00:00:00:02
    host "$C" 10.6.0.3/24
    knows "$A" 10.6.0.2 02:00:00:00:00:02
    knows "$B" 10.6.0.1 02:00:00:00:00:01
    datapath "$D" --no-local --flows 1024
    dpx-loader attach "$D" "$A" --port 1 --mode $mode
    dpx-loader attach "$D" "$B" --port 2 --mode $mode
    dpx-loader attach "$D" "$C" --port 3 --mode $mode
    dpxtool flow add dp "$D" flow 'in_port(2),eth(),eth_type(0/0)' actions 1

    dpxtool flow add dp "$D" flow "$KEY" actions "$(list 11 2)"
    before=$(missed)
    ok "$mode: 100,000 changes between two lists, each packet follows one" \
        under_traffic "${SECS:-4}" 64 11 12 \
        dpx-churn modify "$D" 100000 "$KEY" "$(list 11 2)" "$(list 12 3)"
    sed 's/^/# /' "$TMP/out"
    ok "$mode: no packet missed the flow" none_missed "$before"
    ok "$mode: all right" dpx-churn check "$D"
    dpxtool flow del dp "$D" flow "$KEY"

    dpxtool flow add dp "$D" flow "$PINGS" actions 2
    ok "$mode: 10,000 pings under 100,000 changes, each counted" \
        pings_under_change 10000 100000

    ok "$mode: three writers and the tool, no packet follows another's list" \
        under_traffic "${SECS:-4}" 80 "" "" writers "${SECS:-4}"
    sed 's/^/# /' "$TMP/out"
    ok "$mode: all right" dpx-churn check "$D"

    ok "$mode: writers are killed, 20 times" \
        under_traffic 4 80 "" "" kill_writers 20
    dpxtool flow del dp "$D" flow "$KEY"
    ok "$mode: then all can be written" complete
    ok "$mode: and forwards" under_traffic 1 80 "" "" true
    dpx-loader delete "$D"
    for d in "$A" "$B" "$C"; do
        ip netns del "$d"
        ip link del "$d" 2>/dev/null
    done
done
done_testing
