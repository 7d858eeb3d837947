#!/usr/bin/env python3
"""Tests moesim transform: transform.py MOESIM

Weights of a quantised run are those of numpy's rounding, and those of a pruned one rows of the source; the new run is
verified, goes on training and resumes; the source stays as it is; what cannot be is refused and leaves nothing. Skipped
without numpy.
"""
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess

import checks
from checks import check, only
from checks import weights as tensors

[np] = checks.packages("numpy")
moesim = checks.Program()
call = moesim.said


def attributes(run):
    """Names of the attributes of a run file, as h5dump lists them."""
    done = subprocess.run(["h5dump", "-n", "1", f"{run}/run.h5"], capture_output=True, text=True)
    return [line.split()[-1].strip("/") for line in done.stdout.splitlines() if line.split()[:1] == ["attribute"]]


def hash_of(folder):
    whole = hashlib.sha256()
    for path in sorted(glob.glob(f"{folder}/**", recursive=True)):
        if os.path.isfile(path) and not path.endswith("lock"):
            with open(path, "rb") as file:
                whole.update(path.encode() + file.read())
    return whole.hexdigest()


SIZES = ["data.name=synthetic", "data.length=16", "model.layers=2", "model.width=16", "model.heads=2", "moe.experts=4",
         "expert.hidden=32", "train.batch=4", "eval.every=10", "eval.sequences=8", "router.token_choice.k=2"]
with open("c.ini", "w") as file:
    for word in ["run.steps=20", *SIZES]:
        key, value = word.split("=")
        section, name = key.rsplit(".", 1)
        file.write(f"[{section}]\n{name} = {value}\n")
call("run", "c.ini", "run.name=source")
source = only("runs/source/*/")
before, weights = hash_of(source), tensors(source, 20)


def rounded(w, bits):
    """Round to nearest, per output unit: w [E, in, out]."""
    w = w.astype(np.float64)
    low, high = np.minimum(0, w.min(axis=1, keepdims=True)), np.maximum(0, w.max(axis=1, keepdims=True))
    if bits == "ternary":
        return np.where(w > high / 2, high, np.where(w < low / 2, low, 0))
    scale = (high - low) / (2 ** int(bits) - 1)
    zero = np.round(-low / scale)
    return scale * (np.clip(np.round(w / scale) + zero, 0, 2 ** int(bits) - 1) - zero)


losses = {}
for bits in ("16", "8", "4", "3", "2", "ternary"):
    said = json.loads(call("transform", source, "quantise", "--bits", bits, "--out", f"q{bits}", "--json"))
    run = only(f"q{bits}/*/")
    check(said["run"] == run, f"{said['run']} is not {run}")
    made = tensors(run, 0)
    for name, values in weights.items():
        wanted = rounded(values, bits) if ".experts.w" in name else values
        check(np.allclose(made[name], wanted, rtol=0, atol=1e-6), f"{bits} bits: {name}")
    losses[bits] = said["loss_after"] - said["loss_before"]
    if bits == "16":
        check(said["logit_change"] < 1e-3, f"16 bits: {said['logit_change']}")
    codes = np.concatenate([rounded(v, bits).ravel() for n, v in weights.items() if ".experts.w" in n])
    if bits == "ternary":
        shares = np.array([(codes < 0).mean(), (codes == 0).mean(), (codes > 0).mean()])
        entropy = -(shares * np.log2(shares)).sum()
        check(abs(said["entropy"] - entropy) < 1e-9, f"entropy {said['entropy']}, not {entropy}")
check(abs(losses["8"]) < abs(losses["2"]), f"losses: {losses}")

