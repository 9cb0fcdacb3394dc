#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each fuzzer for a few seconds, on seeds from the kept data.

cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
n=0 failed=0

# Texts of keys and actions, a file each, for the fuzzer of texts.
mkdir "$dir/fuzz-text" && sed -n 's/^[a-z]* //p' tests/data/text.txt | shuf -n 300 |
    split -l 1 - "$dir/fuzz-text/"

for f in build/fuzz/fuzz-*; do
    [ -x "$f" ] && [ ! -d "$f" ] && [ "${f%.o}" = "$f" ] || continue
    name=$(basename "$f")
    n=$((n + 1))
    mkdir -p "$dir/$name"
    if "$f" -max_total_time="${FUZZ_SECONDS:-4}" -artifact_prefix="$dir/" \
        "$dir/$name" >"$dir/out" 2>&1; then
        echo "ok $n - $name"
    else
        failed=1
        echo "not ok $n - $name"
        tail -n 40 "$dir/out" | sed 's/^/# /'
    fi
done
[ $n -gt 0 ] || { echo "not ok 1 - no fuzzer was built"; exit 1; }
echo "1..$n"
exit $failed
