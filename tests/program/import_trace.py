#!/usr/bin/env python3
"""Tests moesim import-trace as its users run it: import_trace.py MOESIM

Arrays are written byte by byte (foreign_arrays.py); a tiny random Mixtral and Switch come from transformers, if it is there.
"""
import json
import math
import os
import random
import struct
import subprocess

from foreign_arrays import npy, npz, safetensors, save

import checks
from checks import check

[h5py] = checks.packages("h5py")
moesim = checks.Program()
call = moesim.call
chance = random.Random(0)


def rows_of(path, trace=0, layer=0):
    """(expert, token, choice, gate, served) of one layer of one trace, in the order of the file."""
    with h5py.File(path) as file:
        begin = [int(x) for x in file["trace_begin"][trace, layer]]
        columns = {name: file["trace_" + name][begin[0]:begin[-1]] for name in ("token", "choice", "gate", "served")}
        rows = []
        for e in range(len(begin) - 1):
            for i in range(begin[e] - begin[0], begin[e + 1] - begin[0]):
                rows.append((e, int(columns["token"][i]), int(columns["choice"][i]), float(columns["gate"][i]), int(columns["served"][i])))
        return rows


def choices_of(path, trace=0, layer=0):
    return {(token, choice): expert for expert, token, choice, _, _ in rows_of(path, trace, layer)}


T, L, K, E = 40, 3, 2, 6
experts = [[chance.sample(range(E), K) for _ in range(L)] for _ in range(T)]
gates = [[[chance.random() for _ in range(K)] for _ in range(L)] for _ in range(T)]
logits = [[[chance.gauss(0, 2) for _ in range(E)] for _ in range(L)] for _ in range(T)]
ids = [chance.randrange(50000) for _ in range(T)]


def imported(out, layer=0, trace=0, of=experts):
    return choices_of(out, trace, layer) == {(t, c): of[t][layer][c] for t in range(len(of)) for c in range(K)}


# 1. Every type of integer, plain or in an archive; gates of every type; names of files.
for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
    text = call("import-trace", save("a.npy", npy(experts, kind, f"|{kind}" if kind[1] == "1" else None)), "--out", "a.h5")
    check(all(imported("a.h5", layer) for layer in range(L)), f"experts of {kind}")
    check("E = 6 is a guess" in text and "every gate is 1" in text and "0 dropped" in text, text)
for kind in ("f2", "f4", "f8"):
    npz("a.npz", kind == "f4", experts=npy(experts, "i8"), gates=npy(gates, kind), token_ids=npy(ids, "i4"))
    call("import-trace", "a.npz", "--experts", E, "--length", 16, "--out", "a.h5")
    error = max(abs(gate - gates[token][layer][choice]) for layer in range(L) for _, token, choice, gate, _ in rows_of("a.h5", 0, layer))
    check(error < {"f2": 1e-3, "f4": 1e-7, "f8": 1e-7}[kind] and imported("a.h5", 2), f"gates of {kind}: {error}")
    with h5py.File("a.h5") as file:
        check(list(file["trace_token_id"][0]) == ids and file.attrs["trace_length"] == 16, "token ids and length")
for name, values, kind in (("experts", experts, "i2"), ("gates", gates, "f4"), ("token_ids", ids, "i8")):
    save(name + ".npy", npy(values, kind))
call("import-trace", "gates.npy", "experts.npy", "token_ids.npy", "--experts", E, "--length", 16, "--name", "a", "--out", "b.h5")
check(rows_of("b.h5", 0, 1) == rows_of("a.h5", 0, 1), "files by their names")
safetensors("a.safetensors", experts=(experts, "i8"), gates=(gates, "f4"), token_ids=(ids, "i4"), more=(ids, "i4"))
check("'more' is left out" in call("import-trace", "a.safetensors", "--out", "b.h5"), "another tensor")
check(rows_of("b.h5", 0, 1) == rows_of("a.h5", 0, 1), "safetensors")
call("import-trace", safetensors("b.safetensors", experts=(experts, "i4"), gates=(gates, "bf16")), "--out", "b.h5")
error = max(abs(gate / gates[token][1][choice] - 1) for _, token, choice, gate, _ in rows_of("b.h5", 0, 1))
check(error < 2 ** -7, f"bfloat16, cut off after 8 bits: {error}")
check("BOOL" in call("import-trace", safetensors("b.safetensors", experts=(experts, "i1")), "--out", "b.h5", code=3), "a type that is no number")


