#!/usr/bin/env python3
"""Compares the table in README.md with what `moesim compare` prints: every arm and every column that README has.

Usage: readme_table.py MOESIM RUNS
"""
import pathlib
import re
import subprocess
import sys


def rows(text):
    """{arm: {column: value}} of the first table in the text, whose columns are two spaces apart or more."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("arm ")), None)
    if start is None:
        return {}
    columns = re.split(r"\s{2,}", lines[start].strip())
    table = {}
    for line in lines[start + 1:]:
        values = re.split(r"\s{2,}", line.strip())
        if len(values) != len(columns):
            break
        table[values[0]] = dict(zip(columns, values))
    return table


def agree(column, ours, theirs):
    """Whether a value says the same as README's: another compiler or provider of products rounds differently, and training
    makes much of it. A mean may then be off by as much as seeds make it; what rounding cannot change is the same."""
    means = [re.match(r"(-?[0-9.]+) ± ([0-9.]+)", value) for value in (ours, theirs)]
    if all(means):
        return abs(float(means[0][1]) - float(means[1][1])) <= float(means[0][2])
    return ours == theirs or column in ROUNDED


ROUNDED = ("NMI", "eval drops %", "train drops %", "load CV")
moesim, runs = sys.argv[1:]
readme = rows(pathlib.Path(__file__).resolve().parent.parent.joinpath("README.md").read_text())
printed = rows(subprocess.run([moesim, "compare", runs], check=True, capture_output=True, text=True).stdout)
values = [(arm, column, value, printed.get(arm, {}).get(column, "nothing"))
          for arm, row in readme.items() for column, value in row.items()]
others = [value for value in values if value[2] != value[3]]
wrong = [value for value in others if not agree(*value[1:])]
for arm, column, ours, theirs in others:
    print(f"{arm}, {column}: README has {ours}, this machine {theirs}")
print(f"README's table: {len(values) - len(others)} of {len(values)} values to the last digit, {len(wrong)} beyond a deviation of the seeds")
sys.exit(1 if wrong or not values else 0)
