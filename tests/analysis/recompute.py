#!/usr/bin/env python3
"""Recomputes the routers table from the run files alone, and compares every value with `moesim compare --json`.

usage: recompute.py MOESIM EXPERIMENT
Exit status: 0 all is well, 1 a value differs, 77 skipped (h5py or numpy is not installed). scipy, where there is one,
checks the p values and quantiles that are computed here.
"""
import json
import math
import pathlib
import subprocess
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
try:
    from scipy import stats
except ImportError:
    stats = None

KEYS = """arm router seeds eval_loss eval_loss_difference eval_loss_interval p_holm p test detectable regret eval_accuracy
eval_domain_nmi drops_percent train_drops_percent load_cv max_violation normalised_entropy dead_experts k capacity_factor parameters_total
parameters_active flops_per_token flops_per_token_measured tokens_per_second steps_to_target tokens_to_target flops_to_target seconds_to_target
speedup_steps speedup_seconds target_reached sees leak diverged stable_seeds eval_effective_experts eval_load grad_norm
router_entropy""".split()
FINE, COARSE = np.polynomial.legendre.leggauss(400), np.polynomial.legendre.leggauss(12)


def integral(f, low, high, rule=FINE):
    nodes, weights = rule
    return (high - low) / 2 * np.dot(weights, f((high + low) / 2 + (high - low) / 2 * nodes))


def p_of(t, freedom):
    """P(|T| > t), by T = sqrt(freedom) tan(angle)."""
    density = lambda angle: np.cos(angle) ** (freedom - 1)
    angle = math.atan(abs(t) / math.sqrt(freedom))
    p = integral(density, angle, math.pi / 2) / integral(density, 0, math.pi / 2)
    if stats is not None:
        assert math.isclose(p, 2 * stats.t.sf(abs(t), freedom), rel_tol=1e-6), (t, freedom)
    return p


def critical(freedom, level):
    low, high = 0.0, 1e6
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if p_of(middle, freedom) > level else (low, middle)
    return low


def power(shift, freedom, critical_value):
    """P(|Z + shift| > c S), over S = sqrt(chi^2 / freedom)."""
    c = critical_value
    log_norm = math.log(2) + freedom / 2 * math.log(freedom / 2) - math.lgamma(freedom / 2)
    density = lambda s: np.exp(log_norm + (freedom - 1) * np.log(s) - freedom * s * s / 2)
    tail = np.vectorize(lambda x: math.erfc(x / math.sqrt(2)) / 2)
    ends = np.concatenate([np.linspace(1e-12, 2, 60), np.linspace(2, 12, 30)[1:]])
    return sum(integral(lambda s: density(s) * (tail(c * s - shift) + tail(c * s + shift)), a, b, COARSE)
               for a, b in zip(ends, ends[1:]))


