#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Wrong input, and a machine that is not as it should be: each has an error of
# its own and exit status 1, and nothing else is lost by it.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

A=${T}a B=${T}b D=${T}d PINS=/sys/fs/bpf/dpx
THERE='in_port(1),eth(),eth_type(0/0)' BACK='in_port(2),eth(),eth_type(0/0)'

flow() {
    local verb=$1
    shift
    dpxtool flow "$verb" dp "$D" flow "$@"
}

add() {
    flow add "$1" actions "$2"
}

works() {
    in_ns "$A" ping -q -c 2 -i 0.1 -W 1 10.3.0.2
}

datapath "$D" --no-local --flows 1000 --masks 64
host "$A" 10.3.0.1/24
host "$B" 10.3.0.2/24
dpx-loader attach "$D" "$A" --port 1
dpx-loader attach "$D" "$B" --port 2
add "$THERE" 2
add "$BACK" 1
ok "works before" works

# Datapaths, ports, devices ---------------------------------------------------

NONE=${T}none
fails "tool: no such datapath" "^dpxtool: cannot open datapath .*$NONE" \
    dpxtool flow dump dp "$NONE"
for command in "delete $NONE" "show $NONE" "attach $NONE $A" \
    "detach $NONE $A"; do
    # shellcheck disable=SC2086
    fails "loader ${command%% *}: no such datapath" \
        "^dpx-loader: cannot ${command%% *}.*no datapath $NONE" \
        dpx-loader $command
done
fails "switch: no such datapath" "^dpx-switch: cannot open .*$NONE" \
    dpx-switch "$NONE"
fails "tool: no such object" "no such object" dpxtool frobnicate
fails "tool: no such command" "no such command of flow" dpxtool flow frobnicate
fails "tool: no datapath named" "dp NAME" dpxtool flow dump
fails "create one that exists" "exists" dpx-loader create "$D"
fails "bad name of a datapath" "cannot create a.b: .*name" \
    dpx-loader create a.b
fails "no such device" "$NONE" dpx-loader attach "$D" "$NONE"
fails "no such port" "no port $NONE" dpx-loader detach "$D" "$NONE"
fails "attach twice" "already port 1 of datapath $D" dpx-loader attach "$D" "$A"
host "${T}c" 10.3.0.3/24
fails "port number taken" "port number 2 of datapath $D is taken by $B" \
    dpx-loader attach "$D" "${T}c" --port 2
fails "port number too large" "4096 is too large" \
    dpx-loader attach "$D" "${T}c" --port 4096
datapath "${T}o" --no-local --flows 64
fails "a device in another datapath" "$A belongs to port 1 .* of datapath $D" \
    dpx-loader attach "${T}o" "$A"
if ip link add "${T}br" type bridge 2>/dev/null; then
    undo ip link del "${T}br"
    ip link set "${T}c" master "${T}br"
    fails "a device with a master" "master, ${T}br" \
        dpx-loader attach "$D" "${T}c"
    ip link set "${T}c" nomaster
else
    skip "a device with a master" "this kernel has no bridges"
fi
fails "no loopback" "no Ethernet device" dpx-loader attach "$D" lo

# Flow text -------------------------------------------------------------------

fails "an unknown field" "cannot parse the key: .*(column|at).*frob" \
    add 'in_port(1),frob(2)' 2
fails "a bad value" "cannot parse the key: .*ipv9" \
    add 'in_port(1),eth(),eth_type(ipv9)' 2
fails "a bad number" "cannot parse the key: .*300" \
    add 'in_port(1),eth(),eth_type(0x0800),ipv4(ttl=300)' 2
fails "an open parenthesis" "cannot parse the key: .*(column|end)" \
    add 'in_port(1' 2
fails "a field twice" "in_port.*twice|duplicate|already" \
    add 'in_port(1),in_port(2),eth()' 2
fails "no such port's name" "cannot parse the key: .*nosuch" \
    add 'in_port(nosuch),eth()' 2
fails "an unknown action" "cannot parse the actions: .*(column|at).*frob" \
    add "$THERE" '2,frob(1)'
fails "an action that cannot be" "cannot add flow .*" \
    add "$THERE" 'set(ipv4(src=10.0.0.1)),2'
fails "actions missing" "\"actions 'ACTIONS'\" expected" flow add "$THERE"
fails "more than was asked for" "unexpected argument" \
    dpxtool flow dump dp "$D" frobnicate
ok "JSON errors are JSON" jq -e '.error | test("cannot open datapath")' \
    <(dpxtool -j flow dump dp "$NONE" 2>/dev/null)

# Flows -----------------------------------------------------------------------

fails "put of an existing flow" "cannot add flow .*exists" add "$THERE" 2
ABSENT='in_port(9),eth(),eth_type(0/0)'
fails "get of an absent one" "cannot get flow .*(no such|not|absent)" \
    flow get "$ABSENT"
