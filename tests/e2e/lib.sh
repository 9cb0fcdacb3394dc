# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For end-to-end tests: TAP, namespaces, and an undo for every set-up step.
# A test sources this, uses names that start with "$T" (unique for each run, so
# that tests can run side by side), and ends with `done_testing`.
#
#   ok TEXT COMMAND...          passes if the command does
#   fails TEXT PATTERN COMMAND...  passes if the command exits 1 and prints a
#                               line on stderr that matches PATTERN
#   skip TEXT WHY               counts a test that cannot run here
#   undo COMMAND...             to be run at the end, last first
#   datapath DP [ARG...]        dpx-loader create, and its undo
#   host NS ADDR [MAC]          a namespace with one veth to ours: device eth0
#                               inside, NS outside; ADDR like 10.0.0.1/24

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PWD/build/bin:$PWD/build/tests:/usr/sbin:/sbin:$PATH
n_tests=0 n_failed=0 n_undo=0 undos=()
# Six letters: names of devices and datapaths are made of it.
# shellcheck disable=SC2034  # For the tests.
T=t$(printf '%05x' $(($$ % 1048576)))

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf ||
    { echo "1..0 # SKIP cannot mount /sys/fs/bpf"; exit 0; }

undo() {
    undos[n_undo++]=$(printf '%q ' "$@")
}

cleanup() {
    trap '' INT TERM
    while [ "$n_undo" -gt 0 ]; do
        eval "${undos[--n_undo]}" >/dev/null 2>&1
    done
    [ -z "${TMP:-}" ] || rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
TMP=$(mktemp -d) || exit 1

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
    dpx-loader create "$@" || { echo "Bail out! cannot create $1"; exit 1; }
    undo dpx-loader delete "$1"
}

# Runs a command in a namespace; unlike `ip netns exec` it keeps bpffs.
in_ns() {
    local ns=$1
    shift
    nsenter --net="/run/netns/$ns" "$@"
}

host() {
    local ns=$1 addr=$2 mac=${3:-}
    ip netns add "$ns" && undo ip netns del "$ns"
    ip link add "$ns" type veth peer name eth0 netns "$ns"
    undo ip link del "$ns"
    [ -z "$mac" ] || ip -n "$ns" link set eth0 address "$mac"
    ip -n "$ns" addr add "$addr" dev eth0 nodad
    ip -n "$ns" link set lo up
    ip -n "$ns" link set eth0 up
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
