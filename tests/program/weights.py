#!/usr/bin/env python3
"""Tests the weights of Soft MoE, Lory and SMEAR that moesim route writes, and their tables, against numpy: weights.py MOESIM"""
import glob
import json
import os
import shutil

import checks
from checks import check

h5py, numpy = checks.packages("h5py", "numpy")
readme = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "analysis", "traces", "README.md"))
moesim = checks.Program()
run = moesim.run


def close(row, key, value):
    check(abs(row[key] - value) <= 1e-12 * max(1, abs(value)), f"{key}: {row[key]}, not {value}")


def rows(*words):
    return json.loads(run("analyze", *words, "--json").stdout)["rows"]


def entropy(weights, axis):
    p = weights / weights.sum(axis, keepdims=True)
    return -(p * numpy.log(p)).sum(axis)


with open("study.ini", "w") as file:
    file.write("""[run]
steps = 12
name = study
[data]
length = 24
validation = 8
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 4
[expert]
hidden = 8
[train]
batch = 8
rate = 0.02
[eval]
batch = 4
sequences = 8
[router.lory]
segment = 8
[router.soft]
capacity_factor = 0.5
[sweep]
router.name = soft, lory, smear, mixture_of_tokens, autonomy
""")
run("run", "study.ini")
folder = {name: glob.glob(f"runs/study/{name}-*")[0] for name in ("soft", "lory", "smear", "mixture_of_tokens", "autonomy")}
for name, path in folder.items():
    note = run("route", path, "--split", "validation", "--batches", "0", "--out", f"{name}.h5").stderr
    check(("not sequences" in note) == (name == "mixture_of_tokens") and ("custom plan" in note) == (name == "autonomy"), f"{name}: {note}")
    run("verify", f"{name}.h5")
    with h5py.File(f"{name}.h5") as file:
        check(file.attrs["run_id"] in (os.path.basename(path), os.path.basename(path).encode()), f"run_id of {name}")

# 1. Soft MoE: 8 sequences of 24 tokens, 4 experts with 3 slots each, 2 layers.
with h5py.File("soft.h5") as file:
    check(file["trace_dispatch"].shape == file["trace_combine"].shape == (16, 24, 4, 3), "shape of the maps")
    dispatch, combine = (file[f"trace_{name}"][:].astype(float).reshape(16, 24, 12) for name in ("dispatch", "combine"))
    layer, sequence = file["trace_map_layer"][:], file["trace_map_sequence"][:]
    ids = file["trace_token_id"][0].reshape(8, 24)
check(abs(dispatch.sum(1) - 1).max() < 1e-5 and abs(combine.sum(2) - 1).max() < 1e-5, "dispatch sums to 1 over tokens, combine over slots")
check(sorted(zip(layer, sequence)) == [(a, b) for a in (0, 1) for b in range(8)], "layers and sequences of the maps")
for number, row in enumerate(rows("mixing", "soft.h5")):
    d, c = dispatch[layer == number], combine[layer == number]
    weight = d.sum(2).ravel()
    check((row["sequences"], row["tokens"], row["slots"]) == (8, 192, 12), f"{row}")
    close(row, "dispatch_entropy", entropy(d, 1).mean())
    close(row, "dispatch_tokens", numpy.exp(entropy(d, 1)).mean())
    close(row, "combine_entropy", entropy(c, 2).mean())
    close(row, "combine_slots", numpy.exp(entropy(c, 2)).mean())
    close(row, "token_weight_least", weight.min())
    close(row, "token_weight_median", numpy.median(weight))
    close(row, "token_weight_largest", weight.max())
    close(row, "token_weight_even", 0.5)
    close(row, "heaviest_tenth_percent", 100 * numpy.sort(weight)[-19:].sum() / weight.sum())
    close(row, "slot_weight_largest", c.sum(1).max())
by_token = rows("mixing", "soft.h5", "--by", "token", "--top", "0")
check(len(by_token) == 384, "a row per token and layer")
for row in by_token:
    at = (layer == int(row["layer"])) & (sequence == row["sequence"])
    own = dispatch[at][0, row["position"]]
    close(row, "token_weight", own.sum())
    close(row, "ratio", 2 * own.sum())
    check(int(row["token_id"]) == ids[row["sequence"], row["position"]], f"{row}: id")
