#!/usr/bin/env python3
"""A compiler launcher that takes an object from another build folder of the same sources, where it is the same.

Usage: reuse.py BUILD COMPILER ARGUMENTS... (CMAKE_CXX_COMPILER_LAUNCHER="reuse.py;BUILD"). BUILD is up to date. An object is taken if
BUILD made it by the same command, but for the folder's name, from the same source; everything else is compiled. So a test that
builds the project once more compiles only what it adds. With MOESIM_REUSED set, what was compiled is appended to that file.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys

build, command = os.path.realpath(sys.argv[1]), sys.argv[2:]
here = os.path.realpath(os.getcwd())


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read().replace(build, here)


def made_before(target, source):
    """The object of BUILD that this command would make again, or None."""
    if not os.path.exists(os.path.join(build, target)):
        return None
    for entry in json.load(open(os.path.join(build, "compile_commands.json"), encoding="utf-8")):
        if target not in entry["command"]:  # before the words are taken apart, which takes long
            continue
        words = [word.replace(build, here) for word in shlex.split(entry["command"])]
        if command[0] not in words or ["-o", target] != words[words.index("-o"):][:2]:
            continue
        dependencies = {"-MD", "-MT", "-MF", target, target + ".d"}
        wanted = [word for word in command if word not in dependencies]
        if wanted != [word for word in words[words.index(command[0]):] if word not in dependencies]:
            return None
        if source.startswith(here):  # a group of sources or the precompiled header: written by CMake into the build folder
            before = source.replace(here, build)
            if not os.path.exists(before) or text(before) != text(source):
                return None
        return os.path.join(build, target)
    return None


if "-o" not in command or "-c" not in command:
    sys.exit(subprocess.call(command))
target, source = command[command.index("-o") + 1], command[command.index("-c") + 1]
found = made_before(target, source)
if not found:
    if "MOESIM_REUSED" in os.environ:
        with open(os.environ["MOESIM_REUSED"], "a", encoding="utf-8") as file:
            file.write(source + "\n")
    sys.exit(subprocess.call(command))
shutil.copyfile(found, target)
if "-MF" in command:
    with open(command[command.index("-MF") + 1], "w", encoding="utf-8") as file:
        file.write(f"{target}: {source}\n")
