# Four parts of a sweep come to what the whole sweep finds.
cat > fails.c << 'C'
#include <stdlib.h>
#include <sys/mman.h>
int main(void)
{
    char *first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED)
        return 1;
    first[0] = 1;
    char *second = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    second[0] = 1; /* not looked at */
    char *third = mremap(second, 8192, 16384, MREMAP_MAYMOVE);
    third[0] = 1; /* nor this */
    return 0;
}
C
passes 'the program' cc -g -D_GNU_SOURCE -o fails fails.c
# The findings: what they say, and where. Each part makes the plain run, too, and repeats what that tells. The numbers of signals' addresses and of processes differ.
lines() { grep -E '^mapsan: (error|warning|note)\[|^ +at .*\(fails\.c:[0-9]+\)|^mapsan: summary' "$1" | sed 's/0x[0-9a-f]*/ADDRESS/g; s/; [0-9]* more of the same not shown//' | sort; }
mapsan sweep --format json --output whole.json ./fails > "$work/out" 2>&1 || fail 'the whole sweep'
mapsan report whole.json > whole 2> "$work/out" || fail 'the report of the whole sweep'
lines whole > whole.lines
cp whole "$work/out"
grep -q 'sweep-' whole.lines || fail 'the whole sweep finds nothing'
same_as_whole() {
    mapsan report "$@" > merged 2> "$work/out" || fail 'the report of the parts'
    lines merged > merged.lines
    diff whole.lines merged.lines > "$work/out" || fail 'four parts are not the whole'
}
