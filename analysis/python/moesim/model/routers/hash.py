"""Hash layers (Roller et al. 2021): the expert is a fixed function of the input token id; the gate is 1."""
import torch

from ..._errors import MoesimError
from .base import Router


class Hash(Router):
    section = "hash"

    def __init__(self, settings, data, shapes):
        super().__init__(settings, data, shapes)
        if self.options["table"] != "balanced":
            raise MoesimError("router.hash.table = random is drawn by moesim's own random numbers; balanced has a rule")
        if not data.get("unigram"):
            raise MoesimError("router.hash: data without token ids is hashed by position; that has no rule in PyTorch")
        self.table = balanced_table(data["unigram"], self.experts)

    def forward(self, x, tokens, experts):
        chosen = self.table[torch.as_tensor(tokens.ids).long()]  # [B, S]
        y = torch.zeros_like(x)
        for e in range(self.experts):
            here = chosen == e
            y[here] = experts(x[here], e)
        return y


def balanced_table(counts, experts):
    """Ids by falling frequency, each to the expert with the least load so far; of equals the lower. [V]"""
    load, table = [0] * experts, torch.zeros(len(counts), dtype=torch.long)
    for token in sorted(range(len(counts)), key=lambda i: (-counts[i], i)):
        expert = min(range(experts), key=lambda e: (load[e], e))
        load[expert] += counts[token]
        table[token] = expert
    return table
