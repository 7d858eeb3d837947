#!/usr/bin/env python3
"""Tests traces, moesim route and moesim whatif as their users run them: traces.py MOESIM

What-if drops are those of real runs; what route lists is what training listed; a file of h5py opens as the docs say.
"""
import csv
import glob
import json
import os
import subprocess

import checks
from checks import check

h5py, numpy = checks.packages("h5py", "numpy")
import token_losses  # with h5py and numpy

moesim = checks.Program()
call = moesim.call


def train(name, *settings):
    call("run", "study.ini", f"run.name={name}", *settings)
    return sorted(glob.glob(f"runs/{name}/*/run.h5"))


def rows_of(path, trace, layer):
    """(expert, token, choice, served) of one layer of one trace, in the order of the file, and the gates."""
    with h5py.File(path) as file:
        begin = file["trace_begin"][trace, layer].astype(int)
        expert = numpy.repeat(numpy.arange(len(begin) - 1), numpy.diff(begin))
        part = slice(begin[0], begin[-1])
        columns = [file[f"trace_{name}"][part] for name in ("token", "choice", "served")]
        return numpy.stack([expert, *columns], axis=1).astype(int), file["trace_gate"][part]


with open("study.ini", "w") as file:
    file.write("""[run]
steps = 2
[data]
length = 24
validation = 8
domains = 2
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 4
[expert]
hidden = 8
[train]
batch = 6
accumulate = 2
[eval]
batch = 2
sequences = 4
[record]
every = 1
[router]
name = token_choice
[router.token_choice]
k = 2
normalise = none
""")

# 1. What-if drops of a dropless run are those of runs with this capacity, in the first layer of the first step: exactly.
factors = ["0.5", "0.75", "1", "1.25", "1.5"]
[free] = train("free", "record.trace=true", "record.trace_every=1", "router.token_choice.capacity_factor=0", "run.steps=1")
fills = ["token", "choice", "priority"]
compared = 0
for group in ("sequence", "batch"):
    for fill in fills:
        predicted = {row["capacity_factor"]: row for row in json.loads(call(
            "whatif", free, "--capacity", ",".join(factors), "--group", group, "--fill", fill, "--json"))["rows"]
            if row["layer"] == "0"}
        for path in train(f"{group}_{fill}", "run.steps=1", f"router.token_choice.group={group}",
                          f"router.token_choice.fill={fill}", "router.token_choice.capacity_factor=" + ",".join(factors)):
            with h5py.File(path) as run:
                factor = f"{run.attrs['router.token_choice.capacity_factor']:g}"
                dropped, unrouted = run["dropped"][0, 0], run["unrouted_tokens"][0, 0]
                kept = run["importance"][0, 0].sum()
            row = predicted[factor]
            check(row["dropped"] == dropped, f"{group} {fill} {factor}: {row['dropped']} dropped, a run drops {dropped}")
            check(abs(row["unrouted_percent"] - 100 * unrouted / 144) < 1e-9, f"{group} {fill} {factor}: unrouted {row} {unrouted}")
            rows, gates = rows_of(free, 0, 0)
            lost = 100 * (1 - kept / gates.sum(dtype=float))
            check(abs(row["gate_lost_percent"] - lost) < 1e-3, f"{group} {fill} {factor}: gates lost {row} {lost}")
            compared += dropped > 0
# The formula of the run, in all its parts, and its own group and fill.
for i, formula in enumerate((["capacity_rounding=floor", "fill=gate"], ["capacity_per_choice=false", "group=batch", "fill=random"],
                             ["capacity_share=whole", "capacity_multiple=2"], ["capacity_rounding=round", "capacity_min=7"])):
    own = [f"router.token_choice.{setting}" for setting in formula]
    [traced] = train(f"formula{i}", "record.trace=true", "router.token_choice.capacity_factor=0", "run.steps=1", *own)
    predicted = {row["capacity_factor"]: row for row in json.loads(call("whatif", traced, "--capacity", "0.55,0.9,1.3", "--json"))["rows"]
                 if row["layer"] == "0"}
    for path in train(f"as_formula{i}", "run.steps=1", "router.token_choice.capacity_factor=0.55,0.9,1.3", *own):
        with h5py.File(path) as run:
            factor = f"{run.attrs['router.token_choice.capacity_factor']:g}"
            found = (run["dropped"][0, 0], 100 * run["unrouted_tokens"][0, 0] / 144)
        row = predicted[factor]
        check((row["dropped"], round(row["unrouted_percent"], 9)) == (found[0], round(found[1], 9)), f"{formula} {factor}: {row} {found}")
        compared += found[0] > 0
