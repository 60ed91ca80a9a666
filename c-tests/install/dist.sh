#!/bin/sh
# What is handed out: the same twice, used where it is unpacked, and a Debian package that lintian finds no error in:
# dist.sh SOURCES XTASK FOLDER-OF-THE-COMMAND-AND-LIBRARY
# With MAPSAN_CLEAN_ROOT=1, as root, the package is installed, used and removed in a clean Debian that debootstrap makes, too.
set -u
sources=$1 xtask=$2 built=$3
for need in dpkg-deb:dpkg dpkg-shlibdeps:dpkg-dev tar:tar strip:binutils; do
    command -v "${need%:*}" > /dev/null || { echo "SKIPPED: ${need%:*} is missing: apt-get install ${need#*:}"; exit 77; }
done
[ -x "$built/mapsan" ] || { echo "SKIPPED: $built/mapsan is missing: cargo build --release"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    [ -e "$work/out" ] && sed 's/^/    /' "$work/out"
}
unset MAPSAN_OPTIONS MAPSAN_RUNTIME LD_PRELOAD
# An address that lintian takes.
export DEBFULLNAME=Packer DEBEMAIL=packer@debian.org SOURCE_DATE_EPOCH=1700000000
for once in 1 2; do
    "$xtask" dist --built "$built" --output "$work/$once" > "$work/out" 2>&1 || { fail 'the packing'; exit 1; }
    sleep 1 # so that times that are not the commit's differ
done
for file in "$work"/1/*.*; do
    cmp "$file" "$work/2/${file##*/}" > "$work/out" 2>&1 || fail "${file##*/} differs when it is packed twice"
done
SOURCE_DATE_EPOCH=yesterday "$xtask" dist --built "$built" --output "$work/3" > "$work/out" 2>&1 && fail 'a time that is none is taken'
grep -q "SOURCE_DATE_EPOCH takes seconds since 1970, and 'yesterday' is no such number" "$work/out" || fail 'the wrong time is not named'

# faulty PREFIX NAME: a program that is run under the command there gives its finding, and is linked by what lies there.
printf '%s\n' '#include <sys/mman.h>' 'int main(void)' '{' '    char *p = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);' \
    '    munmap(p, 4096);' '    return munmap(p, 4096);' '}' > "$work/twice.c"
try() {
    "$1/bin/mapsan" run "$work/twice.c" > "$work/out" 2>&1
    grep -q 'error\[munmap-double\]' "$work/out" && grep -q 'twice.c:6' "$work/out" || fail "$2: the command"
    cc -o "$work/twice" "$work/twice.c" -Wl,--no-as-needed -L"$3" -lmapsan -Wl,-rpath,"$3" > "$work/out" 2>&1 || fail "$2: linking"
    "$work/twice" > "$work/out" 2>&1
    grep -q 'error\[munmap-double\]' "$work/out" || fail "$2: the linked program"
}
mkdir "$work/elsewhere"
tar -xzf "$work"/1/*.tar.gz -C "$work/elsewhere" > "$work/out" 2>&1 || fail 'the tarball'
for prefix in "$work"/elsewhere/*; do
    [ -r "$prefix/README.md" ] && [ -r "$prefix/share/man/man1/mapsan.1" ] || fail 'the tarball has no README.md or pages'
    try "$prefix" tarball "$prefix/lib"
done
dpkg-deb -x "$work"/1/*.deb "$work/package" > "$work/out" 2>&1 || fail 'the Debian package'
[ -r "$work/package/usr/share/doc/mapsan/docs/ci.md.gz" ] || fail 'the Debian package lacks the pages that README.md leads to'
for library in "$work"/package/usr/lib/*/libmapsan.so; do
    try "$work/package/usr" 'Debian package' "${library%/*}"
done
if command -v lintian > /dev/null; then
    lintian --fail-on error "$work"/1/*.deb > "$work/out" 2>&1 || fail 'lintian'
else
    echo 'lintian is not here: the Debian package was not looked at by it (apt-get install lintian)'
fi

if [ "${MAPSAN_CLEAN_ROOT:-}" = 1 ]; then
    debootstrap --variant=minbase --include=gcc,libc6-dev stable "$work/root" > "$work/out" 2>&1 || fail 'debootstrap'
    cp "$work"/1/*.deb "$work/twice.c" "$work/root/tmp"
    {
        chroot "$work/root" sh -c 'dpkg -L libc6 > /dev/null; find / -xdev | sort > /tmp/before; apt-get install -y /tmp/mapsan_*.deb' &&
            mount -t proc proc "$work/root/proc"
    } > "$work/out" 2>&1 || fail 'the installation in a clean root'
    chroot "$work/root" sh -c 'cd /tmp; mapsan run twice.c' > "$work/out" 2>&1
    grep -q 'twice.c:6' "$work/out" || fail 'the command in a clean root'
    umount "$work/root/proc"
    chroot "$work/root" sh -c 'dpkg --purge mapsan && find / -xdev | sort > /tmp/after' > "$work/out" 2>&1 || fail 'the removal'
    diff "$work/root/tmp/before" "$work/root/tmp/after" | grep mapsan | grep -v /tmp/ > "$work/out" && fail 'the removal leaves something'
else
    echo 'not tried in a clean root, which takes minutes and the network: MAPSAN_CLEAN_ROOT=1, as root, with debootstrap'
fi
[ "$failures" = 0 ]
