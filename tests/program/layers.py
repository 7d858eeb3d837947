#!/usr/bin/env python3
"""Checks the layers of the sources: layers.py SOURCE_DIR [--print]

A room is a folder of sources; the subfolders of sim/backend and sim/moe belong to their parent. Every #include leads to the
same room or to one that stands earlier in ROOMS, so there are no cycles and no arrow runs up. No two headers define a class of
the same name. No source asks which type `real` is. --print prints the rooms with their arrows, the median and the largest file.
"""
import collections
import os
import re
import statistics
import sys

# From the lowest to the highest.
ROOMS = """
sim/core sim/io sim/config sim/data sim/record sim/checkpoint sim/backend sim/ops sim/nn sim/moe sim/model sim/task sim/train sim/transform
sim/certify experts routers
analysis/statistics analysis/render analysis/runs analysis/traces analysis/tables analysis/figures analysis/tensorboard analysis/report
experiments/terminal experiments/sweep experiments/cluster experiments/explain experiments/import experiments/commands experiments
""".split()
# Rooms that a room must not include although they stand below it.
FORBIDDEN = {"routers": ["experts"], "analysis": ["sim/data", "sim/checkpoint", "sim/backend", "sim/ops", "sim/nn", "sim/model",
                                                  "sim/task", "sim/train", "sim/transform", "sim/certify", "experts", "routers"],
             "sim": ["experts", "routers"], "experiments": ["experts", "routers"]}
SOURCES = (".cpp", ".hpp", ".cu", ".cuh")
TYPE_OF_REAL = re.compile(r"\b(same_as|is_\w+)\s*<[^;]*\breal\b|MOESIM_REAL|MOESIM_NEUTRAL")


def room_of(path):
    folder = os.path.dirname(path)
    while folder and folder not in ROOMS:
        folder = os.path.dirname(folder)
    return folder


def sources(root):
    for top in ("sim", "experts", "routers", "analysis", "experiments"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    faults, arrows = [], collections.Counter()
    lines, classes = collections.defaultdict(list), collections.defaultdict(list)
    for path in sources(root):
        room = room_of(path)
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        if not room:
            faults.append(f"{path}: its folder is no room; add it to ROOMS in tests/program/layers.py, below what includes it")
            continue
        if path.endswith(".hpp") and "/cuda/" not in path:  # no file of another device includes those of cuda/
            space = re.findall(r"^namespace ([\w:]+) {", text, re.M)
            for kind in re.findall(r"^(?:class|struct|enum class) (\w+)(?: final)?(?: :[^;{]*)? {", text, re.M):
                classes[f"{space[0] if space else ''}::{kind}"].append(path)
        lines[room].append((text.count("\n"), path))
        for number, line in enumerate(text.splitlines(), 1):
            # Sources that are built once have a `real` of no size: there sizeof(real) does not compile, but this does.
            if TYPE_OF_REAL.search(line) and "/cuda/" not in path and path != "sim/core/types.hpp":
                faults.append(f"{path}:{number}: asks which type `real` is: sizeof(real) does, or number_bytes() (sim/core/number.hpp)")
            include = re.match(r'#include "((?:sim|experts|routers|analysis|experiments)/[^"]+)"', line)
            if not include:
                continue
            to = room_of(include[1])
            if to == room:
                continue
            if not to or ROOMS.index(to) > ROOMS.index(room):
                faults.append(f"{path}:{number}: {room} includes {include[1]}, which is above it: move the file, or what it needs of it")
            elif to in FORBIDDEN.get(room.split("/")[0], ()):
                faults.append(f"{path}:{number}: {room} must not include {include[1]}")
            else:
                arrows[room, to] += 1
    # A name is one class: two of a name in one namespace are one to the linker, which keeps the functions of either.
    for name, places in sorted(classes.items()):
        if len(places) > 1:
            faults.append(f"{name} is defined in {' and '.join(places)}: rename one")
    # The table of layers in sim/README.md names the same rooms in the same order.
    with open(os.path.join(root, "sim/README.md"), encoding="utf-8") as file:
        table = re.findall(r"^\| `(\w+)/` \|", file.read().split("## Layers")[-1], re.M)
    expected = [room[4:] for room in ROOMS if room.startswith("sim/")]
    if table != expected:
        faults.append(f"sim/README.md: its table of layers has {' '.join(table)}; expected {' '.join(expected)}")
    if "--print" in sys.argv:
        for room in ROOMS:
            sizes = sorted(lines[room])
            to = " ".join(f"{b}({n})" for (a, b), n in sorted(arrows.items()) if a == room)
            print(f"{room}: {len(sizes)} files, median {statistics.median(n for n, _ in sizes):.0f} lines, largest {sizes[-1][0]} "
                  f"({os.path.basename(sizes[-1][1])}) -> {to or '-'}")
    if not arrows:
        faults.append("no include was found")
    for fault in faults:
        print(fault)
    print(f"{len(ROOMS)} rooms, {len(arrows)} arrows, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
