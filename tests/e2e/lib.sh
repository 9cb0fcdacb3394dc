# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For end-to-end tests: TAP, namespaces, and an undo for every set-up step.
# A test sources this, uses names that start with "$T" (unique for each run, so
# that tests can run side by side), and ends with `done_testing`.
#
# What a test has set up is undone even if it is killed outright: a second
# process waits for its end.
#
#   ok TEXT COMMAND...          passes if the command does
#   fails TEXT PATTERN COMMAND...  passes if the command exits 1 and prints a
#                               line on stderr that matches PATTERN
#   skip TEXT WHY               counts a test that cannot run here
#   undo COMMAND...             to be run at the end, last first
#   datapath DP [ARG...]        dpx-loader create, and its undo
#   host NS ADDR [MAC]          a namespace with one veth to ours: device eth0
#                               inside, NS outside; ADDR like 10.0.0.1/24.
#                               Without IPv6, so nothing is sent by itself
#   knows NS ADDR MAC           so that it need not ask
#   frames VERB ARG...          see frames.py
#   start_sender NS; send_frame COUNT HEX   send frames, many times and quickly
#   received NS DEV             frames that a device has received
#   counted DP KEY              "PACKETS BYTES PLANE" of a flow

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PWD/build/bin:$PWD/build/tests:/usr/sbin:/sbin:$PATH
n_tests=0 n_failed=0
# Six letters: names of devices and datapaths are made of it.
# shellcheck disable=SC2034  # For the tests.
T=t$(printf '%05x' $(($$ % 1048576)))

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf ||
    { echo "1..0 # SKIP cannot mount /sys/fs/bpf"; exit 0; }

TMP=$(mktemp -d) || exit 1

undo() {
    printf '%q ' "$@" >>"$TMP/undo"
    echo >>"$TMP/undo"
}

undo_all() {
    local steps
    trap '' INT TERM HUP
    mapfile -t steps < <(tac "$TMP/undo" 2>/dev/null)
    for step in "${steps[@]}"; do
        eval "$step" >/dev/null 2>&1
    done
    rm -rf "$TMP"
}
trap undo_all EXIT
trap 'exit 130' INT TERM HUP

# Runs a command in a namespace; unlike `ip netns exec` it keeps bpffs.
in_ns() {
    local ns=$1
    shift
    nsenter --net="/run/netns/$ns" "$@"
}

# Of another session, so that what ends this one does not end it.
watch() {
    while kill -0 "$1"; do
        sleep 1
    done
    TMP=$2
    [ ! -d "$TMP" ] || undo_all
}
export -f watch undo_all in_ns
setsid bash -c 'watch "$@"' watch $$ "$TMP" >/dev/null 2>&1 </dev/null &
disown

result() {              # STATUS TEXT
    n_tests=$((n_tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n_tests - $2"
    else
        n_failed=$((n_failed + 1))
        echo "not ok $n_tests - $2"
        sed 's/^/# /' "$TMP/out" 2>/dev/null
    fi
}

ok() {
    local text=$1
    shift
    "$@" >"$TMP/out" 2>&1
    result $? "$text"
}

fails() {
    local text=$1 pattern=$2 status
    shift 2
    "$@" >"$TMP/stdout" 2>"$TMP/out"
    status=$?
    echo "exit status $status" >>"$TMP/out"
    [ $status = 1 ] && grep -qE -- "$pattern" "$TMP/out"
    result $? "$text"
}

skip() {
    n_tests=$((n_tests + 1))
    echo "ok $n_tests - $1 # SKIP $2"
}

done_testing() {
    echo "1..$n_tests"
    [ "$n_failed" = 0 ] || exit 1
}

datapath() {
    undo dpx-loader delete "$1"
    dpx-loader create "$1" --flows 10000 "${@:2}" ||
        { echo "Bail out! cannot create $1"; exit 1; }
}

# Runs a command where no bpffs is mounted.  Of / nothing is asked: it may be no
# mount point.
without_bpffs() {
    # shellcheck disable=SC2016
    unshare -m --propagation unchanged bash -c 'mount --make-rprivate /sys &&
        while umount /sys/fs/bpf 2>/dev/null; do :; done && "$@"' _ "$@"
}

host() {
    local ns=$1 addr=$2 mac=${3:-}
    ip netns add "$ns" && undo ip netns del "$ns"
    in_ns "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
    ip link add "$ns" type veth peer name eth0 netns "$ns"
    undo ip link del "$ns"
    sysctl -qw "net.ipv6.conf.$ns.disable_ipv6=1"
    [ -z "$mac" ] || in_ns "$ns" ip link set eth0 address "$mac"
    in_ns "$ns" ip addr add "$addr" dev eth0
    in_ns "$ns" ip link set lo up
    in_ns "$ns" ip link set eth0 up
    ip link set "$ns" up
}

# Succeeds as soon as the command does, tried for SECONDS.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

knows() {
    in_ns "$1" ip neigh replace "$2" lladdr "$3" dev eth0
}

# A process that sends frames from host $1; `send_frame COUNT HEX` has it do
# so, and waits until they have arrived.
start_sender() {
    coproc SENDER { exec tests/e2e/frames.py sender "$1"; }
    undo kill "$SENDER_PID"
}

send_frame() {
    local answer
    echo "$@" >&"${SENDER[1]}"
    read -r -u "${SENDER[0]}" answer
    sleep 0.05
    [ "$answer" = sent ] || echo "send: $answer"
}

# Frames that device $2 of namespace $1 has received.
received() {
    in_ns "$1" awk -v dev="$2:" '$1 == dev { print $3 }' /proc/self/net/dev
}

frames() {
    tests/e2e/frames.py "$@"
}

counted() {
    dpxtool -j flow get dp "$1" flow "$2" |
        jq -r '"\(.packets) \(.bytes) \(.plane)"'
}
