#!/usr/bin/env python3
"""Recomputes every number of the tables utilization, domains and curves with numpy from the run files of a sweep.

usage: tables.py MOESIM
Exit status: 0 all is well, 1 a number differs, 77 skipped (h5py or numpy is not installed).
"""

import csv
import glob
import io
import os
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

CONFIG = """[run]
name = tables
steps = 8
[record]
every = 2
[eval]
every = 4
batches = 1
[router.token_choice]
capacity_factor_eval = 1
[sweep]
router.name = dense, token_choice, soft, lory
run.seed = 0, 1, 2
"""

failures = 0
compared = 0


def deviation_text(value, decimals):
    """With that many decimals; one that would round to zero has its first digit, if it is no rounding of float32."""
    for more in range(decimals, decimals + 4):
        text = f"{value:.{more}f}"
        if value < 1e-7 or float(text) != 0:
            return text
    return f"{value:.0e}"


def check(what, found, expected):
    """A cell of CSV, which is a double in full, or empty for NaN."""
    global failures, compared
    compared += 1
    number = float(found) if found != "" else float("nan")
    same = np.isnan(expected) if np.isnan(number) else abs(number - expected) <= 1e-12 + 1e-9 * abs(expected)
    if not same:
        failures += 1
        print(f"FAILED: {what}: {found!r} in the table, {expected!r} by numpy")


class Run:
    def __init__(self, path):
        with h5py.File(path, "r") as file:
            self.attributes = dict(file.attrs)
            self.values = {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}
        self.arm = self.attributes["arm"]
        self.kind = self.attributes["plan_kind"]
        self.domains = [name.decode() for name in self.values["domain"]]

    def loads(self, window):
        """load and demand, [layer, expert], of the last evaluation or over the last records."""
        prefix, rows = ("", window) if window else ("eval_", 1)
        take = lambda name: self.values[prefix + name][-rows:].sum(0)
        if self.kind == "mixing":
            return take("importance"), take("importance")
        return take("load"), take("demand")

    def per_layer(self, name, window):
        return self.values[("" if window else "eval_") + name][-(window or 1):]


def utilization(run, window):
    """Statistics by layer, and of all layers."""
    load, demand = run.loads(window)
    ratio = load / load.mean(1, keepdims=True)
    share = demand / demand.sum(1, keepdims=True)
    with np.errstate(all="ignore"):
        surprise = np.where(share > 0, -share * np.log(share), 0)
    dropped = 100 * run.per_layer("dropped", window).sum(0) / run.per_layer("assignments", window).sum(0)
    entropy = np.nanmean(run.per_layer("router_entropy", window), 0) / np.log(load.shape[1])
    quantiles = {"min": 0, "p10": 0.1, "median": 0.5, "p90": 0.9, "max": 1}
    by_layer = {f"load_{name}": np.quantile(ratio, q, axis=1) for name, q in quantiles.items()}
    by_layer |= {
        "load_cv": demand.std(1) / demand.mean(1),
        "max_violation": demand.max(1) / demand.mean(1) - 1,
        "normalised_entropy": entropy,
        "effective_experts": np.exp(surprise.sum(1)),
        "dead_experts": (demand == 0).sum(1),
        "dropped_percent": dropped,
    }
    everything = {name: value.mean() for name, value in by_layer.items()}
    everything |= {f"load_{name}": np.quantile(ratio, q) for name, q in quantiles.items()}
    everything["dead_experts"] = by_layer["dead_experts"].sum()
    return by_layer, everything


def specialisation(run):
    load = run.values["domain_load"][-1]  # [layer, domain, expert]
    everything = load.sum(1, keepdims=True)
    experts = load.shape[2]

    def of(shares):
        with np.errstate(all="ignore"):
            entropy = np.where(shares > 0, -shares * np.log(shares), 0).sum(-1) / np.log(experts)
        return {"top_expert": shares.max(-1), "routing_entropy": entropy}

    share = load / load.sum(2, keepdims=True)
    part = load.sum(2) / load.sum((1, 2))[:, None]
    return share, of(share), of(everything / everything.sum(2, keepdims=True)), 100 * part


