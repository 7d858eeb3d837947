#!/usr/bin/env python3
"""Tests that training runs and stops in order whatever happens to stderr, and that the terminal display is consistent.

Usage: unread.py MOESIM QUICKSTART_INI.

A FIFO that is full, a terminal that is not read, a stderr that is closed: a sweep trains as ever, ends after SIGTERM with
exit 75 and checkpoints, and goes on from these. On a terminal, a run that failed or was stopped is not counted as done. A
supervisor that is stopped alone does not stop its worker, and a log.txt that is removed comes back.
"""
import atexit, errno, fcntl, os, pathlib, pty, re, select, signal, subprocess, sys, tempfile, time

moesim, config = sys.argv[1:]
# So many lines (an evaluation each) that neither a pipe nor a terminal holds them all.
MANY, PATIENCE = 1500, 120
tiny = ["model.layers=1", "model.width=8", "model.heads=1", "expert.hidden=8", "moe.experts=2", "train.batch=1", "data.length=8",
        "data.validation=1", "eval.batches=1", "router.name=dense", "--threads", "1"]
endless = ["run.steps=1000000", "eval.every=1", "checkpoint.every=100", "record.every=1000"]


def start(out, stderr, *words):
    process = subprocess.Popen([moesim, "run", config, *tiny, *words, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=stderr)
    atexit.register(process.kill)  # of a test that fails
    return process


def steps(out):
    """The step of the newest checkpoint of every run."""
    return [max((int(path.name[5:]) for path in run.glob("checkpoint/step-*")), default=0)
            for run in (out / "quickstart").glob("*/") if (run / "checkpoint").is_dir()]


def wait_for(condition, process, what):
    begin = time.monotonic()
    while not condition():
        assert process.poll() is None, f"{what}: ended with {process.returncode}"
        if time.monotonic() - begin > PATIENCE:
            process.kill()
            sys.exit(f"{what}: nothing came of it within {PATIENCE} s")
        time.sleep(0.02)


def stop(process, what):
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        sys.exit(f"{what}: SIGTERM did nothing")
    assert code == 75, f"{what}: exit {code}"


def goes_on(out, stderr, what):
    process = start(out, stderr, *endless, "run.seed=0,1", "--jobs", "2")
    wait_for(lambda: len(steps(out)) == 2 and min(steps(out)) > MANY, process, what)
    stop(process, what)
    return steps(out)


def full_fifo(path):
    """Its reading and its writing end."""
    os.mkfifo(path)
    reader, filler = os.open(path, os.O_RDONLY | os.O_NONBLOCK), os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(filler, b".\n" * 2048)
    except BlockingIOError:
        os.close(filler)
    return reader, os.open(path, os.O_WRONLY)


def read_all(file, process):
    """Collects the output of a terminal until its writers are gone."""
    text, begin = "", time.monotonic()
    while True:
        if time.monotonic() - begin > PATIENCE:
            process.kill()
            sys.exit(f"a sweep on a terminal does not end: {text[-300:]}")
        if not select.select([file], [], [], 1)[0]:
            continue
        try:
            data = os.read(file, 1 << 16)
        except OSError as end:
            if end.errno == errno.EIO:
                return
            raise
        if not data:
            return
        text += data.decode(errors="replace")
        yield text


def workers_of(process):
    return [int(child) for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def supervisor_stops(base, stop_worker):
    """A supervisor that is stopped alone does not stop its worker; how the worker ended is not lost."""
    out, err = base / f"stopped-{stop_worker}", base / f"stopped-{stop_worker}.err"
    words = endless if stop_worker else ["run.steps=4000", "eval.every=1", "checkpoint.every=100", "record.every=1000"]
    what = "a supervisor that is stopped"
    with open(err, "w") as file:
        process = start(out, file, *words, "run.seed=0")
    wait_for(lambda: steps(out) and min(steps(out)) > 0, process, what)
    process.send_signal(signal.SIGSTOP)
    worker, = workers_of(process)
    if stop_worker:
        wait_for(lambda: min(steps(out)) > 2 * MANY, process, what)
        os.kill(worker, signal.SIGTERM)
    # Its last line stands in log.txt, and nobody holds its folder: it only has to tell.
    log, = out.glob("quickstart/*/log.txt")
    wait_for(lambda: ("stopped at step" if stop_worker else "complete in ") in log.read_text(), process, what)
    wait_for(lambda: "running" not in subprocess.run([moesim, "status", str(out / "quickstart")], capture_output=True, text=True,
                                                     check=True).stdout, process, what)
    process.send_signal(signal.SIGCONT)
    code, text = process.wait(PATIENCE), err.read_text()
    assert code == (75 if stop_worker else 0), f"{what}: exit {code}: {text[-300:]}"
    assert ("stopped at step" if stop_worker else "complete in ") in text, f"{what}: the last line is lost: {text[-300:]}"
    assert re.search(r"\(\d+ lines were not read in time", text), f"{what}: no lines are left out, so nothing was full"
    print(f"{what}: its worker went on to step {min(steps(out))}; exit {code}")


def log_comes_back(base):
    """A log.txt that is removed or moved is written anew."""
    out, what = base / "log-runs", "a log.txt that is removed"
    process = start(out, subprocess.DEVNULL, *endless, "run.seed=0")
    wait_for(lambda: steps(out) and min(steps(out)) > 0, process, what)
    log, = out.glob("quickstart/*/log.txt")
    log.unlink()
    wait_for(lambda: log.exists() and "validation" in log.read_text(), process, what)
    log.rename(log.with_suffix(".1"))
    wait_for(lambda: log.exists() and "validation" in log.read_text(), process, what)
    stop(process, what)
    assert "stopped at step" in log.read_text(), what
    print(f"{what}: comes back, and has the last line")


def stdout_does_not_block():
    """A stdout that whoever shares it made non-blocking gets all of the result."""
    words = [moesim, "list", "options", "--json"]
    expected = subprocess.run(words, capture_output=True, check=True).stdout
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    assert len(expected) > size
    os.set_blocking(writer, False)
    process = subprocess.Popen(words, stdout=writer)
    os.close(writer)
    with open(reader, "rb") as file:
        found = file.read()
    assert process.wait() == 0 and found == expected, f"a stdout that does not block: {len(found)} of {len(expected)} bytes"
    print("a stdout that does not block: all of the result")


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
    base = pathlib.Path(base)

    reader, writer = full_fifo(base / "fifo")
    reached = goes_on(base / "fifo-runs", writer, "a full FIFO")
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, "stderr is not ours alone, and was made non-blocking"
    log = next((base / "fifo-runs").glob("quickstart/*/log.txt")).read_text()
    assert log.count("validation") > MANY and "stopped at step" in log, "log.txt has every line"
    os.close(writer)
    print(f"a full FIFO: stopped with checkpoints at {reached}")

    stdout_does_not_block()
    supervisor_stops(base, stop_worker=True)
    supervisor_stops(base, stop_worker=False)
    log_comes_back(base)

    master, terminal = pty.openpty()
    reached = goes_on(base / "terminal-runs", terminal, "a terminal that is not read")
    os.close(terminal), os.close(master)
    print(f"a terminal that is not read: stopped with checkpoints at {reached}")

    out = base / "closed-runs"
    closed = subprocess.Popen(["sh", "-c", 'exec "$@" 2>&-', "sh", moesim, "run", config, *tiny, *endless, "--out", str(out)],
                              stdout=subprocess.DEVNULL)
    wait_for(lambda: steps(out) and min(steps(out)) > 100, closed, "a closed stderr")
    stop(closed, "a closed stderr")

    # Seven runs that are stopped, one that another process holds.
    out, seeds = base / "counted", ["run.seed=0..7", "--jobs", "8"]
    process = start(out, subprocess.DEVNULL, *endless, *seeds)
    wait_for(lambda: len(steps(out)) == 8 and min(steps(out)) > 0, process, "eight runs")
    stop(process, "eight runs")
    held = open(next(out.glob("quickstart/*-s7-*/.lock")), "r+")
    fcntl.lockf(held, fcntl.LOCK_EX)
    master, terminal = pty.openpty()
    process = start(out, terminal, *endless, *seeds)
    os.close(terminal)
    asked, text = False, ""
    for text in read_all(master, process):
        if not asked and "1 failed" in text:
            process.send_signal(signal.SIGTERM)
            asked = True
    assert process.wait() == 75, process.returncode
    counts = re.findall(r"(\d+ of 8 runs done(?:, \d+ failed)?(?:, stopping)?)", text)
    assert "0 of 8 runs done, 1 failed, stopping" in counts and all(count.startswith("0 of 8") for count in counts), set(counts)
    assert "stopped with 0 of 8 runs done" in text, text[-300:]
    print(f"counts on a terminal: {sorted(set(counts))}")
