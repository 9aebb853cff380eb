"""A key-value cache of slots: each conversation has its own length, and leaves without the others.

A slot is filled from place 0 and never padded inside. So a conversation that ended makes room for
one that waits, and a beginning that two conversations share is copied instead of computed.

A model that keeps more than keys and values (hybrids with linear attention or convolutions), or
that takes its positions from nothing but the mask (ALiBi), answers one conversation at a time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache

from bionerflow.inference.prefix import keeps_keys_and_values, layer_types, sliding_window

GROWTH = 128  # places; so rarely is the whole cache copied into a larger one
ALIBI = {"bloom", "mpt"}


def slots_of(model: Any, rows: int) -> "Slots | OneSlot":
    """Return slots for so many conversations at most, or one where the model allows no more."""
    config = model.config.get_text_config()
    alibi = config.model_type in ALIBI or getattr(config, "alibi", False)
    return Slots(model, rows) if keeps_keys_and_values(model) and not alibi else OneSlot(model)


class OneSlot:
    """A single conversation in the model's own cache, whatever that keeps."""

    rows, copies = 1, False

    def __init__(self, model: Any) -> None:
        """Begin with nothing read."""
        self.model = model
        self.ids: list[int] = []

    def read(
        self, slots: Sequence[int], chunks: Sequence[Sequence[int]], lengths: Sequence[int]
    ) -> torch.Tensor:
        """Read a chunk behind the first `lengths` ids; return the logits after it (1, vocabulary).

        Several tokens are never read behind a state: not every hybrid model can do that.
        """
        (chunk,), (length,) = chunks, lengths
        self.ids = [*self.ids[:length], *chunk]
        if length == 0 or len(chunk) > 1:
            self.cache = DynamicCache(config=self.model.config)
            chunk = self.ids
        ids = torch.tensor([chunk], device=self.model.device)
        output = self.model(input_ids=ids, past_key_values=self.cache, use_cache=True)
        return output.logits[:, -1].float()

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy nothing: there is no other slot."""


class Slots(Cache):
    """Keys and values of `rows` conversations, each tensor (rows, places, heads, features)."""

    copies = True

    def __init__(self, model: Any, rows: int) -> None:
        """Begin without places; they are made when they are needed."""
        super().__init__(layers=[])
        self.model, self.rows, self.places = model, rows, 0
        self.window, self.types = sliding_window(model), layer_types(model)
        self.kept: list[list[torch.Tensor]] = []

    def read(
        self, slots: Sequence[int], chunks: Sequence[Sequence[int]], lengths: Sequence[int]
    ) -> torch.Tensor:
        """Read a chunk of token ids into each slot, behind the `lengths` that it holds.

        Return the logits after each chunk, (slots, vocabulary) in float32; those of an empty chunk
        mean nothing. Chunks are padded on the left: a pad is written just behind the chunk, where
        nothing is ever looked at, and itself sees only the first place.
        """
        long = max(map(len, chunks))
        ends = [length + len(chunk) for length, chunk in zip(lengths, chunks, strict=True)]
        pads = [long - len(chunk) for chunk in chunks]
        runs = [range(length, end) for length, end in zip(lengths, ends, strict=True)]
        ids = [[0] * pad + [*chunk] for pad, chunk in zip(pads, chunks, strict=True)]
        positions = [[0] * pad + [*run] for pad, run in zip(pads, runs, strict=True)]
        into = [[end] * p + [*run] for p, end, run in zip(pads, ends, runs, strict=True)]
        self._reserve(max(ends) + 1)
        self.width = max(e for e, chunk in zip(ends, chunks, strict=True) if chunk)
        self.slots = self._tensor(slots)[:, None]
        self.contiguous = list(slots) == list(range(len(slots)))
        self.into, at = self._tensor(into), self._tensor(positions)
        output = self.model(
            input_ids=self._tensor(ids),
            attention_mask=self._mask(at),
            position_ids=at,
            past_key_values=self,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` places of one slot into another."""
        for store in (store for pair in self.kept for store in pair):
            store[target, :length] = store[source, :length]

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep what a layer computed for the chunks; return all that their slots hold.

        Called by the model, with and returning tensors (slots, heads, places, features).
        """
        if layer_idx == len(self.kept):
            self.kept.append([self._store(new) for new in (key_states, value_states)])
        keys, values = map(self._write, self.kept[layer_idx], (key_states, value_states))
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return 0: slots have lengths of their own, and positions are always given."""
        return 0

    def _mask(self, at: torch.Tensor) -> Any:
        """Return the mask (slots, 1, places, width) of tokens at the places `at`.

        Where layers differ in what they see, there is one by each layer type.
        """
        places = torch.arange(self.width, device=at.device)
        seen = places <= at[:, :, None]
        masks = {"full_attention": seen}
        if self.window:
            masks["sliding_attention"] = seen & (places > at[:, :, None] - self.window)
        ready = {type: self._ready(masks[type][:, None]) for type in self.types}
        return ready if len(ready) > 1 else next(iter(ready.values()))

    def _ready(self, mask: torch.Tensor) -> torch.Tensor:
        """Return a mask as the attention takes it: eager attention adds it to the scores."""
        if self.model.config._attn_implementation != "eager":
            return mask
        dtype = self.model.dtype
        return torch.where(mask, 0.0, torch.finfo(dtype).min).to(dtype)

    def _write(self, store: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        store[self.slots, self.into] = new.transpose(1, 2)
        held = store[: len(self.slots)] if self.contiguous else store[self.slots[:, 0]]
        return held[:, : self.width].transpose(1, 2)

    def _store(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_zeros(self.rows, self.places, like.shape[1], like.shape[3])

    def _reserve(self, places: int) -> None:
        if places <= self.places:
            return
        more = -(-places // GROWTH) * GROWTH - self.places
        self.places += more
        self.kept = [
            [torch.nn.functional.pad(store, (0, 0, 0, 0, 0, more)) for store in pair]
            for pair in self.kept
        ]

    def _tensor(self, values: Sequence[Any]) -> torch.Tensor:
        return torch.tensor(values, device=self.model.device)
