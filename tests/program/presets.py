#!/usr/bin/env python3
"""Tests the presets: each is found from any folder, planned and trained for two steps; experiments/presets/PUBLISHED.md
says what they contain.

usage: presets.py SOURCE_DIR MOESIM
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

CONFIG = """include = presets/{name}.ini
[data]
length = 16
validation = 16
[run]
steps = 2
[eval]
sequences = 16
"""

failures = 0


def fail(message):
    global failures
    failures += 1
    print(f"FAILED: {message}")


def moesim(program, *arguments, cwd):
    return subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def settings_of(path):
    """Returns the settings of a resolved config as {"section.key": text}."""
    settings, section = {}, ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line.startswith("["):
                section = line[1:-1]
            elif "=" in line:
                key, value = (part.strip() for part in line.split("=", 1))
                settings[f"{section}.{key}"] = value
    return settings


def gate_of(router, own):
    if router == "token_choice":
        normalise = own("normalise")
        if normalise == "auto":
            normalise = "none" if own("k") == "1" else "sum"
        over = " of those kept" if own("normalise_over") == "kept" else ""
        return "softmax" if normalise == "none" else f"softmax ÷ sum{over}"
    if router == "bias_balanced":
        normalised = "" if own("normalise") == "none" else " ÷ sum"
        factor = "" if own("scale") == "1" else f" × {own('scale')}"
        return own("scores").replace("sqrt_softplus", "√softplus") + normalised + factor
    return {"soft": "softmax over slots", "lory": "softmax, merges weights", "relu": "relu",
            "mixture_of_tokens": "softmax over the group"}[router]


def choice_of(router, own):
    if router == "token_choice":
        chance = "" if own("second") == "all" else f", the second by {own('second')} ({own('second_threshold')})"
        noise = "" if own("noise") == "none" else f" + noise {own('noise_std')}/E"
        return f"score{noise}" + (f", jitter {own('jitter')}" if own("jitter") != "0" else "") + chance
    if router == "bias_balanced":
        update = own("bias_update")
        speed = f" {own('bias_speed')}" if update in ("sign", "proportional") else ""
        bias = "score" if own("bias_speed") == "0" and speed else f"score + bias ({update}{speed})"
        groups = f", {own('top_groups')} of {own('groups')} groups" if own("groups") != "1" else ""
        hashed = f"; by token id in the first {own('hash_layers')}" if own("hash_layers") != "0" else ""
        return bias + groups + hashed
    return "–"


def capacity_of(router, own):
    if router not in ("token_choice", "bias_balanced"):
        return "–"
    train, evaluation = own("capacity_factor"), own("capacity_factor_eval")
    if train == evaluation == "0":
        return "none"
    text = train if train == evaluation else f"{train} / {evaluation}".replace("/ 0", "/ none")
    text += "" if own("capacity_per_choice") == "true" else ", not times k"
    return text + ("" if own("fill") == "token" else f", by {own('fill')}")


def losses_of(router, own, settings):
    losses = []
    if router in ("token_choice", "bias_balanced"):
        if own("balance_weight") != "0":
            first = ", first choices" if own("balance_counted") == "first" else ""
            losses.append(f"balance {own('balance_weight')} ({own('balance_group')}{first})")
        if own("z_weight") != "0":
            losses.append(f"z {own('z_weight')}")
    if router == "token_choice":
        losses += [f"{name} {own(name + '_weight')}" for name in ("importance", "load") if own(name + "_weight") != "0"]
    if router == "relu":
        losses.append(f"L1, λ from {own('lambda_start')} by {own('lambda_growth')}")
    if settings["train.z_weight"] != "0":
        losses.append(f"logit z {settings['train.z_weight']}")
    return ", ".join(losses) or "none"


def here(settings):
    """Returns what the tables of PUBLISHED.md say of a preset, by column."""
    router = settings["router.name"]

    def own(key):
        return settings[f"router.{router}.{key}"]

    heads, every, first = (int(settings[key]) for key in ("model.heads", "moe.every", "moe.first_dense"))
    head_width = int(settings["model.head_width"]) or int(settings["model.width"]) // heads
    identity = own("identity_experts") if router == "bias_balanced" else "0"
    number = {"soft": lambda: f"{own('slots')} slot each", "lory": lambda: "merged",
              "mixture_of_tokens": lambda: f"groups of {own('group_size')}",
              "relu": lambda: f"{own('k')} on average"}.get(router, lambda: own("k"))()
    ordinal = {1: "all", 2: "every 2nd", 4: "every 4th"}[every]
    schedule = settings["train.schedule"]
    return {
        "blocks": settings["model.layers"], "width": settings["model.width"],
        "heads / of k, v × width": f"{heads} / {int(settings['model.kv_heads']) or heads} × {head_width}",
        "experts": settings["moe.experts"] + (f" + {identity}" if identity != "0" else ""), "k": number,
        "shared": settings["moe.shared"],
        "expert": f"{settings['expert.name']} {settings['expert.hidden']}",
        "dense network": f"{settings['feed_forward.name']} {settings['feed_forward.hidden']}".replace(
            "expert 0", "as an expert") if every > 1 or first > 0 else "–",
        "MoE in": ordinal if first == 0 else f"all but the first {first}",
        "router": router, "gate": gate_of(router, own), "chosen by": choice_of(router, own),
        "capacity": capacity_of(router, own), "losses": losses_of(router, own, settings),
        "norm, positions": f"{settings['model.norm']}, {settings['model.positions']}"
                           + ("" if settings["model.qk_norm"] == "none" else f", q and k ({settings['model.qk_norm']})"),
        "schedule": schedule if schedule != "wsd" else
        f"wsd {settings['train.decay_share']} {settings['train.decay_form']}",
    }


def tables_of(page):
    """Returns the cells of the tables of PUBLISHED.md, by preset and column. A cell is what both have, or published → here."""
    cells, head = {}, []
    with open(page, encoding="utf-8") as file:
        for line in file:
            row = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
            if not row:
                head = []
            elif not head:
                head = row
            elif head[0] == "preset" and not row[0].startswith("---"):
                cells.setdefault(row[0].strip("`"), {}).update(zip(head[1:], row[1:]))
    return cells


def check_page(name, cells, settings):
    own = here(settings)
    for column, value in own.items():
        said = cells.get(name, {}).get(column)
        if said is None:
            fail(f"PUBLISHED.md has no {column} of {name}: {value}")
        elif said.split("→")[-1].strip() != value:
            fail(f"PUBLISHED.md: {name}, {column}: '{said}', but the preset has '{value}'")


def try_preset(program, name, folder):
    config = os.path.join(folder, "own", f"{name}.ini")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(name=name))
    planned = moesim(program, "run", config, "--dry-run", "--trial", "0", cwd=folder)
    if planned.returncode != 0 or not re.search("^1 run, 1 to do", planned.stdout, re.MULTILINE):
        fail(f"{name}: --dry-run: exit {planned.returncode}: {planned.stdout}{planned.stderr}")
    trained = moesim(program, "run", config, "--threads", "1", cwd=folder)
    runs = glob.glob(os.path.join(folder, "runs", name, "*", "config.ini"))
    if trained.returncode != 0 or len(runs) != 1:
        fail(f"{name}: run: exit {trained.returncode}, {len(runs)} runs: {trained.stderr}")
        return None
    return settings_of(runs[0])


def check_includes(program, folder):
    """A study by its path; sizes by preset.scale, but not those of the user; a file beside the config goes first; a typo."""
    def resolved(*arguments):
        ran = moesim(program, "run", *arguments, "run.steps=1", "data.length=16", "eval.sequences=16", "--force", cwd=folder)
        runs = glob.glob(os.path.join(folder, "runs", arguments[-1].split("=")[-1], "*", "config.ini"))
        if ran.returncode != 0 or len(runs) != 1:
            fail(f"run {arguments}: exit {ran.returncode}: {ran.stderr}")
            return {}
        return settings_of(runs[0])
    if resolved("presets/mixtral", "run.name=by_name").get("router.name") != "token_choice":
        fail("presets/mixtral is no study")
    twice = resolved("presets/mixtral.ini", "preset.scale=2", "run.name=scaled")
    sizes = [twice.get(key) for key in ("model.width", "model.heads", "model.kv_heads", "expert.hidden", "moe.experts")]
    if sizes != ["128", "8", "2", "448", "8"] or "preset.scale" in twice:
        fail(f"preset.scale = 2: {sizes}")
    own = resolved("presets/mixtral.ini", "preset.scale=2", "model.width=96", "run.name=width")
    if [own.get(key) for key in ("model.width", "model.heads", "expert.hidden")] != ["96", "8", "448"]:
        fail(f"preset.scale = 2 and a width of the command line: {own}")
    os.makedirs(os.path.join(folder, "own", "presets"))
    for path, text in {"own/presets/olmoe.ini": "[model]\nlayers = 1\n", "own/first.ini": "include = presets/olmoe.ini\n",
                       "own/scaled.ini": "include = presets/mixtral.ini\n[model]\nwidth = 96\n[preset]\nscale = 2\n",
                       "own/typo.ini": "include = presets/mixtrel.ini\n"}.items():
        with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
            file.write(text)
    if resolved("own/first.ini", "run.name=first").get("model.layers") != "1":
        fail("a file of the user does not go before the preset")
    own = resolved("own/scaled.ini", "run.name=own_width")
    if [own.get(key) for key in ("model.width", "model.heads")] != ["96", "8"]:
        fail(f"preset.scale = 2 and a width of a config: {own}")
    typo = moesim(program, "run", "own/typo.ini", cwd=folder)
    if typo.returncode != 2 or "did you mean presets/mixtral.ini?" not in typo.stderr:
        fail(f"a typo: exit {typo.returncode}: {typo.stderr}")


def main():
    source, program = sys.argv[1], os.path.abspath(sys.argv[2])
    names = sorted(os.path.splitext(os.path.basename(path))[0] for path in glob.glob(f"{source}/experiments/presets/*.ini"))
    if len(names) < 22:
        fail(f"{len(names)} presets")
    cells = tables_of(f"{source}/experiments/presets/PUBLISHED.md")
    for name in sorted(set(cells) - set(names)):
        fail(f"PUBLISHED.md: there is no preset {name}")
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "own"))
        for name in names:
            if settings := try_preset(program, name, folder):
                check_page(name, cells, settings)
        check_includes(program, folder)
    print(f"presets: {len(names)} tried, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
