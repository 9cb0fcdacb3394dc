#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The local port and internal ports: devices that the host itself uses, reached
# through the datapath.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a D=${T}d I=${T}i H=${T}h
EVERY='eth(),eth_type(0/0)'

tcp() {
    in_ns "$A" iperf3 -s -1 -D -I "$TMP/pid" &&
        within 5 test -s "$TMP/pid" && sleep 0.2 &&
        on timeout 20 iperf3 -c 10.7.0.1 -t 1 -J |
        jq -e '.end.sum_received.bits_per_second > 1e6'
}

only_device() {
    on ip -br link
    [ "$(on ip -j link | jq -r '[.[].ifname] | join(" ")')" = "lo $1" ]
}

no_port() {
    ! on dpx-loader show "$D" | grep -w "$1"
}

# In a namespace $H of its own, which plays the host.
on() {
    in_ns "$H" "$@"
}

flow() {
    dpxtool flow add dp "$D" flow "in_port($1),$EVERY" actions "$2"
}

no_device() {
    ! on ip link show "$1"
}

port_is() {
    dpxtool -p port show dp "$D"
    [ "$(dpxtool -j port show dp "$D" |
        jq -r ".[0].ports[] | select(.port == $1) | .name + \" \" + .type")" \
        = "$2" ]
}

# From $1 to $2, which are NAMESPACE[:DEVICE], $2 having address $3.
reached() {
    in_ns "${1%:*}" ping -q -c 3 -i 0.1 -W 1 "$3" && frames udp "$1" "$2" "$3" 3000 &&
        frames tcp "$1" "$2" "$3" 200000
}

ip netns add "$H" && undo ip netns del "$H"
on sysctl -qw net.ipv6.conf.default.disable_ipv6=1
on ip link set lo up
ip netns add "$A" && undo ip netns del "$A"
in_ns "$A" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
on ip link add "$A" type veth peer name eth0
on ip link set eth0 netns "$A"
in_ns "$A" ip addr add 10.7.0.1/24 dev eth0
in_ns "$A" ip link set eth0 up
on ip link set "$A" up
on dpx-loader create "$D" --flows 1024 || { echo "Bail out!"; exit 1; }
undo in_ns "$H" dpx-loader delete "$D"

ok "create makes the local port" port_is 0 "$D internal"
ok "with a device of its name" on ip link show "$D"
on dpx-loader attach "$D" "$A" --mode tc
on ip addr add 10.7.0.2/24 dev "$D"
on ip link set "$D" up
ok "it has carrier" grep -q "LOWER_UP" <(on ip link show "$D")
flow 1 0
flow 0 1
ok "host reached through the local port" reached "$A" "$H:$D" 10.7.0.2
ok "and the other way" reached "$H:$D" "$A" 10.7.0.1
ok "its packets are counted" jq -e 'all(.[]; .packets > 0)' \
    <(dpxtool -j flow dump dp "$D")
ok "iperf3" tcp

on ip link add "${T}v" type veth peer name "${T}w"
fails "a device of the name exists" "a device ${T}v exists" \
    on dpx-loader attach "$D" "${T}v" --internal
on ip link del "${T}v"
ok "an internal port" on dpx-loader attach "$D" "$I" --internal --port 5
ok "is one" port_is 5 "$I internal"
on ip addr add 10.8.0.2/24 dev "$I"
on ip link set "$I" up
in_ns "$A" ip addr add 10.8.0.1/24 dev eth0
dpxtool flow flush dp "$D"
flow 1 5
flow 5 1
ok "host reached through it" reached "$A" "$H:$I" 10.8.0.2
ok "and the other way" reached "$H:$D" "$A" 10.8.0.1

# From XDP, by AF_XDP, and by a switch.
on dpx-loader detach "$D" "$A"
ok "attach in XDP" on dpx-loader attach "$D" "$A" --mode xdp --port 1
ok "XDP to internal and back" reached "$A" "$H:$I" 10.8.0.2
dpxtool flow flush dp "$D"
nsenter --net="/run/netns/$H" dpx-switch "$D" >"$TMP/switch" 2>&1 &
switch=$!
undo kill $switch
within 5 grep -qs switching "$TMP/switch"
in_ns "$A" ip neigh flush all
ok "through misses, to internal" reached "$A" "$H:$I" 10.8.0.2
dpxtool flow flush dp "$D"
on ip neigh flush all
ok "through misses, from internal" reached "$H:$D" "$A" 10.8.0.1
ok "the local port is switched too" reached "$A" "$H:$D" 10.7.0.2
kill $switch
wait $switch

on ip link set "$I" down
on ip link set "$I" name "${T}r"
on ip link set "${T}r" up
on dpx-loader show "$D" >"$TMP/out"
ok "renamed: it stays its port" port_is 5 "${T}r internal"
ok "detach" on dpx-loader detach "$D" "${T}r"
ok "its device is gone" no_device "${T}r"
ok "attach again" on dpx-loader attach "$D" "$I" --internal
ok "its device is deleted by somebody" on ip link del "$I"
ok "then the port goes" no_port "$I"
ok "attach once more" on dpx-loader attach "$D" "$I" --internal
ok "delete" on dpx-loader delete "$D"
ok "internal ports' devices are gone" no_device "$I"
ok "the local port's device is gone" no_device "$D"
ok "only $A is left" only_device "$A"
done_testing
