#!/bin/sh
# What CI runs: builds, and sweeps the test; the runs that points.db knows are not made again. CI keeps points.db from job to job
# (github.yml does so by actions/cache): ci.sh FOLDER
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
compile="cc -std=gnu11 -g -Wall -Wextra"
$compile -fPIC -shared -o libtable.so "$sources/table.c"
$compile -o count "$sources/count.c" -L. -ltable -Wl,-rpath,"$PWD"
$compile -o reverse "$sources/reverse.c"
mapsan sweep --database points.db --error-exitcode 9 -- "$sources/test.sh" "$PWD"