fails "del of an absent one" "cannot delete flow .*(no such|not|absent)" \
    flow del "$ABSENT"
fails "mod of an absent one" "cannot modify flow .*(no such|not|absent)" \
    flow mod "$ABSENT" actions 2
fails "actions too long" "cannot .*136000 bytes, at most 65535" \
    add "$ABSENT" "$(seq -s, 1 17000)"
# Eight bytes each.
ok "32 KB of actions" add "$ABSENT" "$(seq -s, 0 4095)"
ok "dumped as put" grep -qF "actions:$(seq -s, 0 4095)" \
    <(dpxtool flow dump dp "$D")
ok "deleted" flow del "$ABSENT"
fails "no flow for what is not there" "recirc|skb_mark|ct_state|cannot" \
    add 'in_port(1),eth(),eth_type(0/0)' 'set(nosuch(1))'
ok "works still" works

# A full table ----------------------------------------------------------------

flows_are() {
    dpx-churn check "$D" && [ "$(dpxtool -j flow dump dp "$D" | jq length)" \
        = "$1" ]
}

ok "998 flows more" dpx-churn fill "$D" 0 998
ok "1000 flows" flows_are 1000
fails "a full flow table" "cannot add flow .*full" add "$ABSENT" 2
ok "and a batch" grep -q '^0 taken, .*full' <(dpx-churn fill "$D" 2000 300)
ok "nothing lost" flows_are 1000
ok "works still" works
ok "a flow is modified" flow mod "$THERE" actions 2
ok "one is deleted" flow del \
    'in_port(1),eth(),eth_type(0x0800),ipv4(dst=11.0.0.5,frag=no)'
ok "one fits again" add "$ABSENT" 2
ok "flush" dpxtool flow flush dp "$D"
ok "empty" flows_are 0

fill_masks() {
    local i
    for i in $(seq "$1"); do
        add "in_port(3),eth(),eth_type(0x0800),ipv4(ttl=$i/$i)" 2 || return
    done
}

fails "a full mask table" "cannot add flow .*mask" fill_masks 70
ok "64 masks" jq -e \
    '.[0] | .masks == 64 and .max_masks == 64 and .max_flows == 1000' \
    <(dpxtool -j dp show dp "$D")
ok "nothing lost" dpx-churn check "$D"
dpxtool flow flush dp "$D"
add "$THERE" 2
ok "others fit after a flush" add "$BACK" 1
ok "works still" works

# The machine -----------------------------------------------------------------

as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

BIN=$PWD/build/bin
for command in "dpx-loader create ${T}n" "dpx-loader show" "dpxtool dp show" \
    "dpxtool flow dump dp $D" "dpx-switch $D"; do
    # shellcheck disable=SC2086
    fails "not root: $command" "root" as_nobody $BIN/$command
    # shellcheck disable=SC2086
    fails "no bpffs: $command" "no (BPF file system|bpffs) .*mount" \
        without_bpffs $BIN/$command
done

# Pins ------------------------------------------------------------------------

# Opening $D fails with message $2.
refused() {
    fails "$1: tool" "cannot open datapath .*$2" dpxtool dp show dp "$D"
    fails "$1: loader" "cannot show $D: .*$2" dpx-loader show "$D"
    fails "$1: switch" "$2" dpx-switch "$D"
    fails "$1: attach" "$2" dpx-loader attach "$D" "${T}c"
    ok "$1: still forwards" works
}

mv "$PINS/$D/index" "$PINS/$D/kept"
refused "a pin is missing" "pin index.*missing"
bpftool map create "$PINS/$D/index" type hash key 4 value 4 entries 4 name x
refused "a foreign pin" "pin index"
rm "$PINS/$D/index"
tests/e2e/kernel.py tagger "$PINS/$D/index" 8100:1
refused "a program for a map" "pin index.*program|pin index.*bpf-prog"
rm "$PINS/$D/index"
mv "$PINS/$D/kept" "$PINS/$D/index"
ok "mended" dpxtool dp show dp "$D"
tests/e2e/kernel.py poke "$PINS/$D/meta" 64 00000000
refused "a datapath half made" "not created, or not deleted, to the end"
tests/e2e/kernel.py poke "$PINS/$D/meta" 64 12345678
refused "a foreign datapath" "magic|no dpx|not.* of dpx|foreign"
tests/e2e/kernel.py poke "$PINS/$D/meta" 64 64707831
tests/e2e/kernel.py poke "$PINS/$D/meta" 68 63000000
refused "another layout" "layout.*(99|version)"
fails "another layout: reload" "layout" dpx-loader reload "$D"
ok "another layout: delete" dpx-loader delete "$D"
ok "its pins are gone" test ! -e "$PINS/$D"
ok "its programs are off the devices" jq -e \
    '[.. | .id? // empty] == []' <(bpftool -j net show dev "$A")
ok "other datapaths are as they were" dpxtool dp show dp "${T}o"
done_testing
