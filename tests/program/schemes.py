#!/usr/bin/env python3
"""Tests runs that begin at, or learn from, another run: schemes.py MOESIM

Upcycling keeps the loss; a distilled run resumes to the same bits and leaves its teacher alone; what cannot be is refused
with exit 2 or 3, and --force discards nothing before its sources are found.
"""
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

try:
    import h5py
except ImportError:
    h5py = None

import checks
from checks import check

moesim = checks.Program()
call = moesim.said
SIZES = ["run.steps=20", "data.name=synthetic", "data.length=16", "model.layers=2", "model.width=16", "model.heads=2",
         "moe.experts=4", "expert.hidden=32", "train.batch=4", "eval.every=10", "eval.sequences=8"]
with open("c.ini", "w") as file:
    for word in SIZES:
        key, value = word.split("=")
        section, name = key.split(".")
        file.write(f"[{section}]\n{name} = {value}\n")
    file.write("[checkpoint]\nevery = 5\n")


def run(name, *words, code=0):
    said = call("run", "c.ini", f"run.name={name}", *words, code=code)
    folders = glob.glob(f"runs/{name}/*/")
    if code == 0 and not folders:
        sys.exit(f"run.name={name}: no run folder: {said}")
    return (folders[0] if folders else ""), said


def attributes(folder):
    """The attributes of a run file; none without h5py."""
    if h5py is None:
        return {}
    with h5py.File(folder + "/run.h5") as file:
        return dict(file.attrs)


def hash_of(folder):
    whole = hashlib.sha256()
    for path in sorted(glob.glob(f"{folder}/**", recursive=True)):
        if os.path.isfile(path) and not path.endswith("lock"):
            with open(path, "rb") as file:
                whole.update(path.encode() + file.read())
    return whole.hexdigest()


dense, _ = run("dense", "router.name=dense")
before = hash_of(dense)

# Upcycling: two copies chosen of four, gates that sum to 1, no drops: the function of the dense model.
up, said = run("up", "router.name=token_choice", "router.token_choice.k=2", "router.token_choice.capacity_factor=0",
               "router.token_choice.capacity_factor_eval=0", f"init.from={dense}", "init.method=upcycle")
change = re.search(r"largest change of a logit is ([0-9.e+-]+)", open(glob.glob(f"{up}/log.txt")[0]).read() + said)
check(change is not None and float(change.group(1)) < 1e-4, f"upcycling changes logits: {said[-500:]}")
# A router with experts of its own, another depth, and k that splits a group.
check("router.name" in run("own", "router.name=autonomy", f"init.from={dense}", "init.method=upcycle", code=2)[1], "own experts")
check("model.layers" in run("deep", "router.name=hash", "model.layers=3", f"init.from={dense}", "init.method=upcycle", code=2)[1],
      "another depth")

# What cannot be is refused by the plan, before a folder is made; errors name the option.
for words, text in (([f"init.from={dense}", "init.method=upcycle", "moe.experts=6", "expert.hidden=8"], "moe.experts = 6"),
                    ([f"init.from={dense}", "init.checkpoint=7"], "init.checkpoint = 7"),
                    ([f"distil.teacher={dense}", "distil.checkpoint=7"], "distil.checkpoint = 7"),
                    (["distil.teacher=nosuch"], "distil.teacher = nosuch"), (["init.from=nosuch"], "init.from = ")):
    code = 3 if "nosuch" in words[0] else 2
    for more in ([], ["--dry-run"]):
        folder, said = run("refused", "router.name=token_choice", *words, *more, code=code)
        check(text in said.replace(os.getcwd() + "/", ""), f"{words}: {said[-300:]}")
        check(not os.path.exists("runs/refused"), f"{words}: left a folder")

# A frozen model: the plan and the log say what is trained.
check("all" in run("ice", "router.name=dense", "freeze.parameters=*")[1], "nothing says that all is frozen")
part, said = run("part", "router.name=dense", "freeze.parameters=*.moe.*", "expert.dropout=0.1")
check(re.search(r"\d+ of \d+ parameters are trained", open(part + "log.txt").read()), "the log does not say what is trained")
said = call("explain", "c.ini", "router.name=dense", "freeze.parameters=*.moe.*", "freeze.rate=head:0.5", "expert.dropout=0.1",
            f"init.from={dense}", f"distil.teacher={up}", "distil.until=9")
for text in ("parameters are trained", "0 with probability 0.1", "KL(softmax", "before step 9", "begins with the weights", "0.5: head"):
    check(text in " ".join(said.split()), f"explain does not say {text}")

