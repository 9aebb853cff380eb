"""Which mentions agree, what kind of mention each is, and how the others fail."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bionerflow.evaluate.keys import SPANS, STRICT, Bools, Ints, among, hits
from bionerflow.evaluate.mentions import Mentions

KINDS = ("plain", "nested", "discontinuous")
ERRORS = ("type", "span", "type_and_span", "spurious", "missing")


def overlaps(left: Mentions, right: Mentions) -> pd.DataFrame:
    """Return the pairs of mentions that share characters: left, right, shared, same_type.

    `shared` counts characters of the fragments, so that the gap of a discontinuous mention is no
    part of it.
    """
    one, two, shared = _touching(left.fragments, right.fragments)
    width = max(len(right.frame), 1)
    pair, pairs = pd.factorize(one * width + two)
    one, two = np.divmod(pairs, width)
    types = [side.frame["type"].cat.codes.to_numpy() for side in (left, right)]
    return pd.DataFrame(
        {
            "left": one,
            "right": two,
            "shared": np.bincount(pair, shared, minlength=len(pairs)).astype(np.int64),
            "same_type": types[0][one] == types[1][two],
        }
    )


def _touching(left: pd.DataFrame, right: pd.DataFrame) -> tuple[Ints, Ints, Ints]:
    """Return both mentions of each pair of fragments that overlap, and how many characters do.

    All sentences are laid end to end. With `right` in the order of starts, what overlaps a fragment
    lies between the first whose predecessors do not all end before it, and the last that starts
    before its end.
    """
    reach = max(side["end"].max() if len(side) else 0 for side in (left, right)) + 1
    right = right.iloc[np.argsort(right["sentence"] * reach + right["start"], kind="stable")]
    (start, end), (begin, stop) = (
        [(side["sentence"] * reach + side[bound]).to_numpy() for bound in ("start", "end")]
        for side in (left, right)
    )
    first = np.searchsorted(np.maximum.accumulate(stop), start, side="right")
    several = np.maximum(np.searchsorted(begin, end) - first, 0)
    one = np.repeat(np.arange(len(left)), several)
    two = np.arange(several.sum()) + np.repeat(first - np.cumsum(several) + several, several)
    shared = np.minimum(end[one], stop[two]) - np.maximum(start[one], begin[two])
    one, two, shared = (values[shared > 0] for values in (one, two, shared))
    return left["mention"].to_numpy()[one], right["mention"].to_numpy()[two], shared


def kinds(mentions: Mentions) -> pd.Categorical:
    """Say of each mention what it is: discontinuous, else nested, else plain.

    Nested: its characters lie within another mention's of the sentence, or hold one (equal
    characters of another type too).
    """
    frame = mentions.frame
    pairs = overlaps(mentions, mentions)
    pairs = pairs[pairs["left"] != pairs["right"]]
    inner = pairs[pairs["shared"].to_numpy() == frame["length"].to_numpy()[pairs["left"]]]
    nested = among(inner["left"], len(frame)) | among(inner["right"], len(frame))
    discontinuous = (frame["inner"] != "").to_numpy()
    return _first([discontinuous, nested], KINDS[::-1])


def depths(mentions: Mentions) -> Ints:
    """Return for each mention how many longer ones of its sentence hold all of its characters."""
    length = mentions.frame["length"].to_numpy()
    pairs = overlaps(mentions, mentions)
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    held = (pairs["shared"].to_numpy() == length[left]) & (length[right] > length[left])
    return np.bincount(left[held], minlength=len(length))


def relaxed(gold: Mentions, predicted: Mentions, pairs: pd.DataFrame) -> tuple[Bools, Bools]:
    """Say of each gold and each predicted mention whether one of its type overlaps it.

    `pairs` are the overlaps of predicted (left) with gold (right).
    """
    same = pairs[pairs["same_type"]]
    return among(same["right"], len(gold.frame)), among(same["left"], len(predicted.frame))


def error_classes(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame
) -> tuple[pd.Categorical, pd.Categorical]:
    """Return each gold and each predicted mention's error class; "" where it is correct.

    A wrong prediction is `type` (a gold mention has its spans), else `span` (overlaps a gold
    mention of its type), else `type_and_span` (overlaps one of another type), else `spurious`
    (unified, Fig. 5). A gold mention that no prediction overlaps is `missing`; one that is only
    overlapped is "" here, since its error is counted at the prediction. `pairs` as in `relaxed`.
    """
    size = len(predicted.frame)
    classes = [
        hits(predicted.frame, gold.frame, STRICT),
        hits(predicted.frame, gold.frame, ["sentence", *SPANS]),
        among(pairs["left"][pairs["same_type"]], size),
        among(pairs["left"], size),
    ]
    touched = among(pairs["right"], len(gold.frame))
    return _first([touched], ["", "missing"]), _first(classes, ["", *ERRORS[:4]])


def _first(conditions: Sequence[Bools], names: Sequence[str]) -> pd.Categorical:
    """Name the first condition that holds, else the last name."""
    chosen = np.select(conditions, range(len(conditions)), len(conditions))
    categories: Any = pd.Index(names)
    return pd.Categorical.from_codes(chosen, categories)
