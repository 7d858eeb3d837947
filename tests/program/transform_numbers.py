#!/usr/bin/env python3
"""Tests the sequences by which moesim transform decides, and what it records: transform_numbers.py MOESIM

The use of experts is that of a run on the same batches; decisions in calibration are those of an evaluation on the same
text; folded experts are numpy's means; GPTQ reads the inputs of the quantised model; what was spent before is a sum over the
runs. Skipped without numpy.
"""
import csv
import hashlib
import io
import json
import os
import shutil

import checks
from checks import check, only
from checks import weights as tensors

[np] = checks.packages("numpy")
moesim = checks.Program()
call = moesim.run
with open("c.ini", "w") as file:
    file.write("""[run]
steps = 20
[data]
length = 16
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
every = 10
sequences = 8
[router.token_choice]
k = 2
capacity_factor = 0
capacity_factor_eval = 0
""")
made = 0


def train(name, *words):
    call("run", "c.ini", f"run.name={name}", *words)
    return only(f"runs/{name}/*/")


def transform(run, *words):
    """-> what it reports, and the new run"""
    global made
    made += 1
    return json.loads(call("transform", run, *words, "--out", f"made{made}", "--json").stdout), only(f"made{made}/*/")


source = train("source", "data.name=synthetic")
weights = tensors(source, 20)

# The sequences of calibration are those of a run's steps.
for batch, steps in ((16, 1), (32, 1), (32, 2)):
    drawn = train(f"drawn{batch}-{steps}", "data.name=synthetic", f"init.from={source}", "init.method=same", f"train.batch={batch}",
                  "train.rate=0", f"run.steps={steps}", "record.every=1")
    demand = np.zeros((2, 4))
    for row in csv.DictReader(io.StringIO(call("export", drawn, "--table", "tidy", "--columns", "demand").stdout)):
        demand[int(row["layer"]), int(row["expert"])] += float(row["value"])
    words = ("--calibration", batch * steps)
    pruned, _ = transform(source, "prune", "--keep", "2", *words)
    merged, run = transform(source, "merge", "--groups", "2", "--align", "none", *words)
    for layer, use in enumerate(demand):
        most = sorted(np.argsort(-use, kind="stable")[:2].tolist())
        check(pruned["kept"][layer] == most, f"{words}: keeps {pruned['kept'][layer]}, not {most}")
        check(pruned["kept_usage"][layer] == use[most].sum() / use.sum(), f"{words}: kept_usage {pruned['kept_usage'][layer]} of {use}")
        name = f"blocks.{layer}.moe.experts.w1"
        for group in merged["groups"][layer]:
            mean = np.tensordot(use[group] / use[group].sum(), weights[name][group].astype(float), 1)
            check(np.allclose(tensors(run, 0)[name][group], mean, rtol=0, atol=1e-7), f"{words}: group {group} of {use}")

# Decisions in calibration on one letter are those of an evaluation on that letter. The other letter, which each split must have, is
# in none of these sequences.
with open("mixed.txt", "w") as file:
    file.write("".join("ab"[int(digit)] for n in range(900) for digit in f"{n * n:b}"[:5]))
for first, then in ("ab", "ba"):
    with open(f"{first}{then}.txt", "w") as file:
        file.write(then + 35999 * first + 3999 * then + first)
text = train("text", "data.name=text", "data.path=mixed.txt")
for words in (("prune", "--keep", "2"), ("prune", "--keep", "2", "--score", "importance"), ("prune", "--keep", "2", "--score", "reap"),
              ("merge", "--groups", "2")):
    (calibrated, one), (evaluated, two), (other, three) = (transform(text, *words, *more) for more in (
        ("data.path=ab.txt", "--calibration", "64"), ("data.path=ba.txt",), ("data.path=ab.txt",)))
    ours, same, others = ([said.get(key) for key in ("kept", "kept_usage", "groups")] for said in (calibrated, evaluated, other))
    one, two, three = (tensors(run, 0) for run in (one, two, three))
    check(ours == same and all(np.allclose(one[name], two[name], rtol=0, atol=1e-7) for name in two), f"{words}: {ours} and {same}")
    check(ours != others or any(not np.allclose(one[name], three[name], rtol=0, atol=1e-4) for name in two), f"{words}: both letters alike")

