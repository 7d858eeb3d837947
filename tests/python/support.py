"""Shared by the tests of analysis/python. The environment variable MOESIM names the program."""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "analysis", "python"))
PROGRAM = os.environ.get("MOESIM", os.path.join(SOURCE, "build", "release", "moesim"))
SKIPPED = 77  # SKIP_RETURN_CODE of ctest


def require(*modules, otherwise=None):
    """Skips the test with the reason if a package is missing.

    otherwise: another interpreter, which takes the test over if it has them all.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if not missing:
        return
    print(f"{sys.executable} has no {', '.join(missing)}", flush=True)
    if otherwise and os.path.realpath(otherwise) != os.path.realpath(sys.executable) and os.path.exists(otherwise):
        if subprocess.run([otherwise, "-c", "import " + ", ".join(modules)], capture_output=True, check=False).returncode == 0:
            print(f"{otherwise} has", flush=True)
            os.execv(otherwise, [otherwise, *sys.argv])
    print("skipped")
    sys.exit(SKIPPED)


def moesim(*words, code=0):
    """Returns stdout of the program, which must end with that code."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HOME": FOLDER.name, "XDG_CACHE_HOME": FOLDER.name}
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, env=environment, cwd=FOLDER.name,
                          check=False)
    assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stderr


FOLDER = tempfile.TemporaryDirectory(prefix="moesim-python-")


def write(name, text):
    path = os.path.join(FOLDER.name, name)
    with open(path, "w" if isinstance(text, str) else "wb") as file:
        file.write(text)
    return path


def main():
    unittest.main(module="__main__", verbosity=2)
