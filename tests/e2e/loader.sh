#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# dpx-loader on real devices, in namespaces of its own.

. "$(dirname "$0")/lib.sh"

DP=$T
DP2=${T}x
PINS=/sys/fs/bpf/dpx

on() {
    in_ns "$T$1" "${@:2}"
}

loader() {
    on h dpx-loader "$@"
}

not() {
    ! "$@"
}

# shows PATTERN: `show` has a line that matches.
shows() {
    loader show "$DP" | tee /dev/stderr | grep -q -- "$1"
}

# port N PATTERN: what `show` has of port N matches.
port() {
    loader show "$DP" | grep -A 2 " port $1:" | tee /dev/stderr |
        grep -q -- "$2"
}

# warns PATTERN COMMAND...: succeeds, with a warning.
warns() {
    "${@:2}" 2>"$TMP/stderr" && cat "$TMP/stderr" &&
        grep -q "warning: .*$1" "$TMP/stderr"
}

# offload NS DEV NAME: its state as ethtool tells it.
offload() {
    on "$1" ethtool -k "$2" |
        sed -n "s/^[[:space:]]*$3: \(on\|off\).*/\1/p"
}

is() {
    echo "got '$1', want '$2'"
    [ "$1" = "$2" ]
}

# has DEV PATTERN: what `ip link` says of our device.
has() {
    on h ip link show "$1" | tee /dev/stderr | grep -q -- "$2"
}

for ns in h a b c; do
    ip netns add "$T$ns" && undo ip netns del "$T$ns"
done
on h ip link set lo up
for x in a b; do
    on h ip link add v$x type veth peer name p$x
    on h ip link set "p$x" netns "$T$x"
    on h ip link set v$x up
    on $x ip link set p$x up
done
on h ip link add v-c.5 type veth peer name pc   # No name for a pin.
on h ip link add d0 type ifb

undo in_ns "${T}h" dpx-loader delete "$DP"
undo in_ns "${T}h" dpx-loader delete "$DP2"

# Command line.
ok "--help" dpx-loader --help
ok "--version" dpx-loader --version
ok "no command" not dpx-loader
fails "unknown command" "no such command" dpx-loader frobnicate
fails "argument missing" "wrong arguments" dpx-loader attach "$DP"
fails "option of another command" \
    "wrong arguments" dpx-loader delete "$DP" --flows 3
fails "number that is none" "not a number" dpx-loader create "$DP" --flows 3x
fails "mode that is none" \
    "not auto, xdp or tc" dpx-loader attach "$DP" va --mode fast
fails "bad name" "name" loader create no/slash
fails "name too long" "name" loader create sixteen-letters--
fails "not root" "only root" \
    setpriv --reuid=65534 --regid=65534 --clear-groups dpx-loader show
fails "no bpffs" "mount -t bpf" without_bpffs dpx-loader show

# Create and delete.
fails "delete, absent" "no datapath $DP" loader delete "$DP"
fails "attach, absent datapath" "datapath" loader attach "$DP" va
fails "show, absent datapath" "datapath" loader show "$DP"
ok "create" loader create "$DP" --flows 1000 --masks 64
fails "create, present" "exists already" loader create "$DP"
ok "sizes" shows "0 of 1000 flows, 64 masks"
ok "directory is closed to others" is "$(stat -c %a "$PINS/$DP")" 700
ok "local port" shows "port 0: $DP (internal)"
ok "local port's device" on h ip link show "$DP"
on h ip link add "$DP2" type ifb
fails "local port's name taken" \
    "a device $DP2 exists already" loader create "$DP2"
ok "failed create leaves nothing" not test -e "$PINS/$DP2"
ok "create --no-local" loader create "$DP2" --no-local
on h ip link del "$DP2"

# Attach: what is refused.
fails "no such device" "no device nothere" loader attach "$DP" nothere
fails "no device's name" "cannot name a device" loader attach "$DP" a/b
fails "loopback" "no Ethernet device" loader attach "$DP" lo
ok "attach" loader attach "$DP" va --port 7
fails "attach twice" "already port 7" loader attach "$DP" va
fails "in another datapath" \
    "belongs to port 7 \(va\) of datapath $DP" loader attach "$DP2" va
fails "host's end of another's internal port" \
    "belongs to port 0" loader attach "$DP2" "$DP"
fails "number taken" "taken by va" loader attach "$DP" vb --port 7
fails "number too large" "too large" loader attach "$DP" vb --port 4096
on h ip link add br9 type bridge
on h ip link set d0 master br9
fails "a master" "master, br9 \(ip link set dev d0 nomaster\)" \
    loader attach "$DP" d0
