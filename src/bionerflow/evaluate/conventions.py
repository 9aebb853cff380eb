"""Other papers' ways of counting, so that numbers can be laid beside published ones.

Each convention gives (sentences, 3): correct, gold and predicted a sentence; they add up over any
part of a sample. What they score is what this project's parsers read from the answers: placed in
the text, of known types.

- `uniner` (universal-ner, src/eval/evaluate.py): a query a type; sets of strings, lower-cased,
  without punctuation and articles. Lists are read up to the first `]`, gold too, so that a list
  with a string that holds one is empty.
- `instructuie`: sets of lower-cased `type:text`; a sentence without any is the answer `None`,
  and `None` for `None` is a hit.
- `gollie`: multisets of type and lower-cased text.
- `iepile`: multisets of type and text; precision and recall are rounded before F1 is taken.
- `partial`, `type` (SemEval-2013 task 9, as nervaluate counts): from the error classes, so that the
  order of predictions does not matter; half a point for a wrong boundary in `partial`.
"""

import re
import string
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.statistics import prf

NAMES = ("uniner", "instructuie", "gollie", "iepile")

Counts = NDArray[np.int64]


def normalised(text: str) -> str:
    """Lower-case; drop punctuation, articles and superfluous white space (uniner)."""
    text = text.lower().translate({ord(char): None for char in string.punctuation})
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def counts(gold: pd.DataFrame, predicted: pd.DataFrame, n_sentences: int) -> dict[str, Counts]:
    """Return each set or multiset convention's counts a sentence."""
    lower = (_with_text(side, side["text"].str.lower()) for side in (gold, predicted))
    low_gold, low_predicted = lower
    return {
        "uniner": _matched(_uniner(gold), _uniner(predicted), n_sentences, multiset=False),
        "instructuie": _none_is_an_answer(
            _matched(low_gold, low_predicted, n_sentences, multiset=False)
        ),
        "gollie": _matched(low_gold, low_predicted, n_sentences, multiset=True),
        "iepile": _matched(gold, predicted, n_sentences, multiset=True),
    }


def _with_text(frame: pd.DataFrame, text: pd.Series) -> pd.DataFrame:
    return frame[["sentence", "type"]].assign(text=text)


def _uniner(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the lists (a sentence and type) that UniNER's pattern cuts, and normalise."""
    cut = frame["text"].str.contains("]", regex=False)
    lists = frame.groupby(["sentence", "type"], observed=True).ngroup()
    frame = frame[~lists.isin(lists[cut])]
    words = {text: normalised(text) for text in frame["text"].unique()}
    return _with_text(frame, frame["text"].map(words))


def _matched(
    gold: pd.DataFrame, predicted: pd.DataFrame, n_sentences: int, *, multiset: bool
) -> Counts:
    """Count equal (type, text) a sentence: as often as on both sides, or once each in sets."""
    both = pd.concat([gold, predicted], ignore_index=True)
    codes = both.groupby(["sentence", "type", "text"], sort=False, observed=True).ngroup()
    size = len(codes.unique())
    sentence = np.zeros(size, int)
    sentence[codes] = both["sentence"]
    sides = np.stack([np.bincount(part, minlength=size) for part in np.split(codes, [len(gold)])])
    sides = sides if multiset else np.minimum(sides, 1)
    columns = (sides.min(axis=0), *sides)
    return np.stack(
        [np.bincount(sentence, column, minlength=n_sentences) for column in columns], axis=1
    ).astype(np.int64)


def _none_is_an_answer(sets: Counts) -> Counts:
    empty = (sets[:, 1:] == 0).astype(np.int64)
    return sets + np.stack([empty.min(axis=1), *empty.T], axis=1)


def rounded(correct: int, gold: int, predicted: int) -> dict[str, Any]:
    """Return precision and recall, rounded to hundredths of a percent, and the F1 of these."""
    scores = prf(correct, gold, predicted)
    precision, recall = (np.round(scores[name], 4) for name in ("precision", "recall"))
    both = precision + recall
    f1 = np.round(2 * precision * recall / both, 4) if both else scores["f1"]
    return {"precision": precision, "recall": recall, "f1": f1}


def semeval(errors: dict[str, int], correct: int) -> dict[str, dict[str, Any]]:
    """Return `partial` and `type` from the error classes and the number of correct predictions.

    Precision is over the predictions; recall is over the judged gold: predictions that touch
    gold, and missing gold.
    """
    touched = correct + errors["type"] + errors["span"] + errors["type_and_span"]
    points = {
        "partial": correct + errors["type"] + (errors["span"] + errors["type_and_span"]) / 2,
        "type": correct + errors["span"],
    }
    return {
        name: prf(point, touched + errors["missing"], touched + errors["spurious"])
        for name, point in points.items()
    }
