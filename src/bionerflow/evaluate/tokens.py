"""Tokens of sentences, all at once: how many begin before a character."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: A run of letters and digits, one Chinese character, or one other visible character.
TOKEN = re.compile(r"[^\W\u3400-\u9fff]+|\S")
SPACE, WORD, SINGLE = 0, 1, 2

Ints = NDArray[np.int64]


class Tokens:
    """The tokens of sentences, numbered through."""

    def __init__(self, texts: NDArray[np.object_]) -> None:
        """Find where tokens begin in `texts`; equal texts, of several formats, are read once."""
        place, distinct = pd.factorize(texts)
        letters = "\n".join([*distinct, ""]).encode("utf-32-le", "surrogatepass")
        kinds = _kinds(np.frombuffer(letters, np.uint32))
        before = np.concatenate([[SPACE], kinds[:-1]])
        begins = (kinds == SINGLE) | ((kinds == WORD) & (before != WORD))
        self._count = np.concatenate([[0], np.cumsum(begins, dtype=np.int64)])
        lengths = np.array([len(text) + 1 for text in distinct], np.int64)
        self._offset = (np.cumsum(lengths) - lengths)[place]

    def before(self, sentences: Ints, places: Ints) -> Ints:
        """Return how many tokens begin before each character place of a sentence (row number)."""
        return self._count[self._offset[sentences] + places]


def _kinds(codes: NDArray[np.uint32]) -> NDArray[np.int8]:
    """Say of each character whether it is white space, part of a word, or a token by itself."""
    kinds = np.zeros(codes.max(initial=0) + 1, np.int8)
    for code in np.flatnonzero(np.bincount(codes)):
        letter = chr(code)
        if TOKEN.fullmatch(letter):
            kinds[code] = WORD if TOKEN.fullmatch(letter * 2) else SINGLE
    return kinds[codes]
