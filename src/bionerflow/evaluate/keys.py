"""Rows of frames as numbers: which are equal, within a frame and between two."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: What one mention is apart from another (bionerflow.evaluate.mentions).
SPANS = ["start", "end", "inner"]
STRICT = ["sentence", "type", *SPANS]
SURFACE = ["sentence", "type", "text"]

LARGEST = np.iinfo(np.int64).max


def codes(frames: Sequence[pd.DataFrame], key: Sequence[str]) -> list[Ints]:
    """Return a number for each row of each frame: equal where rows are equal in `key`.

    Columns are integers, or categories that all frames share.
    """
    found: Ints = np.zeros(sum(map(len, frames)), np.int64)
    size = 1
    for name in key:
        values = np.concatenate([_integers(frame[name]) for frame in frames])
        values -= values.min(initial=0)
        distinct = int(values.max(initial=0)) + 1
        if size > LARGEST // distinct:
            found, size = pd.factorize(found)[0].astype(np.int64), len(found)
        found, size = found * distinct + values, size * distinct
    ends = np.cumsum([0, *map(len, frames)])
    return [found[start:end] for start, end in pairwise(ends)]


def _integers(column: pd.Series) -> Ints:
    values = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
    return np.asarray(values, np.int64)


def repeated(frame: pd.DataFrame, key: Sequence[str]) -> Bools:
    """Say of each row whether an earlier one is equal in `key`."""
    return pd.Series(codes([frame], key)[0]).duplicated().to_numpy()


def hits(left: pd.DataFrame, right: pd.DataFrame, key: Sequence[str]) -> Bools:
    """Say of each row of `left` whether `right` has a row that is equal in `key`."""
    one, other = codes([left, right], key)
    return pd.Series(one).isin(other).to_numpy()


def among(places: Ints | pd.Series, size: int) -> Bools:
    """Say of each place up to `size` whether it is one of `places`."""
    found = np.zeros(size, bool)
    found[places] = True
    return found
