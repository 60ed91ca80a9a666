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

# The loader binds what is undefined to the first definition in the process, which may be the program's, or that of a
# sanitizer linked into it. So nothing is, but for
#   __errno_location        the errno of the program is the one that it reads itself, by whatever definition
#   __sanitizer_…            whether the runtime of a sanitizer is there; it is not called
#   _r_debug, environ       data: the loader's list of objects, by which libc's own functions are found; whether libc has started
#   mapsan_default_options  the program's, if it has one
printf '%s\n' __errno_location __sanitizer_set_death_callback _r_debug environ mapsan_default_options > "$work/allowed"
nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//' | LC_ALL=C sort > "$work/undefined"
diff -u "$work/allowed" "$work/undefined" || fail 'it names what anybody may define (build.rs, src/clib)'

# From 2 MiB on the kernel aligns what the loader maps, and the address space gets holes.
span=$(readelf -lW "$library" | awk '$1 == "LOAD" {print $3, $6}' | while read -r start size; do
    echo $((start + size))
done | sort -n | tail -1)
# Whole pages are mapped.
[ "$span" -le $((2 * 1024 * 1024 - 4096)) ] || fail "its image has $span bytes, which is 2 MiB or more in whole pages"

# src/near.ld says why.
readelf -SW "$library" | grep -q '[] 0-9]\.data  *PROGBITS' && fail 'it has something in .data'
relocated=$(readelf -lW "$library" | awk '$1 == "GNU_RELRO" {print $3}')
case $relocated in
    *000) ;;
    *) fail "what the loader writes to begins at $relocated, inside a page" ;;
esac

strip -o "$work/stripped" "$library" || fail 'strip'
# A loader reads all of it, and a page is resident once it is touched: docs/performance.md has both.
size=$(($(stat -L -c %s "$work/stripped") / 1024))
[ "$size" -le 700 ] || fail "the stripped library has $size KiB, above 700"
# What src/near.ld places is there: a name that no symbol has any more leaves its function or variable lying elsewhere. What is
# inlined differs by architecture, and a stripped library has no names to look at.
near=$(dirname "$0")/../../src/near.ld
nm "$library" 2> "$work/unnamed" | awk '{print $NF}' > "$work/symbols"
if [ -r "$near" ] && [ "$(uname -m)" = x86_64 ] && grep -q '6mapsan5start5start17' "$work/symbols"; then
    # The section of written_by_fork! has no symbol's name (src/plain/placement.rs).
    sed -n '/^ *\*.*(\..*)$/p' "$near" | grep -o '\.\(text\|bss\)\.[^ )]*' | grep -vFx '.bss.mapsan_fork' |
        sed 's/^\.[a-z]*\.//' > "$work/placed"
    [ "$(wc -l < "$work/placed")" -ge 50 ] || fail 'src/near.ld could not be read'
    while read -r pattern; do
        expression=$(printf '%s' "$pattern" | sed 's/\./\\./g; s/\*/.*/g')
        grep -q "^$expression$" "$work/symbols" || fail "src/near.ld places $pattern, which no symbol is called"
    done < "$work/placed"
fi
exit $status
