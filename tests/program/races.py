#!/usr/bin/env python3
"""Tests several processes that start the same run at once: one trains it, with the result of a single process.

Usage: races.py MOESIM QUICKSTART_INI. MOESIM_RACES: how many races, 5 unless told. Without h5py run files are not compared,
only checkpoints.

In a race eight processes run the same config into the same folder. Each exits with 0 (it trained, or found it complete)
or with 6 and one line that names the holder; one of them tries again until it finds the run complete, so that somebody
comes just when it ends. Every second race takes up a run that was stopped half way.
"""
import collections, concurrent.futures, hashlib, json, os, pathlib, re, signal, subprocess, sys, tempfile

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"run files are not compared: {missing}")
    h5py = None

moesim, config = sys.argv[1:]
races = int(os.environ.get("MOESIM_RACES", "5"))
PROCESSES, STEPS = 8, 60
run = ["router.name=token_choice", "run.seed=0", f"run.steps={STEPS}", "model.width=16", "expert.hidden=32", "train.batch=4",
       "data.length=16", "data.validation=8", "record.every=5", "eval.every=10", "eval.batches=1", "checkpoint.every=5"]
LOCKED = re.compile(r"moesim: .*: in use by (process \d+ on \S+|another process); wait for it, or choose another --out")
environment = dict(os.environ, GOMP_SPINCOUNT="0")


def start(out):
    return subprocess.Popen([moesim, "run", config, *run, "--threads", "1", "--out", str(out)], env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def stop_half_way(out):
    """A run that got SIGTERM as soon as its first checkpoint was there."""
    process = start(out)
    for line in process.stderr:
        if "step 10/" in line:
            process.send_signal(signal.SIGTERM)
    return process.wait()


def until_let_in(out):
    """The ends of a process that is started again as long as it meets the lock."""
    ended = []
    while not ended or ended[-1][1] == 6:
        process = start(out)
        ended.append((process.communicate()[1], process.returncode))
    return ended


def answer_of(*words):
    return subprocess.run([moesim, *words], env=environment, check=True, capture_output=True, text=True).stdout


def result_of(out):
    """Everything that decides, without the wall time."""
    folder, = (path for path in (out / "quickstart").iterdir() if path.is_dir())
    result = {name: hashlib.sha256((folder / f"checkpoint/step-{STEPS:09}" / name).read_bytes()).hexdigest()
              for name in ("weights.safetensors", "state.safetensors")}
    if h5py:
        with h5py.File(folder / "run.h5", "r") as file:
            for name, dataset in file.items():
                if name != "seconds":
                    values = numpy.asarray(dataset[()])
                    result[name] = dataset.shape, (values.astype("S") if values.dtype.kind == "O" else values).tobytes()
    return result


with tempfile.TemporaryDirectory() as base:
    base = pathlib.Path(base)
    alone = start(base / "alone")
    error = alone.communicate()[1]
    assert alone.returncode == 0, error
    expected = result_of(base / "alone")

    codes, holders, taken_up = collections.Counter(), collections.Counter(), 0
    for race in range(races):
        out = base / f"race-{race}"
        stopped = stop_half_way(out) if race % 2 else None
        with concurrent.futures.ThreadPoolExecutor() as pool:
            late = pool.submit(until_let_in, out)
            processes = [start(out) for _ in range(PROCESSES - 1)]
            ended = [(process.communicate()[1], process.returncode) for process in processes] + late.result()
        for error, code in ended:
            line = [line for line in error.splitlines() if line.startswith("moesim: ")]
            assert code in (0, 6), f"race {race}: exit {code}: {error}"
            assert len(line) == (code == 6), f"race {race}: {error}"
            if code == 6:
                named = LOCKED.fullmatch(line[0])
                assert named, line
                holders["by number" if named[1].startswith("process") else "unnamed"] += 1
        ends = [code for _, code in ended]
        codes.update(ends)
        assert ends[-1] == 0, f"race {race}: {ends}"
        assert stopped in (None, 75, 0), stopped  # 0: it was complete before the signal came
        taken_up += stopped == 75
        status = json.loads(answer_of("status", "--json", str(out / "quickstart")))
        assert status["counts"] == {"complete": 1}, status
        assert "all in order" in answer_of("verify", str(out / "quickstart"))
        left = [str(path) for path in out.rglob(".*") if path.name != ".lock"]
        assert not left, left
        result = result_of(out)
        assert result.keys() == expected.keys()
        for name in expected:
            assert result[name] == expected[name], f"race {race}: {name} differs"
    print(f"{races} races of {PROCESSES}, {taken_up} of them for a stopped run: {codes[0]} x exit 0, {codes[6]} x exit 6 "
          f"(holder {dict(holders)}); "
          f"{len(expected)} results, bit for bit those of a run alone")
    assert codes[6] > 0, "nobody met a lock: these were no races"
