#!/usr/bin/env python3
"""The model of experiments/bench.ini in PyTorch, and the time of its training step.

A decoder-only transformer, pre-norm, with learned positions, whose feed-forward parts are one of moesim's routers:
scaled_dot_product_attention, batched products over experts, top-k and one gather and one scatter for routing, fused AdamW,
clipped gradients. Sizes, initial values and rules are moesim's; shapes are static, so that torch.compile makes one graph,
but for `--experts-by loop`, which multiplies what each expert got and no more, and is the way without a capacity.

    torch_moe.py --router token_choice --k 2 --capacity 1.25 --threads 1 --mode eager

prints one JSON document. tests/bench/against_torch.py compares it with moesim.
"""
import argparse
import json
import math
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class Experts(nn.Module):
    """E two-layer networks of one shape, their weights in one tensor per layer."""

    def __init__(self, s):
        super().__init__()
        self.up = nn.Parameter(torch.randn(s.experts, s.width, s.hidden) * 0.02)
        self.up_bias = nn.Parameter(torch.zeros(s.experts, 1, s.hidden))
        self.down = nn.Parameter(torch.randn(s.experts, s.hidden, s.width) * 0.02 / math.sqrt(2 * s.layers))
        self.down_bias = nn.Parameter(torch.zeros(s.experts, 1, s.width))

    def forward(self, rows):  # [E, n, D]: n rows for every expert
        hidden = F.gelu(torch.baddbmm(self.up_bias, rows, self.up))
        return torch.baddbmm(self.down_bias, hidden, self.down)

    def of_segments(self, rows, sizes):  # [n, D]: the first sizes[0] rows are the first expert's
        outputs = []
        for expert, segment in enumerate(rows.split(sizes)):
            hidden = F.gelu(torch.addmm(self.up_bias[expert], segment, self.up[expert]))
            outputs.append(torch.addmm(self.down_bias[expert], hidden, self.down[expert]))
        return torch.cat(outputs)

    def merged(self, weights, rows):  # weights [G, E], rows [G, n, D]: a group has its own mixture of the experts
        up, up_bias, down, down_bias = (
            (weights @ p.flatten(1)).view(-1, *p.shape[1:]) for p in (self.up, self.up_bias, self.down, self.down_bias))
        return torch.baddbmm(down_bias, F.gelu(torch.baddbmm(up_bias, rows, up)), down)


