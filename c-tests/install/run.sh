#!/bin/sh
# Installs into a folder, and uses what lies there as a project of its own would: run.sh SOURCES XTASK
set -u
sources=$1 xtask=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    [ -e "$work/out" ] && sed 's/^/    /' "$work/out"
}

# Under DESTDIR, as a package is built; the tree is used where it lies, so it must find itself.
DESTDIR=$work/root "$xtask" install --prefix /opt/mapsan > "$work/out" 2>&1 || { fail 'the installation'; exit 1; }
prefix=$work/root/opt/mapsan
grep -q 'Compiling\|Finished' "$work/out" || fail 'the installation does not show what is being built'
for file in bin/mapsan bin/mapsan-memcheck lib/libmapsan.so lib/libmapsan.so.0 lib/libmapsan.a include/mapsan.h \
            lib/pkgconfig/mapsan.pc lib/cmake/mapsan/mapsanConfig.cmake share/man/man1/mapsan-run.1 share/man/man1/mapsan-sweep.1 \
            share/man/man1/mapsan-ipc-list.1 share/man/man3/mapsan.3 share/man/man7/mapsan.7 share/mapsan/mapsan.py \
            share/bash-completion/completions/mapsan share/zsh/site-functions/_mapsan share/fish/vendor_completions.d/mapsan.fish; do
    [ -s "$prefix/$file" ] || fail "$file is missing"
done
# And each page that a page names.
sed 's/\\-/-/g' "$prefix"/share/man/man*/* | grep -o '\bmapsan[a-z-]* *([137])' | tr -d ' )' | tr '(' ' ' | sort -u > "$work/named"
for page in 'mapsan 1' 'mapsan-run 1' 'mapsan-ipc-list 1' 'mapsan 3' 'mapsan 7'; do
    grep -qx "$page" "$work/named" || fail "no page names $page"
done
while read -r name section; do
    [ -s "$prefix/share/man/man$section/$name.$section" ] || fail "$name($section) is named by a page, and is not there"
done < "$work/named"
[ -e "$work/root/opt" ] && [ ! -e /opt/mapsan ] || fail 'DESTDIR is not honoured'

# The example: its tests pass, and those that are to fail do.
cmake -S "$sources/examples/cmake" -B "$work/good" -DCMAKE_PREFIX_PATH="$prefix" > "$work/out" 2>&1 &&
    cmake --build "$work/good" >> "$work/out" 2>&1 || fail 'the example is not built'
ctest --test-dir "$work/good" > "$work/out" 2>&1 || fail 'the tests of the example'
cmake -S "$sources/examples/cmake" -B "$work/bad" -DCMAKE_PREFIX_PATH="$prefix" -DMAPSAN_EXAMPLE_FAILS=ON > "$work/out" 2>&1 &&
    cmake --build "$work/bad" >> "$work/out" 2>&1 || fail 'the failing example is not built'
ctest --test-dir "$work/bad" > "$work/out" 2>&1 && fail 'a test that must fail passes'
grep -q '1 tests failed out of 6' "$work/out" || fail 'other tests fail than the one'
ctest --test-dir "$work/bad" -T memcheck > "$work/out" 2>&1 && fail 'ctest -T memcheck passes in spite of defects'
# Of each test once, whoever runs it under the command; one that is to have it does not fail for it.
grep -q 'Mapsan error: munmap-double - 3' "$work/out" || fail 'the defect is not named and counted by CTest'
grep -q '3 tests failed out of 6' "$work/out" && ! grep -q 'not covered' "$work/out" || fail 'other tests fail in the memory check'

# The other one.
cmake -S "$sources/examples/robust-mutex" -B "$work/pairs" -DCMAKE_PREFIX_PATH="$prefix" > "$work/out" 2>&1 &&
    cmake --build "$work/pairs" >> "$work/out" 2>&1 || fail 'the example of two programs is not built'
grep -i warning "$work/out" && fail 'the example of two programs has warnings'
ctest --test-dir "$work/pairs" --output-on-failure > "$work/out" 2>&1 || fail 'the tests of the example of two programs'

# And that of a sweep, whose runs are made once.
cmake -S "$sources/examples/sweep" -B "$work/sweep" -DCMAKE_PREFIX_PATH="$prefix" > "$work/out" 2>&1 &&
    cmake --build "$work/sweep" >> "$work/out" 2>&1 || fail 'the example of a sweep is not built'
ctest --test-dir "$work/sweep" --output-on-failure > "$work/out" 2>&1 || fail 'the tests of the example of a sweep'
cp "$work/sweep/points.db" "$work/points" && [ -s "$work/points" ] || fail 'no run is known after the sweep'
ctest --test-dir "$work/sweep" > "$work/out" 2>&1 || fail 'the sweep, again'
cmp "$work/points" "$work/sweep/points.db" > "$work/out" 2>&1 || fail 'the runs are made again'

# A program by pkg-config.
if command -v pkg-config > /dev/null; then
    flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs mapsan) || fail 'pkg-config'
    cc -o "$work/asks" "$sources/examples/cmake/asks.c" $flags 2> "$work/out" || fail 'pkg-config flags'
    "$work/asks" > "$work/out" 2>&1 || fail 'the program that was linked by pkg-config does not find the library'
    # Though it asks for nothing of the library's.
    cc -o "$work/twice" "$sources/examples/cmake/twice.c" $flags 2> "$work/out" || fail 'pkg-config flags, for another program'
    "$work/twice" > "$work/out" 2>&1
    grep -q 'error\[munmap-double\]' "$work/out" || fail 'a program that was linked by pkg-config is not checked'
else
    echo 'pkg-config is not here: its file was not tried (apt-get install pkg-config)'
fi
"$prefix/bin/mapsan" run true > "$work/out" 2>&1 || fail 'the installed command does not find its library'

# It is removed, and what is not its own stays.
touch "$prefix/share/man/man1/other.1"
DESTDIR=$work/root "$xtask" uninstall --prefix /opt/mapsan > "$work/out" 2>&1 || fail 'the removal'
find "$prefix" -type f -o -type l > "$work/out"
[ "$(cat "$work/out")" = "$prefix/share/man/man1/other.1" ] || fail 'the removal leaves something, or takes too much'
[ "$failures" = 0 ]
