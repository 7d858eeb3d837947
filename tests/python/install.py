"""Tests the package as pip installs it, and its messages about missing packages."""
import os
import shutil
import subprocess
import sys
import unittest
from importlib.metadata import version

from support import FOLDER, SOURCE, main, require

require("pip", "setuptools", "numpy")
if tuple(map(int, version("setuptools").split(".")[:2])) < (70, 1):  # later ones build wheels themselves
    require("wheel")


def python(code, *paths):
    """Returns stdout of a fresh interpreter with these folders first in its path."""
    begin = "import sys; sys.path[:0] = " + repr(list(paths)) + "\n"
    done = subprocess.run([sys.executable, "-I", "-c", begin + code], capture_output=True, text=True, cwd=FOLDER.name,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Installed(unittest.TestCase):
    def test_pip(self):
        copy, target = os.path.join(FOLDER.name, "source"), os.path.join(FOLDER.name, "installed")
        shutil.copytree(os.path.join(SOURCE, "analysis", "python"), copy, ignore=shutil.ignore_patterns("__pycache__"))
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps",
                               "--no-build-isolation", "--disable-pip-version-check", "--target", target, copy],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = python("import moesim; print(moesim.__file__, moesim.__version__)", target)
        self.assertTrue(said.startswith(target), said)
        with open(os.path.join(SOURCE, "analysis", "python", "pyproject.toml"), encoding="utf-8") as file:
            self.assertIn(f'version = "{said.split()[1]}"', file.read())
        # Every source file is in a package that is installed.
        for folder, _, names in os.walk(os.path.join(copy, "moesim")):
            for name in names:
                inside = os.path.relpath(os.path.join(folder, name), copy)
                self.assertTrue(os.path.exists(os.path.join(target, inside)), inside)


class Missing(unittest.TestCase):
    def test_each_function_names_its_package(self):
        source = os.path.join(SOURCE, "analysis", "python")
        for call, package in (("runs('.')", "pandas"), ("open('.')", "xarray"), ("torch_model('.')", "torch")):
            said = python(f"sys.modules[{package!r}] = None\nimport moesim\n"
                          f"try: moesim.{call}\nexcept moesim.MoesimError as error: print(error)", source)
            self.assertIn(f"needs the Python package {package}: pip install {package}", said)

    def test_importing_needs_numpy_alone(self):
        said = python("import moesim; print(sorted(m for m in ('h5py', 'pandas', 'xarray', 'torch') if m in sys.modules))",
                      os.path.join(SOURCE, "analysis", "python"))
        self.assertEqual(said.strip(), "[]")


if __name__ == "__main__":
    main()