def detectable(error, freedom, tests):
    c, low, high = critical(freedom, 0.05 / tests), 0.0, 1.0
    while power(high, freedom, c) < 0.8:
        high *= 2
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, freedom, c) < 0.8 else (low, middle)
    return low * error


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class Run:
    def __init__(self, path):
        with h5py.File(path) as file:
            self.attributes = {key: value for key, value in file.attrs.items()}
            self.data = {key: file[key][...] for key in file if file[key].dtype.kind in "fiu"}
            self.dims = {key: [text(scale.label) if scale.label else "" for scale in file[key].dims] for key in self.data}
        self.arm, self.router = text(self.attributes["arm"]), text(self.attributes["router"])
        self.seed, self.status = int(self.attributes["seed"]), text(self.attributes["status"])
        self.settings, section = {}, ""
        for line in text(self.attributes["config"]).splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line:
                key, value = line.split("=", 1)
                self.settings[f"{section}.{key.strip()}"] = value.strip()
        self.identity = tuple(sorted((key, value) for key, value in self.settings.items()
                                     if key not in ("run.seed", "run.name", "run.device", "run.graphs", "data.root")
                                     and key.split(".")[0] not in ("checkpoint", "record")))
        steps = self.data.get("eval_step", [])
        self.tokens_at = np.array([0 if s == 0 else self.data["tokens"][s - 1] for s in steps], float)
        self.seconds_at = np.array([self.data["seconds"][:s].sum() for s in steps])

    def place(self, at):
        if at == "last":
            return len(self.data["eval_step"]) - 1
        if at == "best":
            return int(np.argmin(self.data["eval_loss"]))
        return int(np.flatnonzero(self.data["eval_step"] == int(at))[0])

    def value(self, key, at, target):
        i, data, attributes = self.place(at), self.data, self.attributes
        number = lambda name: float(attributes[name]) if name in attributes else math.nan
        layers = lambda name: data[name][i] if name in data else np.array([math.nan])
        before = data["eval_step"][i]
        if key in ("eval_loss", "eval_accuracy"):
            return float(data[key][i])
        if key == "regret":
            return float(data["eval_loss"][i]) - number("bayes_loss")
        if key == "drops_percent":
            asked = layers("eval_assignments")
            shares = [100 * d / a for d, a in zip(layers("eval_dropped"), asked) if a > 0]
            return float(np.mean(shares)) if shares else math.nan
        if key == "train_drops_percent":
            if "dropped" not in data:
                return math.nan
            done = data["record_step"] < before
            late = np.flatnonzero(done & (data["record_step"] >= 0.9 * before))
            ten = np.intersect1d(np.flatnonzero(done)[-10:], np.flatnonzero(data["record_step"] >= 0.5 * before))
            rows = np.union1d(late, ten) if len(late) + len(ten) else np.flatnonzero(done)[-1:]
            asked = data["assignments"][rows].sum(axis=1)
            shares = 100 * data["dropped"][rows].sum(axis=1)[asked > 0] / asked[asked > 0]
            return float(np.mean(shares)) if len(shares) else math.nan
        if key in ("load_cv", "max_violation", "eval_domain_nmi"):
            return float(np.mean(layers(key if key.startswith("eval_") else "eval_" + key)))
        if key == "normalised_entropy":
            experts = len(data["expert"]) if "expert" in data else 1
            return float(np.mean(layers("eval_router_entropy"))) / math.log(experts) if experts > 1 else math.nan
        if key == "dead_experts":
            return float(np.sum(layers("eval_dead_experts")))
        if key in ("parameters_total", "parameters_active", "flops_per_token", "flops_per_token_measured"):
            return number(key)
        if key == "tokens_per_second":
            return float(np.median(np.diff(data["tokens"], prepend=0) / data["seconds"]))
        if key.startswith("eval_"):
            return float(np.mean(data[key][i])) if key in data else math.nan
        if key == "grad_norm":
            return float(data[key][before - 1])
        if key == "router_entropy":
            return float(np.mean(data[key][data["record_step"] < before][-1])) if key in data else math.nan
        return crossing(self.costs(key), data["eval_loss"], target)

    def costs(self, key):
        return {"steps_to_target": self.data["eval_step"].astype(float), "tokens_to_target": self.tokens_at,
                "flops_to_target": self.tokens_at * float(self.attributes.get("flops_per_token", math.nan)),
                "seconds_to_target": self.seconds_at}[key]


def crossing(x, losses, target):
    below = np.flatnonzero(losses <= target)
    if len(below) == 0:
        return math.nan
    j = below[0]
    return float(x[0] if j == 0 else np.interp(-target, -losses[j - 1:j + 1], x[j - 1:j + 1]))


def mean_curve(runs):
    """Of runs that were evaluated at the same steps."""
    return np.mean([run.data["eval_loss"] for run in runs], axis=0)


def cost(runs, key, target, by_mean_curve):
    if by_mean_curve:
        return crossing(np.mean([run.costs(key) for run in runs], axis=0), mean_curve(runs), target)
    return np.mean([run.value(key, "last", target) for run in runs])


def sample(values):
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return None
    return {"mean": np.mean(values), "std": np.std(values, ddof=1) if len(values) > 1 else None, "n": len(values)}


def difference(arm, base, at, target):
    a, b = ({run.seed: run.value("eval_loss", at, target) for run in runs} for runs in (arm, base))
    common = sorted(set(a) & set(b))
    if len(common) > 1:
        d = np.array([a[seed] - b[seed] for seed in common])
        return dict(sample=sample(d), error=np.std(d, ddof=1) / math.sqrt(len(d)), freedom=len(d) - 1, test="paired t")
    x, y = np.array(list(a.values())), np.array(list(b.values()))
    u, v = np.var(x, ddof=1) / len(x), np.var(y, ddof=1) / len(y)
    return dict(sample={"mean": x.mean() - y.mean(), "std": math.hypot(np.std(x, ddof=1), np.std(y, ddof=1)),
                        "n": min(len(x), len(y))},
                error=math.sqrt(u + v), freedom=(u + v) ** 2 / (u * u / (len(x) - 1) + v * v / (len(y) - 1)), test="Welch's t")


