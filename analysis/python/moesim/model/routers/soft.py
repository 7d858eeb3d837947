"""Soft MoE (Puigcerver et al. 2023, algorithms 1 and 2).

    l = x/|x| · (scale · Φ/|Φ|)     dispatch = softmax over tokens     combine = softmax over slots
    every slot is a mean of the raw x of its sequence; slots are expert-major
"""
import torch

from .base import Router


class Soft(Router):
    section = "soft"

    def forward(self, x, tokens, experts):
        if self.options["normalise"]:
            logits = _unit(x, -1) @ (self.scale * _unit(self.phi, 0))
        else:
            logits = x @ self.phi                               # [B, S, E·P]
        slots = logits.softmax(1).transpose(1, 2) @ x           # [B, E·P, D]
        outputs = [experts(part, e) for e, part in enumerate(slots.chunk(self.experts, 1))]
        return logits.softmax(2) @ torch.cat(outputs, 1)


def _unit(x, axis):
    return x * torch.rsqrt(x.pow(2).sum(axis, keepdim=True) + 1e-6)
