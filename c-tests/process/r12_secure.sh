#!/bin/sh
# R12: a set-user-ID program takes no option from the environment and opens no file by its word.
set -u
[ "$(id -u)" = 0 ] || { echo "SKIPPED: a set-user-ID program of another user takes root"; exit 77; }
work=$(mktemp -d) && chmod 755 "$work" || exit 1
trap 'rm -rf "$work"' EXIT
cp "$1" "$work/secure" && chown 65534 "$work/secure" && chmod 4755 "$work/secure" && mkdir -m 1777 "$work/logs" || exit 1
MAPSAN_OPTIONS="mode=abort:log_path=$work/logs/log:suppressions=/etc/shadow" "$work/secure" > "$work/out" 2> "$work/err"
status=$?
! grep -q 'cannot open shared object file' "$work/err" || { echo "SKIPPED: user 65534 can't read the library where it was built"; exit 77; }
grep -q 'secure 1' "$work/out" || { echo "SKIPPED: the file system ignores set-user-ID"; exit 77; }
fail() { echo "$1"; cat "$work/out" "$work/err"; exit 1; }
[ "$status" = 0 ] && grep -q 'went on' "$work/out" || fail "mode=abort was taken from the environment (status $status)"
[ -z "$(ls "$work/logs")" ] || fail "a log was opened by the environment's word"
grep -q '^mapsan: error\[mmap-zero-length\]' "$work/err" || fail "the finding did not go to standard error"
