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
if LD_PRELOAD="$library:$cage" MAPSAN_OPTIONS=log_path=/dev/null true; [ $? = 77 ]; then
    echo "SKIPPED: seccomp filters are not to be had here"
    exit 77
fi
# alone COMMAND...: in an IPC namespace, and with a /dev/shm, of its own: nothing stays of what a program leaves.
if unshare --ipc --mount mount -t tmpfs -o mode=1777 tmpfs /dev/shm 2> /dev/null; then
    alone() { unshare --ipc --mount sh -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"' sh "$@"; }
else
    alone() { unshare --ipc "$@"; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/cwd"
cd "$work/cwd" || exit 1
ulimit -c 0
status=0

# all KIND: runs all rules' bad programs in a cage of this kind, with their findings in $logs.
all() {
    logs=$work/$1
    mkdir "$logs"
    for program in "$programs"/*-bad; do
        rule=$(basename "${program%-bad}")
        alone timeout 30 env CAGE="$1" LD_PRELOAD="$library:$cage" MAPSAN_OPTIONS="enable=all:log_path=$logs/$rule" \
            "$program" > /dev/null 2> "$work/stderr"
        case $? in
        77) rm -f "$logs/$rule" ;;
        99 | 124) echo "cage.sh: $rule: $(cat "$work/stderr")"; exit 1 ;;
        esac
    done
    # All the same, most failures of calls are explained.
    found=$(cat "$logs"/* | grep -c '^mapsan: [a-z]*\[')
    rules=$(cat "$logs"/* | sed -n 's/^mapsan: [a-z]*\[\(.*\)\].*/\1/p' | sort -u | wc -l)
    [ "$found" -ge 70 ] && [ "$rules" -ge 45 ] || {
        echo "cage.sh: $1: $found findings of $rules rules; 70 of 45 are expected"
        status=1
    }
}

# claims WHY TEXT...: none of these texts, which the library has, is in a finding.
claims() {
    why=$1
    shift
    for text; do
        grep -qaF -e "$text" "$library" || {
            echo "cage.sh: the library no longer says '$text'"
            status=1
        }
        # shmdt of NULL: nothing is ever mapped there. 'for CALL': what an errno of the call may mean.
        if grep -rF --exclude=shmdt-not-attached -e "$text" "$logs" | grep -v ' note: for [a-z]*: '; then
            echo "cage.sh: the above can't be known: $why"
            status=1
        fi
    done
}

# said_elsewhere TEXT...: where the list of mappings can't be read, msync(2) tells what is not mapped: the same as the list.
said_elsewhere() {
    for text; do
        for log in $(grep -lF -e "$text" "$logs"/*); do
            rule=$(basename "$log")
            alone env LD_PRELOAD="$library" MAPSAN_OPTIONS="enable=all:log_path=$work/free" "$programs/$rule-bad" > /dev/null 2>&1
            grep -qF -e "$text" "$work/free" || {
                echo "cage.sh: $rule: '$text' is not so where the list can be read"
                status=1
            }
            rm -f "$work/free"
        done
    done
}

all nothing
claims 'descriptors can not be looked at' ' is not open, either'
claims 'the kernel has read it' 'the path is not a string that can be read'
claims 'limits can not be read' 'RLIMIT_MEMLOCK is unlimited' 'no limit of the process explains it'
claims 'the pools can not be looked at' 'this machine has no huge pages of '
claims 'segments can not be looked at' 'no segment has id ' ' does not fit between '
claims 'the list of mappings can not be read' 'no descriptor and no name that leads to it'
said_elsewhere 'nothing is mapped' ' is not mapped'
if grep -rE "''|, ,| 0 bytes are refused|segment has 0 bytes|EACCES: permission denied\); ipcs" "$logs"; then
    echo "cage.sh: an empty name, a size of 0, or a reason that was not the reason"
    status=1
fi

# The list can be opened, and is read as text but once: no address is taken for free because of that.
all files
said_elsewhere 'nothing is mapped' ' is not mapped'
exit $status
