"""Finds the checkpoints of a run and reads the weights of one."""
import hashlib
import json
import math
import os

from ._errors import MoesimError, reading
from ._safetensors import tensors_of


def checkpoint_folder(run, wanted="newest"):
    """Returns the folder of a checkpoint: "newest", "best" (the lowest validation loss) or a step."""
    folder = os.path.join(run, "checkpoint")
    steps = {}
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.startswith("step-") and name[5:].isdigit():
                steps[int(name[5:])] = os.path.join(folder, name)
    if not steps:
        raise MoesimError(f"{run}: no run with a checkpoint; runs(FOLDER) lists the runs below a folder")
    if wanted == "newest":
        return steps[max(steps)]
    if wanted == "best":
        losses = {step: manifest(path).get("loss") for step, path in steps.items()}
        return steps[min(steps, key=lambda step: (math.inf if losses[step] is None else losses[step], -step))]
    if wanted not in steps:
        raise MoesimError(f"{run}: checkpoint {wanted}: choose newest, best or one of the steps {sorted(steps)}")
    return steps[wanted]


def manifest(folder):
    return _json(os.path.join(folder, "manifest.json"))


def data_of(folder):
    """Returns the data description in a checkpoint: sizes, names, unigram counts."""
    return _json(os.path.join(folder, "data.json"))


def _json(path):
    with reading(path), open(path, encoding="utf-8") as file:
        found = json.load(file)
        if not isinstance(found, dict):
            raise MoesimError(f"{path}: damaged: it is no object of JSON")
        return found


def weights_of(folder):
    """Returns the parameters by name, as numpy arrays. Raises MoesimError if their SHA-256 is not the manifest's."""
    path = os.path.join(folder, "weights.safetensors")
    with reading(path), open(path, "rb") as file:
        data = file.read()
    expected = manifest(folder).get("files", {}).get("weights.safetensors", {}).get("sha256")
    if hashlib.sha256(data).hexdigest() != expected:
        raise MoesimError(f"{path}: damaged (its SHA-256 is not the manifest's); moesim verify says more")
    return tensors_of(data, path)
