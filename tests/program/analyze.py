#!/usr/bin/env python3
"""Tests moesim analyze as its users run it: analyze.py MOESIM

Numbers are compared with numpy's, and with scipy's where it is installed; planted routings give what was planted.
analyze.py MOESIM --large ROWS measures time and memory instead.
"""
import csv
import glob
import json
import os
import shutil
import subprocess
import sys
import time

import checks
from checks import check

h5py, numpy = checks.packages("h5py", "numpy")
import planted_traces  # with h5py and numpy

moesim = checks.Program()
call = moesim.call
random = numpy.random.default_rng(1)


def close(a, b, what, tolerance=1e-12):
    check(abs(a - b) <= tolerance * max(1, abs(b)), f"{what}: {a}, not {b}")


def rows(what, *words):
    return json.loads(call("analyze", what, *words, "--json"))["rows"]


def plant(name, chosen, experts, **more):
    chosen = numpy.asarray(chosen)
    while chosen.ndim < 4:
        chosen = chosen[None]
    planted_traces.write(name, chosen, experts, run_id=name, **more)
    return name


def distinct(tokens, experts, k):
    return numpy.argsort(random.random((tokens, experts)), axis=1)[:, :k]


def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -(p * numpy.log(p)).sum()


def information(table):
    return entropy(table.sum(0)) + entropy(table.sum(1)) - entropy(table.ravel())


def plant_large(count):
    experts, k, layers = 64, 2, 32
    tokens = count // (k * layers) // 2500 * 2500
    first = random.integers(0, experts, (1, layers, tokens, 1), dtype="i4")
    second = (first + random.integers(1, experts, first.shape, dtype="i4")) % experts
    planted_traces.write("large.h5", numpy.concatenate([first, second], -1), experts, length=2500, compress=True,
                         ids=(random.zipf(1.2, (1, tokens)) % 50000).astype("i4"),
                         domains=random.integers(0, 8, (1, tokens), dtype="i4"))


