# Read by the scripts beside it: a folder of their own, $here, and the end where nothing can be watched. Takes $command; $by_hand is what
# can be typed instead.
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
if ! "$command" race -- true 2>why || grep -q "NOT COVERED" why; then
    cat why
    grep -q "no watchpoint can be set\|can't be traced" why || exit 1
    echo "SKIPPED: $(cat why); by hand: $command race -- $by_hand"
    exit 77
fi
