"""Routers, one file each. A router maps x [B, S, D] to Σ gate · expert(x) of the same shape."""
from .bias_balanced import BiasBalanced
from .dense import Dense
from .expert_choice import ExpertChoice
from .hash import Hash
from .lory import Lory
from .mixture_of_tokens import MixtureOfTokens
from .relu import Relu
from .smear import Smear
from .soft import Soft
from .token_choice import TokenChoice

ROUTERS = {"dense": Dense, "hash": Hash, "token_choice": TokenChoice, "expert_choice": ExpertChoice, "soft": Soft,
           "mixture_of_tokens": MixtureOfTokens, "lory": Lory, "smear": Smear, "bias_balanced": BiasBalanced, "relu": Relu}
