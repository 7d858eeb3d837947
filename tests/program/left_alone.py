#!/usr/bin/env python3
"""Tests that foreign and unreadable files are neither removed nor overwritten, and that own files are not trusted only because
their checksum is right.

Usage: left_alone.py MOESIM.

Links that lead nowhere, folders that are links, files of others; checkpoints, run files, plans and locks of another version;
a lock file that is removed under a training; checkpoints that do not fit; the status of a run that was killed.
"""
import hashlib, json, math, os, pathlib, shutil, signal, struct, subprocess, sys, tempfile, time

moesim = str(pathlib.Path(sys.argv[1]).resolve())
PATIENCE = 120
CONFIG = """
[run]
name = x
steps = 6
[data]
length = 8
validation = 4
[model]
layers = 1
width = 8
heads = 1
[router]
name = token_choice
[moe]
experts = 2
[expert]
hidden = 16
[train]
batch = 2
[eval]
every = 2
batches = 1
[checkpoint]
every = 2
"""


def call(*words, cwd, code=0):
    done = subprocess.run([moesim, *map(str, words)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == code, f"{words}: exit {done.returncode}, expected {code}: {done.stdout[-300:]}{done.stderr[-400:]}"
    return done.stdout + done.stderr


def tree(folder):
    """Every path, with its content or the target of the link that it is."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(top, name)
            found[path] = os.readlink(path) if os.path.islink(path) else open(path, "rb").read() if os.path.isfile(path) else None
    return found


def vouch(folder, change=lambda manifest: None):
    """Writes the manifest again, so that it vouches for the files as they are now."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    change(manifest)
    text = json.dumps(manifest, separators=(",", ":"))
    manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest, separators=(",", ":")))