def large(count):
    # Another process plants, since a process begins with the peak memory of the one that started it.
    planter = os.fork()
    if planter == 0:
        plant_large(count)
        os._exit(0)
    os.waitpid(planter, 0)
    for what in ("coactivation", "specialisation", "repetition", "transitions", "collapse", "tokens"):
        start = time.monotonic()
        process = subprocess.Popen([moesim, "analyze", what, "large.h5"], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        check(status == 0, what)
        print(f"{what}: {time.monotonic() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, "
              f"{used.ru_maxrss / 1024:.0f} MiB", flush=True)
    checks.finish()


if "--large" in sys.argv:
    large(int(sys.argv[3]))

# 1. Random choices, against numpy: 1000 tokens in sequences of 50, two layers, 8 experts, k = 3.
tokens, experts, k, length = 1000, 8, 3, 50
chosen = numpy.stack([distinct(tokens, experts, k) for _ in range(2)])
ids, domains = random.integers(0, 30, tokens), random.integers(0, 4, tokens)
path = plant("random.h5", chosen, experts, ids=ids[None], domains=domains[None], length=length)
member = numpy.zeros((2, tokens, experts))
for layer in range(2):
    member[layer, numpy.arange(tokens)[:, None], chosen[layer]] = 1
load = member.sum(1)

together = numpy.einsum("lti,ltj->lij", member, member)
found = rows("coactivation", path, "--top", "0")
check(len(found) == 2 * experts * (experts - 1), f"{len(found)} pairs")
for row in found:
    layer, i, j = int(row["layer"]), row["expert"], row["other"]
    close(row["probability"], together[layer, i, j] / load[layer, i], "co-activation")
    close(row["expected"], (k - 1) * load[layer, j] / (load[layer].sum() - load[layer, i]), "co-activation by chance")
pairs = numpy.zeros((experts, experts))
for a, b in zip(chosen[0][:, :-1].ravel(), chosen[0][:, 1:].ravel()):
    pairs[a, b] += 1
    pairs[b, a] += 1
for row in rows("coactivation", path, "--pairs", "adjacent", "--top", "0"):
    if row["layer"] == "0":
        close(row["together"], pairs[row["expert"], row["other"]], "adjacent pairs")
check(len(rows("coactivation", path)) == 2 * 20, "20 pairs of each layer")

previous = numpy.where(numpy.arange(tokens) % length == 0, -1, numpy.roll(ids, 1))
labels = {"domain": domains, "token": ids, "previous": previous, "position": numpy.arange(tokens) % length * 16 // length}
found = rows("specialisation", path)
check(len(found) == 8, f"{len(found)} rows of specialisation")
for row in found:
    label, layer = labels[row["label"]], int(row["layer"])
    table = numpy.stack([member[layer][label == value].sum(0) for value in range(label.max() + 1)])
    exact = information(table)
    close(row["information"], exact, "information")
    close(row["nmi"], exact / entropy(table.sum(1)), "NMI")
    close(row["nmi_smaller"], exact / min(entropy(table.sum(1)), entropy(table.sum(0))), "NMI by the smaller")
    cells, seen = (table > 0).sum(), (table.sum(1) > 0).sum()
    close(row["information_corrected"], exact - (cells - seen - experts + 1) / (2 * table.sum()), "Miller and Madow")
    known, own = label[label >= 0], []
    for _ in range(200):
        mixed = random.permutation(known)
        own.append(information(numpy.stack([member[layer][label >= 0][mixed == value].sum(0) for value in range(label.max() + 1)])))
    own = numpy.array(own)
    check(abs(row["chance"] - own.mean()) < 5 * own.std() * (2 / 200) ** 0.5, f"{row} is not the mean of numpy's shuffles, {own.mean()}")
    check(abs(row["chance_interval"][1] - numpy.quantile(own, 0.975)) < own.std(), f"{row}: numpy's interval ends at {numpy.quantile(own, 0.975)}")
    check(row["permutations"] == 200, f"{row}")
for row in rows("specialisation", path, "--by", "domain"):
    of = domains == int(row["label"])
    close(row["share"], member[int(row["layer"])][of, row["expert"]].mean(), "share of a domain")
    close(row["share_all"], load[int(row["layer"]), row["expert"]] / tokens, "share of all")
pairs = sum((member[layer][ids == value].sum(0) > 0).sum() for layer in (0, 1) for value in range(30) if (ids == value).sum() >= 10)
check(len(rows("specialisation", path, "--by", "token", "--top", "0")) == pairs, "shares of ids")

for row in rows("repetition", path):
    first, two = chosen[int(row["layer"])][:, 0], chosen[int(row["layer"])][:, :2]
    inside = numpy.arange(1, tokens) % length != 0
    close(row["first"], (first[1:] == first[:-1])[inside].mean(), "repetition")
    close(row["first_chance"], ((numpy.bincount(first, minlength=experts) / tokens) ** 2).sum(), "repetition by chance")
    meet = (two[1:, :, None] == two[:-1, None, :]).any((1, 2))
    close(row["either"], meet[inside].mean(), "repetition of either")
    every = (two[:, None, :, None] == two[None, :, None, :]).any((2, 3)).mean()
    close(row["either_chance"], every, "repetition of either by chance")

joint = numpy.zeros((experts, experts))
numpy.add.at(joint, (chosen[0][:, 0], chosen[1][:, 0]), 1)
[row] = rows("transitions", path)
close(row["conditional_entropy"], entropy(joint.ravel()) - entropy(joint.sum(1)), "conditional entropy")
close(row["normalised"], row["conditional_entropy"] / entropy(joint.sum(0)), "normalised")
check(row["chance_interval"][0] <= row["normalised"] <= row["chance_interval"][1], f"random layers: {row}")
check({(row["expert"], row["other"]): row["tokens"] for row in rows("transitions", path, "--by", "pair", "--top", "0")} ==
      {(i, j): joint[i, j] for i in range(experts) for j in range(experts) if joint[i, j]}, "joint counts")

for row in rows("tokens", path, "--top", "3"):
    of = ids == int(row["token_id"])
    close(row["share"], member[int(row["layer"])][of, row["expert"]].mean(), "share of an id")
best = [row for row in rows("tokens", path, "--top", "1") if row["layer"] == "0"]
for row in best:
    shares = [member[0][ids == value, row["expert"]].mean() for value in range(30) if (ids == value).sum() >= 10]
    close(row["share"], max(shares), "the largest share")

# 2. What was planted comes out.
far = random.integers(0, 4, 800)
one = rows("specialisation", plant("domains.h5", (far[:, None] + 3) % 7, 7, domains=far[None], length=20))[0]
close(one["nmi"], 1, "domains that decide the expert")
close(one["nmi_adjusted"], 1, "domains that decide the expert, adjusted")
inside = 0
for i in range(20):
    many = plant("many.h5", random.integers(0, 4096, (128, 1)), 4096, domains=random.integers(0, 8, (1, 128)))
    row = rows("specialisation", many)[0]
    inside += row["chance_interval"][0] - 1e-12 <= row["information"] <= row["chance_interval"][1] + 1e-12
check(inside >= 17, f"random routing of 128 tokens among 4096 experts is within its interval in {inside} of 20")
check(rows("specialisation", path, "--permutations", "7")[0]["permutations"] == 7, "--permutations")
renamed = random.permutation(experts)
copy = plant("copy.h5", renamed[chosen], experts, ids=ids[None], domains=domains[None], length=length, step=5)
for row in rows("agreement", path, copy):
    check(row["matched"] == 1 and row["matched_first"] == 1 and row["agreement"] < 1, f"permuted copies: {row}")
    check(row["chance_interval"][1] < 0.6 and row["p"] < 0.01, f"{row}")
check([row["partner"] for row in rows("agreement", path, copy, "--by", "expert")] == list(renamed) * 2, "the match")
for row in rows("saturation", path, copy):
    same = (renamed[chosen[int(row["layer"])]][:, :, None] == chosen[int(row["layer"])][:, None, :]).any(2)
    close(row["saturation"], same.mean(), "saturation")
    close(row["chance"], k / experts, "k/E")
    check((row["step"], row["reference_step"]) == (0, 5), f"{row}")
try:
    from scipy.optimize import linear_sum_assignment
except ImportError:
    print("no scipy: matching is not compared with it")
else:
    for size in (2, 5, 16, 64, 256):
        a, b = (distinct(600, size, 2) for _ in range(2))
        b[:300] = (a[:300] * 7 + 1) % size
        common = numpy.zeros((size, size))
        numpy.add.at(common, (a[:, :, None].repeat(2, 2), b[:, None, :].repeat(2, 1)), 1)
        best = common[linear_sum_assignment(common, maximize=True)].sum() / b.size
        of = [plant(f"{name}.h5", chosen, size, ids=numpy.zeros((1, 600))) for name, chosen in (("a", a), ("b", b))]
        close(rows("agreement", *of, "--permutations", "3")[0]["matched"], best, f"scipy's matching of {size} experts")
verdicts = {"fine": random.integers(0, 8, (800, 1)), "collapsed": numpy.zeros((800, 1), int),
            "uneven": random.integers(0, 7, (800, 1))}
for word, planted in verdicts.items():
    check(rows("collapse", plant("load.h5", planted, 8))[0]["verdict"] == word, word)
check(rows("collapse", plant("load.h5", verdicts["fine"], 8), "--max-violation", "0.01")[0]["verdict"] == "uneven", "--max-violation")
check(rows("collapse", "load.h5", "--least", "1000")[0]["verdict"] is None, "too few assignments")

# 3. A run and its checkpoints.
with open("study.ini", "w") as file:
    file.write("[run]\nsteps = 4\nname = study\n[data]\nlength = 24\nvalidation = 8\ndomains = 2\n[model]\nlayers = 2\nwidth = 16\n"
               "heads = 2\n[moe]\nexperts = 4\n[expert]\nhidden = 8\n[train]\nbatch = 6\n[eval]\nbatch = 2\nsequences = 4\n"
               "[checkpoint]\nevery = 2\n[record]\ntrace = true\n[sweep]\nrouter.name = token_choice, expert_choice, soft\n")
call("run", "study.ini")
text = call("analyze", "collapse", "runs/study", "--format", "csv", "--out", "collapse.csv")
lines = list(csv.DictReader(open("collapse.csv", encoding="utf-8")))
check(len(lines) == 2 * 3, f"two runs, two layers and all: {lines}")
notes = json.loads(call("analyze", "collapse", "runs/study", "--json"))["notes"]
check(any("no assignments" in note and "soft" in note for note in notes), f"soft has no assignments: {notes}")
[run] = glob.glob("runs/study/token_choice*/run.h5")
with h5py.File(run) as file:
    steps = list(file["trace_step"][:])
total = [row["assignments"] for row in rows("collapse", run) if row["layer"] != "all"]
check(total == [len(steps) * 6 * 24] * 2, f"{total} assignments in steps {steps}")
for step in ("2", "4"):
    call("route", os.path.dirname(run), "--split", "validation", "--checkpoint", step, "--out", f"at{step}.h5")
found = rows("saturation", "at2.h5", "at4.h5")
check([row["layer"] for row in found] == ["0", "1"] and all(0 <= row["saturation"] <= 1 for row in found), f"{found}")
check(all(row["step"] == 2 and row["reference_step"] == 4 for row in found), f"{found}")

# 4. Mistakes are one line.
[soft] = glob.glob("runs/study/soft*/run.h5")
for words, code, part in ((("analyze",), 2, "analyze what"), (("analyze", "colapse", path), 2, "collapse"),
                          (("analyze", "collapse"), 2, "which traces"), (("analyze", "collapse", soft), 3, "no assignments"),
                          (("analyze", "collapse", path, "--pairs", "all"), 2, "--pairs"),
                          (("analyze", "coactivation", path, "--pairs", "some"), 2, "adjacent"),
                          (("analyze", "specialisation", path, "--by", "expert"), 2, "domain"),
                          (("analyze", "transitions", path, "--by", "expert"), 2, "pair"),
                          (("analyze", "tokens", many), 3, "token ids"), (("analyze", "saturation", path), 3, "same tokens"),
                          (("analyze", "agreement", path, many), 3, "seeds"), (("analyze", "collapse", path, "--out", "x.abc"), 2, "ending")):
    said = call(*words, code=code)
    check(said.count("\n") == 1 and part in said, f"{words}: {said}")

for name, value in (("trace_length", 0), ("trace_length", 10**9), ("trace_length", 2.5), ("trace_length", float("nan")),
                    ("trace_pass_tokens", 10**6), ("trace_k_max", 10**9), ("trace_k_max", 2), ("trace_k_max", -1)):
    damaged = shutil.copy(path, "damaged.h5")
    with h5py.File(damaged, "r+") as file:
        file.attrs[name] = value
    said = call("analyze", "repetition", damaged, code=3)
    check(said.count("\n") == 1 and name in said, f"{name} = {value}: {said}")
late, early = (plant(f"{step}.h5", chosen if step == 8 else renamed[chosen], experts, ids=ids[None], length=length, step=step) for step in (8, 4))
for name in (late, early):
    with h5py.File(name, "r+") as file:
        file.attrs["run_id"] = "one"
for what in ("fluctuation", "saturation"):
    check("order of the training" in call("analyze", what, late, early), f"{what}: steps in reverse")
    check("order of the training" not in call("analyze", what, early, late), f"{what}: steps in order")

# 8. Figures have the numbers of the tables, and all rows of them.
call("analyze", "coactivation", path, "--plot", "map.svg", "--script", "matplotlib")
with open("map.csv") as file:
    drawn = {(row["panel_title"], row["row_label"], row["column_label"]): float(row["value"]) for row in csv.DictReader(file)}
check(len(drawn) == 2 * experts * experts, f"{len(drawn)} cells of co-activation")
for row in rows("coactivation", path, "--top", "0"):
    cell = drawn[f"layer {row['layer']}", str(row["expert"]), str(row["other"])]
    close(cell, row["ratio"], "a cell of the map", 1e-9)
call("whatif", path, "--capacity", "0.5,1", "--plot", "drops.svg", "--script", "matplotlib")
with open("drops.csv") as file:
    drawn = {(row["name"], float(row["x"])): float(row["y"]) for row in csv.DictReader(file)}
for row in json.loads(call("whatif", path, "--capacity", "0.5,1", "--json"))["rows"]:
    name = "all layers" if row["layer"] == "all" else f"layer {row['layer']}"
    close(drawn[name, float(row["capacity_factor"])], row["dropped_percent"], "a point of the drops", 1e-9)
# A map of a table that --top cuts is refused; --top 0, and a figure that --top does not cut, are not.
maps = (("coactivation",), ("tokens",), ("specialisation", "--by", "token"), ("specialisation", "--by", "previous"), ("transitions", "--by", "pair"),
        ("mixing", "--by", "token"), ("mixing", "--by", "dispatch"), ("mixing", "--by", "combine"))
for what, *by in maps:
    said = call("analyze", what, path, *by, "--plot", "cut.svg", "--top", "5", "--out", "cut.csv", code=2)
    check(said.count("\n") == 1 and "--top 5" in said and not os.path.exists("cut.svg") and not os.path.exists("cut.csv"), f"{what} {by}: {said}")
for words in (("coactivation", "--top", "0"), ("specialisation", "--by", "domain", "--top", "5"), ("transitions", "--top", "5")):
    call("analyze", words[0], path, *words[1:], "--plot", "whole.svg", "--script", "matplotlib")
    check(os.path.exists("whole.csv"), f"{words}")
for words, part in ((("analyze", "agreement", path, copy, "--by", "expert", "--plot", "x.svg"), "no figure"), (("analyze", "repetition", path, "--plot", "x.jpg"), "jpg"),
                    (("whatif", path, "--by", "position", "--plot", "x.svg"), "--by layer")):
    check(part in call(*words, code=2) and not os.path.exists("x.svg"), f"{words}")

checks.finish()
