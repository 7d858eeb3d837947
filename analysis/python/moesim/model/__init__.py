"""Implements the models of moesim in PyTorch, for evaluation: `build` makes one from settings and weights."""
import os
import warnings

import torch

from .._checkpoint import manifest
from .._errors import MoesimError
from .._tokens import Tokens
from .transformer import Transformer


def build(run, settings, checkpoint, data, weights, dtype=None):
    """Returns the Transformer of a run's settings with the weights of a checkpoint, in eval mode."""
    model = Transformer(settings, data, {name: tuple(value.shape) for name, value in weights.items()})
    state = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
    own = model.state_dict()
    wrong = sorted(set(own) ^ set(state)) or sorted(n for n in own if own[n].shape != state[n].shape)
    if wrong:
        raise MoesimError(f"{checkpoint}: {wrong[0]} does not fit the model of {run}'s settings")
    model.to(dtype or next(iter(state.values())).dtype)
    model.load_state_dict(state)
    if settings.get("run.compute", "float32") != "float32":
        warnings.warn(f"{run}: trained with run.compute = {settings['run.compute']}, whose rounding is not done here",
                      stacklevel=3)
    model.run, model.settings, model.eval_batch = run, settings, settings.get("eval.batch", 16)
    model.step = manifest(checkpoint)["step"]
    model.tokens = Tokens(checkpoint, data) if data["vocabulary"] > 0 else None
    model.name = os.path.basename(os.path.normpath(run))
    return model.eval()
