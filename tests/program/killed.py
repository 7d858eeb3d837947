#!/usr/bin/env python3
"""Tests that a sweep whose processes are killed at random gives the results of an undisturbed one.

Usage: killed.py MOESIM QUICKSTART_INI. Needs h5py and numpy (else exit 77). MOESIM_KILLS: how often SIGKILL comes, 8 unless told.
MOESIM_DEVICE: where to run. MOESIM_KILL_SECONDS: the longest until a kill, 1 unless told; a device takes longer to start.

8 runs, two at once. Again and again the whole family, the parent alone or the workers alone get SIGKILL (sometimes
SIGTERM) after a random time, and the sweep is started again until it says that it is complete. Meanwhile a reader opens
every run.h5 that it finds. In the end every run is there once, and the parameters, the optimiser's state and every
recorded value but the wall time are those of the undisturbed sweep, bit for bit.
"""
import hashlib, json, os, pathlib, random, signal, subprocess, sys, tempfile, threading, time

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

moesim, config = sys.argv[1:]
kills = int(os.environ.get("MOESIM_KILLS", "8"))
sweep = ["router.name=dense,token_choice,lory,bias_balanced", "run.seed=0..1",
         "run.steps=40", "eval.every=10", "eval.batches=2", "checkpoint.every=5", "record.every=5"]
if "MOESIM_DEVICE" in os.environ:
    sweep.append("run.device=" + os.environ["MOESIM_DEVICE"])
longest = float(os.environ.get("MOESIM_KILL_SECONDS", "1"))
chance = random.Random(1)


def command(out):
    return [moesim, "run", config, *sweep, "--jobs", "2", "--out", str(out)]


def workers_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def kill(pid, how):
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def values(path):
    """Everything recorded but the wall time, as bytes."""
    with h5py.File(path, "r") as file:
        return {name: (dataset.shape, numpy.asarray(dataset[()]).astype("S" if dataset.dtype.kind == "O" else dataset.dtype).tobytes())
                for name, dataset in file.items() if name != "seconds"}


class Reader(threading.Thread):
    """Opens every run.h5 below a folder, over and over."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.opened, self.problems, self.done = folder, 0, [], False

    def run(self):
        while not self.done:
            for path in self.folder.glob("*/*/run.h5"):
                try:
                    with h5py.File(path, "r") as file:
                        assert file["step"].shape == file["loss"][()].shape
                    self.opened += 1
                except Exception as problem:  # whatever it is, it must not happen
                    self.problems.append(f"{path}: {problem}")
            time.sleep(0.01)


with tempfile.TemporaryDirectory() as base:
    straight, killed = pathlib.Path(base) / "straight", pathlib.Path(base) / "killed"
    subprocess.run(command(straight), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    reader = Reader(killed)
    killed.mkdir()
    reader.start()
    codes, killed_times = [], 0
    for attempt in range(2 * kills + 50):
        process = subprocess.Popen(command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        if killed_times < kills:
            try:
                process.wait(longest * chance.uniform(0.05, 1.0))
            except subprocess.TimeoutExpired:
                how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
                whom = chance.choice(["all", "parent", "workers"])
                killed_times += how == signal.SIGKILL
                for child in workers_of(process.pid) if whom != "parent" else []:
                    kill(child, how)
                if whom != "workers":
                    kill(process.pid, how)
                if whom == "workers":
                    kill(process.pid, signal.SIGTERM)
        message = process.communicate()[1].decode().strip().splitlines()[-1:]
        codes.append(process.returncode)
        if process.returncode == 0:
            break
        # 6: a worker that outlived its parent by a moment still held its folder. 1: a worker was killed. SIGTERM: it came
        # before the program had begun.
        assert process.returncode in (-signal.SIGKILL, -signal.SIGTERM, 75, 6, 1), (process.returncode, message)
    reader.done = True
    reader.join()
    print(f"{len(codes)} starts, {killed_times} times killed, exit codes {codes}; run files opened {reader.opened} times")
    assert codes[-1] == 0 and killed_times >= kills / 2, codes  # a fast machine may be done before
    assert reader.opened > 100 and not reader.problems, reader.problems[:3]

    status = json.loads(subprocess.run([moesim, "status", "--json", str(killed / "quickstart")], check=True, capture_output=True).stdout)
    assert status["counts"] == {"complete": 8}, status["counts"]
    print(subprocess.run([moesim, "verify", str(killed / "quickstart")], check=True, capture_output=True, text=True).stdout.strip())
    runs = sorted(path.name for path in (straight / "quickstart").iterdir() if path.is_dir())
    assert runs == sorted(path.name for path in (killed / "quickstart").iterdir() if path.is_dir())
    for run in runs:
        ours, theirs = (folder / "quickstart" / run for folder in (straight, killed))
        for name in ("weights.safetensors", "state.safetensors"):
            one, other = (hashlib.sha256((folder / "checkpoint/step-000000040" / name).read_bytes()).hexdigest() for folder in (ours, theirs))
            assert one == other, f"{run}: {name} differs"
        one, other = values(ours / "run.h5"), values(theirs / "run.h5")
        assert one.keys() == other.keys()
        for name in one:
            assert one[name] == other[name], f"{run}: {name} differs"
        leftovers = [path.name for path in theirs.iterdir() if ".tmp-" in path.name]
        assert not leftovers, leftovers
    print(f"{len(runs)} runs, bit for bit those of the undisturbed sweep")
