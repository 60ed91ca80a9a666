#!/bin/sh
# What is said where the runtime can't look: no claim that takes a look.
#
#   cage.sh CAGE LIBRARY FOLDER-OF-THE-RULES'-PROGRAMS
set -u
cage=$1 library=$2 programs=$3
if ! unshare --ipc true 2> /dev/null; then
    echo "SKIPPED: the programs of System V segments need an IPC namespace of their own: run the tests as root"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/cwd" "$work/logs"
cd "$work/cwd" || exit 1
ulimit -c 0
for program in "$programs"/*-bad; do
    rule=$(basename "${program%-bad}")
    timeout 30 unshare --ipc env LD_PRELOAD="$library:$cage" MAPSAN_OPTIONS="enable=all:log_path=$work/logs/$rule" \
        "$program" > /dev/null 2> "$work/stderr"
    case $? in
    77) rm -f "$work/logs/$rule" ;;
    99 | 124) echo "cage.sh: $rule: $(cat "$work/stderr")"; exit 1 ;;
    esac
done

status=0
# claims PATTERN WHY
claims() {
    # shmdt of NULL: nothing is ever mapped there.
    if grep -rE "$1" --exclude=shmdt-not-attached "$work/logs"; then
        echo "cage.sh: the above can't be known: $2"
        status=1
    fi
}
claims 'is not open, either' 'descriptors can not be looked at'
claims 'not a string that can be read' 'the kernel has read it'
claims "''|, ,| of [,:]" 'an empty name'
claims 'is unlimited|no limit of the process' 'limits can not be read'
claims 'pages of 0 bytes|no pool of that size' 'the pools can not be looked at'
claims 'no segment (has|of) id|segment has 0 bytes|leaves no room for the segment' 'segments can not be looked at'
claims 'nothing is mapped|bytes at .* not wholly mapped' 'the list of mappings can not be read'
claims 'EACCES: permission denied\); ipcs' 'that was not the reason'
claims 'no name and no open descriptor' 'there is no list to tell a name'

# All the same, most failures of calls are explained.
found=$(cat "$work"/logs/* | grep -c '^mapsan: [a-z]*\[')
rules=$(cat "$work"/logs/* | sed -n 's/^mapsan: [a-z]*\[\(.*\)\].*/\1/p' | sort -u | wc -l)
[ "$found" -ge 70 ] && [ "$rules" -ge 45 ] || {
    echo "cage.sh: $found findings of $rules rules; 70 of 45 are expected"
    status=1
}
exit $status
