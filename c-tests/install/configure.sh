#!/bin/sh
# The CMake package says what would go wrong in silence: configure.sh SOURCES FOLDER-OF-THE-COMMAND-AND-LIBRARY
set -u
sources=$1 built=$2
[ -x "$built/mapsan" ] || { echo "SKIPPED: $built/mapsan is missing: cargo build --release"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# In a file, since what is behind a pipe counts for itself.
fail() {
    : > "$work/failed"
    echo "FAILED: $1"
    sed 's/^/    /' "$work/out"
}

# An installation in small.
mkdir -p "$work/prefix/bin" "$work/prefix/lib/cmake/mapsan"
ln -s "$built/mapsan" "$work/prefix/bin/mapsan"
ln -s "$built/mapsan" "$work/prefix/bin/mapsan-memcheck"
cp "$built/libmapsan.so" "$work/prefix/lib/libmapsan.so.0"
for file in mapsanConfig mapsanConfigVersion; do
    sed -e 's,@UP@,../../..,; s,@LIBDIR@,lib,; s,@SONAME@,libmapsan.so.0,g; s,@VERSION@,0.1.0,' "$sources/cmake/$file.cmake.in" \
        > "$work/prefix/lib/cmake/mapsan/$file.cmake"
done

# Configures a project with these lines; its output is in $work/out.
configure() {
    rm -rf "$work/source" "$work/build"
    mkdir "$work/source"
    {
        printf 'cmake_minimum_required(VERSION 3.20)\nproject(try NONE)\nfind_package(mapsan REQUIRED)\n'
        cat
    } > "$work/source/CMakeLists.txt"
    cmake -S "$work/source" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/out" 2>&1
}
refused() {
    configure && fail "$1 is taken"
    tr -s ' \n' ' ' < "$work/out" | grep -q "$2" || fail "$1: no word of '$2'"
}
checks_by_mapsan() {
    grep -q "^MemoryCheckCommand: $work/prefix/bin/mapsan-memcheck$" "$work/build/DartConfiguration.tcl" &&
        grep -q '^MemoryCheckType: CudaSanitizer$' "$work/build/DartConfiguration.tcl" || fail "$1 does not set the memory checker"
}

for order in 'mapsan_memcheck() include(CTest)' 'include(CTest) mapsan_memcheck()'; do
    echo "$order" | tr ' ' '\n' | configure || fail "$order"
    checks_by_mapsan "$order"
    # And when it is configured anew.
    cmake "$work/build" > "$work/out" 2>&1
    checks_by_mapsan "$order, again"
done
set_by_hand='set(MEMORYCHECK_COMMAND "${MAPSAN_MEMCHECK_COMMAND}")
set(MEMORYCHECK_TYPE CudaSanitizer)'
printf '%s\ninclude(CTest)\n' "$set_by_hand" | configure || fail 'the memory checker, set by hand before include(CTest)'
checks_by_mapsan 'setting it by hand'
grep -q CMake "$work/out" && fail 'there is a warning of what is right'
printf 'include(CTest)\n%s\n' "$set_by_hand" | refused 'a memory checker that is set too late' 'call mapsan_memcheck()'

echo 'mapsan_add_test(NAME one COMMAND /bin/true)' | configure || fail 'a test without enable_testing()'
grep -q 'CTest will run no tests' "$work/out" || fail 'no word of a missing enable_testing()'
for without in 'enable_testing()' 'include(CTest)' 'set(BUILD_TESTING OFF)'; do
    printf '%s\nmapsan_add_test(NAME one COMMAND /bin/true)\n' "$without" | configure || fail "$without"
    grep -q 'enable_testing' "$work/out" && fail "$without: a warning of nothing"
done

test_with() { printf 'enable_testing()\nmapsan_add_test(NAME one COMMAND /bin/sh -c "sleep $WAIT; echo $WORD" %s)\n' "$1"; }
test_with 'EXPECT munmap-duble' | refused 'a rule that there is not' "did you mean 'munmap-double'"
test_with 'EXPECT EINVAL' | refused 'an errno as a rule' 'is no name of a rule'
test_with 'WILL_FAIL TRUE' | refused 'a property among the arguments' 'write PROPERTIES WILL_FAIL'
test_with 'TIMEOUT' | refused 'a timeout without a value' 'behind TIMEOUT'
test_with 'TIMEOUT 1 ENVIRONMENT WAIT=0 WORD=here LABELS some PROPERTIES SKIP_RETURN_CODE 77 PASS_REGULAR_EXPRESSION here' | configure ||
    fail 'properties are refused'
ctest --test-dir "$work/build" -L some -V > "$work/out" 2>&1 && grep -q '100% tests passed.*1' "$work/out" || fail 'the environment or the label'
test_with 'TIMEOUT 1 ENVIRONMENT WAIT=20' | configure || fail 'a timeout is refused'
ctest --test-dir "$work/build" > "$work/out" 2>&1 && fail 'a test that takes too long passes'
grep -q 'Timeout' "$work/out" || fail 'the timeout is not passed on'

# No test passes that was not checked.
unchecked() { printf 'mapsan_memcheck()\ninclude(CTest)\nmapsan_add_test(NAME one COMMAND /usr/bin/env -i /bin/true %s)\n' "$1"; }
unchecked '' | configure || fail 'a program without the library is refused'
ctest --test-dir "$work/build" --output-on-failure > "$work/out" 2>&1 && fail 'a test passes whose program was not checked'
grep -q "NOT COVERED: '/.*true'" "$work/out" || fail 'it is not said what was not checked'
unchecked ALLOW_UNCOVERED | configure || fail 'ALLOW_UNCOVERED is refused'
ctest --test-dir "$work/build" > "$work/out" 2>&1 || fail 'ALLOW_UNCOVERED has no effect'
printf 'mapsan_memcheck()\ninclude(CTest)\nadd_test(NAME one COMMAND /usr/bin/env -i /bin/true)\n' | configure || fail 'a plain test'
ctest --test-dir "$work/build" -T memcheck > "$work/out" 2>&1
grep -q 'Mapsan not covered - 1' "$work/out" || fail 'ctest -T memcheck does not count what was not checked'

# Sweeps: those that find something fail, and so do those that have swept nothing.
cat > "$work/one.c" <<'END'
#include <stdio.h>
#include <sys/mman.h>
int main(int words, char **word)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (words > 1 && page == MAP_FAILED)
        return perror(word[1]), 1;
    page[0] = 1;
    return 0;
}
END
cc -g -o "$work/one" "$work/one.c" || fail 'the program of the sweeps'
sweep_with() { printf 'enable_testing()\nmapsan_add_sweep(NAME one COMMAND %s)\n' "$1"; }
sweep_with "$work/one checked DATABASE known.db JOBS 1 OPTIONS --persistent LABELS some" | configure || fail 'a sweep is refused'
ctest --test-dir "$work/build" -L some > "$work/out" 2>&1 || fail 'the sweep of a checked program'
[ "$(grep -c '"kind":"point"' "$work/build/known.db")" = 2 ] || fail 'DATABASE or OPTIONS are not passed on'
grep -q 'PROCESSORS "1"' "$work/build/CTestTestfile.cmake" || fail 'the sweep is not said to take one processor'
sweep_with "$work/one" | configure || fail 'a sweep is refused'
ctest --test-dir "$work/build" --output-on-failure > "$work/out" 2>&1 && fail 'the sweep of an unchecked program passes'
grep -q 'sweep-unchecked-return' "$work/out" || fail 'what the sweep has found is not shown'
sweep_with '/bin/true' | configure || fail 'the sweep of a program without calls is refused'
ctest --test-dir "$work/build" > "$work/out" 2>&1 && fail 'a sweep passes that has swept nothing'
sweep_with '/bin/true EXPECT sweep-hang' | refused 'EXPECT of a sweep' 'mapsan_add_sweep does not know EXPECT'
sweep_with '/bin/true WILL_FAIL TRUE' | refused 'a property among the arguments' 'write PROPERTIES WILL_FAIL'
[ ! -e "$work/failed" ]
