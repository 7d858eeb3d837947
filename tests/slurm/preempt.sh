#!/usr/bin/env bash
# A sweep of six runs as a job array of a private Slurm cluster: a cancelled task stays cancelled, two tasks are preempted,
# one meets its time limit, and every run is completed exactly once. Takes about two minutes, nearly all of them waiting.
# Usage: preempt.sh PRINT_SCRIPT [PROGRAM PLAN]
# PROGRAM run PLAN --only N is all that is called of the program; without one, a script stands in for it that counts in
# tenths of a second. Run 0 of a PLAN must take more than 60 s, the others more than 10 s, on one core.
set -u
print=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
# Names that want to be quoted.
logs="$work/logs \"100%\" it's"
program=${2:-$work/pro gram\'s} plan=${3:-$work/a plan.json}
trap '"$here/cluster.sh" stop "$work/cluster"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$logs"
fail() {
  echo "FAILED: $*"
  tail -n +1 "$logs"/*.log
  exit 1
}
await() {  # await SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what: not in time"
    sleep 0.2
  done
}
say() { echo "[$SECONDS s] $*"; }

[ $# -ge 2 ] || cat > "$program" << 'PROGRAM'
#!/usr/bin/env bash
# PROGRAM run PLAN --only N: counts to its goal; the checkpoint is written only when a signal asks for it.
[ "$#" = 4 ] && [ "$1 $3" = "run --only" ] || exit 2
checkpoint=$2.$4.count
stop='' step=0
trap 'stop=1' USR1 TERM
[ ! -e "$2.$4.complete" ] || { echo again >> "$2.$4.complete"; exit 0; }
[ ! -e "$checkpoint" ] || read -r step < "$checkpoint"
echo "run $4 from step $step"
goal=100
[ "$4" != 0 ] || goal=650
for ((; step < goal; ++step)); do
  if [ -n "$stop" ]; then
    echo "$step" > "$checkpoint.new" && sleep 0.5 && mv "$checkpoint.new" "$checkpoint"
    echo "run $4 stopped at step $step"
    exit 75
  fi
  sleep 0.1
done
echo "$OMP_NUM_THREADS" > "$2.$4.complete"
PROGRAM
chmod +x "$program"

reason=$("$here/cluster.sh" start "$work/cluster") || { code=$?; echo "$reason"; exit $code; }
# shellcheck source=/dev/null
source "$work/cluster/env.sh"
submit() {  # submit COUNT: prints the number of the job
  "$print" "it's a sweep" "$program" "$plan" "$logs" "$1" > "$work/script" && bash -n "$work/script" && sbatch --parsable "$work/script"
}
state() { squeue --array --noheader --states=all --jobs="$1" --format="%T"; }
all_are() {  # all_are JOB STATES
  local states
  states=$(state "$1") && [ -n "$states" ] && ! grep -qvE "^($2)\$" <<< "$states"
}
has_started() { grep -qs ' start 1 on ' "$logs/$1.log"; }

job=$(submit 1) || fail "no job: $job"
await 30 "the first task starts" has_started "${job}_0"
scancel "$job"
await 30 "a cancelled task ends" all_are "$job" CANCELLED
cancelled=$job
say "cancelled job $cancelled"

job=$(submit 6) || fail "no job: $job"
await 30 "task 0 starts" has_started "${job}_0"
await 30 "task 1 starts" has_started "${job}_1"
high=$(sbatch --parsable --partition=high --cpus-per-task=2 --output=/dev/null --wrap=true) || fail "no job in the partition high"
await 60 "the job in the partition high runs" all_are "$high" COMPLETED
say "job $high had the node to itself"
await 400 "all tasks end" all_are "$job" 'COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|PREEMPTED'
say "all tasks of job $job ended"

preempted=0 warned=0
for run in 0 1 2 3 4 5; do
  log=$logs/${job}_$run.log
  codes=$(sed -n 's/^task .*: exit code \([0-9]*\).*/\1/p' "$log" | tr '\n' ' ')
  starts=$(grep -c '^task .* start ' "$log")
  [[ $codes =~ ^(75 )*0\ $ ]] || fail "run $run: exit codes $codes; expected any number of 75, then 0"
  [ "$starts" -eq "$(wc -w <<< "$codes")" ] || fail "run $run: $starts starts, but exit codes $codes"
  grep -q 'DUE TO PREEMPTION' "$log" && [ "$starts" -gt 1 ] && preempted=$((preempted + 1))
  grep -q 'exit code 75 after USR1' "$log" && [ "$starts" -gt 1 ] && warned=$((warned + 1))
  say "run $run: $starts starts, exit codes $codes"
  if [ $# -lt 2 ]; then
    [ "$(cat "$plan.$run.complete")" = 1 ] || fail "run $run: not completed exactly once, on one thread"
    # Every start goes on where the one before stopped.
    [ "$(sed -n 's/^run .* stopped at step //p' "$log")" = "$(sed -n 's/^run .* from step //p' "$log" | tail -n +2)" ] || fail "run $run: steps lost"
  fi
done
[ "$preempted" -eq 2 ] || fail "$preempted tasks were preempted and resumed, expected 2"
[ "$warned" -ge 1 ] || fail "no task was warned of its time limit: run 0 must take more than 60 s"
all_are "$job" COMPLETED || fail "states: $(state "$job" | tr '\n' ' ')"
all_are "$cancelled" CANCELLED || fail "a cancelled task came back: $(state "$cancelled")"
[ "$(grep -c ' start ' "$logs/${cancelled}_0.log")" -eq 1 ] || fail "a cancelled task started again"
echo "slurm: all good in $SECONDS s"
