#!/usr/bin/env bash
# Tests moesim bench: consistent numbers, no files, one failing arm leaves the others, mistakes are reported before any
# timing. Usage: bench.sh MOESIM
set -u
moesim=$1
. "$(cd "$(dirname "$0")" && pwd)/support.sh"

cat > tiny.ini <<'INI'
[run]
name = tiny
[data]
length = 16
validation = 8
[model]
layers = 1
width = 16
heads = 2
[moe]
experts = 4
[train]
batch = 4
[router.token_choice]
capacity_factor = 0
[sweep]
router.name = dense, token_choice
run.seed = 0..1
INI

"$moesim" bench tiny.ini --steps 5 --warmup 1 --threads 1 --json > out.json 2> log || fail "exit $? on a good config: $(cat log)"
python3 - <<'PY' || fail "the document is not consistent"
import json
document = json.load(open("out.json"))
arms = document["arms"]
assert [a["arm"] for a in arms] == ["dense", "token_choice"], arms  # seeds are one arm
assert document["failed"] == [] and document["threads"] == 1
for a in arms:
    step = a["step_ms"]
    assert 0 < step["lower_quartile"] <= step["median"] <= step["upper_quartile"]
    assert abs(a["tokens_per_second"] * step["median"] / 1e3 - 64) < 1e-6 * 64  # batch · length tokens a step
    assert abs(a["gflops"] * 1e9 / (a["tokens_per_second"] * a["flops_per_token"]) - 1) < 1e-9
    assert 0 < a["share_of_gemm"] < 1 and a["peak_bytes"] > 1e6
    assert a["compute"] == "float32" and a["gemm_gflops_compute"] == a["gemm_gflops"] > 0.1
    assert 0.01 < a["copy_gb_per_second"] < 1e5
    parts = a["parts_ms"]
    assert len(parts) == 8 and all(ms >= 0 for ms in parts.values())
    assert parts["attention"] > 0 and parts["experts"] > 0 and parts["optimiser"] > 0
assert arms[1]["parts_ms"]["routing"] > 0
PY

# The share is that of the arm's own mode.
"$moesim" bench tiny.ini --steps 1 --warmup 1 --threads 1 --json router.name=dense run.compute=bfloat16 > out.json 2> log || fail "exit $? in bfloat16: $(cat log)"
python3 - <<'PY' || fail "the shares in bfloat16 are not consistent"
import json
a = json.load(open("out.json"))["arms"][0]
assert a["compute"] == "bfloat16" and a["gemm_gflops_compute"] != a["gemm_gflops"] > 0.1
assert abs(a["share_of_gemm"] * a["gemm_gflops_compute"] / a["gflops"] - 1) < 1e-9  # one step: medians are values
PY

# The second arm diverges: the first is reported, the exit code is the second's.
sed '/\[sweep\]/,$d' tiny.ini > arms.ini
printf '[variant.good]\nrouter.name = dense\n[variant.bad]\nrouter.name = dense\ntrain.rate = 100\ntrain.clip = 0\ntrain.optimiser = sgd\n' >> arms.ini
"$moesim" bench arms.ini --steps 40 --warmup 1 --threads 1 --json > out.json 2> log
[ $? -eq 5 ] || fail "a diverging arm: exit is not 5: $(cat log)"
grep -q '^moesim: .*bad.*not finite' log || fail "a diverging arm is not named: $(cat log)"
python3 -c 'import json; d = json.load(open("out.json")); assert len(d["arms"]) == 1 and len(d["failed"]) == 1' || fail "not both arms in the document"

# A mistake in the last arm is found before the first is timed.
printf '[variant.typo]\nmoe.expert = 4\n' >> arms.ini
output=$("$moesim" bench arms.ini --steps 1000000 2>&1 >/dev/null)
[ $? -eq 2 ] && [[ $output == *moe.experts* ]] || fail "a typo: $output"
mkdir -p bare && cp "$moesim" bare/moesim  # away from the studies that come with it
output=$(bare/moesim bench 2>&1 >/dev/null)
[ $? -eq 2 ] && [[ $output == *"<bench.ini>: no such study"* ]] || fail "no config: $output"
rm -r bare

[ "$(find . -mindepth 1 | sort | tr '\n' ' ')" = "./arms.ini ./log ./out.json ./tiny.ini " ] || fail "something was written: $(ls)"
finish bench
