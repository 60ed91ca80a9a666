#!/bin/sh
# Ten thousand threads, each with a stack of the library's for faults: the program has a few mappings more for that, and of the
# stacks' memory nothing is touched. Usage: crowd.sh PROGRAM LIBRARY
set -u
program=$1 library=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$program" "$work/plain" > "$work/out"
status=$?
[ "$status" = 77 ] && { cat "$work/out"; exit 77; }
[ "$status" = 0 ] || { echo "FAILED: the program itself: $status"; exit 1; }
LD_PRELOAD=$library MAPSAN_OPTIONS=leaks=0:log_path=$work/log "$program" "$work/checked" > "$work/again"
status=$?
[ "$status" = 0 ] || { echo "FAILED: status $status"; cat "$work/again" "$work/log" 2> /dev/null; exit 1; }
cmp "$work/out" "$work/again" || { echo "FAILED: other output"; cat "$work/out" "$work/again"; exit 1; }
[ ! -s "$work/log" ] || { echo "FAILED: findings"; cat "$work/log"; exit 1; }
read -r mappings memory < "$work/plain"
read -r more_mappings more_memory < "$work/checked"
more_mappings=$((more_mappings - mappings)) more_memory=$((more_memory - memory))
echo "$more_mappings mappings and $more_memory KiB more"
# The library's own segments, and a dozen pieces of stacks; the stacks would be 320,000 KiB.
[ "$more_mappings" -le 64 ] || { echo "FAILED: too many mappings"; exit 1; }
[ "$more_memory" -le 16384 ] || { echo "FAILED: too much memory"; exit 1; }