class Routed(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s, self.experts = s, Experts(s)
        self.router = nn.Linear(s.width, s.experts, bias=False)


class Dense(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.up, self.down = nn.Linear(s.width, s.hidden), nn.Linear(s.hidden, s.width)

    def forward(self, x):
        return self.down(F.gelu(self.up(x))), 0.0


class TokenChoice(Routed):
    """Switch and GShard (Lepikhin et al. 2021): the k best experts of a token, with places per sequence and expert, given
    out in the order of the tokens, and the balance loss E Σ_e f_e P_e."""

    def forward(self, x):
        s, (B, S, D) = self.s, x.shape
        scores = self.router(x).softmax(-1)  # [B, S, E]
        gates, chosen = scores.topk(s.k, -1)  # [B, S, k]
        if s.k > 1:
            gates = gates / gates.sum(-1, keepdim=True)
        one_hot = F.one_hot(chosen, s.experts)  # [B, S, k, E]
        asked = one_hot.sum((0, 1, 2)) / (B * S * s.k)
        balance = 0.01 * s.experts * (asked * scores.mean((0, 1))).sum()
        rows, chosen, gates = x.reshape(B * S, D), chosen.reshape(-1), gates.reshape(-1)
        token = torch.arange(B * S).repeat_interleave(s.k)
        if s.capacity == 0:
            return self.by_loop(rows, token, chosen, gates).view(B, S, D), balance
        places = math.ceil(s.capacity * s.k * S / s.experts)
        by_token = one_hot.view(B, S * s.k, s.experts)
        place = ((by_token.cumsum(1) - 1) * by_token).sum(-1).view(-1)
        kept = place < places
        if s.experts_by == "loop":
            kept = kept.nonzero().squeeze(1)
            return self.by_loop(rows, token[kept], chosen[kept], gates[kept]).view(B, S, D), balance
        # What has no place goes to a row behind the last one.
        sequence = torch.arange(B).repeat_interleave(S * s.k)
        slot = torch.where(kept, (chosen * B + sequence) * places + place, s.experts * B * places)
        buffer = rows.new_zeros(s.experts * B * places + 1, D).index_copy(0, slot, rows[token])
        out = self.experts(buffer[:-1].view(s.experts, -1, D)).reshape(-1, D)
        out = torch.cat([out, out.new_zeros(1, D)])[slot] * gates[:, None]
        return (out if s.k == 1 else out.view(B * S, s.k, D).sum(1)).view(B, S, D), balance

    def by_loop(self, rows, token, chosen, gates):
        order = chosen.argsort(stable=True)
        token = token[order]
        sizes = chosen.bincount(minlength=self.s.experts).tolist()
        out = self.experts.of_segments(rows[token], sizes) * gates[order, None]
        return torch.zeros_like(rows).index_add(0, token, out)


class ExpertChoice(Routed):
    """Zhou et al. 2022, among the tokens of one position: every expert takes its best B / E sequences."""

    def forward(self, x):
        s, (B, S, D) = self.s, x.shape
        scores = self.router(x).softmax(-1)  # [B, S, E]
        gates, sequence = scores.topk(max(1, round(B / s.experts)), 0)  # [C, B -> chosen, S, E]
        token = (sequence * S + torch.arange(S)[:, None]).permute(2, 1, 0).reshape(-1)
        rows = x.reshape(B * S, D)
        out = self.experts(rows[token].view(s.experts, -1, D)).reshape(-1, D)
        out = out * gates.permute(2, 1, 0).reshape(-1, 1)
        return torch.zeros_like(rows).index_add(0, token, out).view(B, S, D), 0.0


class Soft(nn.Module):
    """Soft MoE (Puigcerver et al. 2023): slots are means of all tokens of a sequence, with as many slots as tokens."""

    def __init__(self, s):
        super().__init__()
        self.s, self.experts = s, Experts(s)
        self.phi = nn.Parameter(torch.randn(s.width, s.length) / math.sqrt(s.width))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        s, (B, S, D) = self.s, x.shape
        logits = F.normalize(x, dim=-1) @ (self.scale * F.normalize(self.phi, dim=0))  # [B, S, P]
        slots = logits.softmax(1).transpose(1, 2) @ x  # [B, P, D]
        rows = slots.view(B, s.experts, -1, D).transpose(0, 1).reshape(s.experts, -1, D)
        out = self.experts(rows).view(s.experts, B, -1, D).transpose(0, 1).reshape(B, -1, D)
        return logits.softmax(2) @ out, 0.0


class MixtureOfTokens(Routed):
    """Antoniak et al. 2023: an expert works on one weighted mean of each group, a group being E sequences at one position."""

    def forward(self, x):
        s, (B, S, D) = self.s, x.shape
        groups = x.view(-1, s.experts, S, D).transpose(1, 2)  # [B/g, S, g, D]
        weights = self.router(groups).softmax(2)  # [B/g, S, g, E], over the group
        mixed = weights.transpose(2, 3) @ groups  # [B/g, S, E, D]
        out = self.experts(mixed.permute(2, 0, 1, 3).reshape(s.experts, -1, D))
        out = weights @ out.view(s.experts, -1, S, D).permute(1, 2, 0, 3)
        return out.transpose(1, 2).reshape(B, S, D), 0.0


class Lory(Routed):
    """Zhong et al. 2024: a quarter of the sequence runs on experts merged by the quarter before it, the first by itself
    without gradient."""

    def forward(self, x):
        B, S, D = x.shape
        segments = x.view(B, 4, S // 4, D)
        weights = self.router(segments.mean(2)).softmax(-1)  # [B, 4, E]
        weights = torch.cat([weights[:, :1].detach(), weights[:, :-1]], 1)
        return self.experts.merged(weights.flatten(0, 1), segments.flatten(0, 1)).view(B, S, D), 0.0


ROUTERS = {"dense": Dense, "token_choice": TokenChoice, "expert_choice": ExpertChoice, "soft": Soft,
           "mixture_of_tokens": MixtureOfTokens, "lory": Lory}


def attention(q, k, v):  # [B, heads, S, head size]
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)  # before PyTorch 2.0
    scores = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).masked_fill(future, -math.inf)
    return scores.softmax(-1) @ v


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads = s.heads
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(s.width), nn.LayerNorm(s.width)
        self.qkv, self.out = nn.Linear(s.width, 3 * s.width), nn.Linear(s.width, s.width)
        self.feed_forward = ROUTERS[s.router](s)

    def forward(self, x):
        B, S, D = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).view(B, S, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).reshape(B, S, D))
        y, loss = self.feed_forward(self.norm_feed_forward(x))
        return x + y, loss


