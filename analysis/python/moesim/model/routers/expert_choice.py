"""Expert choice (Zhou et al. 2022): every expert takes the C tokens of a group that it scores highest.

    S = softmax_E(x W)     C = n · capacity_factor / E of the group's n tokens     y = Σ_e S[., e] · expert_e(x)
"""
import torch

from .base import Router, largest, whole


class ExpertChoice(Router):
    section = "expert_choice"

    def forward(self, x, tokens, experts):
        batch, length, width = x.shape
        places = torch.arange(batch * length, device=x.device).view(batch, length)
        groups = {"sequence": places, "position": places.T, "batch": places.view(1, -1)}[self.options["group"]]  # [G, n]
        x = x.reshape(-1, width)
        logits = (x @ self.weight)[groups]                                         # [G, n, E]
        scores = logits.softmax(2 if self.options["softmax"] == "experts" else 1)
        taken = largest(scores.transpose(1, 2), self.capacity(groups.shape[1]))    # [G, E, C], places in the group
        y = torch.zeros_like(x)
        for e in range(self.experts):
            token = groups.gather(1, taken[:, e]).flatten()  # each is here once at most
            gate = scores[:, :, e].gather(1, taken[:, e]).flatten()
            y[token] = y[token] + gate[:, None] * experts(x[token], e)
        return y.view(batch, length, width)

    def capacity(self, tokens):
        places = whole(tokens * self.options["capacity_factor"] / self.experts, self.options["capacity_rounding"])
        multiple = self.options["capacity_multiple"]
        return min(max(1, -(-places // multiple) * multiple), tokens)