class Sweep:
    def __init__(self, moesim, folder):
        self.moesim, self.folder = moesim, folder
        self.arms = {}
        for path in sorted(glob.glob(folder + "/*/run.h5")):
            run = Run(path)
            if run.attributes["status"] == "complete":
                self.arms.setdefault(run.arm, []).append(run)

    def export(self, *options, form="csv"):
        command = [self.moesim, "export", self.folder, "--format", form, *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{command}: {done.stderr}")
        return list(csv.DictReader(io.StringIO(done.stdout))) if form == "csv" else done.stdout.splitlines()

    def routed(self):
        return {arm: runs for arm, runs in self.arms.items() if len(runs[0].values["expert"]) > 1}


def check_sample(what, row, key, values):
    values = np.array([value for value in values if not np.isnan(value)])
    if key in row:
        check(f"{what} {key}", row[key], values.mean() if len(values) else float("nan"))
        return
    check(f"{what} {key}", row[key + "_mean"], values.mean() if len(values) else float("nan"))
    check(f"{what} {key} (deviation)", row[key + "_std"], values.std(ddof=1) if len(values) > 1 else float("nan"))


def check_utilization(sweep, window):
    rows = sweep.export("--table", "utilization", *(["--window", str(window)] if window else []))
    seen = 0
    for arm, runs in sweep.routed().items():
        statistics = [utilization(run, window) for run in runs]
        for layer, label in [*enumerate(runs[0].values["layer"]), (None, "all")]:
            [row] = [row for row in rows if row["arm"] == arm and row["layer"] == str(label)]
            seen += 1
            for key in statistics[0][0]:
                values = [s[0][key][layer] if layer is not None else s[1][key] for s in statistics]
                check_sample(f"utilization {arm} layer {label}", row, key, values)
    if seen != len(rows):
        sys.exit(f"utilization: {len(rows)} rows, expected {seen}")


def check_experts(sweep):
    for row in sweep.export("--table", "utilization", "--by", "expert"):
        runs = sweep.arms[row["arm"]]
        layer = list(runs[0].values["layer"]).index(int(row["layer"]))
        for expert in range(len(runs[0].values["expert"])):
            loads = [run.loads(0)[0][layer] for run in runs]
            check(f"expert {expert} of {row['arm']}", row[f"expert_{expert}"], np.mean([x[expert] / x.mean() for x in loads]))


def check_domains(sweep):
    rows = sweep.export("--table", "domains")
    for arm, runs in sweep.arms.items():
        routed = arm in sweep.routed()
        domains = runs[0].domains
        parts = [specialisation(run) for run in runs]
        own = {row["domain"]: row for row in rows if row["arm"] == arm}
        if set(own) != {*domains, "all"}:
            sys.exit(f"domains: rows {set(own)}")
        for d, domain in enumerate(domains):
            what = f"domain {domain} of {arm}"
            check_sample(what, own[domain], "loss", [run.values["domain_loss"][-1, d] for run in runs])
            if not routed:
                continue
            check_sample(what, own[domain], "load_percent", [part[3][:, d].mean() for part in parts])
            for key in ("top_expert", "routing_entropy"):
                check_sample(what, own[domain], key, [part[1][key][:, d].mean() for part in parts])
        what = f"all domains of {arm}"
        losses = np.array([run.values["eval_loss"][-1] for run in runs])
        check_sample(what, own["all"], "loss", losses)
        check_sample(what, own["all"], "regret", losses - [run.attributes["bayes_loss"] for run in runs])
        if routed:
            for key in ("top_expert", "routing_entropy"):
                check_sample(what, own["all"], key, [part[2][key].mean() for part in parts])
            check_sample(what, own["all"], "domain_nmi", [run.values["eval_domain_nmi"][-1].mean() for run in runs])
    for row in sweep.export("--table", "domains", "--by", "expert"):
        runs = sweep.arms[row["arm"]]
        layer = list(runs[0].values["layer"]).index(int(row["layer"]))
        for d, domain in enumerate(runs[0].domains):
            shares = [specialisation(run)[0][layer, d, int(row["expert"])] for run in runs]
            check(f"share of {domain} in {row['arm']}", row[f"share_{domain}"], np.mean(shares))
    for row in sweep.export("--table", "domains", "--by", "layer"):
        runs = sweep.arms[row["arm"]]
        layer = list(runs[0].values["layer"]).index(int(row["layer"]))
        for d, domain in enumerate(runs[0].domains):
            tops = [specialisation(run)[0][layer, d].max() for run in runs]
            check_sample(f"layer {layer} of {row['arm']}", row, f"top_expert_{domain}", tops)


def check_curves(sweep, quantity, steps, pick):
    rows = sweep.export("--table", "curves", "--metric", quantity)
    first = next(iter(sweep.arms.values()))[0]
    if [float(row["step"]) for row in rows] != list(first.values[steps]):
        sys.exit(f"curves: steps of {quantity}")
    for i, row in enumerate(rows):
        for arm, runs in sweep.arms.items():
            if f"{arm}_mean" in row:
                check_sample(f"{quantity} at {row['step']}", row, arm, [pick(run)[i] for run in runs])


def check_text(sweep):
    """What people read is what programs read, to the last printed digit."""
    titles = {"min": ("load_min", 3), "p10": ("load_p10", 3), "median": ("load_median", 3), "p90": ("load_p90", 3),
              "max": ("load_max", 3), "CV": ("load_cv", 3), "MaxVio": ("max_violation", 3),
              "entropy": ("normalised_entropy", 3), "effective": ("effective_experts", 2), "dead": ("dead_experts", 1),
              "dropped %": ("dropped_percent", 2)}
    lines = sweep.export("--table", "utilization", form="text")
    split = lambda line: re.split(r" {2,}", line)
    header = split(lines[0])
    compared_cells = 0
    for line in lines[1:lines.index("")]:
        row = dict(zip(header, split(line)))
        runs = sweep.arms[row["arm"]]
        for title, (key, decimals) in titles.items():
            statistics = [utilization(run, 0) for run in runs]
            layer = None if row["layer"] == "all" else list(runs[0].values["layer"]).index(int(row["layer"]))
            values = np.array([s[1][key] if layer is None else s[0][key][layer] for s in statistics], float)
            expected = f"{values.mean():.{decimals}f}"
            if "±" in row[title]:
                expected += f" ± {deviation_text(values.std(ddof=1), decimals)}"
            compared_cells += 1
            if row[title] != expected:
                global failures
                failures += 1
                print(f"FAILED: text of {title} for {row['arm']}: {row[title]!r}, {expected!r} by numpy")
    if compared_cells == 0:
        sys.exit("no cell of the text was compared")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tables.py MOESIM")
    moesim = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        config = work + "/tables.ini"
        with open(config, "w") as file:
            file.write(CONFIG)
        subprocess.run([moesim, "run", config, "--out", work + "/runs"], check=True, capture_output=True)
        folder = work + "/runs/tables"
        # One seed of an arm is in no mean.
        with h5py.File(sorted(glob.glob(folder + "/token_choice*/run.h5"))[-1], "r+") as file:
            file.attrs["status"] = "diverged"
        sweep = Sweep(moesim, folder)
        if sorted(map(len, sweep.arms.values())) != [2, 3, 3, 3]:
            sys.exit(f"runs: { {arm: len(runs) for arm, runs in sweep.arms.items()} }")
        check_utilization(sweep, 0)
        check_utilization(sweep, 3)
        check_experts(sweep)
        check_domains(sweep)
        check_curves(sweep, "eval_loss", "eval_step", lambda run: run.values["eval_loss"])
        check_curves(sweep, "loss", "step", lambda run: run.values["loss"])
        check_curves(sweep, "load_cv", "record_step", lambda run: run.values["load_cv"].mean(1))
        check_curves(sweep, "domain_loss/domain1", "eval_step", lambda run: run.values["domain_loss"][:, 1])
        check_text(sweep)
    print(f"tables: {compared} numbers compared, {failures} differ")
    sys.exit(1 if failures or compared == 0 else 0)


if __name__ == "__main__":
    main()
