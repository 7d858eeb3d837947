#!/usr/bin/env python3
"""Tests that a run resumes from any folder, and that its model can be used without its data.

Usage: moved.py MOESIM.

Relative paths of data start from data.root, which a run folder keeps as an absolute path and which is no part of the run's
identity. Data that is missing leaves runs as they are. `moesim sample` reads no data, and what it writes while the text grows
is what --json says at the end, to the byte.
"""
import hashlib, json, os, pathlib, shutil, struct, subprocess, sys, tempfile

moesim = str(pathlib.Path(sys.argv[1]).resolve())
TINY = """
[run]
steps = 4
[model]
layers = 1
width = 8
heads = 1
[router]
name = dense
[expert]
hidden = 8
[train]
batch = 2
[eval]
every = 2
batches = 1
[checkpoint]
every = 2
"""


def call(*words, cwd, code=0):
    done = subprocess.run([moesim, *map(str, words)], cwd=cwd, capture_output=True)
    assert done.returncode == code, f"{words}: exit {done.returncode}, expected {code}: {done.stderr.decode()[-400:]}"
    assert code == 0 or done.stderr.decode().strip().splitlines()[-1].startswith("moesim: "), done.stderr
    return done


def tree(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if path.name not in ("log.txt", ".lock")}


def interrupt(run):
    """As if it had been killed between step 2 and step 4."""
    (run / "run.h5").unlink()
    shutil.rmtree(run / "checkpoint/step-000000004")


def state(run, cwd):
    return json.loads(call("status", run, "--json", cwd=cwd).stdout)["runs"][0]["state"]


def without_data(run):
    """Its checkpoints as older versions wrote them."""
    for folder in run.glob("checkpoint/step-*"):
        manifest = json.loads((folder / "manifest.json").read_text())
        del manifest["sha256"]
        for name in ("data.json", "tokenizer.model"):
            if manifest["files"].pop(name, None) is not None:
                (folder / name).unlink()
        text = json.dumps(manifest, separators=(",", ":"))
        manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest, separators=(",", ":")))


