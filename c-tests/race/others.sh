#!/bin/sh
# others.sh BUILD [TEST...]: what ThreadSanitizer, Helgrind and DRD find in the programs of c-tests/race, in one run of three seconds
# each, as rows of a table. BUILD is where the programs are built (…/c-tests/race); those for ThreadSanitizer are compiled by CC.
set -u
[ $# -ge 1 ] || { sed -n 2,3p "$0"; exit 2; }
build=$1
shift
sources=$(dirname "$(realpath "$0")")
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
command -v valgrind >/dev/null || { echo "there is no valgrind: apt-get install valgrind"; exit 1; }

# What is said: of accesses that race, of something else, or nothing; and how it ended, if not as without.
told() {
    said=-
    grep -q "$1" said.txt && said=found
    case $what:$said in
    correct:found) said="wrongly told" ;;
    esac
    case $said:$status in
    -:0) ;;
    -:124) said="does not end" ;;
    -:*) said="ended with $status" ;;
    esac
    row="$row $said |"
}

compiled() {
    flags=''
    case $1 in *-racy) flags=-DRACY ;; esac
    source=${1#race-}
    "${CC:-cc}" -g -O1 -fsanitize=thread $flags "$sources/${source%-racy}.c" -o sanitized -pthread 2>/dev/null
}

echo "| program | ThreadSanitizer | Helgrind | DRD |"
echo "| --- | --- | --- | --- |"
while read -r name what program kind environment; do
    case " $* " in
    "  " | *" $name "*) ;;
    *) continue ;;
    esac
    row="| $name, $what |"
    if compiled "$program"; then
        # Some kernels place programs where it does not expect them.
        env TSAN_OPTIONS=exitcode=0 $environment timeout 120 setarch -R ./sanitized $kind 3 >said.txt 2>&1 </dev/null
        status=$?
        told "WARNING: ThreadSanitizer: data race"
    else
        row="$row not compiled |"
    fi
    env $environment timeout 120 valgrind --tool=helgrind --trace-children=yes "$build/$program" $kind 3 >said.txt 2>&1 </dev/null
    status=$?
    told "Possible data race"
    env $environment timeout 120 valgrind --tool=drd --trace-children=yes "$build/$program" $kind 3 >said.txt 2>&1 </dev/null
    status=$?
    told "Conflicting \(load\|store\)"
    echo "$row"
done <"$build/table"
