"""Compares torch_model with the engine on runs of your own, and prints a line for each.

    MOESIM=build/release/moesim python3 tests/python/certify.py runs/quickstart

Needs numpy and torch. Exit code 1 if a logit differs by 1e-5 or more, or a greedy continuation in a token.
"""
import json
import os
import sys

from support import FOLDER, moesim

import numpy
import torch

import moesim as companion
from moesim._run import find_runs

COUNT = 100  # tokens of a continuation


def differences(run):
    """Returns the largest difference of a logit over the evaluation, and how many greedy tokens are equal."""
    file = os.path.join(FOLDER.name, "predicted.safetensors")
    moesim("predict", run, "--out", file)
    predicted = companion.read_safetensors(file)
    model = companion.torch_model(run)
    inputs, step = predicted["ids" if "ids" in predicted else "features"], model.eval_batch
    with torch.no_grad():
        logits = numpy.concatenate([model(torch.from_numpy(inputs[i:i + step].copy())).numpy()
                                    for i in range(0, len(inputs), step)])
    largest = numpy.abs(logits - predicted["logits"]).max()
    if model.settings["task.name"] != "causal_lm":
        return model, largest, logits.shape, None
    prompt = model.tokens.decode(inputs[0, :5])
    said = json.loads(moesim("sample", run, "--prompt", prompt, "--temperature", "0", "--tokens", COUNT, "--json"))
    ids = model.tokens.encode(prompt)
    mine = model.generate(ids, COUNT)[len(ids):]
    return model, largest, logits.shape, sum(a == b for a, b in zip(mine, said["tokens"]))


def certify(paths):
    wrong = False
    for run in (os.path.dirname(os.path.abspath(file)) for path in paths for file in find_runs(path)):
        model, largest, shape, equal = differences(run)
        wrong |= bool(largest >= 1e-5) or equal not in (None, COUNT)
        greedy = "" if equal is None else f", {equal} of {COUNT} greedy tokens equal"
        print(f"{model.name:40} step {model.step}, logits {list(shape)}: largest difference {largest:.1e}{greedy}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(certify(sys.argv[1:] or sys.exit(__doc__)))