# 2. Logits with a rule: the gates of this formula, the largest first, of equal ones the lower index.
def softmax(values, among):
    return [math.exp(x) / sum(math.exp(y) for y in among) for x in values]


logits[3][1] = [1.0, 2.0, 2.0, 0.5, 2.0, 1.0]
rules = {"softmax": lambda chosen, row: softmax(chosen, row), "softmax-of-chosen": lambda chosen, row: softmax(chosen, chosen),
         "sigmoid": lambda chosen, row: [1 / (1 + math.exp(-x)) for x in chosen]}
for rule, formula in rules.items():
    call("import-trace", npz("l.npz", True, logits=npy(logits, "f8")), "--gate", rule, "--k", K, "--out", "l.h5")
    for layer in range(L):
        for expert, token, choice, gate, _ in rows_of("l.h5", 0, layer):
            row = logits[token][layer]
            order = sorted(range(E), key=lambda e: (-row[e], e))[:K]
            wanted = formula([row[e] for e in order], row)[choice]
            check(order[choice] == expert and abs(gate - wanted) < 1e-6, f"{rule}: token {token}, layer {layer}: {gate} {wanted}")
call("import-trace", npz("l.npz", experts=npy(experts, "i4"), logits=npy(logits, "f4")), "--gate", "softmax", "--out", "l.h5")
check(imported("l.h5", 1), "experts with logits: the choices are those given")
check(all(abs(gate - softmax([logits[token][1][expert]], logits[token][1])[0]) < 1e-6 for expert, token, _, gate, _ in rows_of("l.h5", 0, 1)),
      "experts with logits: gates by the rule")
# A masked expert has the logit -inf and is chosen by nobody; with too few others the file is refused.
masked = [[[-math.inf, *row[1:]] for row in token] for token in logits]
call("import-trace", npz("m.npz", logits=npy(masked, "f8")), "--gate", "softmax", "--k", K, "--out", "m.h5")
check(all(expert > 0 for layer in range(L) for expert, *_ in rows_of("m.h5", 0, layer)), "masked experts have no tokens")
check(all(abs(gate - softmax([masked[token][0][expert]], masked[token][0])[0]) < 1e-6 for expert, token, _, gate, _ in rows_of("m.h5", 0, 0)),
      "gates beside masked experts")
masked[2][1] = [-math.inf] * (E - 1) + [0.0]
check("-inf" in call("import-trace", npz("m.npz", logits=npy(masked, "f8")), "--gate", "softmax", "--k", K, "--out", "n.h5", code=3) and
      not os.path.exists("n.h5"), "more choices than experts that are not masked")
check("transpose" in call("import-trace", save("t.npy", npy([[[0]] * 300] * 2, "i4")), "--out", "t.h5", code=3), "layers before tokens")
text = call("import-trace", npz("l.npz", logits=npy(logits, "f8")), "--out", "l.h5", code=2)
check("--k" in text and "softmax-of-chosen" in text, text)


