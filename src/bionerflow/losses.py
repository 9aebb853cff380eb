"""Mean losses of a model on chosen tokens: hidden states first, logits only where scored.

A passage's loss does not depend on what else is in its batch: passages are padded at their end,
where causal attention never looks, or behind a mask. What passages have in common at their
beginning is run once.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from bionerflow.errors import UserError

SHARED_TOKENS = 4  # a shorter common beginning costs more to copy than to compute
SHARED_PASSAGES = 4  # fewer passages share nothing, to stay in large batches
LOGITS = 2**24  # numbers in one chunk of logits
BATCH_TOKENS = {"cpu": 512, "cuda": 65536}  # measured on a CPU (docs/performance.md), not on a GPU


@dataclass(frozen=True, slots=True)
class Passage:
    """Token ids and the places whose tokens are scored: given all before them, hence from 1 on.

    An encoder scores them given all the others.
    """

    ids: list[int]
    scored: Sequence[int]


class Beginning(NamedTuple):
    """What passages have in common: its tokens, the body's cache of them, and their losses.

    `losses` (length + 1) are those of places 0 to length, 0 at place 0: the token that follows the
    cached ones is common, too.
    """

    length: int
    cache: Any
    losses: torch.Tensor


class Losses:
    """A causal language model that says how surprised it is."""

    def __init__(self, model: Any) -> None:
        """Keep the model's body and output layer apart.

        Raises:
            UserError: the model does more to its logits than its output layer says.
        """
        self.body, self.head = self._parts(model)
        self.vocabulary = model.get_output_embeddings().weight.shape[0]
        self.device = next(model.parameters()).device
        self.budget = BATCH_TOKENS[self.device.type]
        self._check(model)

    def _parts(self, model: Any) -> tuple[Any, Any]:
        """Return what makes hidden states, and what makes logits of them."""
        return model.get_decoder(), model.get_output_embeddings()

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
        for group in _alike(passages, order):
            begin = self._begin([passages[n] for n in group])
            for batch in self._batches(group, [len(p.ids) - begin.length for p in passages]):
                losses = self._batch([passages[n] for n in batch], begin)
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

    def _begin(self, passages: Sequence[Passage]) -> Beginning:
        """Run what the passages have in common, if that is worth its while."""
        length = _common(passages) - 1 if len(passages) >= SHARED_PASSAGES else 0
        if length < SHARED_TOKENS:
            return Beginning(0, None, torch.zeros(1, device=self.device))
        ids = torch.tensor(passages[0].ids[: length + 1], device=self.device)
        output = self.body(ids[None, :-1], use_cache=True)
        losses = self._token_losses(output.last_hidden_state[0], ids[1:])
        return Beginning(length, output.past_key_values, torch.cat([losses.new_zeros(1), losses]))

    def _batch(self, batch: Sequence[Passage], begin: Beginning) -> list[float]:
        """Return the mean losses of one batch; what the common beginning has is not run again."""
        hidden = self._run([passage.ids[begin.length : -1] for passage in batch], begin.cache)
        places = [(n, place) for n, passage in enumerate(batch) for place in passage.scored]
        rows, at = torch.tensor(places, device=self.device).T
        losses = begin.losses[at.clamp(max=begin.length)].double()
        own = at > begin.length
        targets = [batch[n].ids[place] for n, place in places if place > begin.length]
        states = hidden[rows[own], at[own] - 1 - begin.length]
        losses[own] = self._token_losses(states, torch.tensor(targets, device=self.device)).double()
        sums = torch.zeros(len(batch), dtype=torch.float64, device=self.device)
        counts = torch.bincount(rows, minlength=len(batch))
        return (sums.index_add_(0, rows, losses) / counts).tolist()

    def _run(self, ids: Sequence[Sequence[int]], cache: Any) -> torch.Tensor:
        """Return the body's hidden states [row, place, feature] of rows of ids behind `cache`."""
        width = max(map(len, ids))
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in ids])
        behind, shared = copy.deepcopy(cache), cache is not None
        if shared:
            behind.batch_repeat_interleave(len(ids))
        output = self.body(padded.to(self.device), past_key_values=behind, use_cache=shared)
        return output.last_hidden_state

    def _token_losses(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each target from the hidden state before it, logits in float32."""
        rows = max(1, LOGITS // self.vocabulary)
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


class MaskedLosses(Losses):
    """An encoder: pseudo-perplexity, each scored token hidden in turn (Salazar et al. 2020)."""

    def __init__(self, model: Any, mask: int) -> None:
        """Keep the model's parts; `mask` is the token that hides another."""
        super().__init__(model)
        self.mask = mask

    def _parts(self, model: Any) -> tuple[Any, Any]:
        body = model.base_model_prefix
        heads = [part for name, part in model.named_children() if name != body]
        return model.base_model, torch.nn.Sequential(*heads)

    @torch.inference_mode()
    def mean(
        self, passages: Sequence[Passage], done: Callable[[int], None] = lambda _: None
    ) -> list[float]:
        """Return each passage's mean loss in nats a scored token; not a number without any."""
        hidden = [(n, place) for n, passage in enumerate(passages) for place in passage.scored]
        hidden.sort(key=lambda one: -len(passages[one[0]].ids))
        sums, left = [0.0] * len(passages), [len(passage.scored) for passage in passages]
        for batch in self._batches(range(len(hidden)), [len(passages[n].ids) for n, _ in hidden]):
            losses = self._hide([(passages[hidden[one][0]].ids, hidden[one][1]) for one in batch])
            for one, loss in zip(batch, losses, strict=True):
                sums[hidden[one][0]] += loss
                left[hidden[one][0]] -= 1
            done(sum(not left[n] for n in {hidden[one][0] for one in batch}))
        counts = [len(passage.scored) for passage in passages]
        return [a / n if n else float("nan") for a, n in zip(sums, counts, strict=True)]

    def _hide(self, rows: Sequence[tuple[list[int], int]]) -> list[float]:
        """Return the loss of the one hidden token of each row."""
        width = max(len(ids) for ids, _ in rows)
        padded = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids, _ in rows])
        real = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows])
        each, places = torch.arange(len(rows)), torch.tensor([place for _, place in rows])
        targets = padded[each, places].to(self.device)
        padded[each, places] = self.mask
        output = self.body(padded.to(self.device), attention_mask=real.to(self.device))
        return self._token_losses(output.last_hidden_state[each, places], targets).tolist()


def _alike(passages: Sequence[Passage], order: Sequence[int]) -> Iterator[list[int]]:
    """Part `order` into passages that begin alike, and a last group of all others."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for n in order:
        groups.setdefault(tuple(passages[n].ids[: SHARED_TOKENS + 1]), []).append(n)
    others = {n for its in groups.values() if len(its) < SHARED_PASSAGES for n in its}
    yield from (its for its in groups.values() if len(its) >= SHARED_PASSAGES)
    if others:
        yield [n for n in order if n in others]


def _common(passages: Sequence[Passage]) -> int:
    """Return how many first tokens are common to all passages, and the last of none."""
    first, last = min(p.ids for p in passages), max(p.ids for p in passages)
    unlike = (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return min(next(unlike, len(first)), min(len(p.ids) for p in passages) - 1)