on h ip link set d0 nomaster
fails "XDP where the driver has none" \
    "--mode tc" loader attach "$DP" d0 --mode xdp
ok "failed attach leaves the device as it was" \
    not has d0 PROMISC
ok "failed attach leaves no port" not shows d0
fails "internal ports are not in XDP" \
    "internal" loader attach "$DP" int0 --internal --mode xdp
ok "nor is their device left" not on h ip link show int0
fails "another namespace's device" \
    "another network namespace" on a dpx-loader attach "$DP" pa
ok "lowest free number" loader attach "$DP" vb
ok "it is 1" shows "port 1: vb, mode auto"
ok "a device with a dot" loader attach "$DP" v-c.5
ok "promiscuous" has va "PROMISC"
ok "detach" loader detach "$DP" va
ok "detach by number" loader detach "$DP" 2
ok "no longer promiscuous" \
    not has va "PROMISC"
fails "detach, absent" "no port va" loader detach "$DP" va
loader detach "$DP" vb

# A foreign XDP program.
bpftool prog load build/bpf/xdp.o "/sys/fs/bpf/$T-foreign"
undo rm "/sys/fs/bpf/$T-foreign"
on h bpftool net attach xdpgeneric pinned "/sys/fs/bpf/$T-foreign" dev d0
fails "foreign XDP program" "xdp off" loader attach "$DP" d0
on h bpftool net detach xdpgeneric dev d0

# XDP mode.
on a ethtool -k pa >"$TMP/before"
on h ethtool -k va >"$TMP/before-va"
ok "attach --mode xdp" loader attach "$DP" va --mode xdp
ok "attach --mode xdp, another" loader attach "$DP" vb --mode xdp
ok "in XDP" port 1 "xdp: yes"
ok "program in the driver" has va " xdp "
ok "peer's checksum offload off" is "$(offload a pa tx-checksumming)" off
ok "peer's VLAN offload off" is "$(offload a pa tx-vlan-offload)" off
ok "peer's 802.1ad offload off" is "$(offload a pa tx-vlan-stag-hw-insert)" off
ok "peer's GRO on" is "$(offload a pa generic-receive-offload)" on
ok "rxvlan off" is "$(offload h va rx-vlan-offload)" off
ok "XDP frames arrive" port 1 "sent to it: arrive"
on a ethtool -K pa gro off
ok "not without the peer's GRO" port 1 "would not arrive"
on a ethtool -K pa gro on
ok "with it again" port 1 "sent to it: arrive"
ok "reload" loader reload "$DP"
ok "still in XDP" has va " xdp "
ok "no pins left over" not sh -c "ls $PINS/$DP | grep -q new"
ok "detach" loader detach "$DP" va
ok "peer's offloads restored" \
    diff "$TMP/before" <(on a ethtool -k pa)
ok "offloads restored" diff "$TMP/before-va" <(on h ethtool -k va)
ok "detach by a process in another namespace" on a dpx-loader detach "$DP" vb
ok "program off" not has vb "xdp"

# A peer that cannot be found: its namespace has neither a name nor a process.
ip netns add "${T}x"
on h ip link add vx type veth peer name px netns "${T}x"
exec 9<"/run/netns/${T}x"
in_ns "${T}x" ip link set px up
in_ns "${T}x" ethtool -K px gro on
ip netns del "${T}x"
ok "attach, peer out of reach" \
    warns "peer of vx .*ethtool -K PEER tx off" \
    loader attach "$DP" vx --mode xdp
loader detach "$DP" vx
nsenter --net=/dev/fd/9 ethtool -K px gro off
if printf '6.3\n%s\n' "$(uname -r)" | sort -VC; then
    fails "peer that cannot receive, and is out of reach" \
        "cannot receive XDP frames .*gro on" loader attach "$DP" vx --mode xdp
    ok "no program left" not has vx xdp
else
    skip "peer that cannot receive" "this kernel does not tell"
fi
ok "mode tc does not care" loader attach "$DP" vx --mode tc
exec 9<&-
within 5 not on h ip link show vx >/dev/null 2>&1
ok "gone with its namespace" not shows vx

# What the host loses.
on h ip addr add 192.0.2.1/24 dev d0
on h ip link set d0 up
on h ip route add default via 192.0.2.2
ok "attach what carries the default route" \
    warns "d0 carries the default route" loader attach "$DP" d0
