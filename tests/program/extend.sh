#!/usr/bin/env bash
# Tests --extend: a finished run is extended to the bits of one trained in one go, with a constant rate and with a restarted
# cosine; killed midway, in two processes, and without a run to extend.
# Usage: extend.sh MOESIM PYTHON
set -u
moesim=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/support.sh"
export OMP_NUM_THREADS=1

{ tiny_config 6 4 | sed 's/^batches = 1/&\nevery = 4/'; printf '%s\n' '[record]' 'every = 2' '[router]' 'name = token_choice'; } > c.ini
constant=(c.ini train.schedule=constant train.warmup=2 model.dropout=0.1)
run() { "$moesim" run "$@" > out 2> log; }
# expect CODE TEXT ARGUMENTS...: `run` ends so, and says so.
expect() {
  local want=$1 text=$2 code
  shift 2
  run "$@"
  code=$?
  [ $code -eq "$want" ] && grep -q -- "$text" log || fail "run $*: exit $code, expected $want and '$text': $(cat log)"
}
# weights OUT STEP: of the runs there that have a checkpoint of that step.
weights() { (cd "$1/tiny" && sha256sum -- */checkpoint/step-00000*"$2"/weights.safetensors) | sed 's/ .*-s/ s/; s/-[0-9a-f]*\/.*//' | sort -u; }
same_records() {
  "$python" -c 'import h5py' 2> /dev/null || { echo "extend: run files not compared: no h5py (MOESIM_PYTHON)"; return; }
  "$python" "$here/same_records.py" "$@" || fail "run files differ: $*"
}

# With a constant rate: the bits of twelve steps in one go, though six of them ended with an evaluation that twelve do not have.
expect 0 'next: moesim compare a/tiny' "${constant[@]}" run.seed=0,1 --out a
before=$(cd a/tiny && find . -type f ! -name plan.json ! -name .lock -exec sha256sum {} + | sort)
expect 0 '2 runs are finished with fewer steps (token_choice seed 0: 6 of 12 steps), and would start again at step 0; --extend' "${constant[@]}" run.seed=0,1 run.steps=12 --out a --dry-run --trial 0
expect 0 '2 runs continue finished ones (token_choice seed 0: 6 of 12 steps)' "${constant[@]}" run.seed=0,1 run.steps=12 --out a --extend --dry-run --trial 0
expect 0 'continues from step 6 of a/tiny/token_choice-s1-' "${constant[@]}" run.seed=0,1 run.steps=12 --out a --extend
grep -q 'step 7/12' log || [ -s log ] || fail "nothing was trained"
grep -q 'step [1-6]/12' log && fail "trained again from the start: $(cat log)"
after=$(cd a/tiny && find . -type f ! -name plan.json ! -name .lock -exec sha256sum {} + | sort)
[ -z "$(comm -23 <(echo "$before") <(echo "$after"))" ] || fail "extending changed the finished runs"
expect 0 'token_choice seed 0' "${constant[@]}" run.seed=0,1 run.steps=12 --out b
[ "$(weights a 12 | wc -l)" -eq 2 ] && [ "$(weights a 12)" = "$(weights b 12)" ] || fail "weights differ: $(weights a 12) $(weights b 12)"
same_records a/tiny b/tiny 12
"$moesim" verify a/tiny > out || fail "verify: exit $?: $(cat out)"
expect 0 'all there before' "${constant[@]}" run.seed=0,1 run.steps=12 --out a --extend
expect 0 'all there before' "${constant[@]}" run.seed=0,1 run.steps=12 --out a

