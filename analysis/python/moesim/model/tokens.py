"""Tokens is the input of a router besides x."""
from dataclasses import dataclass
from typing import Any, Optional


@dataclass
class Tokens:
    ids: Any = None                    # [B, S] token ids; None of data with features
    generating: Optional[str] = None   # None: a batch of an evaluation; "prompt" or "continuation"
