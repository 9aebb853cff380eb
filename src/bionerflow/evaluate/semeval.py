"""`partial` and `type` as in SemEval-2013 task 9, as nervaluate counts, in an order of our own.

A gold mention is matched by one prediction at most. nervaluate lets predictions choose in the order
in which they come; here equal mentions are matched first and the others choose from left to right,
the longer first, so that the order never matters. On flat mentions, read from left to right, both
are the same.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.mentions import Mentions

Points = NDArray[np.float64]


def counts(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame, n_sentences: int
) -> dict[str, Points]:
    """Return correct (in points), gold and predicted a sentence for both conventions.

    `partial`: a point for equal spans, half a point for any other match, whatever the types.
    `type`: a point for a match of equal types, whatever the spans; the nearest boundaries first.
    `pairs` are the overlaps of predicted (left) with gold (right).
    """
    pairs = _ordered(gold, predicted, pairs)
    exact, same = pairs["exact"], pairs["same_type"]
    partial = pairs.assign(later=~exact, points=np.where(exact, 1, 0.5))
    typed = pairs.assign(
        later=~(exact & same),
        points=same.astype(float),
        far=pairs["far"].where(same, 0),
        other=~same,
    )
    orders = {
        "partial": partial.sort_values(["later", "one", "two"]),
        "type": typed.sort_values(["later", "one", "other", "far", "two"]),
    }
    sides = [side.frame["sentence"].to_numpy() for side in (gold, predicted)]
    totals = [np.bincount(side, minlength=n_sentences) for side in sides]
    return {
        name: np.stack([_points(order, sides[1], n_sentences), *totals], axis=1)
        for name, order in orders.items()
    }


def _points(pairs: pd.DataFrame, sentence: NDArray[np.int64], n_sentences: int) -> Points:
    """Let each prediction take the first gold mention that is free; add up points a sentence.

    Most overlap with one of the other side alone: these need no turn.
    """
    contested = pairs["left"].duplicated(keep=False) | pairs["right"].duplicated(keep=False)
    points = np.zeros(len(sentence))
    points[pairs["left"][~contested]] = pairs["points"][~contested]
    pairs = pairs[contested]
    free_left, free_right = (set(pairs[name]) for name in ("left", "right"))
    for left, right, gained in zip(pairs["left"], pairs["right"], pairs["points"], strict=True):
        if left in free_left and right in free_right:
            free_left.remove(left)
            free_right.remove(right)
            points[left] = gained
    return np.bincount(sentence, points, minlength=n_sentences).astype(float)


def _ordered(gold: Mentions, predicted: Mentions, pairs: pd.DataFrame) -> pd.DataFrame:
    """Add both mentions' places, whether their spans are equal, how far their ends are apart."""
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    spans = (
        side.frame["spans"].to_numpy()[place] for side, place in ((predicted, left), (gold, right))
    )
    one, two = (side.outline() for side in (predicted, gold))
    far = sum(
        np.abs(one[bound].to_numpy()[left] - two[bound].to_numpy()[right])
        for bound in ("start", "end")
    )
    found, expected = spans
    return pairs.assign(
        exact=found == expected, far=far, one=_places(predicted, one)[left],
        two=_places(gold, two)[right],
    )  # fmt: skip


def _places(mentions: Mentions, outline: pd.DataFrame) -> NDArray[np.int64]:
    """Return each mention's number by sentence, from left to right, the longer first."""
    frame = mentions.frame[["sentence", "spans"]].join(outline)
    frame["type"] = mentions.frame["type"].astype(str)
    frame["end"] = -frame["end"]
    order = frame.sort_values(["sentence", "start", "end", "spans", "type"]).index
    places = np.empty(len(frame), np.int64)
    places[order] = np.arange(len(frame))
    return places
