#!/bin/sh
# LeakSanitizer finds the same leaks with the library as without it: twelve of lsan.c's blocks.
#
#   lsan.sh COMPILER LSAN.C LIBRARY: preloaded, linked and hardened, with -fsanitize=leak and -fsanitize=address
set -u
compiler=$1 source=$2 library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# leaks PROGRAM [VARIABLE=VALUE...]: how many allocations it says are leaked; the end must be LeakSanitizer's own.
leaks() {
    program=$1
    shift
    env ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0:exitcode=23 LSAN_OPTIONS=exitcode=23 "$@" "$program" \
        > "$work/stdout" 2> "$work/stderr"
    status=$?
    [ "$status" = 23 ] || { echo "status $status, not 23"; return; }
    sed -n 's/^SUMMARY: [A-Za-z]*Sanitizer: [0-9]* byte(s) leaked in \([0-9]*\) allocation(s).*/\1/p' "$work/stderr"
}

tried=0
folder=$(dirname "$library")
for kind in leak address; do
    "$compiler" -g -O1 -fsanitize=$kind -o "$work/$kind" "$source" 2> "$work/errors" || continue
    [ "$(leaks "$work/$kind")" = 12 ] || continue
    tried=$((tried + 1))
    "$compiler" -g -O1 -fsanitize=$kind -o "$work/$kind-linked" "$source" -Wl,--no-as-needed -L"$folder" -Wl,-rpath,"$folder" \
        -lmapsan || exit 1
    for options in verbosity=0 harden=guard,quarantine,tail site_depth=16; do
        for way in preloaded linked; do
            case $way in
            preloaded) found=$(leaks "$work/$kind" LD_PRELOAD="$library" "MAPSAN_OPTIONS=log_path=/dev/null:$options") ;;
            linked) found=$(leaks "$work/$kind-linked" "MAPSAN_OPTIONS=log_path=/dev/null:$options") ;;
            esac
            if [ "$found" != 12 ]; then
                echo "lsan.sh: -fsanitize=$kind, $way, $options: expected 12 leaks, found: $found" >&2
                head -40 "$work/stderr" >&2
                exit 1
            fi
        done
    done
done
[ "$tried" -gt 0 ] || { echo "SKIPPED: $compiler has no LeakSanitizer that works here"; exit 77; }
