#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two ports and two flows put by hand, and no process of ours alive: packets go
# through, and are counted to the last one, in every mode of ports.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

PINGS=${PINGS:-10000}
THERE='in_port(1),eth(),eth_type(0/0)' BACK='in_port(2),eth(),eth_type(0/0)'
A=${T}a B=${T}b
MAC_A=02:00:00:00:00:0a MAC_B=02:00:00:00:00:0b

# A datapath between hosts $A and $B, with ports of modes $1 and $2.
setup() {
    D=$T$1$2
    dpx-loader create "$D" --no-local &&
        dpx-loader attach "$D" "$A" --port 1 --mode "$1" &&
        dpx-loader attach "$D" "$B" --port 2 --mode "$2" &&
        dpxtool flow add dp "$D" flow "$THERE" actions 2 &&
        dpxtool flow add dp "$D" flow "$BACK" actions 1
}

flood() {
    in_ns "$A" ping -q -f -c "$1" -W 2 10.1.1.2 | grep -q " 0% packet loss"
}

# The flow counted so many packets of 98 bytes.
counted_pings() {
    echo "$(counted "$D" "$1"), expected $2 of 98 bytes"
    counted "$D" "$1" | grep -qx "$2 $((98 * $2)) .*"
}

# Packets and bytes that eth0 of $1 has sent.
sent() {
    in_ns "$1" ip -s -j link show eth0 |
        jq -r '.[0].stats64.tx | "\(.packets) \(.bytes)"'
}

# The flow counted what the sender's device did since $1: both's counters.  A
# veth whose peer has XDP counts $2 bytes less a packet.
counted_as_sent() {
    local before now
    read -ra before <<< "$1"
    read -ra now <<< "$(sent "$A") $(counted "$D" "$THERE")"
    echo "before ${before[*]}, now ${now[*]}"
    [ $((now[0] - before[0])) = $((now[2] - before[2])) ] &&
        [ $((now[1] - before[1] + $2 * (now[0] - before[0]))) \
            = $((now[3] - before[3])) ]
}

# Packets that the driver of $1 gave to XDP_REDIRECT.
redirected() {
    ethtool -S "$1" | awk '/rx_queue_.*_xdp_redirect:/ { n += $2 }
                           END { print n + 0 }'
}

xdp_took() {
    echo "$(redirected "$1") redirected, before $2, expected $3"
    [ $(($(redirected "$1") - $2)) = "$3" ]
}

tcp() {
    in_ns "$A" timeout 20 iperf3 -c 10.1.1.2 -p 5201 -t "${SECS:-1}" -J \
        >"$TMP/iperf"
    jq -e '.end.sum_received.bits_per_second > 1e6' "$TMP/iperf" ||
        { jq -c '.error, .end.sum_received, .end.sum_sent' "$TMP/iperf"; false; }
}

plane() {
    counted "$D" "$1"
    [ "$(counted "$D" "$1" | cut -d' ' -f3)" = "$2" ]
}

no_process() {
    ! pgrep -x 'dpx-switch|dpx-loader|dpxtool' -a | grep -w "$D"
}

# Exact counts and TCP between ports of modes $1 and $2; flows there and back
# are executed in planes $3 and $4.
forward() {
    local m="$1 to $2:" before xdp
    ok "$m set up" setup "$1" "$2"
    undo dpx-loader delete "$D"
    ok "$m no process of ours" no_process
    xdp=$(redirected "$A")
    ok "$m $PINGS pings" flood "$PINGS"
    ok "$m redirected by XDP" xdp_took "$A" "$xdp" \
        "$([ "$3" = xdp ] && echo "$PINGS" || echo 0)"
    ok "$m counted there" counted_pings "$THERE" "$PINGS"
    ok "$m counted back" counted_pings "$BACK" "$PINGS"
    # shellcheck disable=SC2016  # A variable of jq's.
    ok "$m nothing missed" jq_dp '.hit == 2 * $n and .missed == 0 and
        .lost == 0'
    before="$(sent "$A") $(counted "$D" "$THERE")"
    ok "$m TCP" tcp
    ok "$m TCP counted as openvswitch.ko does" counted_as_sent "$before" \
        "$([ "$1" = xdp ] && echo 14 || echo 0)"
    ok "$m plane there is $3" plane "$THERE" "$3"
    ok "$m plane back is $4" plane "$BACK" "$4"
    ok "$m nothing dropped" jq_drop '.drops | length == 0'
    ok "$m delete" dpx-loader delete "$D"
    ok "$m nothing left" nothing_left
}

jq_dp() {
    dpxtool -j dp show dp "$D" >"$TMP/json"
    cat "$TMP/json"
    jq -e --argjson n "$PINGS" ".[0] | $1" "$TMP/json" >/dev/null
}

