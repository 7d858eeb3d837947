"""Bias-balanced routing (Wang et al. 2024; DeepSeek-AI 2024): a bias affects the choice, not the gates.

    s = score(x W)     chosen: the k largest s + b of the best groups of experts     y = scale Σ_chosen gate_e · expert_e(x)

Choices from the number of experts on are identity experts; in hash layers a token id chooses.
"""
import torch

from ..._errors import MoesimError
from .base import Router, largest

SCORES = {"sigmoid": torch.sigmoid, "softmax": lambda l: l.softmax(-1),
          "sqrt_softplus": lambda l: torch.nn.functional.softplus(l).sqrt()}


class BiasBalanced(Router):
    section = "bias_balanced"

    def __init__(self, settings, data, shapes):
        super().__init__(settings, data, shapes)
        if self.options.get("capacity_factor_eval", 0) > 0 or self.options.get("capacity", 0) > 0:
            raise MoesimError("router.bias_balanced.capacity_factor_eval, capacity: no rule here")

    def forward(self, x, tokens, experts):
        batch, length, width = x.shape
        x = x.reshape(-1, width)
        logits = x @ self.weight                             # [T, n]
        scores = SCORES[self.options["scores"]](logits)
        if hasattr(self, "table"):
            values = self.table[torch.as_tensor(tokens.ids).long().reshape(-1)]
        else:
            values = self.bias + (logits if self.options.get("bias_on") == "logits" else scores)
        chosen = largest(self.limited(values), self.options["k"])  # [T, k]
        gates = self.options["scale"] * self.divided(scores.gather(1, chosen))
        y = x * (gates * (chosen >= self.experts)).sum(1, keepdim=True)
        for e in range(self.experts):
            token, choice = (chosen == e).nonzero(as_tuple=True)
            y[token] = y[token] + gates[token, choice, None] * experts(x[token], e)
        return y.view(batch, length, width)

    def limited(self, values):
        """Sets values to -inf outside the best `top_groups` groups, ranked by the sum of their best experts."""
        groups, top, best = (self.options[key] for key in ("groups", "top_groups", "group_best"))
        grouped = values.view(len(values), groups, -1)
        best = min(max(1, best or self.options["k"] // top), grouped.shape[2])
        allowed = largest(grouped.sort(-1).values[..., -best:].sum(-1), top)  # [T, top]
        mask = torch.zeros(grouped.shape[:2], dtype=torch.bool).scatter(1, allowed, True)
        return grouped.masked_fill(~mask[..., None], -torch.inf).view_as(values)

    def divided(self, gates):
        how = self.options["normalise"]
        if how == "none" or how == "auto" and self.options["k"] == 1:
            return gates
        size = gates.norm(dim=1, keepdim=True) if how == "l2" else gates.sum(1, keepdim=True)
        return gates / (size + self.options["normalise_epsilon"])
