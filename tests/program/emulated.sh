#!/usr/bin/env bash
# Tests the program on an emulated GPU: records, resuming, timing, and messages when memory runs out.
# Usage: emulated.sh MOESIM_EMULATED
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"

cat > c.ini <<'INI'
[run]
name = c
device = cuda:0
steps = 8
[data]
length = 8
validation = 8
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 4
[expert]
hidden = 32
[train]
batch = 4
[eval]
every = 4
[record]
every = 4
[checkpoint]
every = 2
[router]
name = token_choice
INI
quiet() {  # quiet WHAT COMMAND...: fails unless it ends with 0
  local what=$1
  shift
  "$@" > out.log 2> log || fail "$what: exit $?: $(tail -n 3 log)"
}
loss() {  # the last validation loss of the runs in a folder, to the last digit
  "$moesim" compare "$1" --json 2> log | python3 -c '
import json, sys
print(repr(json.load(sys.stdin)["rows"][0]["eval_loss"]["mean"]))' || fail "compare $1: $(cat log)"
}

no_memory() {  # no_memory BYTES MESSAGE WORDS...: a run on a card of so few bytes ends with 1 and this one line
  local bytes=$1 message=$2 code=0
  shift 2
  MOESIM_EMULATED_MEMORY=$bytes "$moesim" run c.ini "$@" > /dev/null 2> log || code=$?
  [ $code -eq 1 ] || fail "$bytes bytes: exit $code"
  grep -qE "^moesim: $message" log || fail "$bytes bytes, said as: $(tail -n 1 log)"
}

"$moesim" info > info || fail "info: exit $?"
grep -q '^cuda:0 .*CPU emulation' info || fail "info names no card: $(cat info)"

quiet "a run" "$moesim" run c.ini --out whole
quiet "the same on the CPU" "$moesim" run c.ini run.device=cpu --out cpu
card=$(loss whole) cpu=$(loss cpu)
python3 -c "assert 0 < abs($card - $cpu) < 1e-3 * $cpu" || fail "losses: $card on the card, $cpu on the CPU"
quiet "two runs at once" "$moesim" run c.ini run.seed=0,1 --jobs 2 --out two
two=$(loss two)
python3 -c "assert float('$two') != float('$card')" || fail "two seeds have the mean of one: $two"

# The parameters do not fit: the one that does not is named.
no_memory 4200000 'parameter [a-z0-9_.]+: tensor \[[0-9, ]+\]: out of memory on cuda:0: ' model.width=128 --out none

# Stopped, then out of memory, then with enough of it: to the bits of a run that nothing happened to.
quiet "a longer run" "$moesim" run c.ini run.steps=24 --out long
mkfifo progress
"$moesim" run c.ini run.steps=24 --out stopped 2> progress &
run=$!
while read -r line; do
  case $line in *"step 4/24"*) kill -INT $run ;; esac
done < progress
wait $run
code=$?
[ $code -eq 75 ] || fail "stopped by a signal: exit $code"
no_memory 4500000 'step [0-9]+: .*out of memory on cuda:0: [0-9.]+ MB requested, [0-9.]+ MB held; ' run.steps=24 --out stopped
quiet "on from the checkpoint" "$moesim" run c.ini run.steps=24 --out stopped
grep -q 'resuming: at step' log || fail "the checkpoint is gone: $(cat log)"
[ "$(loss stopped)" = "$(loss long)" ] || fail "resumed: $(loss stopped), in one go: $(loss long)"

# Products so large that they are timed and not done take room.
for graphs in auto off; do
  MOESIM_EMULATED_MEMORY=8000000000 "$moesim" bench c.ini run.graphs=$graphs --steps 8 --warmup 3 --json > "$graphs.json" 2> log ||
    fail "bench, run.graphs = $graphs: exit $?: $(tail -n 3 log)"
done
python3 - <<'PY' || fail "bench: $(cat auto.json off.json)"
import json
auto, off = (json.load(open(f"{name}.json"))["arms"][0] for name in ("auto", "off"))
graphs = auto.get("graph"), off.get("graph")
if graphs == (None, None):
    print("skipped: replayed steps (the compiler of this build has no replays)")
else:
    assert graphs == ("replayed", "run.graphs = off"), graphs
for arm in auto, off:
    assert arm["parts_ms"]["attention"] > 0 and arm["parts_ms"]["experts"] > 0, arm["parts_ms"]
    assert 0 < arm["step_ms"]["median"], arm["step_ms"]
PY
finish emulated
