#!/usr/bin/env python3
"""Compares event files, read by TensorBoard's own reader, with run files: after training and during it.

usage: event_files.py MOESIM
Exit status: 0 all is well, 1 a check failed, 77 skipped (tensorboard, h5py or numpy is not installed).
"""

import glob
import os
import signal
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

CONFIG = """[run]
name = board
steps = {steps}
[record]
every = 3
[eval]
every = 5
batches = 1
[sweep]
router.name = dense, token_choice, soft
run.seed = 0, 1
"""

failures = 0
compared = 0


def require(condition, message):
    global failures, compared
    compared += 1
    if not condition:
        failures += 1
        print(f"FAILED: {message}")


def same(what, scalars, steps, values):
    """All points of a tag, once each, as 32-bit numbers."""
    require([point.step for point in scalars] == list(steps), f"{what}: steps {[p.step for p in scalars]}")
    require(
        np.array_equal(np.array([point.value for point in scalars], np.float32), np.asarray(values, np.float32)),
        f"{what}: values differ",
    )


def check_run(path, logs):
    with h5py.File(path, "r") as file:
        name = f"{file.attrs['experiment']}/{file.attrs['arm']}/seed {file.attrs['seed']}"
        events = EventAccumulator(os.path.join(logs, name), size_guidance={"scalars": 0, "tensors": 0}).Reload()
        steps = file["step"][()]
        for variable in ("loss", "task_loss", "grad_norm", "learning_rate"):
            same(f"{name} {variable}", events.Scalars(f"train/{variable}"), steps, file[variable][()])
        same(f"{name} eval", events.Scalars("eval/loss"), file["eval_step"][()], file["eval_loss"][()])
        for d, domain in enumerate(file["domain"].asstr()[()]):
            same(f"{name} {domain}", events.Scalars(f"eval/domain_loss/{domain}"), file["eval_step"][()],
                 file["domain_loss"][:, d])
        experts = file["load"].shape[2]
        for prefix, axis in (("", "record_step"), ("eval_", "eval_step")):
            load = file[prefix + ("importance" if file.attrs["plan_kind"] == "mixing" else "load")][()]
            for i, layer in enumerate(file["layer"][()]):
                same(f"{name} {prefix}cv", events.Scalars(f"{prefix}load_cv/layer {layer}"), file[axis][()],
                     file[prefix + "load_cv"][:, i])
                for expert in range(experts if experts > 1 else 0):
                    same(f"{name} {prefix}load", events.Scalars(f"{prefix}load/layer {layer}/expert {expert}"),
                         file[axis][()], load[:, i, expert] / load[:, i].mean(1))
        text = events.Tensors("config")[0].tensor_proto.string_val[0].decode()
        require(text.replace("\n    ", "\n")[4:] == file.attrs["config"], f"{name}: config")
        last = events.Scalars("train/loss")[-1].wall_time - events.Tensors("run")[0].wall_time
        require(abs(last - file["seconds"][()].sum()) < 1e-5, f"{name}: wall time")
    return name


def check_all(folder, logs):
    names = sorted(check_run(path, logs) for path in glob.glob(folder + "/*/run.h5"))
    require(len(names) == 6, f"{len(names)} runs")
    shown = EventMultiplexer().AddRunsFromDirectory(logs)
    require(sorted(shown.Runs()) == names, f"TensorBoard shows {sorted(shown.Runs())}")
    for directory, _, files in os.walk(logs):
        require(len(files) <= 1, f"{directory} has {files}")


def write_config(work, steps):
    path = f"{work}/board.ini"
    with open(path, "w") as file:
        file.write(CONFIG.format(steps=steps))
    return path


def check_once(moesim, work):
    subprocess.run([moesim, "run", write_config(work, 10), "--out", work + "/once"], check=True, capture_output=True)
    for _ in range(2):  # the second finds all of it there
        subprocess.run([moesim, "export", work + "/once/board", "--to", "tensorboard", "--out", work + "/logs"],
                       check=True, capture_output=True)
        check_all(work + "/once/board", work + "/logs")


def check_live(moesim, work):
    """The follower is started when the first line about training is there, and ends with the last run."""
    run = subprocess.Popen([moesim, "run", write_config(work, 60), "--out", work + "/live"], stderr=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, text=True)
    run.stderr.readline()
    follower = subprocess.Popen([moesim, "export", work + "/live/board", "--to", "tensorboard", "--follow",
                                 "--interval", "0.1", "--out", work + "/live-logs"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    run.stderr.read()
    require(run.wait() == 0, "the sweep failed")
    out, problems = follower.communicate(timeout=300)
    require(follower.returncode == 0, f"the follower returned {follower.returncode}: {problems}")
    require(out.startswith("6 runs with "), out)
    check_all(work + "/live/board", work + "/live-logs")


def check_interrupt(moesim, work):
    """Waits for an interrupted run until Ctrl-C, which is not a failure."""
    path = sorted(glob.glob(work + "/once/board/*/run.h5"))[0]
    with h5py.File(path, "r+") as file:
        file.attrs["status"] = "running"
    follower = subprocess.Popen([moesim, "export", path, "--to", "tensorboard", "--follow", "--out", work + "/late"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    require("Ctrl-C ends it" in follower.stderr.readline(), "no word about Ctrl-C")
    follower.send_signal(signal.SIGINT)
    out, problems = follower.communicate(timeout=60)
    require(follower.returncode == 0, f"after SIGINT: {follower.returncode} {problems}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: event_files.py MOESIM")
    moesim = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        check_once(moesim, work)
        check_live(moesim, work)
        check_interrupt(moesim, work)
    print(f"tensorboard: {compared} checks, {failures} failed")
    sys.exit(1 if failures or compared == 0 else 0)


if __name__ == "__main__":
    main()
