#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The library as others have it: installed, with nothing of the tree but what
# make install put there.

set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0 status=0

check() {                       # DESCRIPTION COMMAND...
    local what=$1
    shift
    n=$((n + 1))
    if "$@" >"$dir/out" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$dir/out"
        status=1
    fi
}

pc() {
    PKG_CONFIG_LIBDIR=$dir/root/usr/lib/pkgconfig:$(pkg-config \
        --variable pc_path pkg-config) \
        PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config "$@" libdpif
}

compile() {                     # SOURCE PROGRAM
    # shellcheck disable=SC2046  # Flags are words.
    (cd "$dir/clean" && gcc -std=gnu11 -Wall -Wextra -Werror -o "$2" "$1" \
        $(pc --cflags --libs) -lpthread)
}

run() {
    LD_LIBRARY_PATH=$dir/root/usr/lib "$@"
}

outputs() {                     # PROGRAM LINE...
    run "$1" >"$dir/text" || return
    cat "$dir/text"
    shift
    for line; do
        grep -q -- "$line" "$dir/text" || return
    done
}

exports_are_declared() {
    local names
    names=$(nm -D --defined-only "$dir/root/usr/lib/libdpif.so" \
        | awk '$2 ~ /[TDBR]/ { sub("@.*", "", $3); print $3 }')
    [ -n "$names" ] || return
    for name in $names; do
        grep -rqw "$name" "$dir/root/usr/include" || {
            echo "$name is exported, but in no header"
            return 1
        }
    done
}

declared_are_exported() {
    local lib
    lib=$(nm -D --defined-only "$dir/root/usr/lib/libdpif.so")
    # shellcheck disable=SC2046
    (cd "$dir/root/usr/include/dpx" && find . -name '*.h' \
        -printf '#include "%P"\n') | gcc -E -P -x c $(pc --cflags) - \
        | tr '\n' ' ' | tr ';{}' '\n\n\n' | grep -v '^ *static' \
        | grep -oE '\b(dpif|dp|dpx)_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u \
        >"$dir/declared"
    [ -s "$dir/declared" ] || return
    while read -r name; do
        echo "$lib" | grep -qw "$name@@LIBDPIF_1" || {
            echo "$name is declared, but not exported"
            return 1
        }
    done <"$dir/declared"
}

mkdir "$dir/clean"
check "make install" make install DESTDIR="$dir/root" PREFIX=/usr
check "pkg-config knows its version" pc --modversion
check "the soname is libdpif.so.1" \
    sh -c "readelf -d '$dir/root/usr/lib/libdpif.so' | grep -q 'soname: \[libdpif.so.1\]'"
check "what it exports is in its headers" exports_are_declared
check "what its headers declare is exported" declared_are_exported
while read -r h; do
    echo "#include \"$h\"" >"$dir/clean/h.c"
    cp "$dir/clean/h.c" "$dir/clean/h.cc"
    # shellcheck disable=SC2046
    check "$h compiles alone in C" gcc -std=c11 -Wall -Wextra -Wpedantic \
        -Werror -fsyntax-only $(pc --cflags) "$dir/clean/h.c"
    # shellcheck disable=SC2046
    check "$h compiles alone in C++" g++ -std=c++11 -Wall -Wextra -Werror \
        -fsyntax-only $(pc --cflags) "$dir/clean/h.cc"
done < <(cd "$dir/root/usr/include/dpx" && find . -name '*.h' | cut -c3- | sort)
cp docs/examples/*.c "$dir/clean"
check "hub.c compiles against it" compile hub.c hub
check "hub.c works" outputs "$dir/clean/hub" "miss upcall of 60 bytes" \
    "port 2 sent 3" "packets:2, bytes:120"
check "provider.c compiles against it" compile provider.c provider
check "provider.c works" outputs "$dir/clean/provider" "type null" \
    "null@dp0: port 1: anything"
if command -v mandoc >/dev/null; then
    check "the man pages are clean" mandoc -T lint -W warning \
        docs/*.3 docs/*.8
fi
echo "1..$n"
exit $status
