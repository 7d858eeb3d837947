#!/usr/bin/env bash
# Tests the identity of runs (config, data, seed): a finished sweep that is narrowed, widened or rewritten trains only what is
# new. A plan reads each data set once.
# Usage: identity.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"
export OMP_NUM_THREADS=1 XDG_CACHE_HOME=$PWD/cache

{ tiny_config 2 4; printf '%s\n' '[router]' 'name = token_choice'; } > c.ini
cp c.ini sweep.ini
cat >> sweep.ini <<'INI'
[sweep]
router.token_choice.k = 1, 2
router.token_choice.capacity_factor = 1, 2
INI

folders() { ls out/tiny/*/run.h5 2> /dev/null; }
# plans WHAT DO TOTAL ARGUMENTS...: a dry run of these has DO of TOTAL runs to do, and so many are trained.
plans() {
  local what=$1 left=$2 total=$3 before trained
  shift 3
  "$moesim" run "$@" --dry-run --trial 0 --out out > plan 2> log || fail "$what: exit $?: $(tail -1 log)"
  grep -q "^$total runs*, $left to do" plan || fail "$what: expected $total runs, $left to do: $(tail -1 plan)"
  before=$(folders | wc -l)
  "$moesim" run "$@" --out out > table 2> log || fail "$what: exit $?: $(tail -1 log)"
  trained=$(($(folders | wc -l) - before))
  [ $trained -eq "$left" ] || fail "$what: $trained runs trained, expected $left"
  "$moesim" status out/tiny > status 2>> log || fail "$what: status: exit $?"
  [ "$(grep -c complete status)" -ge "$total" ] || fail "$what: status: $(cat status)"
}

plans "a sweep" 4 4 sweep.ini
plans "the same again" 0 4 sweep.ini
plans "narrowed by one axis" 0 2 sweep.ini router.token_choice.k=2
plans "narrowed by both" 0 1 sweep.ini router.token_choice.k=2 router.token_choice.capacity_factor=1
plans "one run of its own" 0 1 c.ini router.token_choice.k=1 router.token_choice.capacity_factor=2
plans "axes in another order" 0 4 c.ini router.token_choice.capacity_factor=2,1 router.token_choice.k=2,1
plans "numbers written otherwise" 0 2 c.ini router.token_choice.capacity_factor=1.0,2e0 router.token_choice.k=1
plans "with the router as an axis" 1 5 sweep.ini router.name=token_choice,dense
plans "widened by one value" 2 6 sweep.ini router.token_choice.capacity_factor=1,2,4
plans "another seed" 2 4 sweep.ini router.token_choice.k=2 run.seed=0,1

cat c.ini - > variants.ini <<'INI'
[router.token_choice]
capacity_factor = 2
[variant.one]
router.token_choice.k = 1
[variant.two]
router.token_choice.k = 2
[variant.three]
router.token_choice.k = 3
INI
plans "variants" 1 3 variants.ini
cat c.ini - > zip.ini <<'INI'
[zip.both]
router.token_choice.k = 1, 2, 4
router.token_choice.capacity_factor = 1, 2, 1
INI
plans "a zip" 1 3 zip.ini

# --only counts the runs of the plan, and Slurm gets those that are left.
"$moesim" run sweep.ini router.token_choice.k=2 --only 2 --out out > table 2> log || fail "--only: exit $?: $(tail -1 log)"
grep -q 'seed 0' log && fail "--only trains again: $(cat log)"
"$moesim" run sweep.ini router.token_choice.k=2 --launcher slurm --print --out out > script || fail "slurm: exit $?"
grep -q '^nothing to do: 2 runs' script || fail "slurm: $(cat script)"

# What was planned before stays known, and is not begun by going on with the latest plan.
"$moesim" run c.ini run.name=kept router.name=dense,soft run.seed=0,1 --out kept > /dev/null 2> log || fail "kept: exit $?: $(tail -1 log)"
"$moesim" run c.ini run.name=kept router.name=soft run.seed=1,2 --out kept > /dev/null 2> log || fail "kept: exit $?: $(tail -1 log)"
# Runs that lie deeper are named.
mkdir -p deep/made && cp -r kept/kept deep/one && cp -r kept/kept deep/made/two
for command in status verify; do
  "$moesim" $command deep > status 2> log || fail "deep: $command: exit $?"
  grep -q "runs\? deeper \(is\|are\) not listed: moesim $command deep/made/two$" log || fail "deep: $command: $(cat log)"
done
"$moesim" status kept/kept > status || fail "kept: status: exit $?"
[ "$(grep -c 'complete *2/2 *of an earlier sweep' status)" -eq 3 ] && grep -q '^5 complete$' status || fail "kept: $(cat status)"
rm -r kept/kept/dense-s0-*
before=$(ls kept/kept)
"$moesim" run kept/kept > /dev/null 2> log || fail "kept: go on: exit $?: $(tail -1 log)"
[ "$(ls kept/kept)" = "$before" ] || fail "kept: going on with a plan begins what it does not plan: $(ls kept/kept)"
"$moesim" status kept/kept > status || fail "kept: status: exit $?"
grep -q '^1 more run was planned by earlier sweeps and never begun; --json lists it$' status && grep -q '^4 complete$' status || fail "kept, never begun: $(cat status)"
"$moesim" status kept/kept --json > status || fail "kept: status --json: exit $?"
python3 - <<'PY' || fail "kept: $(cat status)"
import json
runs = json.load(open("status"))["runs"]
assert [(r["arm"], r["seed"], r["state"], r["planned"], r["earlier"]) for r in runs] == [
    ("soft", 1, "complete", True, False), ("soft", 2, "complete", True, False), ("dense", 0, "planned", False, True),
    ("dense", 1, "complete", False, True), ("soft", 0, "complete", False, True)], runs
assert [r["folder"] for r in json.load(open("kept/kept/plan.json"))["runs"]] == [r["folder"].split("/")[-1] for r in runs[:2]]
PY
"$moesim" verify kept/kept > verified || fail "kept: verify: exit $?: $(cat verified)"

# Steps and seed of a plan are those of its settings.
for field in steps seed; do
  mkdir "says-$field"
  python3 - "$field" <<'PY'
import json, sys
plan = json.load(open("out/tiny/plan.json"))
plan["runs"][0][sys.argv[1]] = 7
json.dump(plan, open(f"says-{sys.argv[1]}/plan.json", "w"))
PY
  "$moesim" run "says-$field" > /dev/null 2> log
  code=$?
  [ $code -eq 3 ] && grep -Eq "plan.json: run 1: $field = 7, but run.$field = [0-9]+ in its settings" log || fail "a plan that says $field = 7: exit $code: $(cat log)"
done

# The table has one row per arm, whatever the labels were, of the runs of all sweeps; seeds of one arm stand together.
"$moesim" compare out/tiny --all --format csv > table.csv || fail "compare: exit $?"
python3 - <<'PY' || fail "compare: $(cat table.csv)"
import csv
rows = list(csv.DictReader(open("table.csv")))
assert len({row["arm"] for row in rows}) == len(rows) == 9, rows  # 4 + dense + 2 + variant three + k=4
assert sorted(row["seeds"] for row in rows) == ["1"] * 7 + ["2"] * 2, rows
PY

# Of two folders with one run the complete one is used, and it is said.
complete=$(ls -d out/tiny/*capacity_factor=1*k=2*-s0-* 2> /dev/null | head -1)
[ -n "$complete" ] || complete=$(ls -d out/tiny/*-s0-* | grep -v dense | head -1)
name=$(basename "$complete")
other="begun-s0-${name##*-}"
mkdir "out/tiny/$other" && cp "$complete/config.ini" "out/tiny/$other/"
"$moesim" run sweep.ini --dry-run --trial 0 --out out > plan 2> log || fail "two folders: exit $?"
grep -q '^4 runs, 0 to do' plan || fail "two folders: $(tail -1 plan)"
grep -q "$name, which is complete, holds the same run as $other" log || fail "two folders: nothing is said: $(cat log)"
rm -r "out/tiny/$other"

# One that was begun, and has no run file yet, goes on under its name.
mkdir -p begun/tiny
"$moesim" run sweep.ini --only 1 --out begun > /dev/null 2> log || fail "begun: exit $?"
folder=$(ls -d begun/tiny/*/)
rm -r "$folder"/run.h5 "$folder"/checkpoint
mv "$folder" "begun/tiny/label-of-once-s0-$(basename "$folder" | grep -o '........$')"
"$moesim" run sweep.ini router.token_choice.k=1 router.token_choice.capacity_factor=1 --out begun > /dev/null 2> log || fail "begun: exit $?"
[ "$(ls begun/tiny | grep -c -- -s0-)" -eq 1 ] && [ -e begun/tiny/label-of-once-*/run.h5 ] || fail "begun: $(ls begun/tiny)"

