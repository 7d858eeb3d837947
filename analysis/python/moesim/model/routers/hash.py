"""Hash layers (Roller et al. 2021): the expert is a fixed function of the input token id; the gate is 1.

Data without token ids is hashed by position.
"""
import torch

from ..philox import ROUTER_NOISE, below
from .base import Router


class Hash(Router):
    section = "hash"

    def __init__(self, settings, data, shapes):
        super().__init__(settings, data, shapes)
        symbols = data["vocabulary"] or data["length"]
        if self.options["table"] == "random":
            table = [below(self.experts, i, self.options["seed"], ROUTER_NOISE, data["layer"]) for i in range(symbols)]
            self.table = torch.tensor(table)
        else:
            counts = data.get("unigram") if data["vocabulary"] else None
            counts = (counts + [0] * symbols)[:symbols] if counts else [1] * symbols
            self.table = balanced_table(counts, self.experts)

    def forward(self, x, tokens, experts):
        if tokens.ids is None:
            chosen = self.table[:x.shape[1]].expand(x.shape[:2])
        else:
            chosen = self.table[torch.as_tensor(tokens.ids).long()]  # [B, S]
        y = torch.zeros_like(x)
        for e in range(self.experts):
            here = chosen == e
            y[here] = experts(x[here], e)
        return y


def balanced_table(counts, experts):
    """Assigns ids by decreasing frequency to the expert with the least load so far; ties go to the lower expert. [V]"""
    load, table = [0] * experts, torch.zeros(len(counts), dtype=torch.long)
    for token in sorted(range(len(counts)), key=lambda i: (-counts[i], i)):
        expert = min(range(experts), key=lambda e: (load[e], e))
        load[expert] += counts[token]
        table[token] = expert
    return table
