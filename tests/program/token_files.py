"""Trains on token ids and text in files of other programs: nanoGPT's train.bin and val.bin give the losses of
the text to the bit, a file of 20 GB takes no memory, and every format trains. Usage: token_files.py MOESIM"""
import array
import gzip
import json
import os
import resource
import struct
import subprocess
import sys

import checks
from checks import check

program = checks.Program()
CONFIG = """[run]
name = t
steps = 6
[model]
layers = 1
width = 16
heads = 2
[moe]
experts = 4
[expert]
hidden = 16
[router]
name = hash
[eval]
sequences = 0
[data]
length = 16
"""


def moesim(*words):
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120)


def trained(name, *settings):
    """The row of the run that these settings make."""
    done = moesim("run", "t.ini", *settings, "--out", name, "--json")
    check(done.returncode == 0, f"{name}: exit {done.returncode}: {done.stderr[-300:]}")
    return json.loads(done.stdout)["rows"][0] if done.returncode == 0 else {"eval_loss": {"mean": name}}


def losses(name, *settings):
    return trained(name, *settings)["eval_loss"]["mean"]


def write(name, contents):
    with open(name, "wb") as file:
        file.write(contents)


def ids(values, code="H"):
    numbers = array.array(code, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def npy(values):
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + ids(values, "i")


def megatron(values):
    lengths = [700, len(values) - 700]
    return b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, 2, 3) + struct.pack("<2i2q3q", *lengths, 0, 1400, 0, 1, 2)


def largest_child():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


write("t.ini", CONFIG.encode())
text = "".join(f"The quick brown fox number {i} jumps over {i * 7919 % 1000} lazy dogs.\n" for i in range(300))
characters = sorted(set(text))
values = [characters.index(c) for c in text]
n = int(len(values) * 0.9)
write("text.txt", text.encode())
write("train.bin", ids(values[:n]))
write("val.bin", ids(values[n:]))

reference = losses("chars", "data.name=text", "data.path=text.txt", "data.tokens=chars")
for name, settings in {
        "pair": ["data.path=train.bin", "data.validation=val.bin"],
        "nanogpt": [f"data.path={program.folder.name}"]}.items():
    check(losses(name, "data.name=tokens", *settings) == reference, f"{name}: another loss than of the text")

# The same ids in one file of each format, with the split at the same place.
write("one.npy", npy(values))
write("meg.bin", ids(values))
write("meg.idx", megatron(values))
write("wide.bin", ids(values, "I"))
for name, settings in {
        "npy": ["data.path=one.npy"],
        "megatron": ["data.path=meg"],
        "uint32": ["data.path=wide.bin", "data.dtype=uint32"]}.items():
    check(losses(name, "data.name=tokens", *settings) == reference, f"{name}: another loss than of the text")

# Text that is compressed, in a folder, in JSON lines.
write("text.gz", gzip.compress(text.encode()))
os.mkdir("folder")
write("folder/a.txt", text[:5000].encode())
write("folder/b.txt.gz", gzip.compress(text[5000:].encode()))
lines = text.splitlines(keepends=True)
write("text.jsonl", "".join(json.dumps({"text": line, "meta": {"n": i % 2}}) + "\n" for i, line in enumerate(lines)).encode())
for name, settings in {
        "gzip": ["data.path=text.gz"],
        "folder": ["data.path=folder"],
        "json lines": ["data.path=text.jsonl", "data.field=text"]}.items():
    check(losses(name, "data.name=text", "data.tokens=chars", *settings) == reference,
          f"{name}: another loss than of the text")
domains = trained("domains", "data.name=text", "data.path=text.jsonl", "data.field=text", "data.domain_field=meta.n")
check(domains["eval_domain_nmi"] is not None, "domains of JSON lines: no NMI")

# What a checkpoint holds of the data is enough to sample, after the files are gone.
os.rename("train.bin", "gone.bin")
run = next(os.path.join("pair/t", name) for name in os.listdir("pair/t") if name != "plan.json")
sampled = moesim("sample", run, "--prompt", "3 1 4", "--tokens", "5")
check(sampled.returncode == 0 and len(sampled.stdout.split()) == 8, f"sample: {sampled.stdout}{sampled.stderr}")
refused = moesim("sample", run, "--prompt", f"{len(characters)}")
check(refused.returncode == 2 and "expected the number of a token" in refused.stderr, f"sample: {refused.stderr}")
os.rename("gone.bin", "train.bin")

# Bits per byte: of ASCII characters log2 e times the loss.
printed = moesim("compare", "chars", "--columns", "eval_loss,bits_per_byte", "--json")
check(printed.returncode == 0 and '"bits_per_byte"' in printed.stdout, f"bits per byte: {printed.stderr}")
if printed.returncode == 0:
    row = json.loads(printed.stdout)["rows"][0]
    loss, bits = row["eval_loss"]["mean"], row["bits_per_byte"]["mean"]
    check(abs(bits - loss * 1.4426950408889634) < 1e-12 * bits, f"bits per byte: {bits} of {loss} nats")

# A sparse file of 20 GB: memory use is that of the model.
before = largest_child()
with open("huge.bin", "wb") as file:
    file.write(ids(values))
    file.truncate(20 << 30)
done = moesim("run", "t.ini", "data.name=tokens", "data.path=huge.bin", "data.vocabulary=100", "eval.sequences=16",
              "--out", "huge")
check(done.returncode == 0, f"huge: exit {done.returncode}: {done.stderr[-300:]}")
check("not read before training" in done.stderr, f"huge: no note: {done.stderr}")
check(largest_child() < 500 << 20, f"huge: {largest_child()} bytes resident")
unknown = moesim("run", "t.ini", "data.name=tokens", "data.path=huge.bin", "--out", "huge2")
check(unknown.returncode == 2 and "set data.vocabulary" in unknown.stderr, f"huge: {unknown.stderr}")
few = moesim("run", "t.ini", "data.name=tokens", "data.path=train.bin", "data.vocabulary=20", "--out", "few")
check(few.returncode == 3 and "expected ids from 0 to 19 (data.vocabulary)" in few.stderr, f"few: {few.stderr}")

checks.finish()
