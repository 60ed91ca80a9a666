# A controller and a node on this machine, in a folder of their own.
for daemon in slurmctld slurmd munged; do
    PATH=$PATH:/usr/sbin:/sbin
    need $daemon slurm-wlm
done
[ "$(id -u)" = 0 ] || { echo 'SKIPPED: a node of Slurm runs as root'; exit 77; }
. "$sources/c-tests/recipes/parts.sh"
mkdir "$work/slurm"
host=$(hostname -s)
dd if=/dev/urandom of="$work/slurm/key" bs=1024 count=1 2> /dev/null
chmod 400 "$work/slurm/key"
chmod 755 "$work" "$work/slurm"
cat > "$work/slurm/slurm.conf" << C
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$work/slurm/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd.log
SlurmctldPort=${MAPSAN_SLURM_PORT:-17117}
SlurmdPort=$((${MAPSAN_SLURM_PORT:-17117} + 1))
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP OverSubscribe=FORCE:4
C
mkdir "$work/slurm/state" "$work/slurm/spool"
export SLURM_CONF="$work/slurm/slurm.conf"
stop() {
    for daemon in slurmd slurmctld munge; do
        pid=$(cat "$work/slurm/$daemon.pid" 2> /dev/null) && kill "$pid"
    done
    sleep 1
}
ended=stop
not_here() { echo "SKIPPED: Slurm does not run here: $1"; tail -n 5 "$work"/slurm/*.log "$work/out"; exit 77; }
munged --force --key-file="$work/slurm/key" --socket="$work/slurm/socket" --pid-file="$work/slurm/munge.pid" \
    --log-file="$work/slurm/munge.log" --seed-file="$work/slurm/seed" > "$work/out" 2>&1 || not_here munged
slurmctld > "$work/out" 2>&1 || not_here slurmctld
slurmd > "$work/out" 2>&1 || not_here slurmd
for _ in $(seq 60); do
    sinfo --noheader --format=%t 2> "$work/out" | grep -q idle && break
    sleep 1
done
sinfo --noheader --format=%t 2> "$work/out" | grep -q idle || not_here 'no node is idle after a minute'
passes 'the array' timeout 300 sbatch --wait sweep.sh "$PWD/fails"
cat part-*.txt > "$work/out"
same_as_whole part-1.json part-2.json part-3.json part-4.json
grep -q 'rank' merged && fail 'a task of an array is taken for a rank'
