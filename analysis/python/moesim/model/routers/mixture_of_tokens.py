"""Mixture of Tokens (Antoniak et al. 2023): each expert gets one weighted mean of the tokens of a group.

    w = softmax over the group of (x W / T)     m_e = Σ_i w[i, e] x_i     y_i = Σ_e v[i, e] · expert_e(m_e)

A group holds the same position of consecutive sequences, or consecutive positions of one; the last may be smaller.
During generation a token takes all g places of its group: y = Σ_e expert_e(x) / g, or with weights over experts.
"""
import torch

from .base import Router


class MixtureOfTokens(Router):
    section = "mixture_of_tokens"

    def forward(self, x, tokens, experts):
        along = 1 if self.options["groups"] == "sequence" else 0
        size = self.options["group_size"] or self.experts
        if tokens.generating:
            return self.unmixed(x, size, experts)
        return torch.cat([self.mix(part, along, experts) for part in x.split(size, along)], along)

    def mix(self, x, along, experts):
        """Mixes x [B, S, D]; a group is the whole axis `along`."""
        merge = self.weights(x @ self.weight, "merge", along)
        emit = merge  # unless it has weights, an axis or a temperature of its own
        if self.options["emit"] == "separate" or self.options["emit_softmax"] == "experts" \
                or self.options["learned_temperature"]:
            weight = self.emit_weight if self.options["emit"] == "separate" else self.weight
            emit = self.weights(x @ weight, "emit", 2 if self.options["emit_softmax"] == "experts" else along)
        y = torch.zeros_like(x)
        for e in range(self.experts):
            mean = (merge[..., e, None] * x).sum(along, keepdim=True)
            y = y + emit[..., e, None] * experts(mean, e)
        return y

    def unmixed(self, x, size, experts):
        if self.options["emit_softmax"] == "experts":
            weight = self.emit_weight if self.options["emit"] == "separate" else self.weight
            emit = self.softmax(x @ weight, "emit", 2)
        else:
            emit = x.new_full((*x.shape[:2], self.experts), 1 / size)
        return sum(emit[..., e, None] * experts(x, e) for e in range(self.experts))

    def softmax(self, logits, use, axis):
        temperature = self.options["temperature"]
        if self.options["learned_temperature"]:
            temperature = getattr(self, f"log_temperature_{use}").exp()
        return (logits / temperature).softmax(axis)

    def weights(self, logits, use, axis):
        weights = self.softmax(logits, use, axis)
        if self.options["evaluation"] == "argmax":
            return (weights == weights.amax(axis, keepdim=True)).to(weights)  # of equal ones each
        return weights
