"""SMEAR (Muqeeth et al. 2023): one merged expert per sequence.

    p = softmax(LN(mean_s x) W + b)     y = expert with Σ_e p_e W_e
"""
import torch
from torch.nn.functional import layer_norm

from .base import Router


class Smear(Router):
    section = "smear"

    def forward(self, x, tokens, experts):
        mean = layer_norm(x.mean(1), x.shape[-1:], self.norm.gain, self.norm.bias, 1e-5)  # [B, D]
        weight = self.weight
        if self.options["normalise_weight"]:
            weight = layer_norm(weight.T, weight.shape[:1], self.weight_norm.gain, self.weight_norm.bias, 1e-5).T
        logits = mean @ weight
        if self.options["bias"]:
            logits = logits + self.bias
        return torch.stack([experts.merged(one, p) for one, p in zip(x, logits.softmax(1))])
