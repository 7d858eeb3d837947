"""The base class of routers, and functions that they share."""
import math

import torch
from torch import nn

from ..layers import parameter


class Router(nn.Module):
    """forward(x [B, S, D], tokens, experts) -> [B, S, D].

    Parameters are those of the checkpoint: their names and shapes come with `shapes`. data: the checkpoint's data
    description, `vocabulary` (ids of the embedding, 0 without) and `layer`, the number of the block.
    """

    section = ""

    def __init__(self, settings, data, shapes):
        super().__init__()
        prefix = f"router.{self.section}."
        self.options = {key[len(prefix):]: value for key, value in settings.items() if key.startswith(prefix)}
        self.experts, self.length = settings["moe.experts"], data["length"]
        for name, shape in shapes.items():
            owner = self
            *parts, last = name.split(".")
            for part in parts:
                if not hasattr(owner, part):
                    owner.add_module(part, nn.Module())
                owner = getattr(owner, part)
            setattr(owner, last, parameter(shape))


def whole(places, rounding):
    """Rounds a number of places to an integer (round: half to even), robust to rounding errors of the factor."""
    near = round(places)
    if abs(places - near) < 1e-9 * max(1, abs(places)):
        return near
    return {"ceil": math.ceil, "floor": math.floor, "round": round}[rounding](places)


def largest(values, count):
    """Returns the indices of the `count` largest along the last axis, largest first; ties go to the lower index."""
    return torch.sort(values, dim=-1, descending=True, stable=True).indices[..., :count]
