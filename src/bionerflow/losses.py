"""Mean losses of a causal model on chosen tokens: hidden states first, logits only where scored.

A passage's loss does not depend on what else is in its batch: passages are padded at their end,
where causal attention never looks.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from bionerflow.errors import UserError

SHARED_TOKENS = 16  # a shorter common beginning costs more to copy than to compute
LOGITS = 2**26  # numbers in one chunk of logits
BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}


@dataclass(frozen=True, slots=True)
class Passage:
    """Token ids and the places, from 1, whose tokens are scored given all before them."""

    ids: list[int]
    scored: Sequence[int]


class Losses:
    """A causal language model that says how surprised it is."""

    def __init__(self, model: Any) -> None:
        """Keep the model's body and output layer apart.

        Raises:
            UserError: the model does more to its logits than its output layer says.
        """
        self.body, self.head = model.get_decoder(), model.get_output_embeddings()
        self.device = next(model.parameters()).device
        self.budget = BATCH_TOKENS[self.device.type]
        self._check(model)

    @torch.inference_mode()
    def mean(
        self, passages: Sequence[Passage], done: Callable[[int], None] = lambda _: None
    ) -> list[float]:
        """Return each passage's mean loss in nats a scored token; not a number without any.

        `done` is told after each batch how many passages it had.
        """
        means = [float("nan")] * len(passages)
        order = [n for n, passage in enumerate(passages) if passage.scored]
        order.sort(key=lambda n: -len(passages[n].ids))
        skip = _common([passages[n] for n in order])
        past = self._run([passages[order[0]].ids[:skip]], None)[1] if skip else None
        for batch in self._batches(order, [len(passage.ids) - skip for passage in passages]):
            losses = self._batch([passages[n] for n in batch], past, skip)
            for n, loss in zip(batch, losses, strict=True):
                means[n] = loss
            done(len(batch))
        return means

    def _batches(self, order: Sequence[int], lengths: Sequence[int]) -> Iterator[Sequence[int]]:
        """Cut `order`, longest first, into batches of at most `budget` padded tokens."""
        begin = 0
        while begin < len(order):
            end = begin + max(1, self.budget // max(lengths[order[begin]], 1))
            yield order[begin:end]
            begin = end

    def _batch(self, batch: Sequence[Passage], past: Any, skip: int) -> list[float]:
        """Return the mean losses of one batch behind the `skip` tokens that `past` has seen."""
        hidden, _ = self._run([passage.ids[skip:-1] for passage in batch], past)
        places = [(n, place) for n, passage in enumerate(batch) for place in passage.scored]
        rows = torch.tensor([n for n, _ in places], device=self.device)
        before = torch.tensor([place - 1 - skip for _, place in places], device=self.device)
        targets = torch.tensor([batch[n].ids[place] for n, place in places], device=self.device)
        losses = self._token_losses(hidden[rows, before], targets)
        sums = torch.zeros(len(batch), dtype=torch.float64, device=self.device)
        counts = torch.bincount(rows, minlength=len(batch))
        return (sums.index_add_(0, rows, losses.double()) / counts).tolist()

    def _run(self, ids: Sequence[Sequence[int]], past: Any) -> tuple[torch.Tensor, Any]:
        """Run the body over rows of ids; return hidden states [row, place, feature] and cache."""
        width = max(map(len, ids))
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in ids])
        cache = copy.deepcopy(past)
        if cache is not None:
            cache.batch_repeat_interleave(len(ids))
        shared = past is not None or len(ids) == 1
        output = self.body(padded.to(self.device), past_key_values=cache, use_cache=shared)
        return output.last_hidden_state, output.past_key_values

    def _token_losses(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each target from the hidden state before it, logits in float32."""
        rows = max(1, LOGITS // self.head.weight.shape[0])
        chunks = zip(hidden.split(rows), targets.split(rows), strict=True)
        return torch.cat(
            [
                cross_entropy(self.head(part).float(), goal, reduction="none")
                for part, goal in chunks
            ]
        )

    @torch.inference_mode()
    def _check(self, model: Any) -> None:
        """Refuse a model whose logits are scaled or capped after its output layer."""
        ids = torch.arange(4, device=self.device)[None]
        ours, own = self.head(self.body(ids).last_hidden_state), model(ids).logits
        if not torch.allclose(ours.float(), own.float(), rtol=1e-2, atol=1e-2):
            raise UserError(
                f"{type(model).__name__} changes its logits after the output layer, so it cannot "
                "score here: choose another scorer."
            )


def _common(passages: Sequence[Passage]) -> int:
    """Return how many first tokens are common to all and precede all scored ones, 0 if few."""
    if len(passages) < 2:
        return 0
    first, last = min(p.ids for p in passages), max(p.ids for p in passages)
    unlike = (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    shared = min(next(unlike, len(first)), min(p.scored[0] for p in passages) - 1)
    return shared if shared >= SHARED_TOKENS else 0