# A config that was edited is no change of the data.
python3 - <<'PY'
import json
plan = json.load(open("out/tiny/plan.json"))
plan["runs"] = plan["runs"][:1]
plan["runs"][0]["config_sha256"] = "0" * 64
plan["runs"][0]["folder"] = "edited-s0-00000000"
json.dump(plan, open("edited.json", "w"))
PY
mkdir edited && mv edited.json edited/plan.json
"$moesim" run edited > /dev/null 2> log
code=$?
[ $code -eq 3 ] && grep -q 'config_sha256 of the plan is not that of its settings' log || fail "an edited plan: exit $code: $(tail -1 log)"

# Data that did not change are read once, and not again for the plan of a later start.
python3 -c 'print("the quick brown fox jumps over the lazy dog. " * 30000)' > text.txt
touch -d '1 hour ago' text.txt
grep -v '^validation' c.ini > text.ini
args=(text.ini data.name=text data.path=text.txt run.seed=0..2 --dry-run --trial 0 --out text)
"$moesim" run "${args[@]}" --json > first 2> log || fail "text: exit $?: $(tail -1 log)"
"$moesim" run "${args[@]}" --json > second 2> log || fail "text: exit $?: $(tail -1 log)"
diff <(grep -v "_available_\|_free_" first) <(grep -v "_available_\|_free_" second) > differ || fail "text: two plans of the same data differ: $(cat differ)"
[ ! -e text ] || fail "a dry run created a folder"

# Sizes that only a product makes too large, and an option far too long, are refused before anything is created.
for args in "model.width=1048576 moe.experts=4096 expert.hidden=1048576 router.name=dense router.dense.width_factor=1024" \
  "model.width=1048576 router.name=soft router.soft.capacity_factor=1000000 data.length=65536 data.validation=1 moe.experts=1" \
  "model.layers=1024 model.width=1048576 moe.experts=4096 expert.hidden=1048576" \
  "run.steps=1099511627776 train.batch=1048576 train.accumulate=1048576 data.length=65536 data.validation=1 data.domains=1" \
  "train.batch=1048576 data.length=4096 data.validation=1" \
  "moe.experts=4096 train.batch=65536 data.length=64"; do
  "$moesim" run c.ini $args --out sizes > /dev/null 2> log
  code=$?
  [ $code -eq 2 ] && [ "$(wc -l < log)" -eq 1 ] && [ ! -e sizes ] || fail "$args: exit $code: $(cat log)"
done
finish identity
