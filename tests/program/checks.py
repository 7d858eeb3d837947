"""Counts the failures of a test that runs the program many times, so that one run of the test shows all of them."""
import glob
import json
import struct
import subprocess

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def run(program, *words, code=0, **options):
    """Runs the program and checks its exit code. -> subprocess.CompletedProcess, with text"""
    words = [str(word) for word in words]
    done = subprocess.run([program, *words], capture_output=True, text=True, **options)
    check(done.returncode == code, f"{' '.join(words)}: exit {done.returncode}, not {code}: {done.stderr}")
    return done


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