loader detach "$DP" d0
on h ip addr flush dev d0

# A peer that is down.
in_ns "${T}a" ip link set pa down
ok "attach, peer down" loader attach "$DP" va --mode xdp
ok "it will receive" port 1 "sent to it: arrive"
in_ns "${T}a" ip link set pa up
loader detach "$DP" va

# Two at once.
loader attach "$DP" va & first=$!
loader attach "$DP" vb & second=$!
ok "attach, at the same time" wait "$first"
ok "attach, at the same time" wait "$second"
ok "each has its number" port 1 "v[ab]"
ok "each has its number" port 2 "v[ab]"
loader detach "$DP" va
loader detach "$DP" vb

# Renamed, moved, deleted.
loader attach "$DP" va --mode xdp
loader attach "$DP" vb --mode tc
on h ip link set va down
on h ip link set va name vnew
on h ip link set vnew up
ok "renamed" shows "port 1: vnew"
ok "seen from another namespace" \
    sh -c "nsenter --net=/run/netns/${T}a dpx-loader show $DP | grep vnew"
on h ip link set vnew netns "${T}c"
ok "moved away" not shows vnew
ok "programs off the moved device" \
    not on c sh -c "ip link show vnew | grep -q xdp"
ok "its pins are gone" not ls "$PINS/$DP"/link-xdp-1 "$PINS/$DP"/link-tc-1
on h ip link del vb
ok "deleted" not shows vb
on h ip link add vb type veth peer name pb2
ok "attached anew" loader attach "$DP" vb
ok "a new one gets a free number" shows "port 1: vb"

# Our program taken off by somebody.
if [ -e "$PINS/$DP/link-tc-1" ]; then
    old=$(bpftool link show pinned "$PINS/$DP/link-tc-1" | head -n 1)
    bpftool link detach pinned "$PINS/$DP/link-tc-1"
    ok "a stripped port stays" shows "port 1: vb"
    ok "its program is back" \
        not is "$(bpftool link show pinned "$PINS/$DP/link-tc-1" |
                  head -n 1)" "$old"
else
    on h tc qdisc del dev vb clsact
    ok "a stripped port stays" shows "port 1: vb"
    ok "its program is back" \
        on h sh -c "tc filter show dev vb ingress | grep dpx:$DP"
fi

# Internal ports.
ok "internal port" loader attach "$DP" int0 --internal --port 20
ok "it is down, as in OVS" \
    not has int0 "[<,]UP"
fails "name taken" "already port 20" \
    loader attach "$DP" int0 --internal --port 21
ok "no address on the other end" \
    not on h sh -c "ip -6 addr show type veth | grep -q 'dpx.*fe80'"
on h ip link set int0 mtu 1400
ok "its MTU" shows "port 20: int0 (internal).*mtu 1400"
ok "detach deletes it" loader detach "$DP" int0
ok "it is deleted" not on h ip link show int0
loader attach "$DP" int1 --internal
on h ip link del int1
ok "deleted by hand" not shows int1

# Killed, broken.
killed() {              # SECONDS ARG...
    timeout -s KILL "$1" nsenter --net="/run/netns/${T}h" dpx-loader "${@:2}"
}
for ms in 02 05 10 20 40; do
    killed "0.0$ms" attach "$DP" d0
    loader show "$DP" >/dev/null
    if loader show "$DP" | grep -q d0; then
        loader detach "$DP" d0
    fi
done 2>/dev/null
ok "a killed attach is undone" loader attach "$DP" d0
ok "and can be detached" loader detach "$DP" d0
for ms in 05 10 15 20 25 30; do
    loader delete "$DP2"
    killed "0.$ms" create "$DP2" --flows 100
done 2>/dev/null
loader delete "$DP2" 2>/dev/null
mkdir "$PINS/$DP2"
fails "show, half made" "not created" loader show "$DP2"
ok "create, half made" loader create "$DP2" --flows 100
ok "its local port" on h ip link show "$DP2"
rm "$PINS/$DP"/meta
fails "show, broken" "not deleted" loader show "$DP"
fails "attach, broken" "not deleted" loader attach "$DP" d0
ok "delete, broken" loader delete "$DP"
ok "deletes the local port's device, broken" not on h ip link show "$DP"
ok "programs off, broken" not on h sh -c "tc filter show dev vb ingress \
    | grep -q dpx"
ok "delete" loader delete "$DP2"
ok "nothing is left" not ls "$PINS/$DP" "$PINS/$DP2"

done_testing