# 3. Capacity, by a plain count of places; whatif of the dropless trace says the same drops.
def served(layer, size, capacity, key):
    taken, kept = {}, set()
    for token, choice in sorted(((t, c) for t in range(T) for c in range(K)), key=key):
        place = taken.setdefault((token // size, experts[token][layer][choice]), [])
        if len(place) < capacity(min(size, T - token // size * size)):
            kept.add((token, choice))
        place.append(token)
    return kept


call("import-trace", "a.npz", "--experts", E, "--length", 16, "--out", "free.h5")
for group, size in (("sequence", 16), ("batch", T)):
    for fill in ("token", "choice", "priority"):
        for factor in (0.5, 1):
            call("import-trace", "a.npz", "--experts", E, "--length", 16, "--group", group, "--fill", fill, "--capacity-factor", factor,
                 "--out", "c.h5")
            total = 0
            for layer in range(L):
                key = {"token": lambda at: at, "choice": lambda at: (at[1], at[0]),
                       "priority": lambda at: (at[1], -gates[at[0]][layer][0], at[0])}[fill]
                kept = served(layer, size, lambda n: math.ceil(factor * n * K / E - 1e-9), key)
                rows = rows_of("c.h5", 0, layer)
                check({(t, c) for _, t, c, _, s in rows if s} == kept, f"{group} {fill} {factor}: layer {layer}")
                check(all(a[4] >= b[4] for a, b in zip(rows, rows[1:]) if a[0] == b[0]), "dropped ones follow those served")
                total += T * K - len(kept)
            drops = json.loads(call("whatif", "free.h5", "--capacity", factor, "--group", group, "--fill", fill, "--json"))["rows"]
            check(drops[-1]["dropped"] == total, f"whatif {group} {fill} {factor}: {drops[-1]} {total}")
            own = json.loads(call("whatif", "c.h5", "--capacity", factor, "--json"))["rows"]
            check(own[-1]["dropped"] == total, f"whatif of a trace with drops, {group} {fill} {factor}")

# 4. verify reads the file, tables its statistics.
check("all in order" in call("verify", "free.h5"), "verify")
content = open("free.h5", "rb").read()
at = content.rfind(b"router.imported")
call("verify", "free.h5", "c.h5", "b.h5")
damaged = bytearray(content)
for i in range(len(content) // 2, len(content) // 2 + 2000):
    damaged[i] ^= 0x55
save("damaged.h5", damaged)
done = subprocess.run([moesim, "verify", "damaged.h5"], capture_output=True, text=True)
check(done.returncode == 3, f"verify of a damaged trace: {done}")
for layer, row in enumerate(json.loads(call("export", "free.h5", "--table", "utilization", "--format", "json"))["rows"][:L]):
    loads = [sum(experts[t][layer].count(e) for t in range(T)) for e in range(E)]
    mean = sum(loads) / E
    cv = math.sqrt(sum((x - mean) ** 2 for x in loads) / E) / mean
    check(abs(row["load_cv"]["mean"] - cv) < 1e-9, f"utilization of layer {layer}: {row}, {cv}")


# 5. Megatron's records: ranks follow each other, steps are traces.
def record(step, layer, rank, rows, **more):
    return {"step": step, "stage": "pre_dispatch", "block": "decoder", "layer": layer, "rank": rank, "num_tokens": len(rows), "topk": len(rows[0]),
            "top_indices": rows, "semantic_token_ids": ["a", None, 1.5, {"b": [1]}], **more}


def lines(*records):
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records).encode()


def ranks_of(steps):
    return [[record(step, layer + 1, rank, [row[layer] for row in steps[step][half]]) for step in steps for layer in range(L)]
            for rank, half in enumerate((slice(0, 25), slice(25, None)))]


steps = {4: experts, 7: experts[::-1]}
parts = ranks_of(steps)
parts[1].append(record(4, 1, 0, [[0, 1]], block="mtp", mtp_idx=0))
chance.shuffle(parts[1])
files = [save(f"router_trace_rank{rank}.jsonl", lines(*part)) for rank, part in enumerate(parts)]
text = call("import-trace", *files, "--experts", E, "--out", "m.h5")
check("1 records of the block 'mtp' are left out" in text, text)
check(all(imported("m.h5", layer, trace, of) for trace, of in enumerate(steps.values()) for layer in range(L)), "Megatron's choices")
with h5py.File("m.h5") as file:
    check(list(file["trace_step"]) == [4, 7] and list(file["layer"]) == [1, 2, 3] and list(file["record"]) == [4, 7], "steps and layers")
check("all in order" in call("verify", "m.h5"), "verify of Megatron's")
check(json.loads(call("whatif", "m.h5", "--capacity", "0", "--json"))["rows"][-1]["assignments"] == 2 * T * L * K, "whatif of Megatron's")
good = record(0, 1, 0, [[0, 1], [2, 3]])
for bad, why in ((record(0, 1, 0, [[0, 0]]), "distinct"), (record(0, 1, 0, [[0, 6]]), "from 0 to 5"), (record(0, 1, 0, [[0, -1]]), "from 0"),
                 ({**good, "num_tokens": 3}, "num_tokens"), ({**good, "topk": 3}, "topk"), ({**good, "top_indices": [[0, 1], [2]]}, "token 1"),
                 ({**good, "top_indices": [[0, 1], [2, 3.5]]}, "integers"), ({**good, "top_indices": [0, 1]}, "array of experts"),
                 ({**good, "top_indices": {"a": 1}}, "array"), ({**good, "top_indices": [[[0]]]}, "three"), ({**good, "rank": "0"}, "rank"),
                 ({**good, "step": None}, "step"), ({**good, "step": -1}, "step"), ({**good, "stage": "post"}, "pre_dispatch"),
                 ({**good, "layer": 1.0}, "layer"), ({k: v for k, v in good.items() if k != "rank"}, "rank"),
                 (record(0, 2, 0, [[0, 1], [2, 3], [0, 1]]), "3 tokens"), (record(1, 2, 0, [[0, 1], [2, 3]]), "no record of layer 1"),
                 (record(0, 1, 1, [[0, 1], [2, 3]]) | {"layer": 2}, "rank 1"), (good, "too"), ("{\"step\":1", "broken JSON"),
                 ("{\"step\":1,\"step\":2}", "twice"), ("[1]", "JSON object"), ("{\"a\":" + "[" * 100000, "deep"), ("5", "JSON object"),
                 ({**good, "top_indices": [[0, 1], [10 ** 30, 2]]}, ""), ("{\"step\":NaN}", "broken JSON"), ("{}x", "broken JSON")):
    alone = isinstance(bad, dict) and why in ("distinct", "from 0 to 5")
    message = call("import-trace", save("bad.jsonl", lines(bad) if alone else lines(good, bad)), "--experts", E, "--out", "bad.h5", code=3)
    check(why in message and "bad.jsonl" in message, f"{str(bad)[:200]}: {message}")
call("import-trace", files[0], "experts.npy", "--out", "bad.h5", code=2)
call("import-trace", *files, "--gate", "softmax", "--out", "bad.h5", code=2)

# 6. Bad arrays: one line, exit 3, no file.
os.mkdir("folder")
whole, packed = npy(experts, "i4"), open(npz("p.npz", True, experts=npy(experts, "i4")), "rb").read()
entry = packed.rfind(b"PK\x01\x02")


def changed(content, at, new):
    return content[:at] + new + content[at + len(new):]


def with_expert(value):
    return npy([[[value, 1]] * L] + experts[1:], "i8")


cases = {
    "truncated": whole[:-1], "longer": whole + b"0", "no numbers": whole[:50], "magic": whole[:6], "empty": b"", "text": b"hello world",
    "gz": b"\x1f\x8b\x08" + bytes(40), "big-endian": npy(experts, "i4", ">i4"),
    "objects": npy(experts, "i4", "|O"), "Fortran": npy(experts, "i4", None, True), "two axes": npy(experts, "i4", size=(T, L * K)),
    "no tokens": npy([], "i4", size=(0, L, K)), "huge": npy(experts, "i4", size=(1 << 40, 1 << 40, 2)), "large": npy(experts, "i4", size=(1 << 31, 3, 2)),
    "out of range": with_expert(6), "far out of range": with_expert(1 << 40), "negative": with_expert(-1), "twice": with_expert(1),
    "header": whole.replace(b"'descr'", b"'other'"), "code": whole.replace(b"(40, 3, 2)", b"(40, 3*2) "), "long header": changed(whole, 8, b"\xff\xff"),
    "version": changed(whole, 6, b"\x09"), "zip cut": packed[:-5], "zip: only the end": packed[-22:], "zip: crc": changed(packed, entry + 16, b"\x00\x00"),
    "zip: size": changed(packed, entry + 24, b"\xff\xff\xff\x7f"), "zip: packed": changed(packed, entry + 20, b"\xff\xff\xff\x7f"),
    "zip: offset": changed(packed, entry + 42, b"\xff\xff\x00\x00"), "zip: method": changed(packed, entry + 10, b"\x0c"),
    "zip: encrypted": changed(packed, entry + 8, b"\x01"), "zip: data": changed(packed, 80, bytes(30)), "zip: count": changed(packed, len(packed) - 12, b"\x09"),
    "zip: 4 GB": changed(packed, entry + 24, b"\xff\xff\xff\xff"), "zip: directory": changed(packed, len(packed) - 6, b"\xff\xff\xff\x7f"),
    "safetensors: header": struct.pack("<Q", 1 << 60) + b"{}", "safetensors: cut": open("a.safetensors", "rb").read()[:-3],
    "safetensors: none": struct.pack("<Q", 2) + b"{}",
}
for what, content in cases.items():
    message = call("import-trace", save("bad", content), "--experts", E, "--out", "bad.h5", code=3)
    check("bad:" in message, f"{what}: {message}")
for arrays, why in ((dict(experts=npy(experts, "i4"), gates=npy(gates[1:], "f4")), "as experts"), (dict(gates=npy(gates, "f4")), "expected an array"),
                    (dict(experts=npy(experts, "f4")), "integers"), (dict(experts=npy(experts, "i4"), gates=npy(experts, "i4")), "floating"),
                    (dict(experts=npy(experts, "i4"), gates=npy([[[math.nan, 1]] * L] + gates[1:], "f4")), "a gate"),
                    (dict(experts=npy(experts, "i4"), gates=npy([[[-0.5, 1]] * L] + gates[1:], "f8")), "a gate"),
                    (dict(experts=npy(experts, "i4"), gates=npy([[[math.inf, 1]] * L] + gates[1:], "f2")), "a gate"),
                    (dict(experts=npy(experts, "i4"), token_ids=npy(ids[1:], "i4")), "as tokens"),
                    (dict(experts=npy(experts, "i4"), token_ids=npy([-1] + ids[1:], "i4")), "an id"), ({"../experts": npy(experts, "i4")}, "../experts"),
                    ({"folder/experts": npy(experts, "i4")}, "folder/experts"), ({"a\nb": npy(experts, "i4")}, "a?b")):
    message = call("import-trace", npz("bad.npz", **arrays), "--experts", E, "--out", "bad.h5", code=3)
    check(why in message, f"{list(arrays)}: {message}")
logits[0][0][0] = math.nan
call("import-trace", npz("bad.npz", logits=npy(logits, "f4")), "--k", 2, "--gate", "sigmoid", "--out", "bad.h5", code=3)
for words, code in ((("folder",), 3), (("none.npy",), 3), ((".",), 3), (("../",), 3), (("/dev/zero",), 3), ((), 2),
                    (("experts.npy", "a.npz"), 3), (("experts.npy", "--k", 3), 2), (("experts.npy", "--gate", "softmax"), 2),
                    (("l.npz", "--gate", "top", "--k", 1), 2), (("l.npz", "--gate", "softmax", "--k", 7), 2), (("experts.npy", "--experts", 4), 3),
                    (("l.npz", "--gate", "softmax", "--k", 1, "--experts", 7), 2), (("experts.npy", "--length", T + 1), 2),
                    (("experts.npy", "--group", "world"), 2), (("experts.npy", "--fill", "priority", "--capacity-factor", 1), 2),
                    (("experts.npy", "--capacity-factor", "nan"), 2), (("experts.npy", "--name", "a/b"), 2)):
    call("import-trace", *words, "--out", "bad.h5", code=code)
call("import-trace", "experts.npy", code=2)
call("import-trace", "experts.npy", "--out", "x.csv", code=2)
call("import-trace", "experts.npy", "--out", "none/x.h5", code=4)
check(not os.path.exists("bad.h5"), "a failed import writes nothing")
for _ in range(300):  # random damage: never a crash, never two lines
    content = bytearray(chance.choice((packed, whole, open("a.safetensors", "rb").read(), lines(*parts[0]))))
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(len(content) if chance.random() < 0.5 else min(200, len(content)))] = chance.randrange(256)
    done = subprocess.run([moesim, "import-trace", save("bad", content), "--out", "maybe.h5"], capture_output=True, text=True)
    check(done.returncode in (0, 2, 3) and (done.returncode == 0 or done.stderr.count("\n") == 1), f"random damage: {done}")

# 7. Models of transformers: the utilisation is that of its own tensors.
docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../analysis/traces/IMPORT.md")
try:
    import numpy  # noqa: F401
    import safetensors  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError as missing:
    print(f"skipped: traces of models of transformers ({missing})")
else:
    import transformers_traces
    transformers_traces.test(call, check, rows_of, docs)

checks.finish()
