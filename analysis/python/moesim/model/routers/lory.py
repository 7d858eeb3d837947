"""Lory (Zhong et al. 2024): experts are merged per segment, by the mean of the previous segment.

    e_n = softmax(mean(segment n) R)     segment n runs on Σ_e e_{n-1}[e] W_e, the first on e_1, or (`first`) on equal or
                                         learned weights

During generation the weights are those of the prompt's mean for all later tokens.
"""
import torch

from .base import Router


class Lory(Router):
    section = "lory"

    def forward(self, x, tokens, experts):
        if tokens.generating:
            if tokens.generating == "prompt":
                self.prompt = self.merge(x)
            return self.run(x, self.prompt, experts)
        if self.options["prompt"] > 0:
            return self.run(x, self.merge(x[:, :self.options["prompt"]]), experts)
        segments = x.split(self.segment(), 1)
        weights = [self.merge(part) for part in segments]
        before = weights[:1] + weights[:-1]
        if self.options["mode"] == "prefix":
            before = weights[:1] * len(weights)
        elif self.options["first"] != "own":
            before[0] = self.common(x)
        return torch.cat([self.run(part, w, experts) for part, w in zip(segments, before)], 1)

    def segment(self):
        """Returns the tokens per segment; by default a quarter of the length, or the next smaller divisor of it."""
        if self.options["segment"] > 0:
            return self.options["segment"]
        size = max(1, self.length // 4)
        while self.length % size:
            size -= 1
        return size

    def merge(self, part):
        return (part.mean(1) @ self.weight).softmax(1)  # [B, E]

    def common(self, x):
        """Returns the weights of the first segment that depend on no token."""
        logits = self.first if self.options["first"] == "learned" else x.new_zeros(self.weight.shape[1])
        return logits.softmax(0).expand(len(x), -1)  # [B, E]

    @staticmethod
    def run(part, weights, experts):
        return torch.stack([experts.merged(x, w) for x, w in zip(part, weights)])
