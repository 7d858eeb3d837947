#!/usr/bin/env python3
"""Runs clang-tidy (.clang-tidy: what fires is an error) and clang's -Wconversion over the sources.

    scripts/lint.py                   every source of the program, but not the tests
    scripts/lint.py --changed REV     those that differ from REV, or include a header that does; --most N: the first N of them,
                                      changed sources before those that include a changed header
    scripts/lint.py FILE...           these

A source passes again without work as long as it, the headers that it includes, the checks and clang-tidy are the same: what
passed is remembered in build/lint/passed. Exit 1 if something fires, 0 if nothing does or there is no clang-tidy 14, which is
then said.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "lint")
PASSED = os.path.join(BUILD, "passed")
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.M)


def commands():
    """The compile command of every source, once: of the float build where there are two."""
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_COMPILER=clang++",
                    "-DCMAKE_C_COMPILER=clang", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON",
                    "-DMOESIM_TESTS=OFF", "-DMOESIM_CUDA=OFF", "-DMOESIM_GROUP=1"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "moesim_revision"], check=True, stdout=subprocess.DEVNULL)
    found = {}
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            path = os.path.relpath(entry["file"], ROOT)
            if not path.startswith(".."):
                found.setdefault(path, entry)
    with open(os.path.join(BUILD, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(list(found.values()), file)
    return found


def includes(path, seen):
    """The headers of this project that a source includes, at any depth."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        for name in INCLUDE.findall(file.read()):
            if name not in seen and os.path.exists(os.path.join(ROOT, name)):
                seen.add(name)
                includes(name, seen)
    return seen


def key_of(path, entry, version):
    digest = hashlib.sha256((version + entry["command"]).encode())
    for name in sorted(includes(path, set())) + [path, ".clang-tidy", "scripts/lint.py"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def lint(path):
    done = subprocess.run(["clang-tidy", "-p", BUILD, "--quiet", "--extra-arg=-Wconversion", "--extra-arg=-Wno-sign-conversion",
                           "--extra-arg=-Wno-implicit-int-float-conversion", path], cwd=ROOT, capture_output=True, text=True)
    return path, done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changed", metavar="REV")
    parser.add_argument("--most", type=int, default=sys.maxsize, metavar="N")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    if not shutil.which("clang-tidy") or not shutil.which("clang++"):
        print("lint.py: skipped: clang-tidy or clang++ is missing: scripts/setup.sh installs them")
        return 0
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True).stdout
    if "version 14." not in version:
        print("lint.py: skipped: the list of checks is made for clang-tidy 14, that of Debian 12")
        return 0
    found = commands()
    wanted = sorted(found)
    if arguments.files:
        wanted = [os.path.relpath(os.path.abspath(name), ROOT) for name in arguments.files]
        if unknown := [name for name in wanted if name not in found]:
            print(f"lint.py: not a source of the program: {' '.join(unknown)}", file=sys.stderr)
            return 2
    elif arguments.changed:
        listed = subprocess.run(["git", "diff", "--name-only", arguments.changed], cwd=ROOT, check=True, capture_output=True, text=True)
        changed = set(listed.stdout.split())
        wanted = [path for path in wanted if path in changed or includes(path, set()) & changed]
        wanted.sort(key=lambda path: path not in changed)
    if len(wanted) > arguments.most:
        print(f"lint: the first {arguments.most} of {len(wanted)} sources; scripts/lint.py looks at all")
        wanted = wanted[:arguments.most]
    os.makedirs(PASSED, exist_ok=True)
    keys = {path: key_of(path, found[path], version) for path in wanted}
    left = [path for path in wanted if not os.path.exists(os.path.join(PASSED, keys[path]))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, code, text in pool.map(lint, left):
            if code == 0:
                open(os.path.join(PASSED, keys[path]), "w", encoding="utf-8").close()
            else:
                failed += 1
                print(text.strip() or f"{path}: clang-tidy ended with {code}", flush=True)
    print(f"lint: {len(wanted)} sources, {len(left)} looked at, {failed} with findings")
    return 1 if failed else 0


sys.exit(main())
