"""The MoE layer: a router, its experts, and shared ones that every token passes."""
from torch import nn

from .._errors import MoesimError
from .experts import Bank
from .layers import Norm, parameter
from .routers import ROUTERS


class Latent:
    """The experts of a layer between the projections to the latent width and back."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x, expert):
        return self.layer.experts(x @ self.layer.latent_down, expert) @ self.layer.latent_up

    def merged(self, x, weights):
        return self.layer.experts.merged(x @ self.layer.latent_down, weights) @ self.layer.latent_up


class MoeLayer(nn.Module):
    def __init__(self, settings, data, shapes, prefix):
        super().__init__()
        name = settings["router.name"]
        if name not in ROUTERS:
            raise MoesimError(f"router.name = {name} has no rule in PyTorch; those that have one: {', '.join(ROUTERS)}")
        self.router = ROUTERS[name](settings, data, {full[len(prefix + "router."):]: shape for full, shape
                                                     in shapes.items() if full.startswith(prefix + "router.")})
        self.experts = Bank(settings, shapes, prefix + "experts.")
        if settings["moe.shared"] > 0:
            self.shared = Bank(settings, shapes, prefix + "shared.")
        if settings.get("moe.latent", 0) > 0:
            self.latent_down, self.latent_up = (parameter(shapes[prefix + name]) for name in ("latent_down", "latent_up"))
        if settings["moe.output_norm"]:
            self.norm = Norm("layer", settings["model.width"], True)

    def forward(self, x, tokens):  # [B, S, D], without the residual
        y = self.router(x, tokens, Latent(self) if hasattr(self, "latent_down") else self.experts)
        if hasattr(self, "norm"):
            y = self.norm(y)
        return y + self.shared(x, 0) if hasattr(self, "shared") else y
