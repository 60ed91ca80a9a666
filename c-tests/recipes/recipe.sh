#!/bin/sh
# A recipe of examples/ in practice, with the command in PATH as an installation has it: what is right passes, and the mistake
# fails and is named: recipe.sh RECIPE SOURCES FOLDER-OF-THE-COMMAND-AND-LIBRARY
set -u
recipe=$1 sources=$2 built=$3
[ -x "$built/mapsan" ] || { echo "SKIPPED: $built/mapsan is missing: cargo build --release"; exit 77; }
work=$(mktemp -d) || exit 1
ended=:
trap '$ended; rm -rf "$work"' EXIT
unset MAPSAN_OPTIONS MAPSAN_RUNTIME LD_PRELOAD MAKEFLAGS
PATH=$built:$PATH
export NO_COLOR=1
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    [ -e "$work/out" ] && sed 's/^/    /' "$work/out"
}
# need TOOL PACKAGE [HOW]: the test is skipped where the tool is missing.
need() {
    command -v "$1" > /dev/null || { echo "SKIPPED: $1 is missing: ${3:-apt-get install} $2"; exit 77; }
}
passes() {
    name=$1
    shift
    "$@" > "$work/out" 2>&1 || fail "$name fails"
}
# That it fails, and says of twice.c which line it is.
names_the_mistake() {
    name=$1
    shift
    "$@" > "$work/out" 2>&1 && fail "$name passes in spite of a finding"
    grep -q 'error\[munmap-double\]' "$work/out" && grep -q "${place:-twice.c:11}" "$work/out" || fail "$name does not name the mistake"
}
cp -rL "$sources/examples/$recipe" "$work/here" && cd "$work/here" || exit 1
# shellcheck source=/dev/null
. "$sources/c-tests/recipes/$recipe.sh"
[ "$failures" = 0 ]