check(compared >= 30, f"only {compared} runs dropped anything")

# 2. With choices by token id the trace of any capacity says exactly what others drop, in every layer and step.
text = call("whatif", free, "--capacity", "1")
check("estimates" in text, text)
[fixed] = train("fixed", "record.trace=true", "router.name=hash")
check("exact, because its choices depend on token ids" in call("whatif", fixed, "--capacity", "1"), "hash is exact")

# 3. A run with drops gives the drops of its own capacity, and verify reads traces.
[own] = train("own", "record.trace=true", "router.token_choice.capacity_factor=0.75", "router.token_choice.fill=random")
rows = [row for row in json.loads(call("whatif", own, "--capacity", "0.75", "--json"))["rows"] if row["layer"] != "all"]
with h5py.File(own) as run:
    check([row["dropped"] for row in rows] == list(run["dropped"][:].sum(axis=0)), f"{rows}")
check("all in order" in call("verify", "runs/own"), "verify")
check("give" not in call("whatif", own, "--capacity", "1", "--group", "batch", "--fill", "token"), "another group")
check("--fill random" in call("whatif", own, "--capacity", "1", "--group", "batch", code=2), "an order that is not listed")

# 4. route lists what training listed: the step after a checkpoint, with its capacity and random numbers.
[long] = train("long", "record.trace=true", "record.trace_every=1", "router.token_choice.capacity_factor=0.75",
               "router.token_choice.noise=gaussian", "router.token_choice.noise_std=1", "checkpoint.every=1", "run.steps=3")
folder = os.path.dirname(long)
call("route", folder, "--split", "train", "--as", "training", "--checkpoint", "2", "--out", "again.h5")
for layer in (0, 1):
    a, b = rows_of(long, 2, layer), rows_of("again.h5", 0, layer)
    check((a[0] == b[0]).all() and (a[1] == b[1]).all(), f"route differs from training in layer {layer}")
with h5py.File("again.h5") as again, h5py.File(long) as run:
    check(again["trace_step"][0] == 2, "the checkpoint's step")
    check((again["trace_token_id"][0] == run["trace_token_id"][2]).all(), "token ids")
    check((again["trace_domain"][0] == run["trace_domain"][2]).all(), "domains")
check(len(json.loads(call("whatif", "again.h5", "--capacity", "0.5,1", "--json"))["rows"]) == 6, "whatif of a file of route")

# 5. A text, and the validation split, as CSV; evaluation has its own capacity.
call("route", folder, "--text", "1 2 3 0 1", "--out", "text.csv")
lines = list(csv.DictReader(open("text.csv", encoding="utf-8")))
check(len(lines) == 5 * 2 * 2, f"{len(lines)} rows of five tokens, two layers, two choices")
check([line["token_id"] for line in lines[::4]] == ["1", "2", "3", "0", "1"], "token ids in order")
check({line["position"] for line in lines} == set("01234") and {line["layer"] for line in lines} == {"0", "1"}, "positions")
check(all(0 < float(line["gate"]) <= 1 for line in lines), "gates")
done = json.loads(call("route", folder, "--split", "validation", "--batches", "0", "--out", "v.h5", "--json"))
check(done["tokens"] == 4 * 24 and done["assignments"] == 4 * 24 * 2 * 2, f"{done}")
with h5py.File(long) as run:
    call("route", folder, "--split", "validation", "--batches", "0", "--out", "w.h5", "--checkpoint", "3")
    for layer in (0, 1):
        counts = numpy.bincount(rows_of("w.h5", 0, layer)[0][:, 0], minlength=4)
        check((counts == run["eval_demand"][-1, layer]).all(), f"demand of the evaluation: {counts}")

# 6. Mistakes are one line.
for words, code in ((("route", folder), 2), (("route", folder, "--out", "x.h5"), 2),
                    (("route", folder, "--split", "test", "--out", "x.h5"), 2), (("whatif", "study.ini"), 3),
                    (("whatif", free, "--capacity", "a"), 2), (("whatif", free, "--group", "world"), 2)):
    check(call(*words, code=code).count("\n") == 1, f"{words}: one line")
