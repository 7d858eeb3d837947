"""Token choice: every token takes its k best experts (Shazeer et al. 2017; Lepikhin et al. 2021; Fedus et al.
2022; Riquelme et al. 2021; Jiang et al. 2024).

    l = x W     p = softmax(l)     chosen: the k largest l     y = Σ_chosen gate_e · expert_e(x)

An expert has C places per group; a choice without a place is dropped with its gate.
"""
import torch

from ..._errors import MoesimError
from .base import Router, largest, whole


class TokenChoice(Router):
    section = "token_choice"

    def __init__(self, settings, data, shapes):
        super().__init__(settings, data, shapes)
        if self.options["second_eval"] == "random" and self.options["k"] > 1:
            raise MoesimError("router.token_choice.second_eval = random draws moesim's own random numbers: no rule here")

    def forward(self, x, tokens, experts):
        batch, length, width = x.shape
        rounded = (lambda t: t.to(torch.bfloat16).to(t.dtype)) if self.options["precision"] == "bfloat16" else lambda t: t
        logits = rounded(rounded(x) @ rounded(self.weight)).view(-1, self.experts)  # [T, E]
        chosen = largest(logits, self.options["k"])                                 # [T, k]
        scores = rounded(logits.softmax(1)).amax(1)                                 # [T]
        gates = self.gates(logits, chosen, rounded)                                 # [T, k]
        standing = self.standing(gates)
        per_group = length if self.options["group"] == "sequence" else batch * length
        placed = self.places(chosen, scores, standing, per_group)

        x = x.reshape(-1, width)
        y = torch.zeros_like(x)
        for e in range(self.experts):
            token, choice = ((chosen == e) & placed).nonzero(as_tuple=True)
            y[token] = y[token] + gates[token, choice, None] * experts(x[token], e)  # a token is here once at most
        if self.options["dropped"] == "input":
            y = torch.where(placed.any(1, keepdim=True), y, gates[:, :1] * x)
        return y.view(batch, length, width)

    def gates(self, logits, chosen, rounded):
        if self.options["softmax"] == "after":
            gates = rounded(logits.gather(1, chosen).softmax(1))
        else:
            gates = rounded(logits.softmax(1)).gather(1, chosen)
        how = self.options["normalise"]
        if how == "auto":
            how = "sum" if self.options["k"] > 1 else "none"
        if how == "none":
            return gates
        size = gates.sum(1, keepdim=True) if how == "sum" else gates.norm(dim=1, keepdim=True)
        return rounded(gates / (size + self.options["normalise_epsilon"]))

    def standing(self, gates):
        """Returns which choices request a place: the first always, later ones by `second_eval`. [T, k]"""
        stand = torch.ones_like(gates, dtype=torch.bool)
        if self.options["second_eval"] == "none":
            stand[:, 1:] = False
        if self.options["second_eval"] == "threshold":
            stand[:, 1:] = gates[:, 1:] > self.options["second_threshold"]
        return stand

    def capacity(self, group):
        """Returns the places of an expert in a group of that many tokens; the number of tokens if there is no limit."""
        if self.options["capacity"] > 0:
            return min(self.options["capacity"], group)
        factor = self.options["capacity_factor_eval"]
        if factor == 0:
            return group
        each = self.options["k"] if self.options["capacity_per_choice"] else 1
        places = max(whole(factor * each * group / self.experts, self.options["capacity_rounding"]),
                     self.options["capacity_min"])
        multiple = self.options["capacity_multiple"]
        return max(1, min(-(-places // multiple) * multiple, group))

    def places(self, chosen, scores, standing, group):
        """Returns which choices get a place: in the order given by `fill`, while their expert has one left. [T, k]"""
        order = self.order(scores, group)                                              # [G, n·k]
        asks = torch.nn.functional.one_hot(chosen, self.experts) * standing[..., None]     # [T, k, E]
        asks = asks.view(*order.shape, self.experts)
        before = asks.gather(1, order[..., None].expand_as(asks)).cumsum(1)                # counts this one
        before = torch.zeros_like(before).scatter(1, order[..., None].expand_as(asks), before)
        placed = asks * (before <= self.capacity(group))
        return placed.sum(-1).view(chosen.shape) > 0

    def order(self, scores, group):
        """Returns the choices of each group, [G, n·k], in the order in which places are assigned; choice c of token t is t·k + c."""
        k = self.options["k"]
        choices = torch.arange(group * k, device=scores.device).view(group, k).expand(len(scores) // group, group, k)
        if self.options["fill"] == "token":  # all choices of a token, then those of the next
            return choices.flatten(1)
        if self.options["fill"] == "priority":  # Riquelme et al. 2021, section 3.3: by the best score
            best = largest(scores.view(-1, group), group)  # [G, n]
            choices = choices.gather(1, best[..., None].expand_as(choices))
        return choices.transpose(1, 2).flatten(1)
