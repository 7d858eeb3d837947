#!/usr/bin/env bash
# Tests tests/bench/against_torch.py: it names missing packages, refuses to time two different models, and its table has the
# medians and ratios of both sides (a script stands in for PyTorch). Where MOESIM_PYTHON has torch, the real models of every
# router agree with moesim on parameters and FLOPs. Usage: against_torch.sh MOESIM PYTHON
set -u
moesim=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/support.sh"
bench=${here%/*}/bench
against() { PYTHONDONTWRITEBYTECODE=1 python3 "$bench/against_torch.py" --moesim "$moesim" --config "$work/tiny.ini" "$@"; }

cat > tiny.ini <<'INI'
[run]
name = tiny
[data]
name = synthetic
length = 16
symbols = 32
validation = 8
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 4
[expert]
hidden = 24
[train]
batch = 16
rate = 1e-3
[variant.dense]
router.name = dense
[variant.hash]
router.name = hash
[variant.top1]
router.name = token_choice
router.token_choice.k = 1
router.token_choice.capacity_factor = 1.25
[variant.top2]
router.name = token_choice
router.token_choice.k = 2
router.token_choice.capacity_factor = 0
[variant.expert_choice]
router.name = expert_choice
[variant.soft]
router.name = soft
[variant.mixture_of_tokens]
router.name = mixture_of_tokens
[variant.lory]
router.name = lory
INI

printf '#!/bin/sh\nexit 1\n' > bare; chmod +x bare
output=$(against --python ./bare 2>&1) && fail "no torch, and it goes on"
[[ $output == "against_torch.py: ./bare has no torch: install it there"* && $output != *$'\n'* ]] || fail "no torch: $output"
output=$(against --python ./none 2>&1) && fail "no python, and it goes on"
[[ $output == *"./none: No such file"* ]] || fail "no python: $output"

# A PyTorch that takes 1000 ms eager, 800 compiled and 600 with a loop over experts, in every round.
cat > played <<'PLAYED'
#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
if words[0] == "-c":
    print("9.9.9")
    sys.exit()
name = {"dense": "dense", "token_choice": "top1"}[words[words.index("--router") + 1]]
arm = next(a for a in json.load(open("arms.json"))["arms"] if a["arm"] == name)
ms = 600 if "loop" in words else 800 if "compiled" in words else 1000
more = int(os.environ.get("MORE", "0"))
print(json.dumps({"parameters": arm["parameters_total"] + more, "flops_per_token": arm["flops_per_token"], "step_ms": ms, "peak_mb": 123}))
PLAYED
chmod +x played
"$moesim" run tiny.ini --dry-run --trial 0 --json > arms.json 2> log || fail "dry run: $(cat log)"
few=(--python ./played --arms dense,top1,hash --threads 1 --rounds 3 --steps 2 --warmup 0)
output=$(MORE=1 against "${few[@]}" 2>&1) && fail "two models, and it goes on"
[[ $output == *"dense: moesim has "*" parameters, torch_moe.py "*"nothing was timed"* ]] || fail "two models: $output"
against "${few[@]}" --json > out.json 2> log || fail "exit $?: $(cat log)"
against "${few[@]}" > table 2> log || fail "exit $?: $(cat log)"
python3 - <<'PY' || fail "the measurements are not consistent"
import json
document = json.load(open("out.json"))
rounds = document["rounds"]["1"]
assert len(rounds) == 3 and document["about"]["torch"] == "9.9.9"
for one in rounds:
    assert list(one) in (["dense", "top1", "hash"], ["hash", "top1", "dense"])
    assert one["dense"]["eager"]["ms"] == 1000 and one["dense"]["compiled"]["ms"] == 800
    assert one["top1"]["eager"]["ms"] == 600 and list(one["hash"]) == ["moesim"]
    assert all(arm["moesim"]["ms"] > 0 and arm["moesim"]["mb"] > 1 for arm in one.values())
assert list(rounds[0]) != list(rounds[1])
rows = {row.split(" | ")[0].strip("| "): [cell.strip(" |") for cell in row.split(" | ")] for row in open("table") if row.startswith("|")}
for arm, eager, compiled, best in (("dense", 1000, 800, "compiled"), ("top1", 600, 800, "eager")):
    cells = rows[arm]
    assert cells[3:5] == [str(eager), str(compiled)], cells
    assert cells[5].endswith(f"× ({best})"), cells
    low, high = (float(word) for word in cells[6].split(" .. "))
    assert low <= float(cells[5].split()[0]) <= high, cells
assert rows["hash"][3:7] == ["", "", "", ""], rows["hash"]
PY

if "$python" -c 'import torch' 2> /dev/null; then
  against --python "$python" --rounds 0 > table 2> log || fail "the models differ: $(cat log)"
  [ "$(grep -c 'on both sides$' log)" -eq 7 ] || fail "not every router was compared: $(cat log)"
else
  echo "skipped: the models of PyTorch ($python has no torch)"
fi
finish against_torch