top = rows("mixing", "soft.h5", "--by", "token", "--top", "1")
check([row["token_weight"] for row in top] == [max(row["token_weight"] for row in by_token if row["layer"] == name) for name in "01"], "--top")
for by, weights, terms in (("dispatch", dispatch, 24), ("combine", combine, 12)):
    cells = rows("mixing", "soft.h5", "--by", by, "--top", "0", "--sequence", "5")
    check(len(cells) == 2 * 24 * 12, f"--by {by}: a row per cell")
    for row in cells:
        expert, slot = map(int, row["slot"].split("."))
        own = weights[(layer == int(row["layer"])) & (sequence == 5)][0, row["position"], 3 * expert + slot]
        close(row, "weight", own)
        close(row, "ratio", terms * own)
check("8 sequences" in run("analyze", "mixing", "soft.h5", "--by", "combine", "--sequence", "8", code=2).stderr, "no such sequence")
check("choose one of token, dispatch, combine" in run("analyze", "mixing", "soft.h5", "--by", "expert", code=2).stderr, "no such rows")

for name, what in (("soft", "4 maps of dispatch and combine weights in 2 layers"), ("lory", "8 merged experts in 2 layers"), ("smear", "4 merged")):
    # --text: two sequences, of 24 tokens and of one
    said = run("route", folder[name], "--text", " ".join(["1"] * 25), "--out", "said.h5").stdout
    check(what in said and " assignments" not in said and " 25 tokens" in said, f"{name}: {said}")
check("1 token, 2 maps" in run("route", folder["soft"], "--text", "3", "--out", "said.h5").stdout, "counts of one")
for name in folder:  # a table would have no rows
    said = run("route", folder[name], "--split", "validation", "--out", "none.csv", code=2).stderr
    check(".h5" in said and said.strip().splitlines()[-1].startswith("moesim: ") and not os.path.exists("none.csv"), f"a table of {name}: {said}")

# The example of analysis/traces/README.md selects the map of layer 1, sequence 5.
example = open(readme, encoding="utf-8").read().split("```python\n")[1].split("```")[0]
try:
    import h5netcdf  # noqa: F401
    import xarray  # noqa: F401
except ImportError as missing:
    print(f"the example of {readme} is not run: {missing}")
else:
    names = {}
    exec(example, names)
    check((names["one"].trace_dispatch.values.reshape(24, 12) == dispatch[(layer == 1) & (sequence == 5)][0].astype("f4")).all(), "the example's map")

# 2. A text whose last piece is shorter: the rest of its map is empty.
run("route", folder["soft"], "--text", " ".join(str(i % 16) for i in range(30)), "--out", "text.h5")
with h5py.File("text.h5") as file:
    d, last = file["trace_dispatch"][:], file["trace_map_sequence"][:] == 1
    check(numpy.isnan(d[last][:, 6:]).all() and not numpy.isnan(d[last][:, :6]).any() and not numpy.isnan(d[~last]).any(), "a shorter sequence")
    check(abs(d[last][:, :6].sum(1) - 1).max() < 1e-5, "its slots mix its own tokens")
check([row["tokens"] for row in rows("mixing", "text.h5")] == [30, 30], "tokens of the text")

