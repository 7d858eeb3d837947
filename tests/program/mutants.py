#!/usr/bin/env python3
"""Tests damaged files: mutants of a run file go to `moesim compare`, mutants of a config to
`moesim run --dry-run`. Each call ends within ten seconds with one of the documented exit codes; a failure is one line that
begins with "moesim: "; nothing is left on disk.

Usage: mutants.py MOESIM CONFIG. MOESIM_MUTANTS: how many of each (150). MOESIM_MUTANTS_KEEP: a folder for those that fail.
"""
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ALLOWED = {0, 2, 3}
SECONDS = 60


def mutant(original, rng):
    """A damaged copy: one to four of the ways in which files break."""
    data = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 1, 2, 4, 8, 16, 64))
        way = rng.randrange(6)
        if way == 0 and data:  # bits flip
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif way == 1 and rng.random() < 0.3:  # the end is cut off
            del data[at:]
        elif way == 2:  # bytes come in between
            data[at:at] = rng.randbytes(length)
        elif way == 3:  # a piece of it stands elsewhere, over what was there or before it
            start = rng.randrange(len(data) + 1)
            piece = bytes(data[start:start + length])
            data[at:at + rng.choice((0, len(piece)))] = piece
        elif way == 4:  # a piece is lost
            del data[at:at + length]
        else:  # a piece of zeros, of ones, of digits
            data[at:at + length] = (rng.choice((b"\0", b"\xff", b"9", b"\x7f")) * length)[:max(len(data) - at, 0)]
    return bytes(data)


def judge(moesim, kind, number, contents, work):
    """Returns what is wrong with the program's reaction ("" if nothing), and the exit code."""
    here = work / f"{kind}-{number}"
    name = "mutant.h5" if kind == "run file" else "mutant.ini"
    here.mkdir()
    (here / name).write_bytes(contents)
    words = ["compare", name] if kind == "run file" else ["run", name, "--dry-run", "--trial", "0"]
    environment = dict(os.environ, OMP_NUM_THREADS="1", GOMP_SPINCOUNT="5000")
    try:
        call = subprocess.run([moesim, *words], cwd=here, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"more than {SECONDS} s", None
    lines = call.stderr.decode(errors="replace").splitlines()
    shown = " | ".join(lines)[:2000]
    if call.returncode not in ALLOWED:
        return f"exit {call.returncode}: {shown}", call.returncode
    errors = sum(line.startswith("moesim: ") for line in lines)  # others tell how far it is
    if errors != (call.returncode != 0) or not all(line.isprintable() for line in lines):
        return f"not one line of text for an error: {shown!r}", call.returncode
    if (left := sorted(p.name for p in here.iterdir())) != [name] or (here / name).read_bytes() != contents:
        return f"leaves behind: {left}", call.returncode
    shutil.rmtree(here)
    return "", call.returncode


def small_run_file(moesim, config, work):
    subprocess.run(
        [moesim, "run", config, "run.name=small", "run.steps=4", "run.seed=0", "router.name=hash", "model.width=16",
         "expert.hidden=32", "train.batch=2", "data.length=16", "data.validation=8", "record.every=1", "eval.every=2",
         "eval.batches=1", "--threads", "1", "--out", work / "out"], check=True, capture_output=True)
    return next((work / "out").glob("small/*/run.h5")).read_bytes()


def small_config(config):
    """The same with a small model and little data: a plan that holds is otherwise seconds of work."""
    text = pathlib.Path(config).read_text()
    for line, smaller in (("length = 64", "length = 16\nvalidation = 8"), ("width  = 64", "width = 16"),
                          ("hidden = 256", "hidden = 32"), ("batch = 16", "batch = 8"), ("0..2", "0..1")):
        assert line in text, f"the config has no '{line}'"
        text = text.replace(line, smaller)
    return text.encode()


def main():
    moesim, config = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    count = int(os.environ.get("MOESIM_MUTANTS", "150"))
    keep = os.environ.get("MOESIM_MUTANTS_KEEP")
    failures = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        work = pathlib.Path(folder)
        originals = {"run file": small_run_file(moesim, config, work), "config": small_config(config)}
        for kind, original in originals.items():
            started = time.monotonic()
            rng = random.Random(1)
            mutants = [mutant(original, rng) for _ in range(count)]
            calls = [pool.submit(judge, moesim, kind, i, mutants[i], work) for i in range(count)]
            codes = {}
            for i, call in enumerate(calls):
                wrong, code = call.result()
                codes[code] = codes.get(code, 0) + 1
                if not wrong:
                    continue
                failures += 1
                print(f"FAILED: {kind} {i}: {wrong}", flush=True)
                if keep:
                    os.makedirs(keep, exist_ok=True)
                    (pathlib.Path(keep) / f"{kind.replace(' ', '_')}-{i}").write_bytes(mutants[i])
            seconds = time.monotonic() - started
            ends = ", ".join(f"{n} x exit {code}" for code, n in sorted(codes.items(), key=str))
            print(f"{count} mutants of a {kind} of {len(original)} bytes: {ends}; {seconds:.1f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