# What a run wrote is not replaced, and neither is what is no file.
whole = open(long, "rb").read()
os.mkfifo("pipe.h5")
for out in (long, os.path.join(folder, "config.ini.h5", "..", "run.h5"), "pipe.h5"):
    said = call("route", folder, "--split", "validation", "--batches", "1", "--out", out, code=4)
    check(said.count("\n") == 1 and "cannot write" in said, f"--out {out}: {said}")
weights = sorted(glob.glob(os.path.join(folder, "checkpoint", "step-*", "*.safetensors")))[0]
stored = open(weights, "rb").read()
for out in (weights, long):
    check("is a file of the run" in call("predict", folder, "--out", out, code=4), f"predict --out {out}")
check(open(weights, "rb").read() == stored, "a checkpoint was replaced")
check(open(long, "rb").read() == whole and not os.path.isfile("pipe.h5"), "nothing was replaced")
[chosen] = train("chosen", "router.name=expert_choice", "record.trace=true")
check("left out" in call("whatif", chosen, free, "--capacity", "1") and
      "which drops none" in call("whatif", chosen, "--capacity", "1", code=3), "capacity drops none where experts choose")
[off] = train("off")
check("no traces" in call("whatif", off, code=3), "a run without traces")
check("record.trace" not in open(glob.glob("runs/off/*/config.ini")[0]).read() and "trace" not in
      open(glob.glob("runs/off/*/config.ini")[0]).read(), "tracing that is off changes no config")

# 7., 8. Losses of tokens, and with other experts.
token_losses.test(call, check, train, rows_of, folder, long)

# 9. Traces that verify refuses are refused by analyze and whatif.
def changed(name, variable, change):
    with open("losses.h5", "rb") as source, open(name, "wb") as target:
        target.write(source.read())
    with h5py.File(name, "r+") as file:
        values = file[variable][...]
        change(values)
        file[variable][...] = values
    for words in (("verify", name), ("analyze", "specialisation", name, "--by", "domain"), ("whatif", name)):
        if variable != "trace_domain" or words[0] != "whatif":  # which reads no domains
            moesim.run(*words, code=3)


def overlap(values):
    values[0, 1] -= 1  # the second layer begins in the first


def repeat(values):
    values[:] = 0


def beyond(values):
    values[0, 3] = 9


changed("overlap.h5", "trace_begin", overlap)
changed("repeat.h5", "trace_choice", repeat)
changed("beyond.h5", "trace_domain", beyond)
# --step, --out and --batches.
call("whatif", "losses.h5", "--capacity", "1", "--out", "whatif.csv")
check(open("whatif.csv", encoding="utf-8").readline().startswith("run,layer,group,"), "whatif --out")
step = json.loads(call("route", folder, "--split", "validation", "--out", "s.h5", "--json"))["step"]
check(call("whatif", "s.h5", "--step", step) == call("whatif", "s.h5"), "--step of the only trace")
check("steps" in call("whatif", "s.h5", "--step", step + 1, code=2), "--step of another")
check("at most" in call("route", folder, "--split", "train", "--batches", 1 << 28, "--out", "big.h5", code=2), "--batches")
check("traced nothing" in subprocess.run([moesim, "run", "study.ini", "run.name=small", "record.trace=true", "record.trace_bytes=10"],
                                         capture_output=True, text=True).stderr, "trace_bytes below one step")
# Files of route say what tokens look like: any bytes, escaped.
with open("words.txt", "w", encoding="utf-8") as file:
    file.write("to be or not to be \u00e9\\\n" * 100)
with open("study.ini") as study, open("words.ini", "w") as file:
    file.writelines(line for line in study if not line.startswith(("validation", "domains")))
call("run", "words.ini", "run.name=words", "data.name=text", "data.path=words.txt", "data.tokens=bytes")
call("route", glob.glob("runs/words/*/")[0], "--text", "o\u00e9\\\n", "--out", "words.h5")
with h5py.File("words.h5") as file:
    said = dict(zip(file["trace_vocabulary"][:].tolist(), file["trace_vocabulary_text"].asstr()[:].tolist()))
check(said == {10: "\\x0a", 92: "\\\\", 111: "o", 0xc3: "\\xc3", 0xa9: "\\xa9"}, f"texts of tokens: {said}")

call("route", glob.glob("runs/words/*/")[0], "--text", "o\u00e9\\\n", "--out", "words.csv")
with open("words.csv", encoding="utf-8", newline="") as file:
    listed = {int(row["token_id"]): row["token"] for row in csv.DictReader(file)}
check(listed == said, f"texts of tokens in a table: {listed}")

print(f"{compared} runs with drops compared")
checks.finish()