# Paths of sources are absolute in the run, and short in its label.
check(f"from = {os.path.abspath(dense)}\n" in open(up + "config.ini").read(), "init.from is not absolute")
call("run", "c.ini", "run.name=two", "router.name=dense", f"init.from={dense},{os.path.abspath(up)}", "init.missing=draw", "run.steps=2")
check(all(len(os.path.basename(name)) < 80 and "from-dense" in name or "from-up" in name for name in os.listdir("runs/two")
          if os.path.isdir("runs/two/" + name)), f"labels: {os.listdir('runs/two')}")

# Distillation: estimates and timings have the teacher; a stopped run goes on to the same bits.
taught = ["router.name=dense", f"distil.teacher={up}", "train.accumulate=2"]
call("run", "c.ini", "run.name=plan", *taught, "--dry-run")
call("bench", "c.ini", *taught, "--steps", "2", "--warmup", "1")
whole, _ = run("whole", *taught)
long = ["run.steps=600", "checkpoint.every=50"]
straight, _ = run("straight", *taught, *long)


def stop(name, *words):
    """Ends a run after its first checkpoint."""
    process = subprocess.Popen([moesim, "run", "c.ini", f"run.name={name}", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not glob.glob(f"runs/{name}/*/checkpoint/step-*/manifest.json"):
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    check(process.wait() in (0, 75), f"{name}: stopped with {process.returncode}")


stop("halves", *taught, *long)
halves, _ = run("halves", *taught, *long)
call("verify", "runs/halves", "runs/straight")

# A stopped run goes on from another folder, and keeps what its start measured.
sparse = ["router.name=token_choice", "router.token_choice.k=2", f"init.from={os.path.relpath(dense)}", "init.method=upcycle", *long]
stop("later", *sparse)
os.mkdir("elsewhere")
here = os.getcwd()
os.chdir("elsewhere")
call("run", "../runs/later")
os.chdir(here)
straight_up, _ = run("once", *sparse)
kept, once = (attributes(folder) for folder in (glob.glob("runs/later/*/")[0], straight_up))
check(h5py is None or len([name for name in kept if name.startswith("init_")]) >= 6, f"a resumed run lost its start: {sorted(kept)}")
check(all(kept[name] == once[name] for name in once if name.startswith("init_") or name.endswith("_before")), "a resumed start differs")


def weights(folder):
    newest = sorted(glob.glob(f"{folder}/checkpoint/step-*/"))[-1]
    return hashlib.sha256(b"".join(open(path, "rb").read() for path in sorted(glob.glob(newest + "*.safetensors")))).hexdigest()


check(weights(halves) == weights(straight), "a distilled run that stopped has other weights")

# A source for every seed: one arm.
call("run", "c.ini", "run.name=sources", "router.name=dense", "run.seed=0,1")
call("run", "c.ini", "run.name=each", "router.name=dense", "run.seed=0,1", "run.steps=5", "init.from=runs/sources/dense-s{seed}-*")
call("run", "c.ini", "run.name=plain", "router.name=dense", "run.seed=1", "run.steps=5", "init.from=" + glob.glob("runs/sources/dense-s1-*")[0])
check(weights(glob.glob("runs/each/*-s1-*/")[0]) == weights(glob.glob("runs/plain/*/")[0]), "the source of a seed is another")
check(weights(glob.glob("runs/each/*-s0-*/")[0]) != weights(glob.glob("runs/each/*-s1-*/")[0]), "all seeds have one source")
if h5py is not None:
    check(len({attributes(folder)["init_weights_sha256"] for folder in glob.glob("runs/each/*/")}) == 2, "all seeds have one source")
check(call("compare", "runs/each", "--json").count('"arm"') == 1, "sources by seed are arms")
# Only * and {seed} are special; the other options that name runs have the same words.
shutil.copytree(glob.glob("runs/sources/dense-s0-*")[0], "runs/sources/a[b]?")
run("literal", "router.name=dense", "run.steps=5", "init.from=runs/sources/a[b]?*")
for option in ("init.from", "distil.teacher"):
    for pattern, text in (("dense-*", "matches 2 folders, the first sources/dense-s0-"), ("dense-s[0]*", "matches no folder")):
        said = run("refused", "router.name=dense", f"{option}=runs/sources/{pattern}", code=3)[1]
        check(f"{option} = {here}/runs/sources/{pattern}: {text}" in said, f"{option} = {pattern}: {said[-300:]}")
check("set init.method = adapter" in run("refused", "router.name=dense", f"init.from={dense}", "adapter.kind=lora", code=3)[1],
      "no word of init.method = adapter")

# init.at: one run has the bits of two, also if it is stopped before and after it makes its experts.
whole_steps = ["run.steps=600", "checkpoint.every=50", "checkpoint.keep=20"]
copied = ["router.name=token_choice", "router.token_choice.k=2", "init.method=upcycle", "init.optimiser=copy", *whole_steps]
at = [*copied, "init.at=0.5"]
first, _ = run("first", "router.name=dense", *whole_steps)
second, _ = run("second", *copied, f"init.from={first}", "init.checkpoint=300", "init.position=continue")
one, said = run("one", *at)
check("the first 300 of 600 steps train router.name = dense" in said, f"the plan of init.at does not say so: {said[:500]}")
check("the first 300 of 600 steps" in open(one + "log.txt").read(), "the log of init.at does not say so")
check("the first 300 steps train" in " ".join(call("explain", "c.ini", *at).split()), "explain does not say what init.at is")
check(weights(one) == weights(second), "init.at has other weights than two runs")


def stop_in(name, pattern):
    """Ends a run with init.at when a file matches."""
    process = subprocess.Popen([moesim, "run", "c.ini", f"run.name={name}", *at], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not glob.glob(f"runs/{name}/*/{pattern}"):
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    check(process.wait() in (0, 75), f"{name}: stopped with {process.returncode}")


def require_one_run(name):
    """Commands find the run itself, at its real step, and damage in its dense steps."""
    state = json.loads(call("status", f"runs/{name}", "--json"))["runs"]
    check(len(state) == 1 and state[0]["step"] >= 50, f"{name}: status has {state}")
    check(re.search(r"^token_choice ", call("compare", f"runs/{name}"), re.M), f"{name}: compare has another arm")
    check(not re.search(r"^dense ", call("compare", f"runs/{name}"), re.M), f"{name}: dense steps are an arm")
    part = glob.glob(f"runs/{name}/*/dense")[0]
    for command in ("status", "compare"):
        check("the dense steps of the run in the folder above" in call(command, part), f"{command} of dense steps")
    call("verify", f"runs/{name}")
    for path in [glob.glob(f"{part}/checkpoint/step-*/weights.safetensors")[-1], f"{part}/config.ini"]:
        with open(path, "rb") as file:
            intact = file.read()
        with open(path, "wb") as file:
            file.write(intact[:-9] + b"damaged!\n")
        check(path in call("verify", f"runs/{name}", code=3), f"verify does not see {path}")
        with open(path, "wb") as file:
            file.write(intact)


for name, pattern in (("in_dense", "dense/checkpoint/step-000000050"), ("in_sparse", "checkpoint/step-000000350")):
    stop_in(name, pattern)
    require_one_run(name)
    stopped, _ = run(name, *at)
    check(weights(stopped) == weights(one), f"{name}: a run with init.at that stopped has other weights")
    if h5py is not None:
        with h5py.File(stopped + "/run.h5") as a, h5py.File(one + "/run.h5") as b, h5py.File(second + "/run.h5") as c:
            for variable in ("step", "loss", "eval_loss", "learning_rate", "tokens", "load"):
                check((a[variable][...] == b[variable][...]).all() and (a[variable][...] == c[variable][...]).all(), f"{name}: {variable}")
            check(all(a.attrs[key] == c.attrs[key] for key in ("train_flops", "flops_before", "tokens_before", "init_tokens", "init_step")),
                  f"{name}: totals differ")
            check(a["step"][0] == 300 and a.attrs["init_tokens"] + a.attrs["train_flops"] / a.attrs["flops_per_token"] == a["tokens"][-1],
                  f"{name}: counts of tokens")
run("one", *at, "--force")
check(weights(one) == weights(second), "--force has other weights")
run("one", *at, "run.steps=700", "--extend", code=2)  # a share of other steps
check("init.at" in run("refused", *at, "router.name=dense", code=2)[1] or not os.path.exists("runs/refused"), "init.at of a dense run")
run("refused", *at, "router.name=autonomy", code=2)
for words, text in ((["init.rename=a:b"], "init.rename"), (["adapter.kind=lora"], "leave out [adapter]"),
                    (["moe.match=active_parameters"], "init.at: the experts of the dense steps: ")):
    said = run("refused", *at, *words, code=2)[1]
    check(text in said and "init.from =" not in said, f"{words}: {said[-300:]}")
# The width of the dense steps is a part of the run.
pieces = ["run.steps=20" if word == "run.steps=600" else word for word in at]
check(run("width", *pieces)[0] != "" and "2 pieces" in run("width", *pieces, "router.dense.width_factor=2")[1], "one width of two")
# Patterns without a match in the dense steps have no effect there.
some, _ = run("some", *at, "freeze.parameters=*.attention.* *.router.*", "freeze.rate=*.experts.*:0.5 head:0.5")
check("[freeze]\nparameters = *.attention.*\n" in open(some + "dense/config.ini").read(), "patterns of the dense steps")
call("verify", "runs/some")
# Every parameter of the dense steps is one of the run by name, so that a pattern with a match there has one in the run.
if h5py is not None:
    names = [set(checks.weights(some + part, step)) for part, step in (("dense/", 300), ("", 600))]
    check(names[0] < names[1] and all(".router." in name for name in names[1] - names[0]), f"other parameters: {names[0] ^ names[1]}")
said = run("refused", *at, "freeze.parameters=*.feed_forward.*", code=2)[1]
check("freeze.parameters = *.feed_forward.*: no parameter matches *.feed_forward.*; of " in said, f"a pattern of no part: {said[-300:]}")
check(not os.path.exists("runs/refused"), "init.at: left a folder")
check(hash_of(dense) == before, "the source changed")

# Teachers that do not fit.
with open("a.txt", "w") as a, open("b.txt", "w") as b:
    a.write("abcdefgh" * 200)
    b.write("stuvwxyz" * 200)
text = ["data.name=text", "data.tokens=chars"]
letters, _ = run("letters", "router.name=dense", *text, "data.path=a.txt")
check("token 0" in run("others", "router.name=dense", *text, "data.path=b.txt", f"distil.teacher={letters}", code=2)[1], "other letters")
check("distil.teacher" in run("size", "router.name=dense", f"distil.teacher={letters}", code=2)[1], "another vocabulary")
check("data.length = 16" in run("longer", *taught, "data.length=32", code=2)[1], "a shorter teacher")

# A damaged optimiser of the source is no matter to a start without it.
shutil.copytree(dense, "damaged")
with open(sorted(glob.glob("damaged/checkpoint/step-*/state.safetensors"))[-1], "r+b") as file:
    file.write(b"damaged")
for method in ("same", "upcycle"):
    words = ["router.name=" + ("dense" if method == "same" else "hash"), "init.from=damaged", f"init.method={method}"]
    run("fresh-" + method, *words)
    check("state.safetensors: damaged" in run("refused", *words, "init.optimiser=copy", code=3)[1], f"{method}: a damaged optimiser")
_, said = run("damaged-teacher", "router.name=dense", "distil.teacher=damaged")
check("damaged/" not in said, f"a teacher with a damaged optimiser: {said[-300:]}")
with open(sorted(glob.glob("damaged/checkpoint/step-*/weights.safetensors"))[-1], "r+b") as file:
    file.write(b"damaged")
said = run("older-teacher", "router.name=dense", "distil.teacher=damaged")[1]
check("weights.safetensors: damaged" in said and "passed over" in said, f"a teacher with damaged weights: {said[-300:]}")

# Damaged manifests are named, whoever reads them.
for path in glob.glob("damaged/checkpoint/step-*/manifest.json"):
    with open(path, "r+b") as file:
        file.write(b"damaged")
newest = sorted(glob.glob("damaged/checkpoint/step-*"))[-1] + "/manifest.json"
for words in (["run", "c.ini", "router.name=dense", "init.from=damaged"], ["run", "c.ini", "router.name=dense", "distil.teacher=damaged"],
              ["sample", "damaged"], ["transform", "damaged", "quantise", "--bits", "4", "--out", "none"]):
    said = call(*words, code=3)
    check(newest in said and said.count("\n") == 1, f"{words}: damaged manifests: {said}")

# The space on the disk of a run with init.at has its dense steps.
dry = ["--dry-run", "--json"]
disk = [json.loads(moesim.run("run", "c.ini", "run.name=dry", *words, *dry).stdout)["total"]["disk_bytes"]
        for words in (at, [word for word in copied if not word.startswith("init.")])]
check(disk[0] > 1.3 * disk[1], f"bytes with and without dense steps: {disk}")

# A run whose source is gone is kept, also by --force; a teacher that has left is not needed.
stop("late", *taught, *long, "distil.until=3")
for moved, kept in ((up, whole), (dense, up)):
    shutil.move(moved.rstrip("/"), "away")
    state = hash_of(kept)
    call("run", os.path.dirname(kept.rstrip("/")), "--force", code=3)
    check(hash_of(kept) == state, f"--force changed {kept} without its source")
    if moved == up:
        run("late", *taught, *long, "distil.until=3")
    shutil.move("away", moved.rstrip("/"))
checks.finish()
