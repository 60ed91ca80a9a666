#!/bin/sh
# Sweeps a program in four parts at once, here or (by --sshlogin) on several machines, and makes one report: sweep.sh PROGRAM [ARG…]
set -eu
mkdir -p parts
# shellcheck disable=SC2016
parallel mapsan sweep --partition {}/4 --format json --output parts/{}.json "$@" ::: 1 2 3 4
mapsan report parts/1.json parts/2.json parts/3.json parts/4.json