# GPTQ: values of the same grids, the same for any number of threads, and less harm in the calibrated layers.
for bits in ("3", "2", "ternary"):
    gptq = [json.loads(call("transform", source, "quantise", "--bits", bits, "--method", "gptq", "--out", f"g{bits}-{threads}", "--json",
                            "--threads", threads)) for threads in ("1", "2")]
    one, two = (tensors(only(f"g{bits}-{threads}/*/"), 0) for threads in ("1", "2"))
    check(all(np.array_equal(one[name], two[name]) for name in one), f"{bits} bits: gptq depends on threads")
    for name, values in weights.items():
        if ".experts.w" not in name:
            check(np.array_equal(one[name], values), f"gptq changed {name}")
            continue
        low, high = (f(0, g(values.astype(np.float64), axis=1, keepdims=True)) for f, g in ((np.minimum, np.min), (np.maximum, np.max)))
        if bits == "ternary":
            grid = np.stack([low, 0 * low, high])
        else:
            scale = (high - low) / (2 ** int(bits) - 1)
            grid = np.stack([scale * (q - np.round(-low / scale)) for q in range(2 ** int(bits))])
        away = np.abs(grid - one[name][None]).min(axis=0).max()
        check(away < 1e-6, f"{bits} bits: gptq's {name} is {away} off the grid")
        check(not np.allclose(one[name], rounded(values, bits), rtol=0, atol=1e-6), f"{bits} bits: gptq rounds {name} to nearest")
    after = gptq[0]["loss_after"] - gptq[0]["loss_before"]
    check(bits == "ternary" or after < losses[bits], f"{bits} bits: the loss grows by {after} with gptq, by {losses[bits]} without")
call("verify", "q4")
# Weights of other steps make another run.
call("run", "c.ini", "run.name=kept", "checkpoint.every=10", "checkpoint.keep=2")
for step in ("10", "20"):
    call("transform", only("runs/kept/*/"), "prune", "--keep", "2", "--checkpoint", step, "--out", f"k{step}")
check(os.path.basename(only("k10/*/")) != os.path.basename(only("k20/*/")), "weights of two steps make one run")

# Pruning: rows of the source, the most used experts; keeping all is no change at all.
said = json.loads(call("transform", source, "prune", "--keep", "2", "--out", "p2", "--json", "run.steps=30", "checkpoint.every=10"))
pruned = only("p2/*/")
small = tensors(pruned, 0)
for layer, kept in enumerate(said["kept"]):
    check(len(kept) == 2, f"layer {layer} keeps {kept}")
    for part in ("w1", "b1", "w2", "b2"):
        name = f"blocks.{layer}.moe.experts.{part}"
        check(np.array_equal(small[name], weights[name][kept]), name)
    name = f"blocks.{layer}.moe.router.weight"
    check(np.array_equal(small[name], weights[name][:, kept]), name)
for name, values in weights.items():
    if ".moe." not in name:
        check(np.array_equal(small[name], values), f"{name} changed")
whole = json.loads(call("transform", source, "prune", "--keep", "4", "--out", "p4", "--json"))
check(whole["logit_change"] == 0 and whole["loss_after"] == whole["loss_before"], f"keeping all experts: {whole}")

# Merging: one group per expert is no change; bound experts of a group are equal, folded ones are one.
alone = json.loads(call("transform", source, "merge", "--groups", "4", "--out", "m4", "--json"))
check(alone["logit_change"] == 0, f"groups of one: {alone}")
bound = json.loads(call("transform", source, "merge", "--groups", "2", "--out", "m2", "--json"))
w1 = tensors(only("m2/*/"), 0)["blocks.0.moe.experts.w1"]
for group in bound["groups"][0]:
    check(all(np.array_equal(w1[e], w1[group[0]]) for e in group), f"group {group} has different weights")
check(sorted(sum(bound["groups"][0], [])) == [0, 1, 2, 3], f"groups {bound['groups']}")
call("transform", source, "merge", "--groups", "2", "--router", "fold", "--weights", "mean", "--align", "none", "--similarity",
     "weights", "--out", "f2")
check(tensors(only("f2/*/"), 0)["blocks.0.moe.experts.w1"].shape == (2, 16, 32), "folded experts")

