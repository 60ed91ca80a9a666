#!/bin/sh
# The test of both programs, which knows nothing of mapsan: test.sh FOLDER-OF-THE-PROGRAMS
words=$(mktemp) || exit 1
trap 'rm -f "$words"' EXIT
printf 'one\ntwo\none\n' > "$words"
"$1/count" < "$words" && "$1/reverse" "$words"
