#!/usr/bin/env bash
# Tests that a sweep for a GPU is planned and submitted on a machine without one, and runs only with one. Usage: device.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export CUDA_VISIBLE_DEVICES=-1 OMP_NUM_THREADS=1  # hides the cards of a machine that has some

tiny_config 3 2 > c.ini
sweep=(c.ini run.device=cuda:0 run.seed=0,1)

# refuses WHAT PATTERN ARGUMENTS...: exit 2, one line, and nothing is created.
refuses() {
  local what=$1 pattern=$2 code
  shift 2
  "$moesim" run "$@" --out out > /dev/null 2> log
  code=$?
  [ $code -eq 2 ] && [ "$(wc -l < log)" -eq 1 ] && grep -q -- "$pattern" log || fail "$what: exit $code: $(cat log)"
  [ ! -e out ] || fail "$what: something is left behind"
}
# holds WHAT EXPRESSION: of the document plan.json, as d.
holds() { python3 -c "import json, sys; d = json.load(open('plan.json')); sys.exit(not ($2))" || fail "$1: $(cat plan.json)"; }

if "$moesim-f64" info | grep -q 'built without CUDA'; then
  moesim=$moesim-f64 refuses "double without CUDA" 'run.device = cuda:0: this build has: cpu; CUDA in double is built with MOESIM_CUDA and MOESIM_CUDA_DOUBLE' "${sweep[@]}"
fi
if "$moesim" info | grep -q 'built without CUDA'; then
  # It could never run this.
  for way in "" "--dry-run" "--launcher slurm --print"; do
    # shellcheck disable=SC2086
    refuses "a build without CUDA, $way" 'run.device = cuda:0: this build has: cpu$' "${sweep[@]}" $way
  done
  echo "skipped: planning for a card (built without CUDA)"
  finish device
  exit
fi

none='run.device = cuda:0: no CUDA device: '
refuses "a run without a card" "$none" "${sweep[@]}"
refuses "no number of a card" 'run.device = cuda:x: expected cuda:NUMBER' c.ini run.device=cuda:x --dry-run
refuses "a mistake elsewhere" 'model.width = 9' "${sweep[@]}" model.width=9 model.heads=2 --dry-run

"$moesim" run "${sweep[@]}" run.compute=tf32 --dry-run --out out > plan 2> log || fail "a plan: exit $?: $(cat log)"
grep -q "^unknown here: $none" plan && grep -qE '^run .* unknown +unknown +at least [0-9]+ +unknown +unknown$' plan ||
  fail "a plan does not say what is unknown: $(cat plan)"
grep -q '^2 runs, 2 to do$' plan || fail "an estimate without a card: $(cat plan)"

"$moesim" run c.ini run.device=cpu,cuda:0 run.seed=0,1 --trial 0.1 --dry-run --json --out out > plan.json 2> log || fail "two devices: exit $?: $(cat log)"
holds "a plan without runs" 'len(d["runs"]) == 4 and d["total"]["estimated"] == 2'
holds "what needs no card" 'd["arms"][0]["parameters_total"] == d["arms"][1]["parameters_total"] > 0 and d["arms"][1]["least_bytes"] > 0'
holds "estimates" '"step_seconds" in d["arms"][0] and "step_seconds" not in d["arms"][1]'
holds "the reason" '"unknown" not in d["arms"][0] and d["arms"][1]["unknown"].startswith("'"$none"'")'

"$moesim" run "${sweep[@]}" --launcher slurm --print --out out > script 2> log || fail "a script: exit $?: $(cat log)"
grep -q '^#SBATCH --array=0-1$' script && grep -q '^#SBATCH --gres=gpu:1$' script || fail "no script for a card: $(cat script)"
"$moesim" run c.ini run.device=cpu,cuda:2 --launcher slurm --print --out out > script 2> log
grep -q '^#SBATCH --gres=gpu:3$' script || fail "no three cards for cuda:2: $(cat script)"
"$moesim" run "${sweep[@]}" --gres gpu:h100:1 --launcher slurm --print --out out > script 2> log
grep -q '^#SBATCH --gres=gpu:h100:1$' script || fail "another card than was asked for: $(cat script)"
"$moesim" run c.ini --launcher slurm --print --out out > script 2> log
! grep -q -- --gres script || fail "a card for a run on the CPU: $(cat script)"
[ ! -e out ] || fail "a plan or a script leaves something behind"

# The task on a machine that lacks the card says so, and leaves the run as it was.
mkdir bin
printf '#!/bin/sh\necho 17\n' > bin/sbatch
printf '#!/bin/sh\n' | tee bin/squeue > bin/scontrol
chmod +x bin/*
PATH=$PWD/bin:$PATH "$moesim" run "${sweep[@]}" --launcher slurm --out queue > out.txt 2> log || fail "a job: exit $?: $(cat log)"
"$moesim" run queue/tiny/plan-*.json --only 2 > /dev/null 2> log
code=$?
[ $code -eq 2 ] && grep -q "$none" log || fail "a task without a card: exit $code: $(cat log)"
"$moesim" status queue/tiny > out.txt 2> log || fail "status: exit $?: $(cat log)"
[ "$(grep -c planned out.txt)" -ge 2 ] || fail "a task without a card changed its run: $(cat out.txt)"
finish device
