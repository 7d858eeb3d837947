#!/usr/bin/env python3
"""Tests router.name = task and moesim transform extract: task_routing.py MOESIM

The network of a task is what numpy makes of the source's weights; it computes what the source computes for the task, is an
ordinary run, and a text that has no task, or an unknown one, is refused. Skipped without numpy.
"""
import csv
import json
import os
import shutil

import checks
from checks import check, only

[np] = checks.packages("numpy")
moesim = checks.Program()
call = moesim.said


def refused(text, *words):
    said = call(*words, code=2)
    check(text in said and said.count("\n") == 1, f"{words}: {said}")


def tensors(run, step):
    return {name: value.astype(np.float64) for name, value in checks.weights(run, step).items()}


TASKS = ["copy", "rise", "fall"]
SIZES = {"run": "steps=60", "data": f"name=tasks tasks={','.join(TASKS)} pairs=200 validation_pairs=20 length=20 symbols=6 tokens=chars",
         "model": "layers=2 width=16 heads=2", "moe": "experts=4", "router": "name=task", "router.task": "k=2",
         "expert": "hidden=8", "train": "batch=8 rate=0.01", "eval": "every=30 sequences=0"}
with open("c.ini", "w") as file:
    for section, words in SIZES.items():
        file.write(f"[{section}]\n" + "".join("{} = {}\n".format(*word.split("=")) for word in words.split()))
call("run", "c.ini", "run.name=source")
source = only("runs/source/*/")
weights = tensors(source, 60)

# Weights: the experts of the largest logits side by side, outputs times their scores, here without a sum to 1.
for number, task in enumerate(TASKS):
    said = json.loads(call("transform", source, "extract", "--task", task, "--out", f"x-{task}", "--json"))
    run = only(f"x-{task}/*/")
    made = tensors(run, 0)
    check(not any(".router." in name for name in made), f"routers in {sorted(made)}")
    for layer in range(2):
        moe = f"blocks.{layer}.moe."
        logits = weights[moe + "router.weight"][number]
        chosen = sorted(np.argsort(-logits, kind="stable")[:2])
        gates = np.exp(logits)[chosen] / np.exp(logits).sum()
        if "normalise = none" not in call("explain", source):
            gates /= gates.sum()
        check(said["experts"][layer] == [int(e) for e in chosen], f"{task}: {said['experts']}, {chosen} here")
        check(np.allclose(said["gates"][layer], gates, rtol=1e-5), f"{task}: {said['gates']}, {gates} here")
        expected = {"w1": np.concatenate([weights[moe + "experts.w1"][e] for e in chosen], axis=1),
                    "b1": np.concatenate([weights[moe + "experts.b1"][e] for e in chosen]),
                    "w2": np.concatenate([g * weights[moe + "experts.w2"][e] for e, g in zip(chosen, gates)]),
                    "b2": sum(g * weights[moe + "experts.b2"][e] for e, g in zip(chosen, gates))}
        for name, values in expected.items():
            own = made[moe + "experts." + name]
            check(own.shape == (1, *values.shape) and np.allclose(own[0], values, rtol=1e-5, atol=1e-8), f"{task}: {moe}{name}")
    for name, values in weights.items():
        if ".router." not in name and ".experts." not in name:
            check(np.array_equal(made[name], values), f"{task}: {name}")
    check(said["logit_change"] < 1e-5 and abs(said["loss_after"] - said["loss_before"]) < 1e-6, f"{task}: {said}")

    # The new run has the losses and the answers of the source on its task, and no others.
    own = {row["domain"]: row for row in json.loads(call("score", source, "--json"))["rows"]}
    new = json.loads(call("score", run, "--json"))["rows"]
    check([row["domain"] for row in new] == [task], f"rows of {run}: {new}")
    check(abs(new[0]["loss"] - own[task]["loss"]) < 1e-5 and new[0]["exact_percent"] == own[task]["exact_percent"] and
          new[0]["answers"] == own[task]["answers"], f"{task}: {new[0]}, {own[task]}")
    prompt = ("--prompt", f"[{task}]abcd[sep]", "--temperature", "0", "--tokens", "6", "--json")
    texts = [json.loads(moesim.run("sample", *words, *prompt).stdout)["tokens"] for words in ((source, "--task", task), (run,))]
    check(texts[0] == texts[1], f"{task}: samples {texts}")

