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
    """Multi-head self-attention (Vaswani et al. 2017); queries, keys and values are one projection."""

    def __init__(self, width, heads, bias, rotary, causal):
        super().__init__()
        self.heads, self.rotary, self.causal = heads, rotary, causal
        self.qkv = Linear(width, 3 * width, bias)
        self.output = Linear(width, width, bias)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(width, -1))
        if self.rotary:
            q, k = rotate(q), rotate(k)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5  # [B, H, S, S]
        if self.causal:
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        y = scores.softmax(-1) @ v
        return self.output(y.transpose(1, 2).reshape(batch, length, width))


def rotate(x):
    """Rotary positions (Su et al. 2021): x [B, H, S, d]; pairs are (i, i + d/2), the base is 10000."""
    length, half = x.shape[-2], x.shape[-1] // 2
    step = 10000 ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * step  # [S, d/2]
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
