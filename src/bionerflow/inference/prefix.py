"""What rows of token ids begin with alike is read once: common prefixes, their cache, batches.

Generation, IFD and selection share these: which layers keep keys and values, how long a prefix two
rows have in common, the cache of prefixes expanded to the rows that begin with them, and batches of
rows of like length.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import DynamicCache
from transformers.cache_utils import get_layer_types_and_kwargs

T = TypeVar("T")
ATTENTION = {"full_attention", "sliding_attention"}


def layer_types(model: Any) -> set[str]:
    """Return the kinds of a model's layers, as transformers names them in `layer_types`.

    Models whose layers keep a state of another form (Mamba) have none that are named so.
    """
    config = model.config.get_text_config(decoder=True)
    if getattr(model, "_is_stateful", False) and not getattr(config, "layer_types", None):
        return {"state"}
    return set(get_layer_types_and_kwargs(config)[0])


def keeps_keys_and_values(model: Any) -> bool:
    """Tell whether all that a model keeps of what it read are keys and values, place by place.

    If so, a prefix's cache can be cut, copied and expanded to several rows. A recurrent state or a
    convolution (hybrid models) cannot.
    """
    return layer_types(model) <= ATTENTION


def sliding_window(model: Any) -> int | None:
    """Return how many tokens a layer sees that does not see all, or None if all see all."""
    config = model.config.get_text_config(decoder=True)
    return config.sliding_window if "sliding_attention" in layer_types(model) else None


def shared(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Return how many first tokens, or characters, are the same."""
    unlike = (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(unlike, min(len(a), len(b)))


def common(rows: Sequence[Sequence[int]]) -> int:
    """Return how many first tokens all rows have in common."""
    return shared(min(rows, key=list), max(rows, key=list))


def batches(items: Sequence[T], length: Callable[[T], int], tokens: int) -> Iterator[list[T]]:
    """Yield items in batches of like lengths, the longest first.

    A batch has at most so many padded tokens, or one item.
    """
    left = sorted(items, key=length, reverse=True)
    begin = 0
    while begin < len(left):
        end = begin + max(1, tokens // max(length(left[begin]), 1))
        yield left[begin:end]
        begin = end


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Prefixes that were read: their keys and values, and their last hidden states.

    The cache has a row per prefix, padded at its end; `hidden` is (prefixes, longest, size).
    """

    cache: Any  # DynamicCache, whose layers are typed as if they might keep anything
    hidden: torch.Tensor

    @classmethod
    def read(cls, body: Any, prefixes: Sequence[Sequence[int]]) -> "Prefixes":
        """Read prefixes of different lengths with a model's body (without its output layer)."""
        width = max(map(len, prefixes))
        ids = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in prefixes])
        device = next(body.parameters()).device
        cache = DynamicCache()
        output = body(ids.to(device), past_key_values=cache, use_cache=True)
        return cls(cache, output.last_hidden_state)

    def before(self, rows: Sequence[int], seen: Sequence[int]) -> "Before":
        """Return what rows have before them: each the first `seen` tokens of a prefix."""
        own: Any = DynamicCache()
        for n, layer in enumerate(self.cache.layers):
            own.update(layer.keys[rows], layer.values[rows], n)
        return Before(own, torch.tensor(seen, device=self.hidden.device))


@dataclass(frozen=True, slots=True)
class Before:
    """What rows have before them: a cache, and how much of it each row sees (rows,)."""

    cache: Any
    seen: torch.Tensor

    def mask(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of rows (rows, cached and own places), given that of their own places."""
        places = torch.arange(self.cache.get_seq_length(), device=mask.device)
        return torch.cat([(places < self.seen[:, None]).to(mask.dtype), mask], dim=1)