# It is an ordinary run: it is verified, trains on and serves; a text of it needs no task.
call("verify", "x-rise")
call("run", "x-rise")
call("verify", "x-rise")
check("nothing" in call("run", "x-rise").lower() or "complete" in call("status", "x-rise"), "x-rise is not complete")
for run in (source, only("x-rise/*/")):
    served = json.loads(call("bench", "--serve", run, "--batches", "4", "--texts", "4", "--json"))
    check(served["batches"][0]["tokens_per_second"] > 0, f"serve {run}: {served}")

# Texts of one task take its k experts, whatever their number; of several more.
served = {task: json.loads(call("bench", "--serve", source, "--batches", "8", "--prompt", "3", "--tokens", "4", "--dropless", "--json",
                                *(("--task", task) if task else ())))["batches"][0] for task in (None, "rise", "fall")}
for task in ("rise", "fall"):
    check(all(layer["touched"] == 2 for layer in served[task]["layers"]), f"serve {task}: {served[task]['layers']}")
check(any(layer["touched"] > 2 for layer in served[None]["layers"]), f"serve: {served[None]['layers']}")
refused("--task rize: no task", "bench", "--serve", source, "--task", "rize")
refused("--task: needs --serve", "bench", "--task", "rise")

# The experts of a text are those of its task's row.
call("route", source, "--text", "abcd", "--task", "fall", "--out", "t.csv")
with open("t.csv") as file:
    rows = list(csv.DictReader(file))
for layer in range(2):
    chosen = set(np.argsort(-weights[f"blocks.{layer}.moe.router.weight"][2], kind="stable")[:2])
    check({int(row["expert"]) for row in rows if row["layer"] == str(layer)} == chosen, f"layer {layer}: {rows}")

# In packed windows every token has the experts of its own example's task, which begins with a label.
call("run", "c.ini", "run.name=packed", "data.packed=true", "data.length=48")
packed = only("runs/packed/*/")
rows_of = {layer: tensors(packed, 60)[f"blocks.{layer}.moe.router.weight"] for layer in range(2)}
call("route", packed, "--split", "train", "--out", "p.csv")
experts, labels, within = {}, {}, 0
with open("p.csv") as file:
    for row in csv.DictReader(file):
        place = (int(row["sequence"]), int(row["position"]))
        labels[place] = row["token"].strip("[]") if row["token"].strip("[]") in TASKS else None
        experts.setdefault((*place, int(row["layer"])), set()).add(int(row["expert"]))
for sequence, position in sorted(labels):
    if labels[sequence, position]:
        task = TASKS.index(labels[sequence, position])
        within += position > 0
    for layer in range(2):
        chosen = set(np.argsort(-rows_of[layer][task], kind="stable")[:2])
        check(experts[sequence, position, layer] == chosen, f"packed: {sequence}, {position}: {experts[sequence, position, layer]}, {chosen} here")
check(within > 8, f"packed: {within} labels within windows")

# Domains of other data are tasks, too. Only the domain is measured; here its tokens see those of other domains before them, which
# have other experts in the source, so that outputs change.
with open("s.ini", "w") as file:
    for section, words in {**SIZES, "data": "name=synthetic length=16"}.items():
        file.write(f"[{section}]\n" + "".join("{} = {}\n".format(*word.split("=")) for word in words.split()))
call("run", "s.ini", "run.name=hidden")
hidden = only("runs/hidden/*/")
name = call("transform", hidden, "extract", "--task", "nothing_like_it", "--out", "h", code=2).strip().rsplit(" ", 1)[1]
said = json.loads(call("transform", hidden, "extract", "--task", name, "--out", "h", "--json"))
call("export", "runs/hidden", "--table", "domains", "--out", "d.json")
with open("d.json") as file:
    losses = {row["domain"]: row["loss"]["mean"] for row in json.load(file)["rows"]}
