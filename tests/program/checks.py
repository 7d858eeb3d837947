"""Runs the program in a temporary folder, and counts failures, so that one run of a test shows all of them.

    h5py, numpy = checks.packages("h5py", "numpy")
    moesim = checks.Program()
    checks.check("mean" in moesim.call("compare", "runs"), "compare")
    checks.finish()
"""
import glob
import importlib
import json
import os
import struct
import subprocess
import sys
import tempfile

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def finish():
    """Ends the test: exit 1 if a check failed."""
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


def packages(*names):
    """The packages of these names. The test ends as skipped (77) if one is not installed."""
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)


class Program:
    """The program that the first argument names. The test goes on in a temporary folder, which is removed at its end."""

    def __init__(self):
        self.path = os.path.abspath(sys.argv[1])
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.chdir(self.folder.name)

    def __fspath__(self):  # subprocess.Popen([moesim, ...])
        return self.path

    def run(self, *words, code=0, **options):
        """Runs the program and checks its exit code. -> subprocess.CompletedProcess, with text"""
        words = [str(word) for word in words]
        done = subprocess.run([self.path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
        check(done.returncode == code, f"{' '.join(words)}: exit {done.returncode}, not {code}: {done.stderr}")
        return done

    def call(self, *words, code=0, **options):
        """Runs the program. -> what it prints, or the line with which it fails"""
        done = self.run(*words, code=code, **options)
        if code:
            check(done.stderr.count("\n") == 1, f"{words}: one line, not {done.stderr!r}")
        return done.stderr if code else done.stdout

    def said(self, *words, code=0, **options):
        """Runs the program. -> what it prints, and what it writes to stderr"""
        done = self.run(*words, code=code, **options)
        return done.stdout + done.stderr


def only(pattern):
    """The one path that a pattern matches."""
    found = glob.glob(pattern)
    check(len(found) == 1, f"{pattern}: {found}")
    return found[0].rstrip("/")


def weights(run, step):
    """The weights of a checkpoint, by name, as numpy's arrays."""
    import numpy as np
    with open(f"{run}/checkpoint/step-{step:09d}/weights.safetensors", "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    types = {"F32": np.float32, "F64": np.float64}
    return {name: np.frombuffer(data[8 + length:][info["data_offsets"][0]:info["data_offsets"][1]],
                                types[info["dtype"]]).reshape(info["shape"])
            for name, info in header.items() if name != "__metadata__"}
