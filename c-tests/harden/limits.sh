#!/bin/sh
# Hardened mode steps back where mappings or addresses run short: limits.sh PROGRAM LIBRARY
#
# PROGRAM maps until it is refused, unmaps every third mapping and maps as many again. It must get as many as without.
set -u
program=$1 library=$2
failures=0

# compare LENGTH LIMIT: maps pieces of LENGTH bytes, with an address space of LIMIT KiB.
compare() {
    plain=$(ulimit -v "$2" && "$program" "$1" 2>&1)
    for hardening in guard quarantine guard,quarantine; do
        # The library itself takes some mappings and addresses: 3 % less will do.
        hardened=$(ulimit -v "$2" && LD_PRELOAD="$library" MAPSAN_OPTIONS="harden=$hardening:leaks=0:level=error" "$program" "$1" 2> said)
        for field in 1 2; do
            before=$(echo "$plain" | cut -d' ' -f$field)
            after=$(echo "$hardened" | cut -d' ' -f$field)
            if [ $((after * 100)) -lt $((before * 97)) ]; then
                failures=$((failures + 1))
                echo "FAILED harden=$hardening, pieces of $1 bytes in $2 KiB: '$plain' without, '$hardened' with it"
            fi
        done
        case $hardening in
        *guard*) [ "$(grep -c '^mapsan: harden: guards and quarantine end here' said)" = 1 ] || {
            failures=$((failures + 1))
            echo "FAILED harden=$hardening: it does not say that it steps back"
            cat said
        } ;;
        esac
    done
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
compare 1000000 300000
limit=$(cat /proc/sys/vm/max_map_count)
if [ "$limit" -le 262144 ]; then
    compare 4096 unlimited
else
    echo "vm.max_map_count is $limit: not tried"
fi
[ "$failures" = 0 ]