# The new run trains, from its own weights, and its table has what was spent before.
call("run", "p2")
call("verify", "p2")
table = json.loads(call("compare", "p2", "--format", "json", "--columns", "flops_new,flops_total"))
row = table["rows"][0] if isinstance(table, dict) else table[0]
check("flops" in json.dumps(row).lower(), f"compare: {row}")
# What it was made of stays in its records; a longer run extends it; its config alone has no weights.
check("transform_loss_after" in attributes(pruned) and "made_from" in attributes(pruned), f"attributes after training: {attributes(pruned)}")
said = call("run", f"{pruned}/config.ini", "--out", "elsewhere", "run.steps=40", code=2)
check("moesim transform" in said and not os.path.exists("elsewhere"), f"a config elsewhere: {said}")
call("run", f"{pruned}/config.ini", "--out", ".", "run.steps=40", "--extend")
longer = [run for run in glob.glob("p2/*/") if run.rstrip("/") != pruned]
check(len(longer) == 1 and "made_from" in attributes(longer[0]), f"extended: {longer}")
call("verify", "p2")
call("transform", source, "quantise", "--bits", "8", "--out", "t8", "run.steps=10")
check("no longer have" not in call("compare", "t8"), "a note before training")
check("no longer have the bits" in call("run", "t8"), "no note on training")
check("no longer have those bits" in call("compare", "t8"), "no note after training")
call("sample", only("q4/*/"), "--prompt", "1 2", "--tokens", "3")

# Its weights are in its first checkpoint alone: --force is refused, and without them nothing is trained.
state = hash_of("q4")
call("run", "q4", "--force", code=2)
check(hash_of("q4") == state, "--force changed a transformed run")
shutil.copytree("q4", "spoilt")
with open(only("spoilt/*/checkpoint/*/weights.safetensors"), "r+b") as file:
    file.seek(-1, os.SEEK_END)
    file.write(b"x")
run = only("spoilt/*/").rstrip("/")
again = "make the run again with moesim transform"
said = call("verify", "spoilt", code=3)
check(f"weights.safetensors: damaged (its SHA-256 is not the manifest's); {again}\n" in said, f"verify, damaged weights: {said}")
said = call("run", f"{run}/config.ini", f"init.from={run}", "run.made=", "--out", "from_spoilt", code=3)
check(f"init.from = {os.path.abspath(run)}: " in said and "init.checkpoint" in said and said.count("\n") == 1, f"init.from, damaged weights: {said}")
call("run", "spoilt", code=3)  # sets the damaged checkpoint aside
said = call("sample", run, "--prompt", "1 2", code=3)
check(f"{run}: no checkpoint; {again}" in said, f"sample without first weights: {said}")
shutil.rmtree(only("q4/*/checkpoint"))
check("moesim transform" in call("run", "q4", code=3), "a run without its first weights")
said = call("verify", "q4", code=3)
check("/checkpoint: the checkpoint with the weights that moesim transform made is gone" in said and "1 damaged" in said, f"verify: {said}")

# A threshold gives the number of experts; training sequences count.
kept = []
for beta in ("0", "0.9", "1"):
    said = json.loads(call("transform", source, "prune", "--threshold", beta, "--calibration", "64", "--out", f"t{beta}", "--json"))
    kept.append(len(said["kept"][0]))
    same = json.loads(call("transform", source, "prune", "--keep", str(kept[-1]), "--calibration", "64", "--out", f"u{beta}", "--json"))
    check(said["kept"] == same["kept"] and said["loss_after"] == same["loss_after"], f"--threshold {beta} is --keep {kept[-1]}")
    check(f"keep={kept[-1]} score=usage calibration=64 threshold={beta}" in said["made"], said["made"])
check(kept == sorted(kept, reverse=True) and kept[0] > kept[-1] and kept[-1] >= 2, f"living experts: {kept}")
check("removes no expert" in call("transform", source, "prune", "--threshold", "0", "--out", "t-none"), "a threshold that removes nothing")
merged = json.loads(call("transform", source, "merge", "--groups", "2", "--calibration", "64", "--out", "mc", "--json"))
check("calibration=64" in merged["made"], merged["made"])

# Adapters train on a run, and fold into its matrices.
for kind in ("lora", "molora"):
    call("run", "c.ini", f"run.name={kind}", f"adapter.kind={kind}", f"init.from={source}", "init.method=adapter", "train.rate=0.01",
         "run.steps=20")
