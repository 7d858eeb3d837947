#!/usr/bin/env python3
"""Times moesim and PyTorch side by side on this machine and prints the table: the same models (experiments/bench.ini and
torch_moe.py), the same batch, one training step, medians of alternating rounds.

    python3 tests/bench/against_torch.py [--threads 1,2] [--arms dense,lory] [--rounds 3] [--steps 16]

Needs a PyTorch of any kind in the Python that runs it, or in the one that --python names. Ten minutes at the defaults; nothing
else should run beside. Before anything is timed, both sides must agree on parameters and FLOPs per token.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SIZES = {"layers": "model.layers", "width": "model.width", "heads": "model.heads", "hidden": "expert.hidden",
         "experts": "moe.experts", "length": "data.length", "symbols": "data.symbols", "batch": "train.batch", "rate": "train.rate"}


def fail(message):
    sys.exit(f"against_torch.py: {message}")


def run_json(command, threads=None):
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.pop(name, None)
        if threads:
            environment[name] = str(threads)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1])
    return json.loads(done.stdout)


class Config:
    """A config of variants: its settings, and a file for each variant alone."""

    def __init__(self, path, folder):
        with open(path, encoding="utf-8") as file:
            parts = re.split(r"(?m)^(?=\[)", file.read())
        self.folder, self.variants, self.settings = folder, {}, {}
        self.common = "".join(part for part in parts if not part.startswith("[variant."))
        for part in parts:
            section = re.match(r"\[(.*)\]", part)
            values = dict(re.findall(r"(?m)^([\w.]+)\s*=\s*(\S+)", part))
            if section and section[1].startswith("variant."):
                self.variants[section[1].removeprefix("variant.")] = (part, values)
            elif section:
                self.settings.update({f"{section[1]}.{key}": value for key, value in values.items()})

    def alone(self, arm):
        path = os.path.join(self.folder, arm + ".ini")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.common + self.variants[arm][0])
        return path

    def peer(self, arm):
        """Arguments of torch_moe.py for the same model, or None where it has no such router."""
        values = self.variants[arm][1]
        router = values["router.name"]
        if router in ("hash", "smear"):
            return None
        words = ["--router", router]
        for name, key in SIZES.items():
            words += [f"--{name}", self.settings[key]]
        if router == "token_choice":
            words += ["--k", values["router.token_choice.k"], "--capacity", values["router.token_choice.capacity_factor"]]
        return words


def ways_of(words, modes):
    """How PyTorch may do it: what each column is the fastest of."""
    if "--capacity" not in words:
        return {mode: [["--mode", mode]] for mode in modes}
    loop = ["--mode", "eager", "--experts-by", "loop"]
    if float(words[words.index("--capacity") + 1]) == 0:  # sizes that only the data know: no compiled graph
        return {"eager": [loop]} if "eager" in modes else {}
    return {mode: [["--mode", mode]] + ([loop] if mode == "eager" else []) for mode in modes}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moesim", default=None, help="the program (build/release/moesim, or the one in PATH)")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch")
    parser.add_argument("--config", default=os.path.join(ROOT, "experiments", "bench.ini"))
    parser.add_argument("--arms", default="", help="these arms alone: NAME,NAME")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--modes", default="eager,compiled")
    parser.add_argument("--rounds", type=int, default=3, help="0: compare the models alone")
    parser.add_argument("--steps", type=int, default=16, help="measured steps, after --warmup")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print every measurement in place of the table")
    chosen = parser.parse_args()
    built = os.path.join(ROOT, "build", "release", "moesim")
    chosen.moesim = chosen.moesim or (built if os.path.exists(built) else shutil.which("moesim"))
    if not chosen.moesim:
        fail("no moesim: build it (cmake --build build/release), or name it with --moesim")
    try:
        version = subprocess.run([chosen.python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
    except OSError as error:
        fail(f"--python {chosen.python}: {error.strerror}")
    if version.returncode:
        fail(f"{chosen.python} has no torch: install it there (pip install torch), or name another with --python")
    chosen.torch = version.stdout.strip()
    return chosen


def processor():
    """"AMD EPYC 9R14 (family 25, model 17)": virtual machines often hide the rest of the name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        return f"{fields['model name']} (family {fields['cpu family']}, model {fields['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def check_equal(chosen, config, arms):
    """Both sides train the same model: parameters to the last, FLOPs per token as each side counts them."""
    try:
        known = run_json([chosen.moesim, "run", chosen.config, "--dry-run", "--trial", "0", "--json"])["arms"]
    except RuntimeError as error:
        fail(error)
    known = {arm["arm"]: arm for arm in known}
    for arm in arms:
        words = config.peer(arm)
        if words is None:
            continue
        way = ["--experts-by", "bmm", "--mode", "eager", "--warmup", "0", "--steps", "1"]
        try:
            torch = run_json([chosen.python, os.path.join(HERE, "torch_moe.py"), *words, *way])
        except RuntimeError as error:
            fail(f"{arm}: torch_moe.py: {error}")
        ours = known[arm]["parameters_total"], known[arm]["flops_per_token"]
        theirs = torch["parameters"], torch["flops_per_token"]
        if ours[0] != theirs[0]:
            fail(f"{arm}: moesim has {ours[0]} parameters, torch_moe.py {theirs[0]}; nothing was timed")
        if theirs[1] is not None and abs(ours[1] / theirs[1] - 1) > 1e-6:
            fail(f"{arm}: moesim counts {ours[1]:.0f} FLOPs per token, torch_moe.py {theirs[1]:.0f}; nothing was timed")
        counted = f"{ours[1] / 1e6:.2f}M FLOPs per token" + ("" if theirs[1] is not None else " (not counted by this torch)")
        print(f"{arm}: {ours[0]:,} parameters and {counted} on both sides", file=sys.stderr)