def table(runs, baseline, at, target):
    arms = {}
    for run in runs:
        arms.setdefault(run.identity, []).append(run)
    complete = {arm[0].arm: [run for run in arm if run.status == "complete"] for arm in arms.values()}
    by_mean_curve = target is None
    if by_mean_curve:
        target = max(np.mean([run.value("eval_loss", at, 0) for run in complete[baseline]]), mean_curve(complete[baseline]).min())
    differences = {name: difference(arm, complete[baseline], at, target) for name, arm in complete.items() if name != baseline}
    for one in differences.values():
        one["p"] = p_of(one["sample"]["mean"] / one["error"], one["freedom"])
    most = 0
    for rank, one in enumerate(sorted(differences.values(), key=lambda one: one["p"])):
        most = max(most, (len(differences) - rank) * one["p"])
        one["p_holm"] = min(1, most)
    rows = []
    for arm in arms.values():
        name = arm[0].arm
        done, row = complete[name], {}
        one = differences.get(name)
        mean = lambda key, those=done: (sample([run.value(key, at, target) for run in those]) or {"mean": None})["mean"]
        for key in KEYS:
            if key in ("eval_loss", "regret", "eval_accuracy", "eval_effective_experts", "eval_load", "grad_norm", "router_entropy"):
                row[key] = sample([run.value(key, at, target) for run in done])
            elif key == "tokens_per_second":
                row[key] = np.median([run.value(key, at, target) for run in done])
            elif key in ("eval_loss_difference", "eval_loss_interval", "p", "p_holm", "test", "detectable"):
                row[key] = None if one is None else {
                    "eval_loss_difference": lambda: one["sample"],
                    "eval_loss_interval": lambda: [one["sample"]["mean"] + sign * critical(one["freedom"], 0.05) * one["error"]
                                                   for sign in (-1, 1)],
                    "detectable": lambda: detectable(one["error"], one["freedom"], len(differences)),
                }.get(key, lambda: one[key])()
            elif key in ("arm", "router"):
                row[key] = getattr(arm[0], key)
            elif key == "seeds":
                row[key] = len(done)
            elif key in ("k", "capacity_factor"):
                value = arm[0].settings.get(f"router.{arm[0].router}.{key}")
                row[key] = None if value is None else float(value)
            elif key.startswith("speedup"):
                what = key.split("_")[1] + "_to_target"
                own, theirs = (cost(runs, what, target, by_mean_curve) for runs in (done, complete[baseline]))
                row[key] = None
                if one is not None and by_mean_curve and not math.isnan(theirs / own):
                    row[key] = theirs / own
                elif one is not None and not math.isnan(theirs + own):
                    theirs = {run.seed: run.value(what, at, target) for run in complete[baseline]}
                    row[key] = sample([theirs[run.seed] / run.value(what, at, target) for run in done if run.seed in theirs])
            elif key.endswith("_to_target"):
                value = cost(done, key, target, by_mean_curve)
                row[key] = None if math.isnan(value) else value
            elif key == "target_reached":
                count = sum(not math.isnan(run.value("steps_to_target", at, target)) for run in done)
                row[key] = f"{count}/{len(done)}" if count else "not reached"
                if by_mean_curve:
                    row[key] = "not reached" if math.isnan(cost(done, "steps_to_target", target, True)) else "mean curve"
            elif key == "sees":
                row[key] = text(arm[0].attributes["sees"])
            elif key == "leak":
                row[key] = "leaks" if any(float(run.attributes["leak"]) > 0 for run in done) else "none"
            elif key == "diverged":
                row[key] = sum(run.status == "diverged" for run in arm)
            elif key == "stable_seeds":
                row[key] = f"{len(done)}/{len(arm)}" if len(done) < len(arm) else None
            else:
                row[key] = mean(key)
        rows.append(row)
    return rows


def agree(ours, theirs, tolerance):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(agree(ours[key], theirs[key], tolerance) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(agree(a, b, tolerance) for a, b in zip(ours, theirs))
    if isinstance(ours, str) or isinstance(theirs, str) or ours is None or theirs is None:
        return ours == theirs
    return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-13)


def main(moesim, experiment):
    paths = sorted(pathlib.Path(experiment).glob("*/run.h5"))
    runs, wrong, count = [Run(path) for path in paths], 0, 0
    names = sorted({run.arm for run in runs})
    step = str(int(runs[0].data["eval_step"][1]))
    last = sorted(float(run.data["eval_loss"][-1]) for run in runs if run.status == "complete")
    for baseline, at, target in ((names[0], "last", None), (names[-1], "last", last[len(last) // 2]), (names[0], "best", None),
                                 (names[0], step, last[-1] + 0.01)):
        words = [moesim, "compare", experiment, "--json", "--baseline", baseline, "--at", at, "--columns", ",".join(KEYS)]
        if target is not None:
            words.append(f"--target={target!r}")
        printed = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["rows"]
        expected = table(runs, baseline, at, target)
        if len(printed) != len(expected):
            sys.exit(f"recompute: {len(printed)} rows, expected {len(expected)}")
        for ours, theirs in zip(expected, printed):
            for key in KEYS:
                count += 1
                # Found by a search, to 24 bits.
                tolerance = 1e-4 if key == "detectable" else 1e-9
                if key not in theirs or not agree(ours[key], theirs[key], tolerance):
                    wrong += 1
                    print(f"{' '.join(words[2:8])}: {ours['arm']}, {key}: {theirs.get(key)}, expected {ours[key]}")
    print(f"recompute: {count} values of {len(runs)} runs, {wrong} differ" + ("" if stats else " (without scipy)"))
    sys.exit(1 if wrong or count == 0 else 0)


main(*sys.argv[1:])
