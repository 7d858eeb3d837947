"""Implements banks of E feed-forward networks with stacked parameters [E, ...]."""
import torch
from torch import nn
from torch.nn.functional import gelu, relu, silu

from .._errors import MoesimError
from .layers import parameter

_ACTIVATIONS = {"gelu": gelu, "relu": relu, "silu": silu, "relu_squared": lambda x: relu(x).square()}


def _mlp(settings, x, w):
    """act(x W1 + b1) W2 + b2 (Vaswani et al. 2017, equation 2)."""
    hidden = _ACTIVATIONS[settings["expert.mlp.activation"]](x @ w["w1"] + w.get("b1", 0))
    return hidden @ w["w2"] + w.get("b2", 0)


def _swiglu(settings, x, w):
    """(silu(x W1) ⊙ x W3) W2 (Shazeer 2020)."""
    return (silu(x @ w["w1"]) * (x @ w["w3"])) @ w["w2"]


def _affine(settings, x, w):
    """x W + b."""
    return x @ w["w"] + w["b"]


EXPERTS = {"mlp": _mlp, "swiglu": _swiglu, "affine": _affine}


class Bank(nn.Module):
    def __init__(self, settings, shapes, prefix):
        super().__init__()
        self.settings, name = settings, settings["expert.name"]
        if name not in EXPERTS:
            raise MoesimError(f"expert.name = {name} has no rule in PyTorch; those that have one: {', '.join(EXPERTS)}")
        self.rule = EXPERTS[name]
        self.names = [full[len(prefix):] for full in shapes if full.startswith(prefix)]
        for own in self.names:
            setattr(self, own, parameter(shapes[prefix + own]))
        self.experts = shapes[prefix + self.names[0]][0]

    def forward(self, x, e):
        """Rows x [..., D] through expert e."""
        return self.rule(self.settings, x, {name: getattr(self, name)[e] for name in self.names})

    def merged(self, x, weights):
        """Rows x [..., D] through one expert whose parameters are Σ_e weights[e] · those of e."""
        mean = {name: torch.tensordot(weights, getattr(self, name), 1) for name in self.names}
        return self.rule(self.settings, x, mean)