def measure(chosen, config, arm, threads):
    """One round of an arm: moesim, then PyTorch in every way."""
    length = ["--steps", str(chosen.steps), "--warmup", str(chosen.warmup)]
    bench = run_json([chosen.moesim, "bench", config.alone(arm), "--threads", str(threads), *length, "--json"])["arms"][0]
    result = {"moesim": {"ms": bench["step_ms"]["median"], "gemm": bench["share_of_gemm"], "mb": bench["peak_bytes"] / 1e6}}
    words = config.peer(arm)
    for mode, ways in (ways_of(words, chosen.modes) if words else {}).items():
        tried = []
        for way in ways:
            peer = [chosen.python, os.path.join(HERE, "torch_moe.py"), *words, *way, "--threads", str(threads), *length]
            try:
                one = run_json(peer, threads)
                tried.append({"ms": one["step_ms"], "mb": one["peak_mb"], "way": " ".join(way)})
            except RuntimeError as error:
                print(f"{arm}: torch_moe.py {' '.join(way)}: {error}", file=sys.stderr)
        if tried:
            result[mode] = min(tried, key=lambda one: one["ms"])
    return result


def table(rounds, arms, modes):
    middle = lambda values: statistics.median(values)
    head = ["arm", "moesim ms", "of GEMM", *(f"{mode} ms" for mode in modes), "PyTorch / moesim", "over rounds", "MB", "PyTorch's"]
    rows = [head, ["---"] * len(head)]
    for arm in arms:
        of_arm = [one[arm] for one in rounds]
        row = [arm, f"{middle([o['moesim']['ms'] for o in of_arm]):.0f}", f"{100 * middle([o['moesim']['gemm'] for o in of_arm]):.0f} %"]
        for mode in modes:
            row.append(f"{middle([o[mode]['ms'] for o in of_arm]):.0f}" if all(mode in o for o in of_arm) else "")
        there = [mode for mode in modes if all(mode in o for o in of_arm)]
        if there:
            best = min(there, key=lambda mode: middle([o[mode]["ms"] for o in of_arm]))
            ratios = [o[best]["ms"] / o["moesim"]["ms"] for o in of_arm]
            row += [f"{middle(ratios):.2f} × ({best})", f"{min(ratios):.2f} .. {max(ratios):.2f}"]
        else:
            row += ["", ""]
        row.append(f"{middle([o['moesim']['mb'] for o in of_arm]):.0f}")
        row.append(f"{middle([o[best]['mb'] for o in of_arm]):.0f}" if there else "")
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main():
    chosen = arguments()
    chosen.modes = [mode for mode in chosen.modes.split(",") if mode]
    with tempfile.TemporaryDirectory() as folder:
        config = Config(chosen.config, folder)
        arms = [arm for arm in chosen.arms.split(",") if arm] or [arm for arm in config.variants if config.peer(arm)]
        for arm in arms:
            if arm not in config.variants:
                fail(f"{chosen.config} has no arm {arm}; choose from {', '.join(config.variants)}")
        check_equal(chosen, config, arms)
        if chosen.rounds == 0:
            return
        info = run_json([chosen.moesim, "info", "--json"])
        begin, load = datetime.datetime.now(), os.getloadavg()[0]
        measured = {}
        for count in (int(word) for word in chosen.threads.split(",")):
            measured[count] = []
            for number in range(chosen.rounds):
                order = arms if number % 2 == 0 else arms[::-1]
                measured[count].append({arm: measure(chosen, config, arm, count) for arm in order})
                print(f"{count} threads: round {number + 1} of {chosen.rounds}", file=sys.stderr)
        about = {"processor": processor(), "processors": os.cpu_count(), "moesim": info["version"], "git": info["git"], "build": info["build"],
                 "products": info["cpu"], "torch": chosen.torch, "date": begin.strftime("%Y-%m-%d"), "load": [load, os.getloadavg()[0]]}
    if chosen.json:
        print(json.dumps({"about": about, "rounds": measured}, indent=2))
        return
    print(f"{about['processor']}, {about['processors']} processors, {about['date']}; moesim {about['moesim']} ({about['git']}), {about['build']}, "
          f"{about['products']}; PyTorch {about['torch']}; load {load:.1f} before, {about['load'][1]:.1f} after.")
    print(f"Medians of {chosen.rounds} rounds of {chosen.steps} steps after {chosen.warmup}, moesim and PyTorch in turn.")
    for count, rounds in measured.items():
        print(f"\n{count} thread{'s' if count > 1 else ''}:\n\n{table(rounds, arms, chosen.modes)}")


if __name__ == "__main__":
    main()
