#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# On stock Debian kernels: 6.1, the oldest that will do, loads the programs and
# forwards, in every mode of ports; an older one is refused with the reason.

set -u
cd "$(dirname "$0")/../.." || exit 1
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM HUP

# Runs a command in a machine with kernel $1.
machine() {
    tests/vm/run -k "$1" -t 400 "${@:2}" >"$out" 2>&1
    status=$?
    [ $status != 77 ] || { echo "1..0 # SKIP $(tail -n 1 "$out")"; exit 0; }
}

PINGS=500 SECS=1 machine 6.1 tests/e2e/forward.sh
cat "$out"
n=$(grep -cE '^(not )?ok' "$out")
[ $status = 0 ] && [ "$n" -gt 0 ]
failed=$?

machine 5.10 build/bin/dpx-loader create old
n=$((n + 1))
if [ $status = 1 ] && grep -q "cannot create old: .*6\.1 or newer" "$out"; then
    echo "ok $n - an older kernel is refused"
else
    echo "not ok $n - an older kernel is refused"
    sed 's/^/# /' "$out"
    failed=1
fi
exit $failed