check(abs(said["loss_before"] - losses[name]) < 1e-6, f"domain {name}: {said}, {losses}")
check("loss over all domains" in said["notes"][0], f"domain {name}: {said}")
# A task without training examples: its row is as it was drawn.
call("run", "c.ini", "run.name=held", "data.held_out=fall", "run.steps=1")
for task, noted in (("fall", True), ("rise", False)):
    text = call("transform", only("runs/held/*/"), "extract", "--task", task, "--out", f"held-{task}")
    check(("row of the router is untrained" in text) == noted, f"held out: {text}")
check("--answers 0" in call("score", only("x-fall/*/")) and "--answers 0" not in call("score", only("x-fall/*/"), "--answers", "0"),
      "score of an extracted model: a note")

# What has no network of a task, and texts without one.
refused("--task rize: no task of the run's data: did you mean rise?", "transform", source, "extract", "--task", "rize", "--out", "no")
refused("the network of which task? --task NAME", "transform", source, "extract", "--out", "no")
refused("--task is an option of extract", "transform", source, "prune", "--keep", "2", "--task", "rise", "--out", "no")
refused("router.name: extract sets it", "transform", source, "extract", "--task", "rise", "--out", "no", "router.name=soft")
refused("router.name = dense does not choose experts by task", "transform", only("x-rise/*/"), "extract", "--task", "rise", "--out", "no")
call("run", "c.ini", "run.name=token", "router.name=token_choice", "run.steps=1")
refused("router.name = token_choice does not choose experts by task", "transform", only("runs/token/*/"), "extract", "--task", "rise", "--out", "no")
# Experts by the label that a sentence begins with are those of its task.
sentence = ["router.name=sentence", "router.sentence.k=2", "router.task.k=1"]
call("run", "c.ini", "run.name=label", *sentence, "run.steps=40", "router.sentence.by=label")
label = only("runs/label/*/")
for task in ("rise", "fall"):
    said = json.loads(call("transform", label, "extract", "--task", task, "--out", f"label-{task}", "--json"))
    made, rows = tensors(only(f"label-{task}/*/"), 0), tensors(label, 40)
    check(said["logit_change"] < 1e-4 and abs(said["loss_before"] - said["loss_after"]) < 1e-5, f"label {task}: {said}")
    for layer, experts in enumerate(said["experts"]):
        name = f"blocks.{layer}.moe.experts.w1"
        check(np.array_equal(made[name][0], np.concatenate([rows[name][e] for e in experts], axis=1)), f"label {task}: {name}")
check(json.loads(call("transform", label, "extract", "--task", "copy", "--out", "label-copy", "--json"))["experts"] != said["experts"],
      "every label has the same experts")
for words in (["router.sentence.by=prompt"], ["router.sentence.by=label", "data.input=none"]):
    call("run", "c.ini", "run.name=other", *sentence, *words, "run.steps=1")
    refused("router.name = sentence does not choose experts by task", "transform", only("runs/other/*/"), "extract", "--task", "rise", "--out", "no")
    shutil.rmtree("runs/other")
for kind, remedy in (("lora", "fold them first"), ("molora", "without adapters")):
    call("run", "c.ini", f"run.name={kind}", f"adapter.kind={kind}", f"init.from={source}", "init.method=adapter", "run.steps=1")
    refused(remedy, "transform", only(f"runs/{kind}/*/"), "extract", "--task", "rise", "--out", "no")
check(not os.path.exists("no"), "a refused transformation leaves a folder")
refused("needs the task of the text: --task NAME, one of copy, rise, fall", "sample", source, "--prompt", "ab")
refused("--task rize: no task", "sample", source, "--prompt", "ab", "--task", "rize")
refused("needs the task of the text: --task NAME", "route", source, "--text", "ab", "--out", "t.csv")
refused("sequences of --split have their tasks", "route", source, "--split", "validation", "--task", "rise", "--out", "t.csv")
refused("does not route by task; leave it out", "sample", only("x-rise/*/"), "--prompt", "ab", "--task", "rise")

# Data without domains.
with open("plain.txt", "w") as file:
    file.write("the quick brown fox jumps over the lazy dog. " * 200)
call("run", "s.ini", "run.name=plain", "data.name=text", "data.path=plain.txt", "run.steps=1")
refused("the run's data have no tasks, and all tokens take the same experts; leave it out", "sample", only("runs/plain/*/"), "--prompt", "ab",
        "--task", "rise")

checks.finish()