adapted = only("runs/lora/*/")
first, last = weights, tensors(adapted, 20)
check(all(np.array_equal(last[name], first[name]) for name in first), "the adapted weights changed")
said = json.loads(call("transform", adapted, "fold", "--out", "folded", "--json", "run.steps=25"))
check(said["parameters_before"] > said["parameters_after"] and said["logit_change"] < 1e-4, f"fold: {said}")
folded, name = tensors(only("folded/*/"), 0), "blocks.0.attention.qkv.weight"
want = first[name] + 32 / 16 * (last[f"adapters.{name}.a"][0].astype(float) @ last[f"adapters.{name}.b"][0])
check(np.abs(want - first[name]).max() > 1e-3 and np.abs(folded[name] - want).max() < 1e-6, "W + α/r A B")
check(set(folded) == set(first), f"names: {set(folded) ^ set(first)}")
call("run", "folded")
check("depend on the token" in call("transform", only("runs/molora/*/"), "fold", "--out", "none", code=2), "fold of molora")
check("fold" in call("run", "c.ini", "run.name=lost", f"init.from={adapted}", code=2), "a start that loses adapters")

# What cannot be.
for words, text in ((["prune"], "--keep"), (["quantise"], "--bits"), ([], "choose one of prune, merge, quantise, extract, fold"), (["melt"], "melt: unknown choice"),
                    (["merge"], "--groups"), (["merge", "--groups", "5"], "4 experts"), (["merge", "--groups", "2", "--bits", "4"], "quantise"),
                    (["prune", "--keep", "5"], "4 experts"), (["prune", "--keep", "1"], "router.token_choice.k"),
                    (["quantise", "--bits", "0"], "bits"), (["quantise", "--bits", "four"], "bits"),
                    (["quantise", "--bits", "4", "--keep", "2"], "--keep is an option of prune"),
                    (["quantise", "--bits", "4", "--method", "gpt"], "choose one of rtn, gptq"),
                    (["prune", "--keep", "1"], "transform prune keep=1 score=usage: "),
                    (["quantise", "--bits", "4", "--calibration", "8"], "--calibration is an option of --method gptq"),
                    (["prune", "--keep", "2", "--score", "size"], "choose one of usage"),
                    (["prune", "--keep", "2", "run.step=3"], "run.steps"), (["prune", "--keep", "2", "steps"], "key=value"),
                    (["quantise", "--bits", "4", "--checkpoint", "7"], "--checkpoint 7"),
                    (["quantise", "--bits", "4", "model.width=32"], ""), (["prune", "--keep", "2", "moe.experts=4"], "prune sets it"),
                    (["quantise", "--bits", "4", "model.layers=1"], "leave out settings of the model"),
                    (["prune", "--keep", "2", "--seed", "3"], "--score random"), (["fold"], "no adapters"),
                    (["prune", "--threshold", "2"], "--threshold"), (["prune", "--threshold", "1", "--keep", "9"], "choose one of them"), (["prune", "--threshold", "0.1", "--score", "reap"], "leave out --score"),
                    (["prune", "--keep", "2", "--score", "random", "--calibration", "8"], "no effect"),
                    (["fold", "--calibration", "8"], "prune, merge and quantise"),
                    (["prune", "--keep", "2", "init.from=/nosuch/x", "init.method=student"],
                     "command line: init.from: transform makes the first weights; leave it out"),
                    (["extract", "--task", "a", f"init.from={source}"], "init.from: transform makes the first weights"),
                    (["fold", "init.method=same"], "init.method: transform makes the first weights"),
                    (["quantise", "--bits", "4", "init.at=5"], "init.at: transform makes the first weights")):
    said = call("transform", source, *words, "--out", "none", code=2)
    check(text in said, f"{words}: {said}")
    check(said.count("\n") == 1, f"{words}: more than a line: {said}")
    check(not glob.glob("none*"), f"{words}: left {glob.glob('none*')}")
