#!/bin/sh
# What the library shows to the loader: library.sh LIBRARY EXPORTS
set -u
library=$1 exports=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
fail() {
    echo "FAILED: $1"
    status=1
}
nm -D --defined-only "$library" | awk '{print $3}' | LC_ALL=C sort > "$work/exports"
diff -u "$exports" "$work/exports" || fail 'the exported symbols differ from the list'

needed=$(readelf -dW "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | LC_ALL=C sort | tr '\n' ' ')
for one in $needed; do
    case $one in
        libc.so.6 | ld-linux-*.so.* | libgcc_s.so.1) ;;
        *) fail "the library needs $one" ;;
    esac
done
readelf -dW "$library" | grep -q 'SONAME.*\[libmapsan.so.0\]' || fail 'the soname is not libmapsan.so.0'
readelf -dW "$library" | grep -q 'FLAGS_1.*NODELETE' || fail 'it may be unloaded'
readelf -dW "$library" | grep -q 'FLAGS_1.*INITFIRST' || fail 'it does not start first'
readelf -lW "$library" | grep -q ' TLS ' && fail 'it has thread-local storage'
[ "$(readlink "$(dirname "$library")/libmapsan.so.0")" = libmapsan.so ] || fail 'no link libmapsan.so.0 beside it'

# Nothing that prints, loads or is a cancellation point is called by name. (malloc, free and pthread_mutex_lock are named
# by the unwinder's copy, for frames that a program registers with it; nobody can register with this copy, and the test
# of R4 counts the calls.)
nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//' | LC_ALL=C sort > "$work/undefined"
for name in calloc realloc write read open printf fprintf snprintf syslog setlocale dlopen dladdr; do
    grep -qx "$name" "$work/undefined" && fail "it calls $name"
done

strip -o "$work/stripped" "$library" || fail 'strip'
size=$(($(stat -L -c %s "$work/stripped") / 1024))
[ "$size" -le 600 ] || fail "the stripped library has $size KiB, above 600"
exit $status
