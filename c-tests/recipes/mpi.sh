# Three ranks under each MPI: what they find is one report, the same as of the job on one machine.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
command -v mpirun.openmpi > /dev/null && command -v mpicc.openmpi > /dev/null || openmpi=missing
command -v mpirun.mpich > /dev/null && command -v mpicc.mpich > /dev/null || mpich=missing
[ "${openmpi:-}${mpich:-}" = missingmissing ] &&
    { echo 'SKIPPED: no MPI is here: apt-get install openmpi-bin libopenmpi-dev mpich libmpich-dev'; exit 77; }
# What differs from run to run.
plain() { sed 's/0x[0-9a-f]*/ADDRESS/g; s/in process [0-9]* ([^)]*), //' "$1" | grep -v '^    in .*rank\|^    in process'; }
try() {
    unset UCX_MEM_MMAP_HOOK_MODE
    passes "$1: mpicc" "mpicc.$1" -g -o ring ring.c
    "mpirun.$1" -n 3 ./ring > plain.out 2>&1 || { echo "SKIPPED in part: $1 does not run here"; sed 's/^/    /' plain.out; return; }
    # UCX, if it is used, takes the calls, and that is said.
    if ldd ring | grep -q libucm; then
        "mpirun.$1" -n 3 mapsan run ./ring > "$work/out" 2>&1
        grep -q "NOT COVERED: '.*ring': UCX .*UCX_MEM_MMAP_HOOK_MODE=none" "$work/out" || fail "$1: it is not said that UCX takes the calls"
    fi
    export UCX_MEM_MMAP_HOOK_MODE=none
    "mpirun.$1" -n 3 mapsan run --format json -o "rank-%q{$2}.json" ./ring > "$work/out" 2>&1 || fail "$1: the job fails"
    cmp plain.out "$work/out" || fail "$1: its output differs"
    mapsan report rank-0.json rank-1.json rank-2.json > merged 2> "$work/out" || fail "$1: no report"
    cp merged "$work/out"
    grep -q '^    in 1 of 3 ranks (1)$' merged && grep -q 'main (ring.c:25)' merged || fail "$1: the rank is not named"
    grep -q '^mapsan: summary: 1 error, 0 warnings, 0 notes' merged || fail "$1: something else is found"
    "mpirun.$1" -n 3 mapsan run ./ring > each 2>&1
    cp each "$work/out"
    grep -q '^    in rank 1$' each || fail "$1: a command for each rank does not tell the rank"
    "mpirun.$1" -n 3 ./ring > alone.out 2> "$work/out"
    mapsan run --format text -o whole --format json -o whole.json "mpirun.$1" -n 3 ./ring > whole.out 2> "$work/out" ||
        fail "$1: the job fails under one command"
    diff alone.out whole.out > "$work/out" || fail "$1: its output differs under one command"
    # MPICH's mpirun dies of SIGPIPE in such a job now and then, on a busy machine in one of three runs without the command.
    status=0 under=none turn=0
    while [ "$under" != $status ] && [ $turn -lt 50 ]; do
        turn=$((turn + 1))
        "mpirun.$1" -n 3 sh -c 'exit 3' > "$work/out" 2>&1
        status=$?
        mapsan run -o failed "mpirun.$1" -n 3 sh -c 'exit 3' > "$work/out" 2>&1
        under=$?
    done
    [ "$under" = $status ] && [ $status != 0 ] || fail "$1: a job that fails ends with $under, and without the command with $status"
    cp whole "$work/out"
    grep -q '^    in process .*, in rank 1$' whole || fail "$1: one command for all does not tell the rank"
    mapsan report whole.json > one 2> "$work/out"
    grep '^mapsan: \(error\|warning\)\|ring.c:[0-9]*)' one > one.lines
    grep '^mapsan: \(error\|warning\)\|ring.c:[0-9]*)' merged > merged.lines
    plain one.lines > one.plain && plain merged.lines > merged.plain
    diff one.plain merged.plain > "$work/out" || fail "$1: the merged report is not that of one machine"
    rm -f rank-*.json
}
[ "${openmpi:-}" ] && echo 'SKIPPED in part: Open MPI is not here, and not tried: apt-get install openmpi-bin libopenmpi-dev'
[ "${mpich:-}" ] && echo 'SKIPPED in part: MPICH is not here, and not tried: apt-get install mpich libmpich-dev'
[ "${openmpi:-}" ] || try openmpi OMPI_COMM_WORLD_RANK
[ "${mpich:-}" ] || try mpich PMI_RANK