# A run that was made and not trained says so, until it is trained.
call("transform", source, "prune", "--keep", "2", "--out", "untrained")
text = " ".join(call("status", "untrained").split())
check("made 0/20 by moesim transform: prune keep=2 score=usage; not trained 1 made" in text, f"status: {text}")
check(json.loads(call("status", "untrained", "--json"))["runs"][0]["state"] == "made", "status --json of a run that was made")
check(json.loads(call("status", "runs/source", "--json"))["counts"] == {"complete": 1}, "status of the source")
call("run", "untrained")
check(json.loads(call("status", "untrained", "--json"))["counts"] == {"complete": 1}, "status of a run that was made and trained")
check("inside the run" in call("transform", source, "prune", "--keep", "2", "--out", f"{source}/new", code=2), "--out inside the source")
check("1 to 64 letters" in call("transform", source, "prune", "--keep", "2", "--out", "a b", code=2), "--out with a space")
check("exists" in call("transform", source, "prune", "--keep", "2", "--out", "p2", code=2), "an existing folder")
check("--out" in call("transform", source, "prune", "--keep", "2", code=2), "no folder")
call("transform", "nosuch", "prune", "--keep", "2", "--out", "none", code=3)
# A teacher of the later training is checked, and kept.
said = call("transform", source, "prune", "--keep", "2", "distil.teacher=/nosuch", "--out", "none", code=3)
check("distil.teacher = /nosuch" in said and not glob.glob("none*"), f"a teacher that is not there: {said}")
call("transform", source, "prune", "--keep", "2", f"distil.teacher={os.path.abspath(source)}", "--out", "taught")
call("run", "taught")
for rank, noted in ((16, False), (49, True)):  # widths are 16, 32 and 48
    said = call("run", "c.ini", "run.name=high", "adapter.kind=lora", f"adapter.rank={rank}", "--dry-run")
    check(("above the smaller side of every adapted matrix, at most 16" in said) == noted, f"rank {rank}: {said}")
for key in ("rank=3", "alpha=8"):
    said = call("run", "c.ini", "run.name=mov", "adapter.kind=mov", f"adapter.{key}", code=2)
    check("mov has no low-rank changes" in said, f"mov with {key}: {said}")
call("run", "c.ini", "run.name=soft", "router.name=soft")
check("does not assign" in call("transform", only("runs/soft/*/"), "prune", "--keep", "2", "--out", "none", code=2), "soft")
said = call("transform", only("runs/soft/*/"), "quantise", "--bits", "4", "--method", "gptq", "--out", "none", code=2)
check("choose --method rtn" in said, f"gptq of soft: {said}")
damaged = shutil.copytree(source, "damaged")
path = only("damaged/checkpoint/*/weights.safetensors")
with open(path, "r+b") as file:
    file.seek(-4, 2)
    file.write(b"\xff\xff\xff\xff")
call("transform", "damaged", "quantise", "--bits", "4", "--out", "none", code=3)
check(not glob.glob("none*"), f"left {glob.glob('none*')}")
# A signal leaves nothing: the folder is written while a long evaluation runs.
process = subprocess.Popen([moesim, "transform", source, "quantise", "--bits", "4", "--out", "late", "eval.sequences=0",
                            "data.validation=20000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while process.poll() is None and not glob.glob("late.*.tmp"):
    os.sched_yield()
process.send_signal(signal.SIGTERM)
check(process.wait() == -signal.SIGTERM, f"transform stopped with {process.returncode}")
check(not glob.glob("late*"), f"a signal left {glob.glob('late*')}")
# A model as it was made has a row; links to runs are verified.
call("transform", source, "quantise", "--bits", "8", "--out", "fresh")
rows = json.loads(call("compare", source, "fresh", "--json"))
check(len(rows["rows"]) == 2 and all(row["eval_loss"] is not None for row in rows["rows"]), f"no row of an untrained model: {rows}")
check(any("without training" in note for note in rows["notes"]), f"nothing says that it is untrained: {rows['notes']}")
os.symlink(source, "linked")
check("all in order" in call("verify", "linked"), "a link to a run is damaged")
check(hash_of(source) == before, "the source changed")
checks.finish()