def sampled(run, prompt, *words, cwd="/"):
    """The text that is written while it grows, which is that of --json."""
    words = ("sample", run, "--prompt", prompt, "--tokens", "60", "--threads", "1", *words)
    done = subprocess.run([os.fsencode(word) if isinstance(word, str) else word for word in [moesim, *map(
        lambda word: word if isinstance(word, bytes) else str(word), words)]], cwd=cwd, capture_output=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(subprocess.run([moesim, *[word if isinstance(word, bytes) else str(word) for word in words], "--json"],
                                         cwd=cwd, capture_output=True, check=True).stdout)
    assert done.stdout == document["text"].encode() + b"\n", f"{words}: {done.stdout} but --json {document['text']!r}"
    return document


def sentencepiece_model():
    """A model with byte fallback, written by hand: <unk>, <s>, </s>, 256 bytes, a few letters (sentencepiece_model.proto)."""
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    def piece(text, score, kind):
        return field(1, field(1, text.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", score) + bytes([3 << 3, kind]))

    pieces = [piece("<unk>", 0, 2), piece("<s>", 0, 3), piece("</s>", 0, 3)]
    pieces += [piece(f"<0x{value:02X}>", 0, 6) for value in range(256)]
    pieces += [piece(text, -1 - at, 1) for at, text in enumerate(("\u2581", "\u2581a", "a", "\u2581caf", "n", "i", "v", "e"))]
    return b"".join(pieces) + field(2, bytes([3 << 3, 1]) + b"\x98\x02\x01") + field(3, field(1, b"identity"))


with tempfile.TemporaryDirectory() as base:
    base = pathlib.Path(base).resolve()
    here, out, other = base / "project [1]", base / "out", base / "other"
    for folder in (here, other):
        folder.mkdir()
    text = "".join(f"{i} na\u00efve caf\u00e9 \U0001f600\n" for i in range(400))
    (here / "text.txt").write_text(text)

    runs = {}
    for tokens in ("bytes", "chars"):
        (here / f"{tokens}.ini").write_text(TINY.replace("[run]", f"[run]\nname = {tokens}") +
                                            f"[data]\nname = text\npath = *.txt\ntokens = {tokens}\nlength = 16\n")
        call("run", f"{tokens}.ini", "--out", out, "--threads", "1", cwd=here)
        runs[tokens] = next((out / tokens).glob("dense-*"))
    run, experiment = runs["chars"], out / "chars"
    config = (run / "config.ini").read_text()
    assert f"\nroot = {here}\n" in config, config
    call("verify", out, cwd="/")

    # The same run, from its config and from its plan.
    plan = json.loads(call("run", run / "config.ini", "--out", out, "--dry-run", "--trial", "0", "--json", cwd="/").stdout)
    assert run.name in json.dumps(plan), plan
    whole = tree(run)
    weights = (run / "checkpoint/step-000000004/weights.safetensors").read_bytes()
    call("run", experiment, "--threads", "1", cwd="/")
    call("run", run / "config.ini", "--out", out, "--threads", "1", cwd="/")
    assert tree(run) == whole, "a run that is complete is left alone"
    for words in ((experiment,), (run / "config.ini", "--out", out)):
        interrupt(run)
        assert state(run, "/") == "interrupted"
        call("run", *words, "--threads", "1", cwd="/")
        assert state(run, "/") == "complete"
        assert (run / "checkpoint/step-000000004/weights.safetensors").read_bytes() == weights
        assert (run / "config.ini").read_text() == config

    # Data that is missing: where it was looked for, and runs stay what they are.
    (here / "text.txt").rename(other / "text.txt")
    interrupt(run)
    before = tree(run)
    said = call("run", experiment, "--threads", "1", cwd="/", code=3).stderr.decode()
    assert f"{here}/*.txt" in said and "data.root=FOLDER" in said, said
    said = call("run", run / "config.ini", "--out", out, cwd=base, code=3).stderr.decode()
    assert f"{here}/*.txt" in said, said
    said = call("run", "chars.ini", "--out", out, cwd=here, code=3).stderr.decode()
    assert f"looked for in {here}" in said, said
    assert tree(run) == before and state(run, base) == "interrupted"
    # Data that changed is no failure of the run either.
    (here / "text.txt").write_text(text + "more of it\n" * 50)
    call("run", experiment, "--threads", "1", cwd="/", code=3)
    assert tree(run) == before and state(run, base) == "interrupted"
    (here / "text.txt").unlink()
    shutil.move(run, base / "aside")
    call("run", experiment, "--threads", "1", cwd="/", code=3)
    assert state(experiment, base) == "planned"
    shutil.rmtree(run)
    shutil.move(base / "aside", run)
    call("run", experiment, "run.steps=5", cwd="/", code=2)
    call("run", experiment, "data.root=other", "--threads", "1", cwd=base)
    assert state(run, base) == "complete"
    assert (run / "checkpoint/step-000000004/weights.safetensors").read_bytes() == weights
    print("a run goes on from any folder")

    # Without its data, the same text.
    for tokens in ("bytes", "chars"):
        words = ("caf\u00e9", "--temperature", "1", "--seed", "3")
        gone = sampled(runs[tokens], *words)
        (here / "text.txt").write_text("z" * 5000)
        assert sampled(runs[tokens], *words) == gone
        (here / "text.txt").unlink()
        assert sampled(runs[tokens].name, *words, cwd=runs[tokens].parent)["tokens"] == gone["tokens"]
    assert "not in the vocabulary" in call("sample", run, "--prompt", "#", cwd="/", code=2).stderr.decode()
    for seed in range(5):
        sampled(runs["bytes"], b"caf\xc3", "--seed", seed)  # a prompt that ends inside a character
        sampled(runs["bytes"], b"\xf0\x9f", "--seed", seed, "--top-k", "3")

    # Checkpoints of older versions hold nothing of the data, which is read then.
    without_data(run)
    call("verify", run, cwd="/")
    (other / "text.txt").rename(base / "text.txt")
    said = call("sample", run, "--prompt", "na", cwd="/", code=3).stderr.decode()
    assert f"{other}/*.txt" in said, said
    (base / "text.txt").rename(other / "text.txt")
    assert sampled(run, "caf\u00e9", "--temperature", "1", "--seed", "3")["tokens"] == gone["tokens"]
    interrupt(run)
    call("run", experiment, "--threads", "1", cwd="/")
    assert (run / "checkpoint/step-000000004/weights.safetensors").read_bytes() == weights

    # Pieces that are bytes become characters together; a model file is found from any folder, and then not needed.
    (here / "small.model").write_bytes(sentencepiece_model())
    (here / "pieces.ini").write_text(TINY.replace("[run]", "[run]\nname = pieces").replace("steps = 4", "steps = 60") +
                                     "[data]\nname = text\npath = faces.txt\ntokens = sentencepiece\nmodel = small.model\nlength = 16\n")
    (here / "faces.txt").write_text("a \U0001f600\u20ac caf\u00e9 \U0001f98a\n" * 300)
    done = subprocess.run([moesim, "run", "pieces.ini", "--out", out, "--threads", "1"], cwd=here, capture_output=True, text=True)
    if "this build has no SentencePiece" in done.stderr:
        print("skipped: pieces: this build has no SentencePiece")
    else:
        assert done.returncode == 0, done.stderr
        run = next((out / "pieces").glob("dense-*"))
        shutil.rmtree(run / "checkpoint/step-000000060")
        (run / "run.h5").unlink()
        call("run", out / "pieces", "--threads", "1", cwd="/")
        for name in ("small.model", "faces.txt"):
            (here / name).unlink()
        for seed in range(6):
            sampled(run, "a", "--seed", seed, "--temperature", seed / 2)
            sampled(run, b"a \xf0\x9f\x98", "--seed", seed)

    # Data that needs no files has no root.
    (here / "synthetic.ini").write_text(TINY.replace("[run]", "[run]\nname = synthetic") + "[data]\nlength = 8\nvalidation = 4\n")
    call("run", "synthetic.ini", "--out", out, "--threads", "1", cwd=here)
    run = next((out / "synthetic").glob("dense-*"))
    assert "root" not in (run / "config.ini").read_text()
    sampled(run, "3 1")
    print("its model is of use without its data")