jq_drop() {
    dpxtool -j drop show dp "$D" >"$TMP/json"
    cat "$TMP/json"
    jq -e ".[0] | $1" "$TMP/json" >/dev/null
}

# Pins, programs and settings of the devices are as before.
device_state() {
    local d
    for d in "$A" "$B"; do
        ip -d link show "$d"
        ethtool -k "$d"
        in_ns "$d" ethtool -k eth0
        tc qdisc show dev "$d"
        bpftool net show dev "$d"
    done 2>/dev/null | sed 's/qlen 1000//'
}

nothing_left() {
    device_state | diff "$TMP/state" - && [ ! -e "/sys/fs/bpf/dpx/$D" ]
}

lost_all() {
    ! in_ns "$A" ping -q -c 2 -i 0.1 -W 0.2 10.1.1.2
}

counts_on() {
    counted "$D" "$THERE"
    [ "$(counted "$D" "$THERE" | cut -d' ' -f1)" -ge $((PINGS + 2)) ]
}

# A flow's text, without its counters, makes the same flow.
dumped_again() {
    local key actions text
    dpxtool flow add dp "$D" flow 'in_port(1),eth(src=02:00:00:00:00:01/01:00:00:00:00:ff),eth_type(0x0800),ipv4(dst=10.0.0.0/255.0.0.0,proto=17,frag=no),udp(dst=53)' \
        actions 'set(ipv4(ttl=9)),push_vlan(vid=5,pcp=1),2,pop_vlan,1' || return
    text=$(dpxtool flow dump dp "$D")
    key=${text%%, packets:*} actions=${text##*actions:}
    dpxtool flow flush dp "$D"
    dpxtool flow add dp "$D" flow "$key" actions "$actions" || return
    echo "$text"
    dpxtool flow dump dp "$D"
    [ "$(dpxtool flow dump dp "$D")" = "$text" ]
}

host "$A" 10.1.1.1/24 $MAC_A
host "$B" 10.1.1.2/24 $MAC_B
knows "$A" 10.1.1.2 $MAC_B
knows "$B" 10.1.1.1 $MAC_A
in_ns "$B" iperf3 -s -D -I "$TMP/iperf.pid" >/dev/null
within 5 test -s "$TMP/iperf.pid"
undo eval "kill \$(tr -d '\\0' <'$TMP/iperf.pid')"
device_state >"$TMP/state"

forward tc tc tc tc
forward xdp xdp xdp xdp
# What comes in by XDP for a port whose peer has no GRO, TC sends.
forward xdp tc tc tc

# A peer that turns GRO on receives XDP frames from then on.
setup xdp tc >/dev/null && undo dpx-loader delete "$D"
in_ns "$B" ethtool -K eth0 gro on
ok "a change of the peer is seen" dpx-loader show "$D"
ok "mixed: $PINGS pings" flood "$PINGS"
ok "mixed: counted there" counted_pings "$THERE" "$PINGS"
ok "mixed: counted back" counted_pings "$BACK" "$PINGS"
ok "mixed: plane there is xdp" plane "$THERE" xdp
ok "mixed: plane back is tc" plane "$BACK" tc
ok "mixed: TCP" tcp
in_ns "$B" ethtool -K eth0 gro off

# What the tool says of it.
# shellcheck disable=SC2016  # Variables of jq's.
ok "mixed: the ports in JSON" jq -e '.[0].ports | map([.port, .name, .mode, .up,
    .xdp, .receives_xdp]) == [[1, $a, "xdp", true, true, true],
    [2, $b, "tc", true, false, false]]' --arg a "$A" --arg b "$B" \
    <(dpx-loader show "$D" >"$TMP/out" && dpxtool -j port show dp "$D")
for noun in dp port mask upcall drop "flow dump"; do
    [[ $noun = flow* ]] || noun+=" show"
    # shellcheck disable=SC2086  # Words.
    ok "JSON of $noun" jq -e 'type == "array"' <(dpxtool -p $noun dp "$D")
done
ok "dp show: 2 flows, 2 ports" jq_dp '.flows == 2 and .ports == 2'
ok "mask show: 1 mask of 2 flows" jq -e \
    '.[0].masks | length == 1 and .[0].flows == 2' \
    <(dpxtool -j mask show dp "$D")
ok "modified to a drop" dpxtool flow mod dp "$D" flow "$THERE" actions drop
ok "drops" lost_all
ok "its counters go on" counts_on
ok "modified back" dpxtool flow mod dp "$D" flow "$THERE" actions "$B"
ok "forwards" flood 10
ok "deleted" dpxtool flow del dp "$D" flow "$BACK"
ok "one flow" jq_dp '.flows == 1'
ok "its packets miss" lost_all
ok "flushed" dpxtool flow flush dp "$D"
ok "no flow" jq_dp '.flows == 0'
ok "what is dumped can be added again" dumped_again

done_testing
