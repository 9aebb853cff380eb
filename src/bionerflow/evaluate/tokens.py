"""Tokens of sentences, all at once: how many begin before a character."""

import re
from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: A run of letters and digits, one Chinese character, or one other visible character.
TOKEN = re.compile(r"[^\W\u3400-\u9fff]+|\S")
SPACE, WORD, SINGLE = 0, 1, 2
#: Sentences that are looked at together: what they take stays in the processor's cache.
TOGETHER = 1000

Ints = NDArray[np.int64]


class Tokens:
    """The tokens of sentences, numbered through."""

    def __init__(self, texts: NDArray[np.object_]) -> None:
        """Find where tokens begin in `texts`; equal texts, of several formats, are read once."""
        place, distinct = pd.factorize(texts)
        lengths = np.array([len(text) + 1 for text in distinct], np.int64)
        after = np.cumsum(lengths)
        self._offset = (after - lengths)[place]
        self._count = np.zeros(lengths.sum() + 1, np.int32)
        for first in range(0, len(distinct), TOGETHER):
            begins = _begins(distinct[first : first + TOGETHER])
            start = after[first] - lengths[first] + 1
            self._count[start : start + len(begins)] = begins
        np.cumsum(self._count, out=self._count)

    def before(self, sentences: Ints, places: Ints) -> Ints:
        """Return how many tokens begin before each character place of a sentence (row number)."""
        return self._count[self._offset[sentences] + places].astype(np.int64)

    def within(self, sentences: Ints, starts: Ints, ends: Ints) -> Ints:
        """Return how many tokens the characters from `starts` to `ends` touch."""
        return self.before(sentences, ends) - self.before(sentences, starts + 1) + 1


def _begins(texts: Iterable[str]) -> NDArray[np.bool_]:
    """Say of each character of texts, a line break after each, whether a token begins there."""
    letters = "\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass")
    kinds = _kinds(np.frombuffer(letters, np.uint32))
    before = np.append(SPACE, kinds[:-1])
    return (kinds == SINGLE) | ((kinds == WORD) & (before != WORD))


def _kinds(codes: NDArray[np.uint32]) -> NDArray[np.int8]:
    kinds = np.zeros(codes.max(initial=0) + 1, np.int8)
    there = np.flatnonzero(np.bincount(codes))
    kinds[there] = [_kind(code) for code in there.tolist()]
    return kinds[codes]


@cache
def _kind(code: int) -> int:
    """Say whether a character is white space, part of a word, or a token by itself."""
    letter = chr(code)
    if not TOKEN.fullmatch(letter):
        return SPACE
    return WORD if TOKEN.fullmatch(letter * 2) else SINGLE
