"""Answers by chance: each token is drawn by its probability, in the place of the most probable one.

The largest of logits to which Gumbel noise was added is a draw from their softmax (Maddison, Tarlow
and Minka, NeurIPS 2014), also where a grammar allows some of the tokens alone. A conversation has
noise of its own, so that its answers depend neither on its neighbours nor on the order.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import torch


class Sampling(NamedTuple):
    """How tokens are drawn: logits are divided by the temperature; each seed is a sampling."""

    temperature: float
    seed: int

    def chance(self, asked: Sequence[Sequence[int]], device: torch.device) -> torch.Generator:
        """Return what draws the answers to a conversation, given by the tokens that it asks."""
        text = f"{self.seed} {[list(tokens) for tokens in asked]}"
        digest = hashlib.sha256(text.encode()).digest()
        return torch.Generator(device).manual_seed(int.from_bytes(digest[:8]) >> 1)

    def drawn(
        self, logits: torch.Tensor, chances: Sequence[torch.Generator | None]
    ) -> torch.Tensor:
        """Return logits, (rows, vocabulary), whose largest ones are draws.

        A row without a chance stays as it is, and draws nothing.
        """
        drawn = logits.float().clone()
        for n, chance in enumerate(chances):
            if chance:
                noise = torch.empty_like(drawn[n]).exponential_(generator=chance)
                drawn[n] = drawn[n] / self.temperature - noise.log()
        return drawn