class Model(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embedding = nn.Embedding(s.symbols, s.width)
        self.positions = nn.Parameter(torch.randn(s.length, s.width) * 0.02)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.norm, self.head = nn.LayerNorm(s.width), nn.Linear(s.width, s.symbols)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids, targets):
        x, losses = self.embedding(ids) + self.positions, 0.0
        for block in self.blocks:
            x, loss = block(x)
            losses = losses + loss
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + losses


def flops_per_token(model, s, ids):
    """Useful work of a training step as moesim counts it: products of three forward passes, of causal attention the half
    that is not masked, of experts the rows that they were asked for and not what fills their places. None where this PyTorch counts none."""
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.utils.flop_counter import FlopCounterMode
    except ImportError:  # before PyTorch 2.3
        return None

    with torch.no_grad(), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(ids, ids)
    total = counter.get_total_flops() / ids.numel()
    total -= s.layers * 4 * s.width * (s.length - (s.length + 1) / 2)
    if s.router == "token_choice" and s.capacity > 0:
        places = math.ceil(s.capacity * s.k * s.length / s.experts) * s.experts / s.length
        total -= s.layers * (places - s.k) * 4 * s.width * s.hidden
    return 3 * total


def optimiser_of(model, s):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    options = {"lr": s.rate, "betas": (0.9, 0.95), "weight_decay": 0.1}
    try:
        return torch.optim.AdamW(groups, fused=True, **options)
    except (RuntimeError, TypeError):  # before PyTorch 2.4 there is none for processors
        return torch.optim.AdamW(groups, **options)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--router", choices=sorted(ROUTERS), default="dense")
    for name, default in (("layers", 4), ("width", 128), ("heads", 4), ("hidden", 512), ("experts", 8), ("length", 256),
                          ("symbols", 256), ("batch", 16), ("k", 1), ("threads", 1), ("warmup", 3), ("steps", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--capacity", type=float, default=1.25, help="places per expert over an even load; 0: dropless")
    parser.add_argument("--experts-by", choices=("bmm", "loop"), default="bmm")
    parser.add_argument("--mode", choices=("eager", "compiled"), default="eager")
    return parser.parse_args()


def main():
    s = arguments()
    torch.set_num_threads(s.threads)
    torch.manual_seed(0)
    model = Model(s)
    optimiser = optimiser_of(model, s)
    text = torch.randint(s.symbols, (1 << 20,))

    def batch():
        rows = torch.stack([text[i : i + s.length + 1] for i in torch.randint(len(text) - s.length - 1, (s.batch,)).tolist()])
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()

    flops = None if s.router == "token_choice" and s.capacity > 0 and s.experts_by == "loop" else (
        flops_per_token(model, s, batch()[0]))
    if s.mode == "compiled" and not hasattr(torch, "compile"):
        raise SystemExit("torch_moe.py: --mode compiled: PyTorch " + torch.__version__ + " has no torch.compile")
    step_of = torch.compile(model) if s.mode == "compiled" else model
    seconds, losses = [], []
    for _ in range(s.warmup + s.steps):
        start = time.perf_counter()
        ids, targets = batch()
        loss = step_of(ids, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    assert all(math.isfinite(loss) for loss in losses), losses
    median = statistics.median(seconds[s.warmup :])
    print(json.dumps({
        "torch": torch.__version__, "router": s.router, "mode": s.mode, "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in model.parameters()), "flops_per_token": flops,
        "step_ms": 1e3 * median, "tokens_per_second": s.batch * s.length / median,
        "first_loss": losses[0], "last_loss": losses[-1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}))


if __name__ == "__main__":
    main()
