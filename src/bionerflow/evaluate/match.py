"""Which mentions agree, what kind of mention each is, and how the others fail."""

import numpy as np
import pandas as pd

from bionerflow.evaluate.mentions import Mentions

STRICT = ["sentence", "type", "spans"]
SURFACE = ["sentence", "type", "text"]
KINDS = ("plain", "nested", "discontinuous")
ERRORS = ("type", "span", "type_and_span", "spurious", "missing")


def hits(left: pd.DataFrame, right: pd.DataFrame, key: list[str]) -> np.ndarray:
    """Say of each row of `left` whether `right` has a row that is equal in `key`."""
    both = pd.concat([left[key], right[key]], ignore_index=True)
    codes = both.groupby(key, sort=False, observed=True).ngroup().to_numpy()
    return np.isin(codes[: len(left)], codes[len(left) :])


def overlaps(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of mentions that share characters: left, right, shared (characters).

    Takes the fragments of both sides, so that the gap of a discontinuous mention is no part of it.
    """
    pairs = left.merge(right, on="sentence", suffixes=("_left", "_right"))
    start = np.maximum(pairs["start_left"], pairs["start_right"])
    pairs["shared"] = np.minimum(pairs["end_left"], pairs["end_right"]) - start
    pairs = pairs[pairs["shared"] > 0]
    pairs = pairs.rename(columns={"mention_left": "left", "mention_right": "right"})
    return pairs.groupby(["left", "right"], as_index=False)[["shared"]].sum()


def kinds(mentions: Mentions) -> np.ndarray:
    """Say of each mention what it is: discontinuous, else nested, else plain.

    Nested: its characters lie within another mention's of the sentence, or hold one (equal
    characters of another type too).
    """
    frame = mentions.frame
    pairs = overlaps(mentions.fragments, mentions.fragments)
    pairs = pairs[pairs["left"] != pairs["right"]]
    inner = pairs[pairs["shared"].to_numpy() == frame["length"].to_numpy()[pairs["left"]]]
    nested = frame.index.isin(inner["left"]) | frame.index.isin(inner["right"])
    discontinuous = mentions.fragments["mention"].value_counts().reindex(frame.index) > 1
    return np.select([discontinuous, nested], ["discontinuous", "nested"], "plain")


def error_classes(gold: Mentions, predicted: Mentions) -> tuple[np.ndarray, np.ndarray]:
    """Return each gold and each predicted mention's error class; "" where it is correct.

    A wrong prediction is `type` (a gold mention has its spans), else `span` (overlaps a gold
    mention of its type), else `type_and_span` (overlaps one of another type), else `spurious`
    (unified, Fig. 5). A gold mention that no prediction overlaps is `missing`; one that is only
    overlapped is "" here, since its error is counted at the prediction.
    """
    wrong = ~hits(predicted.frame, gold.frame, STRICT)
    same_spans = hits(predicted.frame, gold.frame, ["sentence", "spans"])
    pairs = overlaps(predicted.fragments, gold.fragments)
    same_type = (
        predicted.frame["type"].astype(str).to_numpy()[pairs["left"]]
        == gold.frame["type"].astype(str).to_numpy()[pairs["right"]]
    )
    place = predicted.frame.index
    classes = np.select(
        [
            ~wrong,
            same_spans,
            place.isin(pairs["left"][same_type]),
            place.isin(pairs["left"]),
        ],
        ["", "type", "span", "type_and_span"],
        "spurious",
    )
    touched = gold.frame.index.isin(pairs["right"])
    return np.where(touched, "", "missing"), classes
