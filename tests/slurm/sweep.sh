#!/usr/bin/env bash
# Tests a sweep of six runs as a job array on a private Slurm cluster: cancelled, resubmitted, preempted, warned of its time
# limit; at the end every run is complete, with the bits of a sweep on this host. Takes about four minutes.
# Usage: sweep.sh MOESIM. Without Slurm: exit 77.
set -u
moesim=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
out="$work/runs \"100%\" it's"  # a name that wants to be quoted
trap '"$here/cluster.sh" stop "$work/cluster"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
experiment=$out/sweep
fail() {
  echo "FAILED: $*"
  tail -n +1 "$experiment"/slurm/*.log
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

reason=$("$here/cluster.sh" start "$work/cluster") || { code=$?; echo "$reason"; exit $code; }
# shellcheck source=/dev/null
source "$work/cluster/env.sh"

# Run 0 takes longer than the shortest time limit that Slurm knows, a minute; the others some seconds.
cat > "$work/sweep.ini" << 'INI'
[run]
name = sweep
[router]
name = token_choice
[checkpoint]
every = 100
[zip.size]
run.seed  = 0..5
run.steps = 1000000, 1000, 1000, 1000, 1000, 1000
INI
step=$("$moesim" run "$work/sweep.ini" --only 2 --threads 1 --dry-run --json 2> /dev/null |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["arms"][0]["step_seconds"])') || fail "no dry run"
long=$(python3 -c "print(round(90 / $step))") short=$(python3 -c "print(round(15 / $step))")
sed -i "s/1000000/$long/; s/1000/$short/g" "$work/sweep.ini"
say "a step takes $step s: $long and $short steps"

submit() { "$moesim" run "$work/sweep.ini" --launcher slurm --partition low --time 1 --signal 20 --out "$out" | sed -n 's/^job \([0-9]*\):.*/\1/p'; }
state() { squeue --array --noheader --states=all --jobs="$1" --format="%T"; }
all_are() {  # all_are JOB STATES
  local states
  states=$(state "$1") && [ -n "$states" ] && ! grep -qvE "^($2)\$" <<< "$states"
}
has_started() { grep -qs ' start 1 on ' "$experiment/slurm/$1.log"; }
has_trained() { ls "$experiment"/*-s"$1"-*/checkpoint/step-* > /dev/null 2>&1; }

cancelled=$(submit) || fail "no job: $cancelled"
await 30 "run 0 has a checkpoint" has_trained 0
"$moesim" status "$experiment" | grep -q "job $cancelled: \(RUNNING\|PENDING\)" || fail "status does not follow the job"
scancel "$cancelled"
await 60 "a cancelled job ends" all_are "$cancelled" CANCELLED
say "cancelled job $cancelled"

job=$(submit) || fail "no job: $job"
await 60 "task 0 starts" has_started "${job}_0"
await 60 "task 1 starts" has_started "${job}_1"
high=$(sbatch --parsable --partition=high --cpus-per-task=2 --output=/dev/null --wrap=true) || fail "no job in the partition high"
await 90 "the job in the partition high runs" all_are "$high" COMPLETED
say "job $high had the node to itself"
await 600 "all tasks end" all_are "$job" 'COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|PREEMPTED'
say "all tasks of job $job ended"

preempted=0 warned=0
for run in 0 1 2 3 4 5; do
  log=$experiment/slurm/${job}_$run.log
  codes=$(sed -n 's/^task .*: exit code \([0-9]*\).*/\1/p' "$log" | tr '\n' ' ')
  starts=$(grep -c '^task .* start ' "$log")
  [[ $codes =~ ^(75 )*0\ $ ]] || fail "run $run: exit codes $codes; expected any number of 75, then 0"
  [ "$starts" -eq "$(wc -w <<< "$codes")" ] || fail "run $run: $starts starts, but exit codes $codes"
  grep -q 'DUE TO PREEMPTION' "$log" && [ "$starts" -gt 1 ] && preempted=$((preempted + 1))
  grep -q 'exit code 75 after USR1' "$log" && [ "$starts" -gt 1 ] && warned=$((warned + 1))
  say "run $run: $starts starts, exit codes $codes"
done
[ "$preempted" -ge 1 ] || fail "no task was preempted and resumed"
[ "$warned" -ge 1 ] || fail "no task was warned of its time limit"
all_are "$cancelled" CANCELLED || fail "a cancelled task came back: $(state "$cancelled")"
"$moesim" status "$experiment" | grep -qx '6 complete' || fail "$("$moesim" status "$experiment")"
"$moesim" verify "$experiment" || fail "damaged"

"$moesim" run "$work/sweep.ini" --jobs 2 --out "$work/here" > /dev/null 2>&1 || fail "no sweep on this host"
for run in "$work"/here/sweep/*/checkpoint; do
  there=$experiment/$(basename "$(dirname "$run")")/checkpoint
  step=$(ls "$run" | tail -n 1)
  for file in weights.safetensors state.safetensors; do
    cmp "$run/$step/$file" "$there/$step/$file" || fail "$run: other bits than on this host"
  done
done
echo "slurm: all good in $SECONDS s"
