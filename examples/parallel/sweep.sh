#!/bin/sh
# Sweeps a program in four parts at once, here or on several machines, and makes one report: sweep.sh PROGRAM [ARG…]
#
# Machines that have mapsan, parallel and rsync, and to which ssh asks for no password: MACHINES=one,two ./sweep.sh ./prog
# The program is copied there, into the folder of the same path, and what each part has found is copied back.
set -eu
# Without SHELL, as in a container, parallel takes for its shell whatever has started it.
export PARALLEL_SHELL=/bin/sh
mkdir -p parts
run='mkdir -p parts && mapsan sweep --partition {}/4 --format json --output parts/{}.json'
if [ -z "${MACHINES:-}" ]; then
    parallel "$run" "$@" ::: 1 2 3 4
else
    parallel --sshlogin "$MACHINES" --workdir . --transferfile "$1" --return parts/{}.json "$run" "$@" ::: 1 2 3 4
fi
mapsan report parts/1.json parts/2.json parts/3.json parts/4.json