def edit_tensors(path, change):
    """change(header, values): of a safetensors file."""
    content = bytearray(path.read_bytes())
    length = struct.unpack("<Q", content[:8])[0]
    header, values = json.loads(content[8:8 + length]), content[8 + length:]
    change(header, values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


with tempfile.TemporaryDirectory() as base:
    base = pathlib.Path(base).resolve()
    (base / "c.ini").write_text(CONFIG)
    train = ("run", "c.ini", "--threads", "1")

    # --- What was not created here ------------------------------------------------------------------------------------------
    (base / "runs").symlink_to("/nowhere/runs")
    (base / "deep").mkdir()
    (base / "deep/link").symlink_to("../gone")
    (base / "file").write_text("mine")
    before = tree(base)
    for out, named in (("runs", "/nowhere/runs"), ("runs/a/b", "/nowhere/runs"), ("deep/link", "../gone"),
                       ("deep/link/below", "../gone"), ("file", "Not a directory"), ("file/below", "Not a directory")):
        said = call(*train, "--out", out, cwd=base, code=4)
        assert named in said and said.count("\n") == 1, said
        assert tree(base) == before, f"--out {out}: {tree(base).keys() ^ before.keys()}"
    (base / "kept/x").mkdir(parents=True)
    (base / "kept/x/.write-test").write_text("mine")
    call(*train, "--out", "kept", cwd=base)
    assert (base / "kept/x/.write-test").read_text() == "mine"

    run = next((base / "kept/x").glob("token_choice-*"))
    weights = (run / "checkpoint/step-000000006/weights.safetensors").read_bytes()
    (base / "scratch").mkdir()
    shutil.move(run / "checkpoint", base / "scratch/checkpoint")
    shutil.move(run / "run.h5", base / "scratch/run.h5")
    (run / "checkpoint").symlink_to(base / "scratch/checkpoint")
    (run / "run.h5").symlink_to(base / "scratch/run.h5")
    (base / "scratch/checkpoint/notes.txt").write_text("mine")
    (base / "scratch/checkpoint/step-000000001").mkdir()
    (base / "scratch/checkpoint/step-000000001/model.gguf").write_text("mine")
    said = call(*train, "--out", "kept", "--force", cwd=base, code=3)
    assert "step-000000001: not removed" in said, said
    shutil.move(base / "scratch/checkpoint/step-000000001", base / "scratch/converted")
    (run / "run.h5").unlink()
    (run / "run.h5").symlink_to(base / "scratch/run.h5")
    call(*train, "--out", "kept", "--force", cwd=base)
    assert (run / "checkpoint").is_symlink() and (run / "run.h5").is_symlink()
    assert (base / "scratch/checkpoint/notes.txt").read_text() == "mine"
    assert (base / "scratch/checkpoint/step-000000006/weights.safetensors").read_bytes() == weights
    call("verify", run, cwd=base)
    shutil.move(base / "scratch", base / "unmounted")
    before = tree(run)
    for words in ((), ("--force",)):
        said = call(*train, "--out", "kept", *words, cwd=base, code=3)
        assert f"{base}/scratch" in said, said
        assert tree(run) == before
    print("what was not created here is not removed")

    # --- Another version's --------------------------------------------------------------------------------------------------
    whole = base / "whole"
    call(*train, "--out", "whole", cwd=base)
    run = next((whole / "x").glob("token_choice-*"))
    name = run.relative_to(whole)

    def newer_manifest(copy):
        vouch(copy / name / "checkpoint/step-000000004", lambda manifest: manifest.update(format=3))
        (copy / name / "run.h5").unlink()

    def unlike_manifest(copy):
        (copy / name / "checkpoint/step-000000006/manifest.json").write_text('{"format": 3, "parts": {"a": "blake3:77"}}\n')
        (copy / name / "run.h5").unlink()

    def newer_plan(copy):
        (copy / "x/plan.json").write_text('{"moesim_plan": 2, "sweeps": []}')
        (copy / name / "run.h5").unlink()

    def no_plan(copy):
        (copy / "x/plan.json").write_text('{"my": "notes"}')

    def newer_lock(copy):
        (copy / name / ".lock").write_text('{"format": 2, "owner": "x"}')
        (copy / name / "run.h5").unlink()

    def unreadable_run_file(copy):
        (copy / name / "run.h5").unlink()
        (copy / name / "run.h5").symlink_to("run.h5")

    for change, named in ((newer_manifest, "of format 3, this moesim reads formats 1 to 2"), (unlike_manifest, "of format 3"),
                          (newer_plan, "format 2"), (no_plan, "no plan of moesim"), (newer_lock, ".lock: holds what this moesim did not write"),
                          (unreadable_run_file, "run.h5: cannot be opened")):
        copy = base / change.__name__
        shutil.copytree(whole, copy, symlinks=True)
        change(copy)
        before = tree(copy)
        for words in ((), ("--force",), ("run.steps=7",) if "plan" in change.__name__ else ()):
            said = call(*train, *words, "--out", copy, cwd=base, code=3)
            assert named in said and "--force" not in said and said.count("\n") == 1, said
            assert tree(copy) == before, f"{change.__name__} {words}: something was touched"
        if "plan" not in change.__name__:
            call("status", copy, cwd=base)
        assert tree(copy) == before
    said = call("verify", base / "newer_manifest", cwd=base, code=3)
    assert "of format 3" in said and "1 damaged" not in said, said
    call("sample", base / "newer_manifest" / name, "--prompt", "1", cwd=base, code=3)
    print("what another version wrote is left alone")

    # --- Trust does not end at the checksum ---------------------------------------------------------------------------------
    def first_oblong(header):
        return next(key for key, entry in header.items() if key != "__metadata__" and len(entry["shape"]) == 2
                    and entry["shape"][0] != entry["shape"][1])

    def transpose(header, values):
        header[first_oblong(header)]["shape"].reverse()

    def rename(header, values):
        key = first_oblong(header)
        header[key + "x"] = header.pop(key)

    def spoil(header, values):
        begin = header[first_oblong(header)]["data_offsets"][0]
        values[begin:begin + 4] = struct.pack("<f", math.nan)

    for change, named in ((transpose, "expected F32"), (rename, "not of this model"), (spoil, "not finite")):
        for file in ("weights.safetensors", "state.safetensors"):
            copy = base / f"{change.__name__}-{file}"
            shutil.copytree(whole, copy)
            last = copy / name / "checkpoint/step-000000006"
            edit_tensors(last / file, change)
            vouch(last)
            assert named in call("verify", copy, cwd=base, code=3)
            said = call("sample", copy / name, "--prompt", "1 2", "--tokens", "3", cwd=base)
            assert "passed over" in said and "step 4" in said, said
            (copy / name / "run.h5").unlink()
            said = call(*train, "--out", copy, cwd=base)
            assert f"step-000000006/{file}" in said and "at step 4" in said, said
            assert (last / "weights.safetensors").read_bytes() == weights
            call("verify", copy, cwd=base)
    # With a single one, that is said, and training begins anew.
    copy = base / "single"
    shutil.copytree(whole, copy)
    for step in ("step-000000002", "step-000000004"):
        shutil.rmtree(copy / name / "checkpoint" / step, ignore_errors=True)
    edit_tensors(copy / name / "checkpoint/step-000000006/weights.safetensors", spoil)
    vouch(copy / name / "checkpoint/step-000000006")
    call("sample", copy / name, "--prompt", "1", cwd=base, code=3)
    (copy / name / "run.h5").unlink()
    assert "from the start" in call(*train, "--out", copy, cwd=base)
    assert (copy / name / "checkpoint/step-000000006/weights.safetensors").read_bytes() == weights
    print("a checkpoint that does not fit gives way to the one before")

    # --- A lock is a file, not a path; and what a killed run is --------------------------------------------------------------
    def start(log):
        return subprocess.Popen([moesim, *train, "run.steps=100000000", "eval.every=50", "--out", "held"], cwd=base,
                                stdout=subprocess.DEVNULL, stderr=open(base / log, "w"))

    def wait_for(condition, process, what):
        begin = time.monotonic()
        while not condition():
            assert process.poll() is None, f"{what}: ended with {process.returncode}"
            if time.monotonic() - begin > PATIENCE:
                process.kill()
                sys.exit(f"{what}: nothing came of it within {PATIENCE} s")
            time.sleep(0.02)

    def newest():
        return max((int(path.name[5:]) for path in (base / "held").glob("x/*/checkpoint/step-*")), default=0)

    first = start("first.log")
    wait_for(lambda: newest() >= 50, first, "the first training")
    run = next((base / "held/x").glob("token_choice-*"))
    wait_for((run / "run.h5").exists, first, "its run file")
    assert "running, not in the means" in call("compare", run, cwd=base)
    (run / ".lock").unlink()
    assert first.wait(PATIENCE) == 6, first.returncode
    assert ".lock: was removed or replaced" in (base / "first.log").read_text()
    assert not (run / "failure.txt").exists()
    assert "interrupted, not in the means" in call("compare", run, cwd=base)

    first = start("first.log")
    begun = newest()
    wait_for(lambda: newest() > begun, first, "the first training again")
    worker = int(pathlib.Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()[0])
    os.kill(worker, signal.SIGSTOP)  # so that two trainings meet
    (run / ".lock").unlink()
    second = start("second.log")
    wait_for(lambda: "resuming" in (base / "second.log").read_text(), second, "the second training")
    os.kill(worker, signal.SIGCONT)
    assert first.wait(PATIENCE) == 6, first.returncode
    begun = newest()
    wait_for(lambda: newest() > begun, second, "the second training goes on")
    second.kill()  # its worker goes as well
    wait_for_end = time.monotonic()
    while json.loads(call("status", run, "--json", cwd=base))["runs"][0]["state"] == "running":
        assert time.monotonic() - wait_for_end < PATIENCE, "a worker outlives its supervisor"
        time.sleep(0.02)
    second.wait()
    call("verify", run, cwd=base)
    assert "interrupted, not in the means" in call("compare", run, cwd=base)
    print("a lock that was removed is no longer held; a run that was killed is interrupted")
