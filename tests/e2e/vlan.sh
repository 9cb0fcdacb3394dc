#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# VLAN trunks: tags are matched, kept, pushed and popped right, whether they lie
# in the frame or are left to the sender's device, in every mode of ports.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b D=${T}d PINS=/sys/fs/bpf/$T
IP="ip=10.4.0.1>10.4.0.2"

frame() {
    frames frame "$IP" "$@"
}

# What comes to $B when $A sends frame $1 is frame $2 (none: nothing).
becomes() {
    if [ -n "$2" ]; then
        frames exchange -t 1 -n 1 "$B" "$A" "$1"
    else
        frames exchange -t 0.1 "$B" "$A" "$1"
    fi | sed 's/ $//' >"$TMP/got"
    echo "got:      $(cat "$TMP/got")"
    echo "expected: ${2:+$B $2}"
    [ "$(cat "$TMP/got")" = "${2:+$B $2}" ]
}

# The only flow is $1 with actions $2.
flow() {
    dpxtool flow flush dp "$D" &&
        dpxtool flow add dp "$D" flow "$1" actions "$2"
}

tagged() {
    echo "in_port(1),eth(),eth_type($1),vlan(${2:-vid=5,pcp=0}),encap(${3:-})"
}

# What $A sends gets tags $@ on its way, by an offload or by the kernel; none:
# no more.
tagging() {
    in_ns "$A" tc filter del dev eth0 egress 2>/dev/null
    rm -f "$PINS/tagger"
    [ $# = 0 ] || {
        tests/e2e/kernel.py tagger "$PINS/tagger" "$@" &&
            in_ns "$A" tc filter add dev eth0 egress bpf direct-action \
                object-pinned "$PINS/tagger"
    }
}

# With tags that $A's device is (`on`) or is not to put into the frame.
offload() {
    in_ns "$A" ethtool -K eth0 txvlan "$1" tx-vlan-stag-hw-insert "$1"
}

