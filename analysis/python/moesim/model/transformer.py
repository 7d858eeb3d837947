"""A pre-norm transformer whose feed-forward parts may be mixtures of experts.

    x = embedding[ids] + positions
    x = x + attention(norm(x));  x = x + feed_forward(norm(x))     in every block
    logits = norm(x) · head + head_bias

Parameters have the names of the checkpoint: model.state_dict() is weights.safetensors.
"""
import torch
from torch import nn

from .._errors import MoesimError
from .experts import Bank
from .layers import Attention, Linear, Norm, parameter
from .moe import MoeLayer
from .tokens import Tokens


class Block(nn.Module):
    def __init__(self, settings, data, shapes, prefix):
        super().__init__()
        kind, width = settings["model.norm"], settings["model.width"]
        bias = settings["model.bias"]
        self.norm_attention = Norm(kind, width, bias)
        self.attention = Attention(settings)
        self.norm_feed_forward = Norm(kind, width, bias)
        if any(name.startswith(prefix + "moe.") for name in shapes):
            site = {**data, "layer": int(prefix.split(".")[1])}
            self.moe = MoeLayer(settings, site, shapes, prefix + "moe.")
        else:
            self.feed_forward = Bank(_feed_forward(settings), shapes, prefix + "feed_forward.")

    def forward(self, x, tokens):  # [B, S, D]
        x = x + self.attention(self.norm_attention(x))
        normed = self.norm_feed_forward(x)
        if hasattr(self, "moe"):
            return x + self.moe(normed, tokens)
        return x + self.feed_forward(normed, 0)


def _feed_forward(settings):
    """Returns the settings with [expert] set to the network of blocks without MoE."""
    name = settings.get("feed_forward.name", "expert")
    if name == "expert":
        return settings
    section = f"feed_forward.{name}."
    own = {f"expert.{name}." + key[len(section):]: value for key, value in settings.items() if key.startswith(section)}
    return {**settings, "expert.name": name, **own}


class Transformer(nn.Module):
    """forward(ids [B, S] or features [B, S, F]) -> logits [B, S, V], or [B, C] if the task pools."""

    def __init__(self, settings, data, shapes):
        super().__init__()
        if settings.get("moe.at", "feed_forward") != "feed_forward":
            raise MoesimError(f"moe.at = {settings['moe.at']} has no rule in PyTorch; feed_forward has one")
        self.length = data["length"]
        self.pooled = settings["task.name"] == "classification"
        width = settings["model.width"]
        data = {**data, "vocabulary": shapes["embedding"][0] if "embedding" in shapes else 0}  # with a mask symbol
        if "embedding" in shapes:
            self.embedding = parameter(shapes["embedding"])
        else:
            self.patches = Linear(shapes["patches.weight"][0], width, True)
        if settings["model.positions"] == "learned":
            self.positions = parameter((self.length, width))
        self.blocks = nn.ModuleList(Block(settings, data, shapes, f"blocks.{i}.")
                                    for i in range(settings["model.layers"]))
        self.norm = Norm(settings["model.norm"], width, settings["model.bias"])
        for name in ("head", "head_bias"):
            if name in shapes:
                setattr(self, name, parameter(shapes[name]))

    def forward(self, ids, generating=None):
        """generating: None for a batch of an evaluation; "prompt" or "continuation" for generate()."""
        x = self._embed(ids)
        length = x.shape[1]
        if length > self.length:
            raise MoesimError(f"{length} positions; the model was trained on {self.length}")
        if hasattr(self, "positions"):
            x = x + self.positions[:length]
        tokens = Tokens(ids if hasattr(self, "embedding") else None, generating)
        for block in self.blocks:
            x = block(x, tokens)
        x = self.norm(x)
        if self.pooled:
            x = x.mean(1)
        logits = x @ (self.head if hasattr(self, "head") else self.embedding.T)
        return logits + self.head_bias if hasattr(self, "head_bias") else logits

    def _embed(self, ids):
        ids = torch.as_tensor(ids)
        if not hasattr(self, "embedding"):
            return self.patches(ids.to(self.patches.weight.dtype))
        if ids.dim() != 2:
            raise MoesimError(f"ids have the shape [B, S], not {list(ids.shape)}")
        return self.embedding[ids.long()]

    @torch.no_grad()
    def generate(self, ids, count):
        """Returns `ids` (at least one) and `count` more, each the most likely one (ties: the lowest id)."""
        ids = [int(i) for i in ids]
        if not ids:
            raise MoesimError("generate: at least one token to begin with")
        if self.pooled or self.settings["task.name"] != "causal_lm":
            raise MoesimError("generate: only models of task.name = causal_lm continue a text")
        for i in range(count):
            window = torch.tensor([ids[-self.length:]])
            logits = self(window, "continuation" if i else "prompt")[0, -1]
            ids.append(int((logits == logits.max()).nonzero()[0]))
        return ids

    def train(self, mode=True):
        if mode:
            raise MoesimError("the rules here are those of evaluation: no noise, dropout or losses of training")
        return super().train(False)