# A folded expert is the mean of its group, in every layer; the cores of the layers, which are the most used experts, differ.
check(pruned["kept"][0] != pruned["kept"][1], f"the most used experts: {pruned['kept']}")
said, run = transform(source, "merge", "--groups", "2", "--router", "fold", "--weights", "mean", "--align", "none", "--calibration", "64")
for layer, groups in enumerate(said["groups"]):
    for part in ("experts.w1", "experts.w2"):
        name = f"blocks.{layer}.moe.{part}"
        want = np.stack([weights[name][group].astype(float).mean(axis=0) for group in groups])
        check(np.allclose(tensors(run, 0)[name], want, rtol=0, atol=1e-7), f"{name} of {groups}")

# GPTQ with three values leaves what is quantised as it is. So a model whose last matrix alone is not quantised gives that matrix
# the values that it got after the others.
words = ("quantise", "--bits", "ternary", "--method", "gptq")
_, run = transform(source, *words)
quantised, last = tensors(run, 0), "blocks.1.moe.experts.w2"
crafted = shutil.copytree(source, "crafted")
path = only("crafted/checkpoint/*/weights.safetensors")
with open(path, "rb") as file:
    data = bytearray(file.read())
start = 8 + int.from_bytes(data[:8], "little")
for name, entry in json.loads(data[8:start]).items():
    if ".experts.w" in name and name != last:
        low, high = (start + at for at in entry["data_offsets"])
        data[low:high] = quantised[name].tobytes()
with open(path, "wb") as file:
    file.write(data)
path = only("crafted/checkpoint/*/manifest.json")
with open(path) as file:
    manifest = json.load(file)
del manifest["sha256"]
manifest["files"]["weights.safetensors"]["sha256"] = hashlib.sha256(data).hexdigest()
compact = {"ensure_ascii": False, "separators": (",", ":")}
manifest["sha256"] = hashlib.sha256(json.dumps(manifest, **compact).encode()).hexdigest()
with open(path, "w") as file:
    json.dump(manifest, file, **compact)
_, run = transform(crafted, *words)
for name, values in tensors(run, 0).items():
    check(np.array_equal(values, quantised[name]), f"gptq of a model whose last matrix is not quantised: {name}")

# What was spent before is the sum over all runs whose weights a run began with.
pruned = transform(source, "prune", "--keep", "2")[1]
call("run", os.path.dirname(pruned))
third = train("third", "data.name=synthetic", "moe.experts=2", f"init.from={pruned}", "init.method=same")
spent = 0
for run in (source, pruned, third):
    row, = json.loads(call("compare", run, "--json", "--columns", "flops_new,flops_total").stdout)["rows"]
    spent += row["flops_new"]
    check(row["flops_new"] > 0 and row["flops_total"] == spent, f"{run}: {row}, {spent} in all")

# The teacher of the source is not one of the new run.
taught = train("taught", "data.name=synthetic", f"distil.teacher={os.path.abspath(source)}")
_, run = transform(taught, "quantise", "--bits", "8")
with open(f"{taught}/config.ini") as before, open(f"{run}/config.ini") as after:
    check("\nteacher = /" in before.read() and "\nteacher = /" not in after.read(), "a teacher of the source")

for words in (("prune", "--keep", "5"), ("merge", "--groups", "5"), ("merge", "--groups", "5", "--router", "fold")):
    said = call("transform", source, *words, "--out", "many", code=2).stderr
    check(f"{words[1]} 5: the run has 4 experts per layer" in said and not [name for name in os.listdir() if name.startswith("many")],
          f"{words}: {said}")

checks.finish()
