#!/bin/sh
# R14, R38: under each sanitizer that is installed, of gcc and clang, static and shared, preloaded and linked, a program
# prints and ends as it does without the library, and has its finding: r38_sanitizers.sh SOURCE FOLDER-OF-libmapsan.so
set -u
source=$1 library=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
status=0 tried=0
# A kernel that spreads addresses further than a sanitizer expects.
fixed=
setarch -R true 2> /dev/null && fixed='setarch -R'
export ASAN_OPTIONS=verify_asan_link_order=0 # as 'mapsan run' sets it

# run NAME PRELOAD PROGRAM: its output and status in NAME.out, what else is said in NAME.err
run() {
    LD_PRELOAD=$2 MAPSAN_OPTIONS=log_path=$work/$1.log timeout 60 $fixed "$3" > "$1.out" 2> "$1.err"
    echo "status $?" >> "$1.out"
}

# try COMPILER SANITIZER FLAGS...
try() {
    name="$1 -fsanitize=$2 $3"
    sanitizer=$2 compiler=$1 flags=$3
    if ! "$compiler" -g -O1 -pthread -fsanitize="$sanitizer" $flags -o plain "$source" 2> errors; then
        echo "SKIPPED: $name: $(head -1 errors)"
        return
    fi
    run plain '' ./plain
    if ! grep -qx 'status 5' plain.out; then
        echo "SKIPPED: $name does not work here: $(tail -1 plain.err)"
        return
    fi
    "$compiler" -g -O1 -pthread -fsanitize="$sanitizer" $flags -o linked "$source" -Wl,--no-as-needed -L"$library" \
        -Wl,-rpath,"$library" -lmapsan || { echo "FAILED: $name can't be linked with the library"; status=1; return; }
    tried=$((tried + 1))
    rm -f ./*.log
    run preloaded "$library/libmapsan.so" ./plain
    run linked '' ./linked
    for way in preloaded linked; do
        if ! cmp -s plain.out $way.out || [ -s $way.err ]; then
            echo "FAILED: $name, $way: another outcome:"
            diff plain.out $way.out
            head -20 $way.err
            status=1
        elif ! grep -q 'error\[mmap-bad-fd\]' $way.log; then
            echo "FAILED: $name, $way: no finding"
            status=1
        fi
    done
}

for compiler in gcc clang; do
    command -v $compiler > /dev/null || { echo "SKIPPED: $compiler is not installed"; continue; }
    for sanitizer in address thread undefined leak memory; do
        case $compiler-$sanitizer in
            gcc-memory) continue ;; # it has none
            gcc-address) static=-static-libasan ;;
            gcc-thread) static=-static-libtsan ;;
            gcc-undefined) static=-static-libubsan ;;
            gcc-leak) static=-static-liblsan ;;
            clang-*) static=-static-libsan ;;
        esac
        shared=
        [ $compiler = clang ] && shared="-shared-libsan -Wl,-rpath,$(dirname "$(clang -print-file-name=libclang_rt.asan-x86_64.so)")"
        [ $compiler = clang ] && [ $sanitizer != address ] && [ $sanitizer != undefined ] && shared=none
        try $compiler $sanitizer "$static"
        [ "$shared" = none ] || try $compiler $sanitizer "$shared"
    done
done
[ $status = 0 ] && [ $tried = 0 ] && exit 77
echo "$tried sanitizers"
exit $status
