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
- `seqeval` (strict, IOB2): token spans of flat entities. Tags hold one entity a token, so that of
  mentions that overlap the first is kept, of these the longest, of these the first by type;
  no discontinuous one is.
- `partial`, `type`: bionerflow.evaluate.semeval.
"""

import re
import string
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.mentions import Mentions
from bionerflow.evaluate.statistics import prf
from bionerflow.evaluate.tokens import Tokens

NAMES = ("uniner", "instructuie", "gollie", "iepile", "seqeval", "partial", "type")

ARTICLE = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

Counts = NDArray[np.int64]


def normalised(text: str) -> str:
    """Lower-case; drop punctuation, articles and superfluous white space (uniner)."""
    return " ".join(ARTICLE.sub(" ", text.lower().translate(NO_PUNCTUATION)).split())


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


def seqeval(gold: Mentions, predicted: Mentions, tokens: Tokens, n_sentences: int) -> Counts:
    """Return the counts a sentence of what seqeval would see as IOB2 tags."""
    sides = (_tagged(gold, tokens), _tagged(predicted, tokens))
    return _matched(*sides, n_sentences, multiset=False)


def _tagged(mentions: Mentions, tokens: Tokens) -> pd.DataFrame:
    """Return the mentions that tags can hold; `text` is the first and the last token."""
    frame = mentions.frame[["sentence", "type"]].join(mentions.outline())
    place = frame["sentence"].to_numpy()
    frame["first"] = tokens.before(place, frame["start"].to_numpy() + 1) - 1
    frame["last"] = tokens.before(place, frame["end"].to_numpy()) - 1
    whole = ~mentions.fragments["mention"].duplicated(keep=False).to_numpy()
    frame = frame.loc[mentions.fragments["mention"].to_numpy()[whole]]
    frame["type"] = frame["type"].astype(str)
    keys = ["sentence", "first", "last", "type"]
    frame = frame.sort_values(keys, ascending=[True, True, False, True])
    kept, here, end = [], -1, -1
    for sentence, first, last in frame[keys[:3]].itertuples(index=False):
        kept.append(sentence != here or first > end)
        here, end = (sentence, last) if kept[-1] else (here, end)
    ends = frame["first"] * 2**31 + (frame["last"] - frame["first"])
    return _with_text(frame, ends)[np.array(kept, bool)]


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


def scores(name: str, correct: float, gold: float, predicted: float) -> dict[str, Any]:
    """Return precision, recall and F1 of a convention's counts, added up over what is pooled."""
    return (rounded if name == "iepile" else prf)(correct, gold, predicted)


def rounded(correct: float, gold: float, predicted: float) -> dict[str, Any]:
    """Return precision and recall, rounded to hundredths of a percent, and the F1 of these."""
    exact = prf(correct, gold, predicted)
    precision, recall = (np.round(exact[name], 4) for name in ("precision", "recall"))
    both = precision + recall
    f1 = np.round(2 * precision * recall / both, 4) if both > 0 else exact["f1"]
    return {"precision": precision, "recall": recall, "f1": f1}
