"""Compares printed tables with their values in JSON, and their columns with analysis/COLUMNS.md.

Every number of a text table is its number in JSON, rounded to the last printed digit. Every column that is not an arm, a
setting, an expert or a domain has its key in COLUMNS.md.
Usage: printed.py MOESIM EXPERIMENT
"""
import json
import pathlib
import re
import subprocess
import sys

UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
NUMBER = re.compile(r"(-?\d+(?:\.(\d+))?(?:e([+-]\d+))?)([kMGT]?)")
TABLES = [
    ["routers", "--columns", "all"],
    ["routers", "--columns", "arm,p,test,detectable"],
    ["routers", "--target", "4"],
    ["utilization"],
    ["utilization", "--by", "expert"],
    ["utilization", "--window", "2"],
    ["ablation"],
    ["ablation", "--metric", "load_cv"],
    ["domains"],
    ["domains", "--by", "layer"],
    ["domains", "--by", "expert"],
    ["curves"],
    ["curves", "--metric", "load_cv", "--layer", "1"],
]


def undocumented(keys, arms, domains):
    """Returns the columns that COLUMNS.md lacks."""
    text = pathlib.Path(__file__).resolve().parents[2].joinpath("analysis/COLUMNS.md").read_text()
    known = set(re.findall(r"`([a-z_0-9]+)`", text))
    named = {f"top_expert_{domain}" for domain in domains} | {f"share_{domain}" for domain in domains}
    return [key for key in keys if re.sub("_(difference|interval)$", "", key) not in known | arms | named and "." not in key and not re.fullmatch(r"expert_\d+", key)]


def run(moesim, *words):
    return subprocess.run([moesim, "export", *words], check=True, capture_output=True, text=True).stdout


def agrees(number, value):
    """True if the match `number` is `value`, rounded to the digits that are printed."""
    digits, decimals, exponent, unit = number.groups()
    step = 10.0 ** (int(exponent or 0) - len(decimals or "")) * UNITS[unit]
    return abs(float(digits) * UNITS[unit] - value) <= step * (0.5 + 1e-9)


def compare(cell, value):
    """How many numbers of a cell agree with its value in JSON; raises where one does not."""
    if isinstance(value, dict):
        values = [value["mean"], value["std"]]
    else:
        values = value if isinstance(value, list) else [value]
    values = [v for v in values if isinstance(v, (int, float))]
    numbers = list(NUMBER.finditer(cell))
    if len(numbers) != len(values):
        raise ValueError(f"'{cell}' is {value}")
    for number, expected in zip(numbers, values):
        if not agrees(number, expected):
            raise ValueError(f"'{cell}' is {value}")
    return len(numbers)


def main(moesim, experiment):
    failures = 0
    arms = {row["arm"] for row in json.loads(run(moesim, experiment, "--format", "json"))["rows"]}
    domains = {row["domain"] for row in json.loads(run(moesim, experiment, "--table", "domains", "--format", "json"))["rows"]}
    for words in TABLES:
        rows = json.loads(run(moesim, experiment, "--table", *words, "--format", "json"))["rows"]
        lines = run(moesim, experiment, "--table", *words, "--format", "text").split("\n\n")[0].splitlines()[1:]
        keys = [key for key in rows[0] if any(row[key] is not None and row[key] != "" for row in rows)]
        compared = 0
        if unknown := undocumented(rows[0], arms, domains):
            print(f"FAILED: {words}: analysis/COLUMNS.md has no {', '.join(unknown)}")
            failures += 1
        for line, row in zip(lines, rows, strict=True):
            cells = re.split(r"\s{2,}", line.strip())
            if len(cells) != len(keys):
                print(f"FAILED: {words}: {len(cells)} cells for {len(keys)} columns: {line}")
                failures += 1
                continue
            for key, cell in zip(keys, cells):
                if row[key] is None or isinstance(row[key], str):
                    continue
                try:
                    compared += compare(cell, row[key])
                except ValueError as problem:
                    print(f"FAILED: {words}: {key}: {problem}")
                    failures += 1
        print(f"{' '.join(words)}: {compared} numbers compared")
        failures += compared == 0
    sys.exit(failures > 0)


main(*sys.argv[1:])
