#!/bin/sh
# The example of two programs that share a segment: the right one has no findings, each wrong one has those that its README.md
# shows, word by word, and the library alone finds the same, preloaded and linked: robust-mutex.sh SOURCES FOLDER-OF-THE-COMMAND-AND-LIBRARY
# MAPSAN_UPDATE=1 writes what README.md shows anew.
set -u
sources=$1 built=$2
[ -x "$built/mapsan" ] || { echo "SKIPPED: $built/mapsan is missing: cargo build --release"; exit 77; }
command -v patch > /dev/null || { echo 'SKIPPED: patch is missing: apt-get install patch'; exit 77; }
# Each run by itself: what a wrong one leaves, the next one would find.
for alone in 'unshare --ipc' 'unshare --user --map-root-user --ipc' ''; do
    $alone true 2> /dev/null && break
done
[ "$alone" ] || { echo 'SKIPPED: no IPC namespace can be made'; exit 77; }
unset MAPSAN_OPTIONS LD_PRELOAD
export MAPSAN_RUNTIME="$built/libmapsan.so" NO_COLOR=1
example=$sources/examples/robust-mutex
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cp "$example/run.sh" "$work"
mkdir "$work/shown" && cd "$work" || exit 1
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    [ -e "${2:-}" ] && sed 's/^/    /' "$2"
}

