#!/bin/sh
# Runs both, each with the other's output as its input: run.sh FOLDER-OF-THE-PROGRAMS [exit]
programs=$(cd "$1" && pwd) && shift && place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
cd "$place" && mkfifo answers || exit 1
"$programs/writer" "$@" < answers | "$programs/reader" > answers
