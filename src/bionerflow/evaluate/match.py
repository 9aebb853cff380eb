"""Which mentions agree, what kind of mention each is, and how the others fail."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.mentions import Mentions

Ints = NDArray[np.int64]

STRICT = ["sentence", "type", "spans"]
SURFACE = ["sentence", "type", "text"]
KINDS = ("plain", "nested", "discontinuous")
ERRORS = ("type", "span", "type_and_span", "spurious", "missing")


def codes(frames: Sequence[pd.DataFrame], key: list[str]) -> list[Ints]:
    """Return a number for each row of each frame: equal where rows are equal in `key`."""
    both = pd.concat([frame[key] for frame in frames], ignore_index=True)
    found: Ints = np.zeros(len(both), np.int64)
    for name in key:
        values, distinct = pd.factorize(both[name])
        found = pd.factorize(found * max(len(distinct), 1) + values)[0]
    return np.split(found, np.cumsum([len(frame) for frame in frames[:-1]]))


def hits(left: pd.DataFrame, right: pd.DataFrame, key: list[str]) -> NDArray[np.bool_]:
    """Say of each row of `left` whether `right` has a row that is equal in `key`."""
    one, other = codes([left, right], key)
    return np.isin(one, other)


def overlaps(left: Mentions, right: Mentions) -> pd.DataFrame:
    """Return the pairs of mentions that share characters: left, right, shared, same_type.

    `shared` counts characters of the fragments, so that the gap of a discontinuous mention is no
    part of it.
    """
    pairs = left.fragments.merge(right.fragments, on="sentence", suffixes=("_left", "_right"))
    start = np.maximum(pairs["start_left"], pairs["start_right"])
    pairs["shared"] = np.minimum(pairs["end_left"], pairs["end_right"]) - start
    pairs = pairs[pairs["shared"] > 0]
    pairs = pairs.rename(columns={"mention_left": "left", "mention_right": "right"})
    pairs = pairs.groupby(["left", "right"], as_index=False)[["shared"]].sum()
    types = (side.frame["type"].astype(str).to_numpy() for side in (left, right))
    one, other = (kind[pairs[name]] for kind, name in zip(types, ("left", "right"), strict=True))
    return pairs.assign(same_type=one == other)


def kinds(mentions: Mentions) -> np.ndarray:
    """Say of each mention what it is: discontinuous, else nested, else plain.

    Nested: its characters lie within another mention's of the sentence, or hold one (equal
    characters of another type too).
    """
    frame = mentions.frame
    pairs = overlaps(mentions, mentions)
    pairs = pairs[pairs["left"] != pairs["right"]]
    inner = pairs[pairs["shared"].to_numpy() == frame["length"].to_numpy()[pairs["left"]]]
    nested = frame.index.isin(inner["left"]) | frame.index.isin(inner["right"])
    discontinuous = mentions.fragments["mention"].value_counts().reindex(frame.index) > 1
    return np.select([discontinuous, nested], ["discontinuous", "nested"], "plain")


def relaxed(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Say of each gold and each predicted mention whether one of its type overlaps it.

    `pairs` are the overlaps of predicted (left) with gold (right).
    """
    same = pairs[pairs["same_type"]]
    return gold.frame.index.isin(same["right"]), predicted.frame.index.isin(same["left"])


def error_classes(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return each gold and each predicted mention's error class; "" where it is correct.

    A wrong prediction is `type` (a gold mention has its spans), else `span` (overlaps a gold
    mention of its type), else `type_and_span` (overlaps one of another type), else `spurious`
    (unified, Fig. 5). A gold mention that no prediction overlaps is `missing`; one that is only
    overlapped is "" here, since its error is counted at the prediction. `pairs` as in `relaxed`.
    """
    place = predicted.frame.index
    classes = np.select(
        [
            hits(predicted.frame, gold.frame, STRICT),
            hits(predicted.frame, gold.frame, ["sentence", "spans"]),
            place.isin(pairs["left"][pairs["same_type"]]),
            place.isin(pairs["left"]),
        ],
        ["", "type", "span", "type_and_span"],
        "spurious",
    )
    touched = gold.frame.index.isin(pairs["right"])
    return np.where(touched, "", "missing"), classes
