#!/bin/sh
# many.sh COMMAND BUILD RUNS [TEST...]: how often each of the programs is told of, in so many runs of at most ten seconds each; a
# racy one until it is found, a correct one for a second. BUILD is where they are built (…/c-tests/race).
set -u
[ $# -ge 3 ] || { sed -n 2,3p "$0"; exit 2; }
command=$1 build=$2 runs=$3
shift 3
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
failed=0
while read -r name what program kind environment; do
    case " $* " in
    "  " | *" $name "*) ;;
    *) continue ;;
    esac
    found=0 ended=0 took='' run=0
    seconds=1
    [ "$what" = correct ] || seconds=10
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        rm -f records.json
        begin=$(date +%s%N)
        setsid env $environment "$command" race --budget 150 --format json -o records.json -- \
            "$build/$program" $kind $seconds >out.txt 2>&1 </dev/null &
        running=$!
        while [ "$what" = racy ] && kill -0 $running 2>/dev/null; do
            grep -q '"kind":"finding"' records.json 2>/dev/null && { kill -s TERM -- -$running 2>/dev/null; break; }
            sleep 0.05
        done
        { wait $running; } 2>/dev/null
        status=$?
        if grep -q '"kind":"finding"' records.json; then
            found=$((found + 1))
            took="$took $((($(date +%s%N) - begin) / 1000000))"
            [ "$what" = racy ] || grep '"kind":"finding"' records.json
        elif [ $status != 0 ]; then
            ended=$((ended + 1))
        fi
    done
    median=$(echo $took | tr ' ' '\n' | sort -n | awk '{ all[NR] = $1 } END { if (NR) print all[int((NR + 1) / 2)], "ms, at most", all[NR] }')
    echo "$name ($what, $kind): told in $found of $runs${median:+; median $median}; $ended ended otherwise"
    [ $ended = 0 ] || failed=1
    [ "$what" = racy ] || [ $found = 0 ] || failed=1
    [ "$what" = correct ] || [ $((found * 20)) -ge $((runs * 19)) ] || failed=1
done <"$build/table"
exit $failed
