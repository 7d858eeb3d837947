"""What routers share."""
import math

import torch
from torch import nn

from ..layers import parameter


class Router(nn.Module):
    """forward(x [B, S, D], tokens, experts) -> [B, S, D].

    Parameters are those of the checkpoint: their names and shapes come with `shapes`. data: what the checkpoint holds
    of its data, `vocabulary` (ids of the embedding, 0 without) and `layer`, the number of the block.
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
    """A number of places as a whole number; round: half to even. Rounding errors of the factor make no place."""
    near = round(places)
    if abs(places - near) < 1e-9 * max(1, abs(places)):
        return near
    return {"ceil": math.ceil, "floor": math.floor, "round": round}[rounding](places)


def largest(values, count):
    """Indices of the `count` largest along the last axis, largest first; of equals the lower index."""
    return torch.sort(values, dim=-1, descending=True, stable=True).indices[..., :count]
