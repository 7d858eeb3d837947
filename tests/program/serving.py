#!/usr/bin/env python3
"""Tests generation with a cache, moesim sample and moesim bench --serve: serving.py MOESIM

The text is the same with and without keys and values of earlier tokens, also beyond the window; what covers whole windows
says so; the numbers of bench --serve agree with each other and with the model; nothing is written; mistakes are one line.
"""
import glob
import json

import checks
from checks import check

moesim = checks.Program()


def call(*words, code=0):
    return moesim.run(*words, "--threads", 1, code=code)



with open("c.ini", "w") as file:
    file.write("""[run]
name = c
steps = 2
[data]
length = 16
validation = 8
[model]
layers = 2
width = 16
heads = 2
[moe]
experts = 8
[expert]
hidden = 8
[train]
batch = 4
[router.token_choice]
k = 2
[sweep]
router.name = dense, token_choice, soft, sentence
""")
call("run", "c.ini")
runs = {name: glob.glob(f"runs/c/*{name}*")[0] for name in ("dense", "token_choice", "soft", "sentence")}
before = sorted(glob.glob("**", recursive=True))

for name, run in runs.items():
    words = ("sample", run, "--prompt", "3 1 4", "--tokens", 20, "--seed", 5, "--json")
    cached, whole = call(*words), call(*words, "--no-cache")
    check(json.loads(cached.stdout) == json.loads(whole.stdout), f"{name}: another text without the cache")
    reason = {"token_choice": "block 0: router.name = token_choice has a capacity, by which a new token may reroute earlier ones; "
                              "with --dropless it does not",
              "soft": "block 0: router.name = soft may route a token by later tokens, or by their number"}.get(name)
    note = "note: every token takes a pass over the whole window"
    check((note in cached.stderr) == (reason is not None), f"{name}: {cached.stderr}")
    check(reason is None or f"{note}: {reason}\n" in cached.stderr, f"{name}: {cached.stderr}")
    check(note not in whole.stderr, f"{name} --no-cache: {whole.stderr}")
words = ("sample", runs["token_choice"], "--prompt", "3 1 4", "--tokens", 9, "--dropless", "--json")
cached, whole = call(*words), call(*words, "--no-cache")
check("note" not in cached.stderr and cached.stdout == whole.stdout, f"dropless: {cached.stderr}")

document = json.loads(call("bench", "--serve", runs["token_choice"], "--dropless", "--batches", "1,2,8", "--prompt", 6,
                           "--experts-cached", "0,4,8", "--json").stdout)
check(document["texts"] == 8 and document["prompt"] == 6 and document["tokens"] == 11, f"sizes: {document}")
for batch in document["batches"]:
    b, seconds = batch["batch"], batch["tpot_ms"] / 1e3
    check(abs(batch["tokens_per_second"] * seconds / b - 1) < 1e-9, f"tokens/s: {batch}")
    for key in ("ttft_ms", "token_ms"):
        check(0 < batch[key]["p50"] <= batch[key]["p95"] <= batch[key]["p99"], f"{key}: {batch}")
    check(batch["whole_windows"] == 0 and batch["cache_bytes"] == 2 * 2 * 4 * 16 * 16 * b, f"cache: {batch}")
    for layer in batch["layers"]:
        check(layer["rows_per_token"] == 2 and layer["experts"] == 8, f"rows: {layer}")
        check(abs(layer["touched_expected"] - 8 * (1 - 0.75**b)) < 1e-9, f"expected: {layer}")
        check(2 <= layer["touched"] <= min(8, 2 * b) and (b > 1 or layer["touched"] == 2), f"touched: {layer}")
    none, half, all_of = batch["expert_caches"]
    check(none["hit_rate"] == 0, f"no cache: {none}")
    check(b == 1 or none["prefetched"] > 0, f"nothing is prefetched: {none}")  # 2 to 16 choices of 8 experts share some
    requests = sum(layer["touched"] for layer in batch["layers"]) * 10 * 8 / b
    check(abs((1 - all_of["hit_rate"]) * requests - round((1 - all_of["hit_rate"]) * requests)) < 1e-6, f"all: {all_of}")
    check((1 - all_of["hit_rate"]) * requests <= 16 + 1e-6, f"more misses than experts: {all_of}")
    for one in (none, half, all_of):
        check(0 <= one["hit_rate"] <= one["prefetched"] <= 1, f"rates: {one}")
first, *_, last = document["batches"]
check(last["weight_bytes_per_token"] < first["weight_bytes_per_token"], "a batch reads as much for a token")
check({"experts", "routers", "attention", "embedding and head"} <= set(document["parameters"]), str(document["parameters"]))

said = call("bench", "--serve", runs["soft"], "--batches", "1,2")
check("whole window" in said.stderr and "TTFT" in said.stdout and "if uniform" in said.stdout, said.stdout + said.stderr)
for words, reason in ((("--batches", "3", "--texts", "4"), "does not divide 4 texts"), (("--batches", "4,4"), "4 stands there twice"),
                      (("--batches", "x"), "give integers from 1"),
                      (("--prompt", "17"), "the window of the model has 16 tokens"),
                      (("--steps", "3"), "leave it out with --serve"),
                      (("--tokens", "1"), "a later token needs two or more")):
    said = call("bench", "--serve", runs["dense"], *words, code=2)
    check(reason in said.stderr and said.stderr.count("\n") == 1, f"{words}: {said.stderr}")
said = call("bench", "--batches", "2", code=2)
check("--batches: needs --serve" in said.stderr, said.stderr)
said = call("bench", "--serve", code=2)
check("serve which run?" in said.stderr, said.stderr)
check(sorted(glob.glob("**", recursive=True)) == before, "something was written")

checks.finish()