# compile PROGRAM SOURCE… [FLAG…]
compile() {
    cc -std=gnu11 -g -O0 -Wall -Wextra -Werror -pthread -I"$example" -o "$@" 2> out || { fail "$1 does not compile" out; exit 1; }
}
linked="-Wl,--no-as-needed -L$built -lmapsan -Wl,-rpath,$built"
build() {
    mkdir "$1" "$1/linked"
    cp "$example/accounts.h" "$example"/*.c "$1"
    [ "$1" = right ] || patch -s -p0 -d "$1" < "$example/wrong/$1.patch" || fail "the patch of $1 does not fit"
    for program in writer reader; do
        compile "$1/$program" "$1/$program.c" "$1/accounts.c"
        # shellcheck disable=SC2086
        compile "$1/linked/$program" "$1/$program.c" "$1/accounts.c" $linked
    done
}

# What differs from run to run: addresses, keys, and processes, which are numbered in the order in which they are told of. Frames
# of libc and a word of the shell's differ between machines.
settle() {
    sed -E -e '/^ *at .*\((\/|\.\/)/d' -e 's/^( *at) 0x[0-9a-f]+/\1/' -e 's/0x[0-9a-f]{9,}/0x…/g' -e 's/0x41[0-9a-f]{6}/0x41…/g' |
        awk '{
            rest = $0
            line = ""
            while (match(rest, /(pid|process) [0-9]+/)) {
                split(substr(rest, RSTART, RLENGTH), word, " ")
                if (!(word[2] in number)) number[word[2]] = 1001 + count++
                line = line substr(rest, 1, RSTART - 1) word[1] " " number[word[2]]
                rest = substr(rest, RSTART + RLENGTH)
            }
            print line rest
        }'
}

# rules FOLDER: those that the library has logged there.
rules() { cat "$1"/* 2> /dev/null | sed -n 's/.*"rule":"\([a-z-]*\)".*/\1/p' | sort | tr '\n' ' '; }

# run NAME ARGUMENT RULES: without the library, preloaded, linked, and under the command, which alone knows that the run goes on
# when the one that has made the segment ends.
run() {
    name=$1 argument=$2 expected=$3
    [ -d "$name" ] || build "$name"
    $alone sh run.sh "$name" $argument 2> plain
    status=$?
    for way in preloaded linked; do
        log=$work/log.$name$argument.$way preload=$built/libmapsan.so programs=$name
        mkdir "$log"
        [ $way = linked ] && preload= programs=$name/linked
        LD_PRELOAD=$preload MAPSAN_OPTIONS=log_format=json:log_path=$log/%p $alone sh run.sh "$programs" $argument 2> err
        [ $? = $status ] || fail "$name, $way: ends otherwise than without the library" err
        cmp -s plain err || fail "$name, $way: says something else than without the library" err
        [ "$(rules "$log")" = "$expected" ] || fail "$name, $way: found '$(rules "$log")', not '$expected'"
        [ "$(ls "$log" | wc -l)" -ge 2 ] || fail "$name, $way: was not covered"
    done
    "$built/mapsan" run --ipc private -o findings sh run.sh "$name" $argument 2> err
    [ $? = $status ] || fail "$name, mapsan run: ends otherwise than without it" err
    cmp -s plain err || fail "$name, mapsan run: says something else than without it" err
    {
        echo "\$ mapsan run --ipc private sh run.sh $name $argument" | sed 's/ $//'
        grep -v '^Segmentation fault' err
        settle < findings
    } >> "shown/$name.text"
    [ "$name" = right ] || cp "$example/wrong/$name.patch" "shown/$name.diff"
}

run right '' ''
run right exit 'leak-attach leak-segment '
run not-shared '' 'lock-not-shared '
run not-robust exit 'leak-attach leak-segment lock-owner-died '
run made-anew '' 'lock-made-twice '
run not-removed '' 'leak-segment '
run read-after-detach '' 'fault-after-detach '

# The help is the remedy of what is missing, not of what is there.
mkdir forgotten
grep -v setpshared "$example/accounts.c" > forgotten/accounts.c
compile forgotten/writer "$example/writer.c" forgotten/accounts.c
compile forgotten/reader "$example/reader.c" forgotten/accounts.c
"$built/mapsan" run --ipc private sh run.sh forgotten > out 2>&1
for line in 'note: the robust mutexes of glibc make no difference; POSIX leaves open' \
            'help: call pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) before pthread_mutex_init'; do
    grep -q "$line" out || fail "PTHREAD_PROCESS_SHARED is forgotten: no word of '$line'" out
done
grep -q 'woken' out && fail 'a robust mutex is said to wake nobody' out

for patch in "$example"/wrong/*.patch; do
    [ -e "shown/$(basename "$patch" .patch).text" ] || fail "$patch is not tried"
done

# README.md, with what was printed now in its blocks.
awk '
/^## / { name = $2 }
/^```(diff|text)$/ {
    print
    file = "shown/" name "." substr($0, 4)
    print file > "used"
    while ((getline line < file) > 0) print line
    is_block = 1
    next
}
/^```$/ { is_block = 0 }
!is_block { print }' "$example/README.md" > README.md
sort used > out
ls shown/* | cmp -s - out || fail 'README.md does not show all that is printed, but:' out
if [ "${MAPSAN_UPDATE:-}" = 1 ]; then
    cp README.md "$example/README.md"
else
    diff -u "$example/README.md" README.md || fail 'README.md shows something else; if it is meant to, run with MAPSAN_UPDATE=1'
fi

# Nobody is kept out too little or too long, and nothing is left, when many compete and some are killed inside.
for way in plain preloaded linked; do
    preload= flags=
    [ $way = preloaded ] && preload=$built/libmapsan.so
    [ $way = linked ] && flags=$linked
    mkdir -p "crowd.$way/log"
    # shellcheck disable=SC2086
    compile "crowd.$way/crowd" "$sources/c-tests/examples/crowd.c" "$example/accounts.c" $flags
    (cd "crowd.$way" && LD_PRELOAD=$preload MAPSAN_OPTIONS=log_format=json:log_path=$work/crowd.$way/log/%p $alone ./crowd > ../out 2>&1) ||
        fail "the crowd, $way" out
    # It asks for the segment when it is gone.
    [ $way = plain ] || [ "$(rules "crowd.$way/log")" = 'shmget-missing ' ] || fail "the crowd, $way: found '$(rules "crowd.$way/log")'"
done
[ "$failures" = 0 ]
