#!/bin/sh
# The sources as a part of another project of CMake, by add_subdirectory and by FetchContent; and not as what find_package
# looks for: checkout.sh SOURCES XTASK
#
# What the project starts by cargo is the installer that is built already: cargo would build it once more, since alone it
# needs less of its libraries than with all else.
set -u
sources=$1 xtask=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# In a file, since what is behind a pipe counts for itself.
fail() {
    : > "$work/failed"
    echo "FAILED: $1"
    sed 's/^/    /' "$work/out"
}
[ -x "$xtask" ] || { echo 'SKIPPED: the installer is missing: cargo build --release --workspace'; exit 77; }
cat > "$work/cargo" << END
#!/bin/sh
[ "\$1 \$2 \$3 \$4 \$5" = 'run --release --package xtask --' ] || { echo "what is 'cargo \$*'?" >&2; exit 1; }
[ "\$(pwd -P)" = "$(cd "$sources" && pwd -P)" ] || { echo "cargo is not started in the sources" >&2; exit 1; }
shift 5
exec "$xtask" "\$@"
END
chmod +x "$work/cargo"

# Configures a project that begins with these lines, and has a right program and a wrong one.
configure() {
    rm -rf "$work/source" "$work/build"
    mkdir "$work/source"
    cp "$sources/examples/cmake/counter.c" "$sources/examples/cmake/twice.c" "$sources/examples/cmake/asks.c" "$work/source/"
    {
        printf 'cmake_minimum_required(VERSION 3.20)\nproject(try C)\nset(CMAKE_BUILD_TYPE Debug)\nenable_testing()\n'
        cat
        echo 'add_executable(counter counter.c)
add_executable(twice twice.c)
add_executable(asks asks.c)
target_link_libraries(asks PRIVATE mapsan::mapsan)
mapsan_add_test(NAME good COMMAND counter)
mapsan_add_test(NAME bad COMMAND twice)
mapsan_add_test(NAME expected COMMAND twice EXPECT munmap-double)
add_test(NAME asks COMMAND asks)'
    } > "$work/source/CMakeLists.txt"
    cmake -S "$work/source" -B "$work/build" -DMAPSAN_CARGO="$work/cargo" "$@" > "$work/out" 2>&1
}

# What lies in the sources are templates. Nothing that is installed on this machine is to be found in their place.
for where in CMAKE_ENVIRONMENT_PATH SYSTEM_ENVIRONMENT_PATH CMAKE_SYSTEM_PATH PACKAGE_REGISTRY SYSTEM_PACKAGE_REGISTRY; do
    echo "set(CMAKE_FIND_USE_$where OFF)"
done > "$work/nowhere"
{ cat "$work/nowhere" && echo 'find_package(mapsan REQUIRED)'; } | configure -DCMAKE_PREFIX_PATH="$sources" &&
    fail 'find_package takes the sources for an installation'
tr -s ' \n' ' ' < "$work/out" | grep -q 'Could not find a package configuration file provided by "mapsan"' ||
    fail 'find_package does not say that there is no package'
grep '@[A-Z]*@' "$work/out" && fail 'find_package has read a template'

# As a part of the project: the wrong program's test fails, and no other.
part() {
    name=$1
    configure || { fail "$name: it is not configured"; return; }
    grep -q 'CMake Warning' "$work/out" && fail "$name: there are warnings"
    cmake --build "$work/build" > "$work/out" 2>&1 || fail "$name: it is not built"
    ctest --test-dir "$work/build" --output-on-failure > "$work/out" 2>&1 && fail "$name: the test of the wrong program passes"
    grep -q '1 tests failed out of 4' "$work/out" && grep -q 'bad (Failed)' "$work/out" || fail "$name: other tests fail than the one"
    grep -q 'error\[munmap-double\]' "$work/out" && grep -q 'twice.c:11' "$work/out" || fail "$name: the mistake is not named"
}
echo "add_subdirectory(\"$sources\" mapsan)" | part 'add_subdirectory'
printf 'include(FetchContent)\nFetchContent_Declare(mapsan SOURCE_DIR "%s")\nFetchContent_MakeAvailable(mapsan)\n' "$sources" |
    part 'FetchContent'
[ ! -e "$work/failed" ]
