#!/usr/bin/env bash
# Tests foreign or damaged folders: empty or wrong plans, FIFOs in place of files, dangling paths. The exit code is right,
# nothing hangs, and no control character is printed. Usage: strange_folders.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"

# expect CODE PATTERN ARGUMENTS...: what goes to stderr is one line that matches, or nothing if there is no pattern; the rest
# is in ./table.
expect() {
  local code=$1 pattern=$2 status words
  shift 2
  words=$*
  words=${words:0:200}
  timeout 60 "$moesim" "$@" > table 2> log
  status=$?
  [ $status -eq "$code" ] || fail "moesim $words: exit $status, expected $code: $(head -c 300 log)"
  if [ -z "$pattern" ]; then
    [ -s log ] && fail "moesim $words: expected no word, got: $(cat log)"
  elif [ "$(wc -l < log)" -ne 1 ] || ! grep -qE -- "$pattern" log; then
    fail "moesim $words: expected one line matching $pattern, got: $(head -c 300 log)"
  fi
  grep -qP '[\x00-\x08\x0b-\x1f\x7f]' log table && fail "moesim $words: a control character gets out"
  grep -q 'internal' log && fail "moesim $words: $(cat log)"
}

cat > c.ini <<'INI'
[run]
steps = 1
[data]
length = 8
validation = 2
[model]
layers = 1
width = 8
heads = 1
[router]
name = dense
[expert]
hidden = 8
[train]
batch = 1
[eval]
batches = 1
[sweep]
run.seed = 0, 1
INI
for name in a b c; do
  "$moesim" run c.ini run.name=$name --out runs --threads 1 > /dev/null 2>&1 || fail "run $name: exit $?"
done
plan=runs/b/plan.json
cp $plan whole.json

# One damaged plan hides nothing else.
: > $plan
expect 0 '^warning: runs/b/plan.json: ' status runs
[ "$(grep -c complete table)" -eq 7 ] || fail "expected six runs and their sum: $(cat table)"
expect 0 '^warning: runs/b/plan.json: ' status runs/b
expect 3 'runs/b/plan.json' verify runs
mkdir -p lost/x lost/y
echo '{"moesim_plan": 1, "experiment"' | tee lost/x/plan.json > lost/y/plan.json
expect 3 '^moesim: lost/x/plan.json: ' status lost
expect 3 '^moesim: lost/x/plan.json: ' status lost/x

# A plan that lies. edit CODE: python on `runs`, the runs of the plan.
edit() { python3 -c "import json, sys; plan = json.load(open('whole.json')); runs = plan['runs']; $1; json.dump(plan, open('$plan', 'w'))"; }
for lie in 'runs[0]["arm"] = "\x1b[2J"' 'runs[0]["arm"] = "x\ny"' 'runs[1]["variant"] = "\x7f"' 'runs[0]["folder"] = "a\x1bb"' \
  'runs[0]["folder"] = ".."' 'runs[0]["folder"] = "x/y"' 'runs[0]["folder"] = "x" * 201' 'runs[0]["folder"] = ""' \
  'runs[1]["folder"] = runs[0]["folder"]' 'plan["experiment"] = "\x1b]0;x\x07"' \
  'next(iter(runs[0]["settings"].values()))[1] = "\x1b[2J"'; do
  edit "$lie"
  expect 3 '^moesim: runs/b/plan.json: ' run runs/b --threads 1
  expect 3 '^moesim: runs/b/plan.json: ' run $plan --dry-run --trial 0
  expect 0 '^warning: runs/b/plan.json: ' status runs
done
cp whole.json $plan
expect 0 '^2 runs in runs/b, all there before; next: ' run runs/b --threads 1

# FIFOs where files are expected.
for run in runs/a/*/; do mkfifo "$run/failure.txt"; done
mkdir -p runs/a/slurm
mkfifo runs/a/slurm/jobs.json
expect 0 '' status runs/a
[ "$(grep -c complete table)" -eq 3 ] || fail "expected two runs and their sum: $(cat table)"
rm -rf runs/c/*/run.h5 runs/c/*/checkpoint
for run in runs/c/*/; do mkdir "$run/failure.txt"; done
expect 0 '' status runs/c
grep -q '2 interrupted' table || fail "a folder for a note: $(cat table)"
mkfifo lost/z.json
expect 3 'lost/z' status lost/z.json
expect 3 'FIFO' run lost/z.json
mkfifo lost/plan.json
expect 3 'FIFO' run lost

# Paths that lead nowhere.
long=$(printf 'x%.0s' {1..5000})
ln -s loop loop
for path in "$long" "$long/$long" loop loop/below; do
  expect 2 'check the path' run "$path"
  expect 3 'cannot be opened' run "$path.json"
  for command in status verify compare; do expect 3 '^moesim: ' $command "$path"; done
  expect 3 'no run' sample "$path" --prompt x
done
finish "strange folders"
