#!/usr/bin/env python3
"""Compares the table in README.md with what `moesim compare` prints: every arm and column of README's, to the last digit.

Usage: readme_table.py MOESIM RUNS
"""
import pathlib
import re
import subprocess
import sys


def rows(text):
    """{arm: {column: value}} of the first table in the text, whose columns are two spaces apart or more."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("arm "))
    columns = re.split(r"\s{2,}", lines[start].strip())
    table = {}
    for line in lines[start + 1:]:
        values = re.split(r"\s{2,}", line.strip())
        if len(values) != len(columns):
            break
        table[values[0]] = dict(zip(columns, values))
    return table


moesim, runs = sys.argv[1:]
readme = rows(pathlib.Path(__file__).resolve().parent.parent.joinpath("README.md").read_text())
printed = rows(subprocess.run([moesim, "compare", runs], check=True, capture_output=True, text=True).stdout)
differences = [f"{arm}, {column}: README has {value}, this machine {printed.get(arm, {}).get(column, 'nothing')}"
               for arm, row in readme.items() for column, value in row.items() if printed.get(arm, {}).get(column) != value]
print("\n".join(differences) or f"README's table to the last digit: {len(readme)} arms, {len(next(iter(readme.values())))} columns")
sys.exit(1 if differences or not readme else 0)