# 3. Merges: segments of Lory, sequences of SMEAR.
for name, groups in (("lory", 3), ("smear", 1)):
    with h5py.File(f"{name}.h5") as file, h5py.File(f"{folder[name]}/run.h5") as trained:
        weight, of = file["trace_merge_weight"][:].astype(float), file["trace_merge_layer"][:]
        token, size = file["trace_merge_token"][:], file["trace_merge_tokens"][:]
        recorded = trained["eval_router_entropy"][-1], trained["eval_load"][-1]
    check(weight.shape == (2 * 8 * groups, 4) and (size == 24 // groups).all(), f"{name}: groups")
    for number, row in enumerate(rows("merging", f"{name}.h5")):
        own = weight[of == number]
        check((row["merged"], row["tokens"], row["experts"]) == (8 * groups, 192, 4), f"{row}")
        close(row, "entropy", entropy(own, 1).mean())
        close(row, "entropy_of_mean", entropy(own.mean(0), 0))
        close(row, "entropy_even", numpy.log(4))
        check(row["expert"] == own.mean(0).argmax(), f"{row}: the heaviest expert")
        check(abs(row["entropy"] - recorded[0][number]) < 1e-5, f"{name}: router_entropy of the run is {recorded[0][number]}")
    for row in rows("merging", f"{name}.h5", "--by", "expert"):
        own = weight[of == int(row["layer"])]
        close(row, "weight", own.mean(0)[row["expert"]])
        check(abs(row["weight"] * 192 - recorded[1][int(row["layer"])][row["expert"]]) < 1e-3, f"{name}: the load of the run")
        close(row, "largest_percent", 100 * (own.argmax(1) == row["expert"]).mean())
    segments = rows("merging", f"{name}.h5", "--by", "segment")
    check([(row["segment"], row["position"]) for row in segments] == 2 * [(s, s * 24 // groups) for s in range(groups)], f"{name}: segments")
    for row in segments:
        own = weight[(of == int(row["layer"])) & (token % 24 == row["position"])]
        close(row, "entropy", entropy(own, 1).mean())
        close(row, "effective_experts", numpy.exp(entropy(own, 1)).mean())

# 4. Files of the wrong kind, and damaged ones.
for what, path in (("mixing", "lory.h5"), ("merging", "soft.h5"), ("mixing", "mixture_of_tokens.h5"), ("mixing", f"{folder['soft']}")):
    check("moesim route" in run("analyze", what, path, code=3).stderr, f"{what} of {path}")
both = run("analyze", "merging", "lory.h5", "soft.h5").stdout
check("left out: soft.h5" in both, f"one of two: {both}")
check("--step 3" in run("analyze", "mixing", "soft.h5", "--step", "3", code=2).stderr, "no such step")


def damage(source, change):
    """Copies a file of moesim route, changes it with h5py, and returns the message of its table."""
    shutil.copy(source, "damaged.h5")
    with h5py.File("damaged.h5", "r+") as file:
        change(file)
    said = run("analyze", "merging" if source == "lory.h5" else "mixing", "damaged.h5", code=3).stderr
    check(said.count("\n") == 1 and "damaged.h5" in said, f"one line: {said}")
    return said


def put(name, where, value):
    def change(file):
        file[name][where] = value

    return change


def put_size(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def swap(name, a, b):
    def change(file):
        values = file[name][:]
        values[[a, b]] = values[[b, a]]
        file[name][:] = values

    return change


def retype(name):
    def change(file):
        scales = [dict(dim) for dim in file[name].dims]
        old = file[name][:]
        del file[name]
        new = file.create_dataset(name, data=(old > 0.5).astype("i4"))
        for axis, scale in enumerate(scales):
            for one in scale.values():
                new.dims[axis].attach_scale(one)

    return change


def scale(name, where, factor):
    def change(file):
        file[name][where] = file[name][where] * factor

    return change


nan = float("nan")
for source, change, why in (
        ("soft.h5", put("trace_dispatch", (0, 2, 1, 1), 2.0), "trace_dispatch has a weight out of range"),
        ("soft.h5", put("trace_dispatch", (0, 2, 1, 1), -0.5), "trace_dispatch has a weight out of range"),
        ("soft.h5", put("trace_dispatch", (0, 0, 0, 0), float("inf")), "trace_dispatch has a weight out of range"),
        ("soft.h5", put("trace_dispatch", (3, 2, 1, 1), nan), "trace_dispatch has a gap"),
        ("soft.h5", put("trace_dispatch", (3, 0, 1, 1), nan), "trace_dispatch has a gap"),  # of the first token
        ("soft.h5", put("trace_combine", (3, 0, 1, 1), nan), "trace_combine has a gap"),
        ("soft.h5", put("trace_dispatch", (3, slice(20, 24)), nan), "trace_dispatch has a gap"),  # the last tokens
        ("soft.h5", put("trace_dispatch", (3, slice(None), 1, 1), nan), "trace_dispatch has a gap"),  # a slot
        ("soft.h5", put("trace_dispatch", (3,), nan), "trace_dispatch has a gap"),
        ("text.h5", put("trace_dispatch", (3, 7, 0, 0), 0.5), "trace_dispatch has weights beyond a map"),
        ("soft.h5", scale("trace_dispatch", (5, slice(None), 2, 0), 0.99), "trace_dispatch: the weights of a slot sum to 0.99, not to 1"),
        ("soft.h5", scale("trace_combine", (5, 7), 0.99), "trace_combine: the weights of a token sum to 0.99, not to 1"),
        ("soft.h5", put_size("trace_length", 12), "trace_dispatch has 24 positions, and trace_length is 12"),
        ("soft.h5", put_size("trace_tokens", 2**31 - 1), "trace_tokens is 2147483647"),
        ("soft.h5", put("trace_map_layer", 0, -1), "trace_map_layer has a label out of range"),
        ("soft.h5", put("trace_map_layer", 0, 7), "layer 7"),
        ("soft.h5", put("trace_map_layer", 0, 1), "trace_map_sequence"),
        ("soft.h5", put("trace_map_layer", slice(None), 1), "weights of 1 layers"),
        ("soft.h5", put("trace_map_sequence", 0, 9), "trace_map_sequence"),
        ("soft.h5", swap("trace_map_sequence", 0, 1), "trace_map_sequence"),
        ("soft.h5", retype("trace_dispatch"), "trace_dispatch is of another type"),
        ("lory.h5", scale("trace_merge_weight", (5,), 0.99), "trace_merge_weight: the weights of a merged expert sum to 0.99, not to 1"),
        ("lory.h5", put("trace_merge_weight", (5, 1), nan), "trace_merge_weight has a gap"),
        ("lory.h5", put("trace_merge_weight", (5, 3), nan), "trace_merge_weight: the weights of a merged expert"),
        ("lory.h5", put("trace_merge_layer", 0, 7), "layer 7"),
        ("lory.h5", put("trace_merge_layer", 0, 1), "trace_merge_token"),
        ("lory.h5", swap("trace_merge_token", 0, 1), "trace_merge_token"),
        ("lory.h5", put("trace_merge_tokens", 0, 0), "trace_merge_tokens"),
        ("lory.h5", put("trace_merge_tokens", -1, 16), "trace_merge_tokens of layer 1 add up to 200, and trace_tokens is 192"),
        ("lory.h5", retype("trace_merge_weight"), "trace_merge_weight is of another type")):
    said = damage(source, change)
    check(why in said, f"{why}: {said}")

# 5. Routers that run their experts themselves have no traces; the experts that a token does not use are not active.
said = run("analyze", "collapse", "autonomy.h5", code=3).stderr
check("custom plan" in said and said.count("\n") == 1, f"autonomy has no traces: {said}")
check("custom plan" in run("analyze", "coactivation", folder["autonomy"], code=3).stderr, "a run without traces")
with h5py.File(f"{folder['autonomy']}/run.h5") as file:
    # 2 layers · (4 - 2) idle experts · hidden 32 · (rank 4 + 2 · width 16)
    check(file.attrs["parameters_total"] - file.attrs["parameters_active"] == 2 * 2 * 32 * (4 + 32), "active parameters")

# 6. checkpoint.keep: what happens over a training, from its checkpoints.
run("run", "study.ini", "run.name=kept", "router.name=token_choice", "checkpoint.every=3", "checkpoint.keep=4")
[kept] = glob.glob("runs/kept/token_choice-*")
check([name for name in sorted(os.listdir(f"{kept}/checkpoint")) if "step" in name] == [f"step-{step:09}" for step in (3, 6, 9, 12)], "checkpoints")
files = []
for step in (3, 6, 9, 12):
    files.append(f"at{step}.h5")
    run("route", kept, "--split", "validation", "--checkpoint", step, "--out", files[-1])
check([(row["layer"], row["step"]) for row in rows("saturation", *files)] == [(name, step) for name in "01" for step in (3, 6, 9)], "saturation")
changes = rows("fluctuation", *files)
check([(row["layer"], row["step"], row["next_step"]) for row in changes] == [(name, step, step + 3) for step in (3, 6, 9) for name in "01"], "fluctuation")
check(all(0 <= row["changed_interval"][0] <= row["changed"] <= row["changed_interval"][1] <= 1 for row in changes), f"intervals of shares: {changes}")
check("checkpoint.keep" in run("analyze", "saturation", files[0], code=3).stderr, "how to have more checkpoints")

checks.finish()
