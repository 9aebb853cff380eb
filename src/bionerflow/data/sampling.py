"""Random choices that depend on a seed and an id only, never on the other choices."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def rank(id: str, seed: int | str) -> int:
    """Return a number in [0, 2**64) that is uniform over ids and seeds."""
    return int.from_bytes(blake2b(f"{seed}:{id}".encode(), digest_size=8).digest())


def draw(ids: Iterable[str], n: int | None, seed: int | str) -> list[str]:
    """Draw at most `n` distinct ids (all where `n` is None) and keep them in their order.

    A larger draw with the same seed contains the smaller one.
    """
    distinct = list(dict.fromkeys(ids))
    if n is None or n >= len(distinct):
        return distinct
    drawn = set(sorted(distinct, key=lambda id: (rank(id, seed), id))[:n])
    return [id for id in distinct if id in drawn]


def choose(options: Sequence[T], id: str, seed: int | str) -> T:
    """Choose one of `options` for `id`."""
    return options[rank(id, seed) % len(options)]
