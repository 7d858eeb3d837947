#!/usr/bin/env python3
"""Tests signals to a run: which ones stop it with a checkpoint, which ones have no effect, and what remains when a process dies.

Usage: signals.py MOESIM MODULE, the module being failing_writes.c.
"""
import atexit, os, pathlib, random, signal, subprocess, sys, tempfile, time

moesim, module = sys.argv[1:]
PATIENCE = 120
CONFIG = """[run]
name = signals
steps = 1000000000
[data]
length = 8
validation = 1
[model]
layers = 1
width = 8
heads = 1
[router]
name = dense
[train]
batch = 1
[record]
every = 1000000
[eval]
every = 1
batches = 1
[checkpoint]
every = 50
"""


class Run:
    """An endless run that has begun or, with settings, whose plan has; `steps` are those of its newest checkpoint."""

    def __init__(self, base, name, settings=(), **more):
        self.out, self.name = base / name, name
        environment = dict(os.environ, LC_ALL="C", GOMP_SPINCOUNT="0", **more.pop("environment", {}))
        self.process = subprocess.Popen([moesim, "run", base / "c.ini", "--threads", "1", "--out", self.out, *settings], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
        atexit.register(self.process.kill)  # of a test that fails
        self.until((lambda: self.children()) if settings else (lambda: self.steps() > 0), "begins")

    def steps(self):
        return max((int(path.name[5:]) for path in self.out.glob("signals/*/checkpoint/step-*")), default=0)

    def log(self):
        return "".join(path.read_text() for path in self.out.glob("signals/*/log.txt"))

    def status(self):
        return subprocess.run([moesim, "status", self.out / "signals"], capture_output=True, text=True, check=True).stdout

    def children(self):
        pid = self.process.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def worker(self):
        child, = self.children()
        return int(child)

    def until(self, condition, what, alive=True):
        begin = time.monotonic()
        while not condition():
            if (alive and self.process.poll() is not None) or time.monotonic() - begin > PATIENCE:
                self.process.kill()
                sys.exit(f"{self.name}: {what}: nothing came of it; exit {self.process.poll()}: {self.process.stderr.read()[-500:]}")
            time.sleep(0.01)

    def goes_on(self, what):
        before = self.steps()
        self.until(lambda: self.steps() > before + 100, what)

    def ends(self, code, what):
        try:
            error = self.process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit(f"{self.name}: {what}: goes on")
        assert self.process.returncode == code, f"{self.name}: {what}: exit {self.process.returncode}: {error[-500:]}"
        return error

    def stops(self, number):
        self.process.send_signal(number)
        error = self.ends(75, f"signal {number}")
        assert error.splitlines()[-1] == "moesim: stopped with 0 of 1 runs done; run it again to resume", error[-500:]
        assert "stopped at step" in self.log() and "interrupted" in self.status(), self.status()


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    base = pathlib.Path(folder)
    (base / "c.ini").write_text(CONFIG)

    # Asked to stop: SIGXCPU comes at the soft limit of processor time.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU):
        run = Run(base, f"asked-{number.name}")
        run.stops(number)
    # The worker alone, too: that is where the time is spent.
    run = Run(base, "worker-SIGXCPU")
    os.kill(run.worker(), signal.SIGXCPU)
    run.ends(75, "the worker's time is over")
    assert "stopped at step" in run.log()

    # No trace: signals of files and pipes, a hangup under nohup, being stopped and continued as from a shell.
    run = Run(base, "ignored", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), start_new_session=True)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP):
        for process in (run.process.pid, run.worker()):
            os.kill(process, number)
        run.goes_on(number.name)
    os.killpg(run.process.pid, signal.SIGSTOP)
    os.killpg(run.process.pid, signal.SIGCONT)
    run.goes_on("stopped and continued")
    run.stops(signal.SIGTERM)

    # While the plan arranges documents, which takes long: nothing is written. A terminal signals the group.
    source = random.Random(0)
    (base / "many.txt").write_text("".join(" ".join(source.choices("abcdefghij", k=12)) + "\n\n" for _ in range(60000)))
    for number, send in ((signal.SIGINT, os.kill), (signal.SIGTERM, os.kill), (signal.SIGUSR1, os.kill), (signal.SIGINT, os.killpg)):
        run = Run(base, f"plan-{number.name}-{send.__name__}", ["data.name=text", "data.validation=", f"data.path={base}/many.txt", "data.document=blank",
                                                                "data.order=similar", "run.seed=0..1"], start_new_session=True)
        send(run.process.pid, number)
        error = run.ends(75, f"{number.name} while it plans")
        assert error == "moesim: stopped with 0 of 2 runs done; run it again to resume\n", error
        assert not run.out.exists(), f"{number.name} while it plans: {list(run.out.rglob('*'))}"

    # Deaths of the supervisor: the worker ends with a checkpoint, told by the system or, where that cannot tell, by the pipe.
    for name, number, environment in (("SIGQUIT", signal.SIGQUIT, {}), ("SIGKILL", signal.SIGKILL, {}),
                                      ("no prctl", signal.SIGKILL, {"LD_PRELOAD": module, "MOESIM_LACKS": "prctl=38",
                                                                    "ASAN_OPTIONS": "verify_asan_link_order=0"})):
        run = Run(base, f"death-{name}", environment=environment)
        run.process.send_signal(number)
        run.ends(-number, name)
        run.until(lambda: "stopped at step" in run.log(), f"the worker after {name}", alive=False)
        run.until(lambda: "interrupted" in run.status(), f"the folder after {name}", alive=False)
        again = Run(base, f"death-{name}")
        again.until(lambda: "resuming: at step" in again.log(), f"resuming after {name}")
        again.stops(signal.SIGTERM)
print("signals: all in order")
