#!/usr/bin/env bash
# Tests --arm: arms selected, changed and timed by name; and keys of variants on the command line.
# Usage: arms.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export OMP_NUM_THREADS=1

tiny_config 3 4 > c.ini
cat c.ini - > v.ini <<'INI'
[variant.dense]
router.name = dense
[variant.top1_cf1]
router.name = token_choice
router.token_choice.capacity_factor = 1
[variant.top2_cf1.25]
router.name = token_choice
router.token_choice.k = 2
router.token_choice.capacity_factor = 1.25
INI

# arms ARGUMENTS...: "NUMBER ARM SEED STEPS;" of each run that these plan.
arms() {
  "$moesim" run "$@" --dry-run --trial 0 --json > plan.json 2> log || { cat log; return; }
  python3 -c 'import json; print("".join("%d %s %d;" % (r["number"], r["arm"], r["seed"]) for r in json.load(open("plan.json"))["runs"]), end="")'
}
is() {
  local want=$1
  shift
  [ "$(arms "$@")" = "$want" ] || fail "$*: $(arms "$@"), expected $want"
}
is '1 dense 0;2 top1_cf1 0;3 top2_cf1.25 0;' v.ini
is '1 dense 0;2 top2_cf1.25 0;' v.ini --arm top2_cf1.25,dense
is '1 dense 0;2 dense 1;3 top2_cf1.25 0;4 top2_cf1.25 1;' v.ini run.seed=0,1 --arm dense --arm 'top2*'
is '1 top1_cf1 0;2 top2_cf1.25 0;' v.ini --arm 'top?_*'
is '1 top2_cf1.25 capacity_factor=2 0;' v.ini --arm top2_cf1.25:router.token_choice.capacity_factor=2
is '1 dense 0;2 top2_cf1.25 0;3 top2_cf1.25 capacity_factor=2 steps=2 0;' v.ini \
  --arm 'dense,top2_cf1.25,top2_cf1.25:router.token_choice.capacity_factor=2,run.steps=2'
is '1 k=2 capacity_factor=4 0;' c.ini router.token_choice.k=1,2 router.token_choice.capacity_factor=2,4 --arm 'k=2 capacity_factor=4'
is '1 k=4 0;' c.ini router.token_choice.k=1,2 --arm 'k=2:router.token_choice.k=4'
grep -q '"top2_cf1.25"' plan.json && fail "an arm that was not chosen"
"$moesim" run v.ini run.seed=0..2 --dry-run --trial 0 > plan 2> log && grep -Eq '^top2_cf1.25 +7-9 ' plan || fail "run numbers: $(cat plan log)"

# refused TEXT ARGUMENTS...
refused() {
  local text=$1 code
  shift
  "$moesim" "$@" > out 2> log
  code=$?
  [ $code -eq 2 ] && [ "$(grep -c '^moesim: ' log)" -eq 1 ] && grep -qF -- "$text" log && [ ! -e runs ] ||
    fail "$*: exit $code, expected 2 and '$text': $(cat log)"
}
refused "no arm is named 'top2': did you mean" run v.ini --arm top2
refused 'there are dense, top1_cf1, top2_cf1.25' run v.ini --arm nothing_like_it
refused "no arm is named 'x*': there are dense" run v.ini --arm 'x*'
refused 'a list makes no axis inside an arm' run v.ini --arm dense:run.seed=0..2
refused 'a list makes no axis inside an arm' run v.ini --arm dense:run.seed=0,1
refused 'out of range' run v.ini --arm dense:run.steps=0
refused 'did you mean train.rate?' run v.ini --arm dense:train.lr=1
refused "no arm is named 'top2'" bench v.ini --arm top2

# What other programs call it.
refused "did you mean train.rate=1e-3?" run c.ini lr=1e-3
refused "did you mean router.token_choice.capacity_factor=0?" run c.ini dropless
refused "train.batch_size = 4: unknown option; did you mean train.batch?" run c.ini train.batch_size=4
refused "a setting is written without dashes: run.steps=10" run c.ini --steps 10
refused "a setting is written without dashes: run.steps=10" run c.ini --steps=10
refused "a setting is written without dashes: train.rate=1e-3" run c.ini --lr 1e-3
refused "did you mean --threads" run c.ini --thread 1

# A key that variants set: the command line has the last word, and says so; where that makes arms equal, it is refused.
"$moesim" run v.ini router.token_choice.capacity_factor=3 --dry-run --trial 0 --json > plan.json 2> log || fail "a key of variants: exit $?: $(cat log)"
grep -qF 'note: command line: router.token_choice.capacity_factor = 3 replaces what [variant.top1_cf1] (v.ini:' log && grep -q 'and 1 more set' log || fail "no note: $(cat log)"
refused "which makes the variants dense and top1_cf1 equal; choose arms with --arm" run v.ini router.name=token_choice router.token_choice.capacity_factor=1
is '1 dense 0;' v.ini router.name=token_choice --arm dense
is '1 dense rate=0.1 0;2 dense rate=0.2 0;' v.ini train.rate=0.1,0.2 --arm 'dense*'

# A plan: its arms, as they are. The latest plan stays.
"$moesim" run v.ini --arm dense,top1_cf1 > out 2> log || fail "run --arm: exit $?: $(cat log)"
[ "$(grep -c '"folder"' runs/tiny/plan.json)" -eq 2 ] || fail "the plan of two arms: $(cat runs/tiny/plan.json)"
"$moesim" run runs/tiny --arm dense --force > out 2> log || fail "a plan's arm: exit $?: $(cat log)"
grep -q '^\[1/1\] dense seed 0  complete' log && [ "$(grep -c '"folder"' runs/tiny/plan.json)" -eq 2 ] || fail "a plan's arm: $(cat log)"
"$moesim" run runs/tiny --arm dense:run.steps=2 > out 2> log
[ $? -eq 2 ] && grep -q 'a plan cannot be changed' log || fail "a plan's arm, changed: $(cat log)"
for command in compare "export --table routers" "export --table utilization"; do
  "$moesim" $command runs/tiny --arm 'top*' > out 2> log && grep -q '^top1_cf1 ' out && ! grep -q '^dense ' out || fail "$command --arm 'top*': $(cat out log)"
done

# bench: one arm of one sweep, changed.
"$moesim" bench v.ini --arm 'dense,top1_cf1:router.token_choice.k=2' --steps 2 --warmup 0 --json > bench.json 2> log || fail "bench --arm: exit $?: $(cat log)"
[ "$(python3 -c 'import json; print(",".join(a["arm"] for a in json.load(open("bench.json"))["arms"]))')" = "dense,top1_cf1 k=2" ] || fail "bench --arm: $(cat bench.json)"

# Runs that others equal are one line, and none before an error.
"$moesim" run c.ini router.name=dense,token_choice router.token_choice.k=1,2 router.token_choice.capacity_factor=1,2,3 run.seed=0,1 --dry-run --trial 0 > out 2> log || fail "same runs: exit $?"
[ "$(cat log)" = "note: 10 of 24 runs are left out: what varies makes no difference to dense" ] || fail "same runs: $(cat log)"
"$moesim" run c.ini router.name=dense,token_choice router.token_choice.k=1,9 run.seed=0,1 --dry-run > out 2> log
[ $? -eq 2 ] && [ "$(wc -l < log)" -eq 1 ] || fail "an error after runs that are the same: $(cat log)"

finish arms