# Frames whose tags are $1 when they reach the port: the rest of the arguments
# go to tagging(), or the tags are put into the frame that is sent.
trunk() {
    local m=$1 how=$2 in out
    shift 2
    send() {            # TAG... -> a frame that will bear these tags
        local tag tags=() push=()
        for tag in "$@"; do
            tags+=("tag=$tag")
            push=("$tag" "${push[@]}")
        done
        if [ "$how" = frame ]; then
            tagging
            in=$(frame "${tags[@]}")
        else
            tagging "${push[@]}"
            in=$(frame)
        fi
        out=$(frame "${tags[@]}")
    }
    m="$m, tag by $how:"

    send 8100:5
    flow "$(tagged 0x8100)" 2
    ok "$m matched and kept" becomes "$in" "$out"
    ok "$m counted with its tag" counts "$(tagged 0x8100)" \
        $((${#out} / 2))
    flow "$(tagged 0x8100 vid=6,pcp=0)" 2
    ok "$m not matched by another VLAN" becomes "$in" ""
    flow 'in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)' 2
    ok "$m not matched by untagged" becomes "$in" ""
    flow "$(tagged 0x8100 vid=5,pcp=0 \
        'eth_type(0x0800),ipv4(src=10.4.0.1,frag=no)')" 2
    ok "$m matched behind the tag" becomes "$in" "$out"
    flow "$(tagged 0x8100)" pop_vlan,2
    ok "$m popped" becomes "$in" "$(frame)"
    flow "$(tagged 0x8100)" 'push_vlan(vid=9,pcp=3),2'
    ok "$m another pushed" becomes "$in" \
        "$(frame tag=8100:$((9 | 3 << 13)) tag=8100:5)"
    flow "$(tagged 0x8100)" 'push_vlan(tpid=0x88a8,vid=9,pcp=0),2'
    ok "$m a service tag pushed" becomes "$in" \
        "$(frame tag=88a8:9 tag=8100:5)"
    flow "$(tagged 0x8100)" 'pop_vlan,push_vlan(vid=9,pcp=0),2'
    ok "$m replaced" becomes "$in" "$(frame tag=8100:9)"

    send 8100:$((5 | 6 << 13))
    flow "$(tagged 0x8100 vid=5,pcp=6)" 2
    ok "$m priority matched and kept" becomes "$in" "$out"

    send 88a8:7 8100:5
    flow "in_port(1),eth(),eth_type(0x88a8),vlan(vid=7,pcp=0),encap(\
eth_type(0x8100),vlan(vid=5,pcp=0),encap())" 2
    ok "$m QinQ matched and kept" becomes "$in" "$out"
    flow "in_port(1),eth(),eth_type(0x88a8),vlan(vid=7,pcp=0),encap(\
eth_type(0x8100),vlan(vid=5,pcp=0),encap(\
eth_type(0x0800),ipv4(dst=10.4.0.2,frag=no)))" pop_vlan,2
    ok "$m QinQ popped once" becomes "$in" "$(frame tag=8100:5)"
    flow "in_port(1),eth(),eth_type(0x88a8),vlan(vid=7,pcp=0),encap(\
eth_type(0x8100),vlan(vid=5,pcp=0),encap())" pop_vlan,pop_vlan,2
    ok "$m QinQ popped twice" becomes "$in" "$(frame)"
    tagging
}

counts() {
    counted "$D" "$1"
    counted "$D" "$1" | grep -q "^1 $2 "
}

# Without a tag on the way in.
untagged() {
    local m="$1, no tag:"
    flow 'in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)' \
        'push_vlan(vid=5,pcp=0),2'
    ok "$m pushed" becomes "$(frame)" "$(frame tag=8100:5)"
    flow 'in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)' \
        'push_vlan(vid=5,pcp=0),push_vlan(tpid=0x88a8,vid=6,pcp=1),2'
    ok "$m two pushed" becomes "$(frame)" \
        "$(frame tag=88a8:$((6 | 1 << 13)) tag=8100:5)"
    flow "$(tagged 0x8100)" 2
    ok "$m not matched by a VLAN" becomes "$(frame)" ""
}

# A partial checksum, and GSO, below a tag.
trunk_udp() {
    local m="$1, tag by $2, UDP with offloads:"
    tagging 8100:5
    flow "$(tagged 0x8100)" pop_vlan,2
    ok "$m popped" frames udp "$A" "$B" 10.4.0.2 1000
    # The sender cannot segment what a program of tc's tagged.
    [ $mode = xdp ] ||
        ok "$m GSO, popped" frames udp -g 1000 "$A" "$B" 10.4.0.2 10500
    tagging
}

mkdir "$PINS" && undo rm -r "$PINS"
host "$A" 10.4.0.1/24 02:00:00:00:00:01
host "$B" 10.4.0.2/24 02:00:00:00:00:02
knows "$A" 10.4.0.2 02:00:00:00:00:02
in_ns "$A" tc qdisc add dev eth0 clsact
for mode in tc xdp; do
    datapath "$D" --no-local --flows 1024
    dpx-loader attach "$D" "$A" --port 1 --mode $mode
    dpx-loader attach "$D" "$B" --port 2 --mode $mode
    if [ $mode = xdp ]; then
        ok "xdp: attach turned the peer's VLAN offload off" \
            grep -qx "tx-vlan-offload: off" <(in_ns "$A" ethtool -k eth0)
    fi
    untagged $mode
    trunk $mode frame
    if [ $mode = tc ]; then
        offload on
        trunk $mode offload
        trunk_udp $mode offload
        offload off
    fi
    trunk $mode kernel
    trunk_udp $mode kernel
    dpx-loader delete "$D"
done

# Ports of one kind to those of the other.
datapath "$D" --no-local --flows 1024
dpx-loader attach "$D" "$A" --port 1 --mode xdp
dpx-loader attach "$D" "$B" --port 2 --mode tc
trunk "xdp to tc" frame
dpx-loader delete "$D"
datapath "$D" --no-local --flows 1024
dpx-loader attach "$D" "$A" --port 1 --mode tc
dpx-loader attach "$D" "$B" --port 2 --mode xdp
offload on
trunk "tc to xdp" offload
done_testing
