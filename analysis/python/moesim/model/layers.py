"""Implements the ordinary layers of a transformer. Weights are [in, out]: y = x W + b."""
import torch
from torch import nn


def parameter(shape):
    return nn.Parameter(torch.zeros(shape))


class Linear(nn.Module):
    def __init__(self, inputs, outputs, bias):
        super().__init__()
        self.weight = parameter((inputs, outputs))
        if bias:
            self.bias = parameter((outputs,))

    def forward(self, x):
        y = x @ self.weight
        return y + self.bias if hasattr(self, "bias") else y


class Norm(nn.Module):
    """Layer normalisation (Ba et al. 2016), or that by the root mean square (Zhang and Sennrich 2019)."""

    def __init__(self, kind, width, bias):
        super().__init__()
        self.kind = kind
        self.gain = parameter((width,))
        if bias and kind == "layer":
            self.bias = parameter((width,))

    def forward(self, x):
        if self.kind == "rms":
            return self.gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)
        return nn.functional.layer_norm(x, x.shape[-1:], self.gain, getattr(self, "bias", None), 1e-5)


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017); queries, keys and values are one projection.

    A head of keys and values serves heads / kv_heads consecutive heads (Ainslie et al. 2023).
    """

    def __init__(self, settings):
        super().__init__()
        width, bias = settings["model.width"], settings["model.bias"]
        self.heads = settings["model.heads"]
        self.kv_heads = settings.get("model.kv_heads", 0) or self.heads
        self.head_width = settings.get("model.head_width", 0) or width // self.heads
        self.rotary = settings["model.positions"] == "rotary"
        self.causal = settings["task.name"] == "causal_lm"
        self.parts = [heads * self.head_width for heads in (self.heads, self.kv_heads, self.kv_heads)]
        self.qkv = Linear(width, sum(self.parts), bias)
        self.output = Linear(self.parts[0], width, bias)
        self.norm = settings.get("model.qk_norm", "none")
        if self.norm != "none":
            each = self.norm == "head"
            self.q_norm = Norm("rms", self.head_width if each else self.parts[0], False)
            self.k_norm = Norm("rms", self.head_width if each else self.parts[1], False)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).split(self.parts, -1)
        if self.norm == "all":
            q, k = self.q_norm(q), self.k_norm(k)
        q, k, v = (part.view(batch, length, -1, self.head_width).transpose(1, 2) for part in (q, k, v))
        if self.norm == "head":
            q, k = self.q_norm(q), self.k_norm(k)
        if self.rotary:
            q, k = rotate(q), rotate(k)
        k, v = (part.repeat_interleave(self.heads // self.kv_heads, 1) for part in (k, v))
        scores = q @ k.transpose(-1, -2) / self.head_width ** 0.5  # [B, H, S, S]
        if self.causal:
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        y = scores.softmax(-1) @ v
        return self.output(y.transpose(1, 2).reshape(batch, length, -1))


def rotate(x):
    """Rotary positions (Su et al. 2021): x [B, H, S, d]; pairs are (i, i + d/2), the base is 10000."""
    length, half = x.shape[-2], x.shape[-1] // 2
    step = 10000 ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * step  # [S, d/2]
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
