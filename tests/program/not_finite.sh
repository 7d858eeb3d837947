#!/usr/bin/env bash
# Tests a sweep of three arms whose middle one diverges: exit 5, the others complete, the reason names step and tensor, the
# table omits it, and nothing is trained twice. Usage: not_finite.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"

cat > c.ini <<'INI'
[run]
name = diverging
steps = 12
[data]
length = 8
validation = 4
[model]
layers = 1
width = 8
heads = 1
[moe]
experts = 2
[expert]
hidden = 8
[train]
batch = 2
optimiser = sgd
clip = 0
[checkpoint]
every = 2
[eval]
every = 4
batches = 1
[sweep]
train.rate = 0.01, 100, 0.1
INI

# Which files there are, and whether they are the same ones; the plan is always written anew.
state() { find diverging -type f ! -name plan.json -printf '%p %i %T@ %s\n' | sort; }

for jobs in 1 2; do
  rm -rf diverging
  "$moesim" run c.ini --out . --jobs $jobs --threads 1 > table 2> log
  code=$?
  [ $code -eq 5 ] || fail "--jobs $jobs: exit $code, expected 5: $(tail -1 log)"
  grep -qE '^\[2/3\] rate=100 seed 0  .*step [0-9]+: .*not finite' log || fail "--jobs $jobs: no word on the arm that diverged: $(cat log)"
  grep -q '^moesim: ' log && fail "--jobs $jobs: an error besides: $(grep '^moesim: ' log)"
  grep -qE '^diverged, not in the means: rate=100 seed 0' table || fail "--jobs $jobs: the table does not name it: $(cat table)"

  "$moesim" status --json diverging > status.json || fail "status: exit $?"
  python3 - <<'PY' || fail "--jobs $jobs: status is not as expected"
import json, re
runs = json.load(open("status.json"))["runs"]
assert [(run["arm"], run["state"]) for run in runs] == [("rate=0.01", "complete"), ("rate=100", "diverged"), ("rate=0.1", "complete")], runs
why = runs[1]["why"]
assert re.search(r"step \d+: loss \S+: not finite: .*(blocks\.|values of|gradient of|logits|cross-entropy)", why), why
assert not runs[0]["why"] and not runs[2]["why"] and runs[0]["step"] == runs[2]["step"] == 12 > runs[1]["step"], runs
PY
  "$moesim" verify diverging > verified || fail "verify: exit $?: $(cat verified)"
  "$moesim" compare diverging > compared || fail "compare: exit $?"
  cmp <(sort table) <(sort compared) || fail "compare prints another table than run"

  state > before
  "$moesim" run c.ini --out . --jobs $jobs --threads 1 > again 2> log
  code=$?
  [ $code -eq 5 ] || fail "--jobs $jobs: again: exit $code, expected 5"
  grep -q '^3 runs in ./diverging, all there before; next: ' log && [ "$(wc -l < log)" -eq 1 ] || fail "--jobs $jobs: again: something was trained: $(cat log)"
  cmp table again || fail "--jobs $jobs: again: another table"
  state | cmp before - || fail "--jobs $jobs: again: files were written"
done
[ "$(wc -l < before)" -ge 12 ] || fail "the folder holds less than was looked at: $(cat before)"

# A larger clip or another rate is another run: the arm can be replaced, and the sweep then is in order.
"$moesim" run c.ini train.rate=0.01,0.1 --out . --threads 1 > table 2> log || fail "without that arm: exit $?: $(tail -1 log)"
grep -q '^2 runs in ./diverging, all there before; next: ' log && [ "$(wc -l < log)" -eq 1 ] || fail "without that arm: something was trained: $(cat log)"
finish "not finite"
