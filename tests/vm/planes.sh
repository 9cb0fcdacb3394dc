#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# On Debian's stock 6.1, the oldest kernel that works: the programs stay
# within the verifier's budget, and the planes are one.

set -u
cd "$(dirname "$0")/../.." || exit 1
tests/vm/run -k 6.1 -t 500 bash -c '
    build/tests/root-verifier
    a=$?
    build/tests/root-planes -p "xdp tc tc-partial" tests/data/planes.jsonl
    exit $((a | $?))'
status=$?
[ $status != 77 ] || echo "1..0 # SKIP no machine can run here"
[ $status = 77 ] || exit $status