# Killed on the way, it goes on from its own checkpoint, to the same bits; the plan knows where it began.
long=("${constant[@]}" run.seed=0 checkpoint.every=50)
expect 0 token_choice "${long[@]}" run.steps=100 --out long
timeout -s KILL 0.7 "$moesim" run "${long[@]}" run.steps=3000 --out long --extend > /dev/null 2> log
"$moesim" run long/tiny > /dev/null 2> log || fail "going on with the plan of an extension: exit $?: $(tail -1 log)"
grep -q 'continues from step 100' long/tiny/*/log.txt || fail "no word of where it began: $(cat log)"
expect 0 token_choice "${long[@]}" run.steps=3000 --out straight
[ "$(weights long 3000)" = "$(weights straight 3000)" ] || fail "killed on the way: weights differ"
same_records long/tiny straight/tiny 3000

# Two processes extend the same run: one does it, the other finds it held or done.
mkdir -p two/tiny && for folder in a/tiny/*-s0-*; do grep -q 'steps = 6' "$folder/config.ini" && cp -r "$folder" two/tiny/; done
"$moesim" run "${constant[@]}" run.seed=0 run.steps=12 --out two --extend > /dev/null 2> log.1 &
first=$!
"$moesim" run "${constant[@]}" run.seed=0 run.steps=12 --out two --extend > /dev/null 2> log.2
second=$?
wait $first
first=$?
case "$first $second" in "0 0" | "0 6" | "6 0") ;; *) fail "two processes: exit $first and $second: $(cat log.1 log.2)" ;; esac
[ "$(weights two 12)" = "$(weights a 12 | grep ' s0')" ] || fail "two processes: $(weights two 12)"

# A cosine has ended: that is said, and --extend begins it again there, as the config says that reproduces it from step 0.
cosine=(c.ini train.rate_min=1e-4 train.warmup=2)
expect 0 'token_choice' "${cosine[@]}" --out cos
expect 0 'where the cosine ended, and would start again at step 0.*train.restarts = 6' "${cosine[@]}" run.steps=12 --out cos --dry-run --trial 0
expect 0 'continues from step 6' "${cosine[@]}" run.steps=12 --out cos --extend
expect 0 'token_choice' "${cosine[@]}" run.steps=12 train.restarts=6 --out again
[ "$(weights cos 12)" = "$(weights again 12)" ] || fail "cosine: weights differ"
same_records cos/tiny again/tiny 12
expect 0 'continues from step 12' "${cosine[@]}" run.steps=20 --out cos --extend
grep -q '^restarts = 6 12$' cos/tiny/*/config.ini || fail "the second extension: $(grep -h restarts cos/tiny/*/config.ini)"
# Beside one trained from step 0 it is another arm, and a new seed joins its arm.
expect 0 'token_choice' "${cosine[@]}" run.steps=12 --out cos --force
expect 0 '1 run starts at step 0, because no finished one is its beginning (token_choice seed 1)' "${cosine[@]}" run.steps=12 run.seed=0,1 --out cos --extend
"$moesim" compare cos/tiny --all --format csv > out || fail "compare: exit $?"
[ "$(grep -c 'restarts = 6)' out)" -eq 1 ] || fail "compare: $(cat out)"
"$moesim" export cos/tiny --table routers --format csv > out || fail "export: exit $?"
grep -q '^[^,]*,2,' out || fail "the two seeds of the extended arm are not one arm: $(cat out)"

# What cannot be extended is refused before anything is written.
expect 2 '--extend: no finished run of fewer steps in a/tiny agrees with token_choice seed 5' "${constant[@]}" run.seed=5 run.steps=12 --out a --extend
expect 2 '--extend: a plan cannot be changed' a/tiny --extend
expect 2 'restarts = 7: a constant rate has no restarts' "${constant[@]}" train.restarts=7 run.steps=12
expect 2 'restarts = 6 6: 6 is out of order' c.ini 'train.restarts=6 6' run.steps=12
expect 2 'restarts = 12: 12 is out of order' c.ini train.restarts=12 run.steps=12
expect 0 token_choice "${constant[@]}" checkpoint.every=4 train.not_finite=rewind --out rewind
expect 2 'step 6 of .* is none' "${constant[@]}" run.seed=0 run.steps=18 checkpoint.every=4 train.not_finite=rewind --out rewind --extend
rm -r two/tiny/*/checkpoint
expect 3 'no checkpoint of step [0-9]* to continue from' "${constant[@]}" run.seed=0 run.steps=24 --out two --extend
finish extend
