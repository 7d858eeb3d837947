#!/usr/bin/env bash
# Tests moesim check: every plug-in gets its line and verdict whatever the others do, and nothing passes unmeasured.
# Usage: check.sh FLOAT DOUBLE, programs that have the plug-ins of tests/program/plugins, in folders without each other
set -uo pipefail
float=$1 double=$2
# shellcheck source=tests/program/support.sh
source "$(dirname "$0")/support.sh"

# expect CODE WORDS...: the exit code of `check WORDS` by $program, its output in the file `out`.
expect() {
  local code=$1 got=0
  shift
  "$program" check "$@" > out 2>&1 || got=$?
  [ "$got" -eq "$code" ] || fail "$(basename "$program") check $*: exit $got, not $code: $(cat out)"
}
shows() { grep -qE "$1" out || fail "no line '$1' in: $(cat out)"; }

for program in "$float" "$double"; do
  expect 1 crashes balanced soft
  shows '^FAIL crashes, defaults: certificate: .*Segmentation fault'
  shows '^soft '
  expect 1 throws
  shows '^FAIL throws, defaults: certificate: .*the table is missing'
  expect 1 refuses
  shows '^FAIL refuses, defaults: certificate: .*router.refuses.heads = 3: does not divide'
  expect 2 refuses heads=2
  shows '^moesim: command line: router.refuses.heads = 2: does not divide'
  expect 2 token_choice k=-1
  shows '^moesim: command line: router.token_choice.k = -1: out of range'
  # What no machine can certify ends at once, and says what it would take.
  expect 2 soft slots=1048576
  shows '^moesim: command line: check soft slots=1048576: (needs some [0-9]+ GB of memory, [0-9.]+ [GT]B available|would take some [0-9]+ hours); make it smaller'
  expect 2 soft capacity_factor=1e6 moe.experts=64
  shows 'check soft capacity_factor=1e6 moe.experts=64: .*make it smaller'
  [ "$program" = "$float" ] || expect 2 swiglu moe.experts=64 model.width=256 expert.hidden=1024
  expect 2 swigl
  shows 'did you mean swiglu'
  expect 2 twice k=1
  shows 'write router.twice or expert.twice'
  expect 1 twice
  shows '^FAIL twice, defaults: cost: flops_per_row\(\) is 0'
  expect 2 hash router.soft.slots=2
  shows 'unknown section'
  # The state of a router and of its experts, and settings of both.
  expect 0 hash moe.experts=8 expert.name=affine
  shows '1 certificates: 1 pass, 0 warn, 0 incomplete, 0 fail'
  expect 0 hash expert.name=affine --json
  python3 - out <<'PY' || fail "JSON of a router: $(cat out)"
import json, sys
[c] = json.load(open(sys.argv[1]))["certificates"]
assert (c["kind"], c["router"], c["expert"], c["verdict"]) == ("router", "hash", "affine", "pass"), c
assert {i["name"]: i["verdict"] for i in c["items"]}["paths"] == "n/a", c
PY
  "$program" check mlp --json > out || true
  python3 - out <<'PY' || fail "JSON of an expert: $(cat out)"
import json, sys
document = json.load(open(sys.argv[1]))
double = document["real"] == "double"
assert len(document["certificates"]) == 6, document
for c in document["certificates"]:
    assert (c["kind"], c["router"], c["expert"]) == ("expert", None, "mlp"), c
    assert c["verdict"] == ("pass" if double else "incomplete"), c
    verdicts = {i["name"]: i["verdict"] for i in c["items"]}
    assert verdicts.pop("gradient") == c["verdict"], c
    assert verdicts.pop("state") == "n/a", c
    assert len(verdicts) == 8 and set(verdicts.values()) == {"pass"}, c
PY
done

program=$double
expect 0 balanced swiglu
shows '3 certificates: 3 pass'
expect 0 balanced expert.name=swiglu expert.hidden=3
shows '1 certificates: 1 pass'

# In float no derivative is measured, and what was not measured does not pass.
program=$float
expect 1 balanced swiglu
shows '^balanced .*incomplete$'
shows '^swiglu .*incomplete$'
shows '0 pass, 0 warn, 3 incomplete, 0 fail'
shows '^incomplete: derivatives are measured in double, by moesim-f64'
finish "check"
