#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Static analysis: prints TAP.  Needs no root.

cd "$(dirname "$0")/.." || exit 1
n=0 failed=0
out=$(mktemp) && trap 'rm -f "$out"' EXIT

check() {               # TEXT TOOL COMMAND...
    local text=$1 tool=$2
    shift 2
    n=$((n + 1))
    if ! command -v "$tool" >/dev/null; then
        echo "ok $n - $text # SKIP $tool is not installed"
    elif "$@" >"$out" 2>&1; then
        echo "ok $n - $text"
    else
        failed=1
        echo "not ok $n - $text"
        head -n 60 "$out" | sed 's/^/# /'
    fi
}

# The files of the tree whose names match one of the patterns.
files() {
    local expr=() p
    for p in "$@"; do
        expr+=(-o -name "$p")
    done
    find . \( -name .git -o -path ./build \) -prune -o -type f \
        \( "${expr[@]:1}" \) -print | sed 's/^\.\///' | sort
}

format() {
    files '*.c' '*.h' | xargs clang-format --dry-run -Werror
}

# What is passed to the kernel by address counts as uninitialized for cppcheck;
# the compiler and clang's analyzer look after that.
cppchecks() {
    files '*.c' | grep -vE '\.bpf\.c$|^bpf/|^tests/' |
        xargs cppcheck -q --enable=warning,portability --error-exitcode=1 \
            --inline-suppr --suppress=uninitvar --std=c11 -I. -D_GNU_SOURCE \
            '-DLIBBPF_OPTS(T,N,...)=struct T N'
}

analyze() {
    files '*.c' | grep -E '^(lib|maps|loader|provider|dpif|tools)' |
        grep -v '^lib/error.c' | xargs -P "$(nproc)" -n 4 \
        clang --analyze --analyzer-output text -Xclang -analyzer-werror \
        -std=gnu11 -D_GNU_SOURCE -I. -Ibuild
}

shells() {
    { files '*.sh' quickstart run fetch guest demo; echo .ci/run; } | sort -u |
        xargs shellcheck -x --severity=warning
}

manuals() {
    # Manuals that are not installed here are no fault of ours.
    ! mandoc -T lint -W warning docs/*.[1-9] | grep .
}

licences() {
    ! files '*.c' '*.h' '*.sh' '*.mk' Makefile quickstart |
        xargs grep -L 'SPDX-License-Identifier' | grep .
}

columns() {
    ! files '*.c' '*.h' |
        xargs awk 'length > 79 { print FILENAME ":" FNR }' | grep .
}

check "clang-format has nothing to change" clang-format format
check "cppcheck finds nothing" cppcheck cppchecks
check "clang's analyzer finds nothing" clang analyze
check "shellcheck finds nothing" shellcheck shells
check "mandoc finds nothing" mandoc manuals
check "every file names its licence" grep licences
check "no line is longer than 79 columns" awk columns
echo "1..$n"
exit $failed
