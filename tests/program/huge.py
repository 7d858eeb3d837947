#!/usr/bin/env python3
"""Tests legal but absurd sizes: a run that cannot fit in memory is refused before allocating, or ends with one line, never by a signal.

Usage: huge.py MOESIM. MOESIM_HUGE: how many random configs (20). Each runs with 1.5 GB of address space and is killed after
two seconds if it fits and goes on.
"""
import collections, os, random, resource, subprocess, sys, tempfile

moesim = sys.argv[1]
count = int(os.environ.get("MOESIM_HUGE", "20"))
chance = random.Random(5)
LIMIT = 1500 << 20
sizes = {"model.width": 1 << 20, "model.layers": 1024, "moe.experts": 4096, "expert.hidden": 1 << 20, "data.length": 65536,
         "data.symbols": 4096, "data.domains": 64, "data.validation": 1 << 20, "train.batch": 1 << 20, "eval.batches": 1 << 30,
         "moe.shared": 64, "record.every": 1 << 30}
words = {"router.name": ["dense", "hash", "token_choice", "expert_choice", "soft", "mixture_of_tokens", "lory", "smear",
                         "bias_balanced", "relu", "hierarchical"],
         "expert.name": ["mlp", "swiglu", "affine"], "model.positions": ["learned", "rotary"],
         "moe.match": ["none", "active_flops", "active_parameters", "total_parameters"]}


def settings():
    chosen = {"run.steps": "1", "model.heads": "1"}
    for key in chance.sample(list(sizes), chance.randint(1, 5)):
        chosen[key] = str(int(2 ** chance.uniform(0, sizes[key].bit_length() - 1)))
    for key in chance.sample(list(words), chance.randint(0, 3)):
        chosen[key] = chance.choice(words[key])
    return [f"{key}={value}" for key, value in chosen.items()]


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


seen, problems = collections.Counter(), []
with tempfile.TemporaryDirectory() as work:
    config = os.path.join(work, "c.ini")
    with open(config, "w") as file:
        file.write("[run]\nname = huge\n")
    for _ in range(count):
        chosen = settings()
        environment = dict(os.environ, OMP_NUM_THREADS="1", GOMP_SPINCOUNT="5000")
        process = subprocess.Popen([moesim, "run", config, *chosen, "--out", os.path.join(work, "out"), "--force"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=limited,
                                   start_new_session=True)
        try:
            message = process.communicate(timeout=2)[1].strip().splitlines()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            seen["fits"] += 1
            continue
        code = process.returncode
        last = message[-1] if message else ""
        seen["needs" if "needs at least" in last else "out of memory" if "memory" in last else code] += 1
        # 1: memory that the estimate, a lower bound, did not foresee.
        good = code == 0 or (code in (2, 5) and last.startswith("moesim: ")) or (
            code == 1 and last.startswith("moesim: ") and "memory" in last)
        if not good:
            problems.append(f"{' '.join(chosen)}: exit {code}: {message[-3:]}")
print(f"{count} configs: " + ", ".join(f"{key}: {value}" for key, value in sorted(seen.items(), key=str)))
print("\n".join(problems))
sys.exit(bool(problems))
