"""Mean losses of a model on chosen tokens: hidden states first, logits only where scored.

A passage's loss does not depend on what else is in its batch: passages are padded at their end,
where causal attention never looks, or behind a mask. What passages have in common at their
beginning is run once, and logits are made once for each distinct text before a scored token.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy, linear

from bionerflow.inference.prefix import Prefixes, batches, common, keeps_keys_and_values
from bionerflow.utils.errors import UserError

SHARED_TOKENS = 4  # a shorter common beginning costs more to copy than to compute
SHARED_PASSAGES = 4  # fewer passages share nothing, to stay in large batches
# Measured on a CPU (benchmarks/notes/performance.md), not on a GPU:
BATCH_TOKENS = {"cpu": 512, "cuda": 65536}  # through the body at once
STATES = {"cpu": 1024, "cuda": 65536}  # through the output layer at once
LOGITS = {"cpu": 2**20, "cuda": 2**26}  # numbers at once: what stays in a CPU's cache


@dataclass(frozen=True, slots=True)
class Passage:
    """Token ids and the places whose tokens are scored: given all before them, hence from 1 on.

    An encoder scores them given all the others.
    """

    ids: list[int]
    scored: Sequence[int]


class Waiting:
    """Scored tokens that wait for the output layer, each distinct text before one with its state.

    Texts are numbered as the nodes of a tree: a token that follows a text leads to the next one.
    """

    def __init__(self) -> None:
        self.following: dict[tuple[int, int], int] = {}
        self.rows: dict[int, int] = {}  # of `states`, by text
        self.states: list[torch.Tensor] = []
        self.scored: list[tuple[int, int, int]] = []  # passage, row, token

    def add(
        self, numbers: Sequence[int], passages: Sequence[Passage], hidden: torch.Tensor
    ) -> None:
        """Add the scored tokens of a batch, by the numbers of its passages; `hidden` as of _run."""
        new: list[tuple[int, int]] = []
        for at, n in enumerate(numbers):
            ids, texts = passages[n].ids, self._texts(passages[n].ids)
            for place in passages[n].scored:
                text = texts[place - 1]
                if text not in self.rows:
                    self.rows[text] = len(self.rows)
                    new.append((at, place - 1))
                self.scored.append((n, self.rows[text], ids[place]))
        if new:
            rows, places = torch.tensor(new, device=hidden.device).T
            self.states.append(hidden[rows, places])

    def _texts(self, ids: Sequence[int]) -> list[int]:
        """Return the number of the text that ends with each token."""
        texts, text = [], -1
        for token in ids:
            text = self.following.setdefault((text, token), len(self.following))
            texts.append(text)
        return texts


class Losses:
    """A causal language model that says how surprised it is."""

    def __init__(self, model: Any) -> None:
        """Keep the model's body and output layer apart.

        Raises:
            UserError: the model does more to its logits than its output layer says.
        """
        self.body, self.head = self._parts(model)
        self.device = next(model.parameters()).device
        self.budget = BATCH_TOKENS[self.device.type]
        self.shares = keeps_keys_and_values(model)
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
        order = [n for n, passage in enumerate(passages) if passage.scored]
        order.sort(key=lambda n: -len(passages[n].ids))
        sums, waiting = torch.zeros(len(passages), dtype=torch.float64), Waiting()
        for group in _alike(passages, order):
            prefix = self._prefix([passages[n].ids for n in group])
            length = prefix.hidden.shape[1] if prefix else 0
            for batch in batches(group, lambda n: len(passages[n].ids) - length, self.budget):  # noqa: B023
                waiting.add(batch, passages, self._run([passages[n].ids for n in batch], prefix))
                if len(waiting.rows) >= STATES[self.device.type]:
                    self._finish(waiting, sums)
                    waiting = Waiting()
                done(len(batch))
        self._finish(waiting, sums)
        counts = torch.tensor([len(passage.scored) for passage in passages])
        return (sums / counts).tolist()

    def _finish(self, waiting: Waiting, sums: torch.Tensor) -> None:
        """Add the losses of all that waits to the sums of their passages."""
        if waiting.scored:
            passages, rows, tokens = torch.tensor(waiting.scored).T
            states = torch.cat(waiting.states)
            losses = self._token_losses(states, rows.to(self.device), tokens.to(self.device))
            sums.index_add_(0, passages, losses.double().cpu())

    def _prefix(self, rows: Sequence[Sequence[int]]) -> Prefixes | None:
        """Read what the rows begin with alike, if that is worth its while.

        The last token of a row is never part of it.
        """
        if not self.shares or len(rows) < SHARED_PASSAGES:
            return None
        length = min(common(rows), min(map(len, rows)) - 1) - 1
        return Prefixes.read(self.body, [rows[0][:length]]) if length >= SHARED_TOKENS else None

    def _run(self, ids: Sequence[Sequence[int]], prefix: Prefixes | None) -> torch.Tensor:
        """Return the body's hidden states [row, place, feature] of rows of ids that begin alike."""
        length = prefix.hidden.shape[1] if prefix else 0
        own = [row[length:-1] for row in ids]
        width = max(map(len, own))
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in own]).to(self.device)
        if not prefix:
            return self.body(padded, use_cache=False).last_hidden_state
        before = prefix.before([0] * len(ids), [length] * len(ids))
        output = self.body(padded, past_key_values=before.cache, use_cache=True)
        shared_states = prefix.hidden.expand(len(ids), -1, -1)
        return torch.cat([shared_states, output.last_hidden_state], dim=1)

    def _token_losses(
        self, states: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each token after the state in its row, logits in float32.

        The vocabulary is taken part by part: all logits at once would leave the processor's cache,
        and the output layer is read once for all states, not once for each few.
        """
        width = max(1, LOGITS[self.device.type] // len(states))
        totals, said = [], states.new_zeros(len(tokens), dtype=torch.float32)
        for first in range(0, len(self.head.weight), width):
            logits = self._logits(states, slice(first, first + width))
            place = (tokens - first).clamp(0, logits.shape[1] - 1)
            said = torch.where(place == tokens - first, logits[rows, place], said)
            most = logits.amax(-1, keepdim=True)
            totals.append((logits.sub_(most).exp_().sum(-1, keepdim=True).log() + most)[:, 0])
        return torch.stack(totals).logsumexp(0)[rows] - said

    def _logits(self, states: torch.Tensor, part: slice) -> torch.Tensor:
        """Return the logits, in float32, of a part of the vocabulary."""
        bias = self.head.bias
        return linear(states, self.head.weight[part], None if bias is None else bias[part]).float()

    @torch.inference_mode()
    def _check(self, model: Any) -> None:
        """Refuse a model whose logits are scaled or capped after its output layer."""
        ids = torch.arange(4, device=self.device)
        ours = self._token_losses(self.body(ids[None]).last_hidden_state[0], ids, ids)
        own = cross_entropy(model(ids[None]).logits[0].float(), ids, reduction="none")
        if not torch.allclose(ours, own, rtol=1e-2, atol=1e-2):
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

    def _token_losses(
        self, states: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the losses from all logits at once: a batch has one such token in each row."""
        return cross_entropy(self.head(states).float()[rows], tokens, reduction="none")

    @torch.inference_mode()
    def mean(
        self, passages: Sequence[Passage], done: Callable[[int], None] = lambda _: None
    ) -> list[float]:
        """Return each passage's mean loss in nats a scored token; not a number without any."""
        hidden = [(n, place) for n, passage in enumerate(passages) for place in passage.scored]
        sums, left = [0.0] * len(passages), [len(passage.scored) for passage in passages]
        for batch in batches(hidden, lambda one: len(passages[one[0]].ids), self.budget):
            losses = self._hide([(passages[n].ids, place) for n, place in batch])
            for (n, _), loss in zip(batch, losses, strict=True):
                sums[n] += loss
                left[n] -= 1
            done(sum(not left[n] for n in {n for n, _ in batch}))
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
        states = output.last_hidden_state[each, places]
        return self._token_losses(states, each.to(self.device), targets).tolist()


def _alike(passages: Sequence[Passage], order: Sequence[int]) -> Iterator[list[int]]:
    """Part `order` into passages that begin alike, and a last group of all others."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for n in order:
        groups.setdefault(tuple(passages[n].ids[: SHARED_TOKENS + 1]), []).append(n)
    others = {n for its in groups.values() if len(its) < SHARED_PASSAGES for n in its}
    yield from (its for its in groups.values() if len(its) >= SHARED_PASSAGES)
    if others:
        yield [n for n in order if n in others]
