"""ReMoE (Wang et al. 2024): a token takes every expert whose gate is positive.

    g = relu(x W)     y = Σ_e g_e · expert_e(x)
"""
import torch

from .base import Router


class Relu(Router):
    section = "relu"

    def forward(self, x, tokens, experts):
        batch, length, width = x.shape
        x = x.reshape(-1, width)
        gates = (x @ self.weight).relu()  # [T, E]
        y = torch.zeros_like(x)
        for e in range(self.experts):
            token, = gates[:, e].nonzero(as_tuple=True)
            y[token] = y[token] + gates[token, e, None] * experts(x[token], e)
        return y.view(batch, length, width)
