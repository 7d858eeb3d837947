#!/usr/bin/env python3
"""Writes what the objects of a build folder were compiled by, for reuse.sh: one file an object, one word a line, without
-Werror, which changes no object.

Usage: objects.py BUILD FOLDER. FOLDER is made. BUILD's own path is @ in the files, whose names are those of the objects with %
for /.
"""
import json
import os
import shlex
import sys

build, folder = os.path.realpath(sys.argv[1]), sys.argv[2]
os.makedirs(folder)
with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
    entries = json.load(file)
for entry in entries:
    words = [word for word in shlex.split(entry["command"].replace(build, "@")) if word != "-Werror"]
    target = words[words.index("-o") + 1]
    if os.path.exists(os.path.join(build, target)):
        with open(os.path.join(folder, target.replace("/", "%")), "w", encoding="utf-8") as file:
            file.write("\n".join(words) + "\n")
