"""`partial` and `type` as in SemEval-2013 task 9, as nervaluate counts, whatever the order.

A gold mention is matched by one prediction at most. nervaluate lets predictions choose in the order
in which they are listed. Here equal mentions are matched first, and the others choose from left to
right, the longer first; of predictions with equal spans, those that find a gold mention of their
own type choose first. On flat mentions that are listed from left to right, both give the same.

What is still tied differs in its types alone. It is ordered by the places of all mentions of these
types in the sentence, never by their names: renaming types changes no count.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.keys import SPANS, Ints
from bionerflow.evaluate.mentions import Mentions

Points = NDArray[np.float64]
#: The order in which mentions of a sentence choose: from left to right, the longer first.
LEFT_TO_RIGHT = ["sentence", "start", "ends", "inner"]


def counts(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame, n_sentences: int
) -> dict[str, Points]:
    """Return correct (in points), gold and predicted a sentence for both conventions.

    `partial`: a point for equal spans, half a point for any other match, whatever the types.
    `type`: a point for a match of equal types, whatever the spans; the nearest boundaries first.
    `pairs` are the overlaps of predicted (left) with gold (right).
    """
    exact = _equal_spans(gold, predicted, pairs)
    gained = {"partial": np.where(exact, 1, 0.5), "type": pairs["same_type"].to_numpy(float)}
    contested = (pairs["left"].duplicated(False) | pairs["right"].duplicated(False)).to_numpy()
    turns = _turns(gold, predicted, pairs.assign(exact=exact, **gained)[contested])
    sides = [side.frame["sentence"].to_numpy() for side in (gold, predicted)]
    totals = [np.bincount(side, minlength=n_sentences) for side in sides]
    found = {}
    for name, points in gained.items():
        each = np.zeros(len(predicted.frame))
        each[pairs["left"][~contested]] = points[~contested]
        _choose(turns[name], name, each)
        sums = np.bincount(sides[1], each, minlength=n_sentences)
        found[name] = np.stack([sums, *totals], axis=1)
    return found


def _equal_spans(gold: Mentions, predicted: Mentions, pairs: pd.DataFrame) -> NDArray[np.bool_]:
    sides = (predicted.frame[SPANS].iloc[pairs["left"]], gold.frame[SPANS].iloc[pairs["right"]])
    one, two = (side.reset_index(drop=True) for side in sides)
    return (one == two).all(axis=1).to_numpy()


def _choose(turns: pd.DataFrame, name: str, points: Points) -> None:
    """Let each prediction in turn take a gold mention that is free, and put its points down.

    Most overlap with one of the other side alone: these need no turn.
    """
    free_left, free_right = (set(turns[side]) for side in ("left", "right"))
    for left, right, gained in zip(turns["left"], turns["right"], turns[name], strict=True):
        if left in free_left and right in free_right:
            free_left.remove(left)
            free_right.remove(right)
            points[left] = gained


def _turns(gold: Mentions, predicted: Mentions, pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return contested pairs in the order of each convention: equal mentions first."""
    found, expected = predicted.frame.loc[pairs["left"]], gold.frame.loc[pairs["right"]]
    far = sum(np.abs(found[end].to_numpy() - expected[end].to_numpy()) for end in ("start", "end"))
    same = pairs["same_type"]
    pairs = pairs.assign(one=_places(found), two=_places(expected), far=far * same, other=~same)
    pairs["own"], pairs["its"] = _ranks(predicted, gold, pairs)
    pairs["unequal"], pairs["wrong"] = ~pairs["exact"], ~(pairs["exact"] & same)
    return {
        "partial": pairs.sort_values(["unequal", "one", "two", "own", "its"]),
        "type": pairs.sort_values(["wrong", "one", "other", "far", "two", "own", "its"]),
    }


def _places(rows: pd.DataFrame) -> Ints:
    """Return the rank of each row's spans in the order of choosing; equal spans are equal."""
    order = rows.assign(ends=-rows["end"], inner=rows["inner"].cat.codes)
    return np.asarray(order.groupby(LEFT_TO_RIGHT).ngroup(), np.int64)


def _ranks(predicted: Mentions, gold: Mentions, pairs: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return the rank of the type of both mentions of each pair among the types of its sentence.

    A type's rank rests on a hash of the spans of all its mentions in the sentence. Names decide
    only between types whose mentions have the same spans on both sides: exchanging such types
    changes nothing.
    """
    sentences = predicted.frame["sentence"].loc[pairs["left"]].unique()
    frame = pd.concat([predicted.frame.assign(side=0), gold.frame.assign(side=1)])
    frame = frame[frame["sentence"].isin(sentences).to_numpy()]
    frame["hash"] = pd.util.hash_pandas_object(frame[["side", *SPANS]], index=False)
    frame["hash"] = frame.groupby(["sentence", "type"], observed=True)["hash"].transform("sum")
    rank = frame.groupby(["sentence", "hash", "type"], observed=True).ngroup()
    is_gold = (frame["side"] == 1).to_numpy()
    own, its = rank[~is_gold], rank[is_gold]
    return (
        np.asarray(own.loc[pairs["left"]], np.int64),
        np.asarray(its.loc[pairs["right"]], np.int64),
    )
