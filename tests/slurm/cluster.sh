#!/usr/bin/env bash
# Runs a private Slurm cluster of one node for tests: munged, slurmctld and slurmd as this user, with all their files under
# DIR, on free ports, without cgroups or a database. Exit 77 with one line if there can be none here.
#   cluster.sh start DIR   then: source DIR/env.sh; sbatch ...
#   cluster.sh stop DIR    cancels its jobs, ends its daemons and leaves DIR with the logs
# Partitions: `low` (the default), whose jobs a job in `high` requeues: TERM, and 5 s later KILL. There is no GraceTime:
# Slurm does not tell a batch script when it begins, only when it is over.
set -u
PATH=$PATH:/usr/sbin:/sbin
action=${1:-} dir=${2:-}
case $#:$action in
  2:start | 2:stop) ;;
  *) echo "usage: cluster.sh start DIR | stop DIR" >&2; exit 2 ;;
esac
dir=$(realpath -m -- "$dir")

# A process is its number and its start, since numbers are used again.
birth() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | awk '$1 != "Z" { print $20 }'; }
is_alive() { [ -n "$2" ] && [ "$(birth "$1")" = "$2" ]; }

launch() {  # launch NAME COMMAND...: in a session of its own, so that a Ctrl-C for the test does not reach it
  local name=$1
  shift
  MOESIM_TEST_CLUSTER=$dir setsid -- "$@" > "$dir/log/$name.out" 2>&1 < /dev/null &
  echo "$name $! $(birth $!)" >> "$dir/pids"
}

end() {  # end NAME: TERM, after 5 s KILL
  local name pid born i
  [ -f "$dir/pids" ] || return 0
  while read -r name pid born; do
    if [ "$name" != "$1" ] || ! is_alive "$pid" "$born"; then continue; fi
    kill "$pid" 2> /dev/null
    for ((i = 0; i < 50; ++i)); do
      is_alive "$pid" "$born" || break
      sleep 0.1
    done
    is_alive "$pid" "$born" && kill -KILL "$pid" 2> /dev/null
  done < "$dir/pids"
}

# What daemons and jobs left behind: they carry this cluster's name in their environment.
end_orphans() {
  local process
  for process in /proc/[0-9]*; do
    if grep -qzxF "MOESIM_TEST_CLUSTER=$dir" "$process/environ" 2> /dev/null ||
      { grep -qzxF "SLURM_CONF=$dir/slurm.conf" "$process/environ" && grep -qz '^SLURM_JOB_ID=' "$process/environ"; } 2> /dev/null; then
      [ "${process#/proc/}" = $$ ] || kill -KILL "${process#/proc/}" 2> /dev/null
    fi
  done
}

stop() {
  local i
  if [ -f "$dir/slurm.conf" ] && [ -f "$dir/up" ]; then
    export SLURM_CONF=$dir/slurm.conf
    timeout 5 scancel --user="$(id -un)" 2> /dev/null
    for ((i = 0; i < 80; ++i)); do  # twice KillWait at most
      [ -n "$(timeout 5 squeue --noheader 2> /dev/null)" ] || break
      sleep 0.1
    done
  fi
  end slurmd
  end slurmctld
  end munged
  end_orphans
  rm -f "$dir/pids" "$dir/up"
}

give_up() {
  echo "skipped: no Slurm cluster: $*"
  stop
  exit 77
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do :; done
  echo "$port"
}

wait_for() {  # wait_for NAME SECONDS COMMAND...: until the command succeeds or the daemon, launched last, has ended
  local name=$1 tries=$(($2 * 10)) pid born i
  shift 2
  read -r _ pid born < <(tail -n 1 "$dir/pids")
  for ((i = 0; i < tries; ++i)); do
    "$@" > /dev/null 2>&1 && return 0
    is_alive "$pid" "$born" || break
    sleep 0.1
  done
  give_up "$name did not start: $(cat "$dir/log/$name".{out,log} 2> /dev/null | grep -iE 'error|fatal' | tail -n 1)"
}

if [ "$action" = stop ]; then
  stop
  exit 0
fi

for tool in munged slurmctld slurmd sbatch scontrol squeue scancel sinfo; do
  command -v $tool > /dev/null || {
    echo "skipped: no Slurm cluster: $tool is not installed (Debian: apt-get install slurmctld slurmd slurm-client munge)"
    exit 77
  }
done
[ ! -e "$dir/up" ] || { echo "cluster.sh: $dir: a cluster runs there; stop it first" >&2; exit 2; }
[ ${#dir} -le 80 ] || give_up "$dir: too long for a socket's name"
trap 'give_up interrupted' INT TERM
# munged wants a folder for its socket that only its user writes to, and a key that only its user reads.
{ mkdir -p "$dir"/{log,state,spool,munge} && chmod 755 "$dir/munge"; } || exit 1
(umask 077 && rm -f "$dir/munge/key" && head -c 1024 /dev/urandom > "$dir/munge/key") || exit 1
rm -f "$dir/pids"
user=$(id -un) host=$(hostname -s)
controller=$(free_port)
while node=$(free_port); [ "$node" = "$controller" ]; do :; done

# cred_expire is also how long a requeued job waits before it starts again (120 s by default).
cat > "$dir/slurm.conf" << CONF
ClusterName=moesimtest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobs.txt
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=5
MinJobAge=600
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=node NodeHostname=$host NodeAddr=127.0.0.1 Port=$node CPUs=2 RealMemory=512 State=UNKNOWN
PartitionName=low Nodes=node Default=YES PriorityTier=1 PreemptMode=REQUEUE MaxTime=60 State=UP
PartitionName=high Nodes=node PriorityTier=10 PreemptMode=OFF MaxTime=60 State=UP
CONF
printf 'CgroupAutomount=no\n' > "$dir/cgroup.conf"
printf 'export SLURM_CONF=%q\n' "$dir/slurm.conf" > "$dir/env.sh"
export SLURM_CONF=$dir/slurm.conf

launch munged munged --foreground --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
  --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" --log-file="$dir/log/munged.log" --num-threads=2
wait_for munged 10 munge --socket="$dir/munge/socket" --no-input
launch slurmctld slurmctld -D -i -c -f "$dir/slurm.conf"
wait_for slurmctld 20 scontrol ping
launch slurmd slurmd -D -N node -f "$dir/slurm.conf"
is_idle() { [ "$(sinfo --noheader --partition=low --format=%T)" = idle ]; }
wait_for slurmd 20 is_idle
: > "$dir/up"
trap - INT TERM
echo "cluster: up; source $dir/env.sh"
