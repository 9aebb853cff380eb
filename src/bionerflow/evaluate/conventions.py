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
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.keys import SURFACE, codes
from bionerflow.evaluate.mentions import Mentions
from bionerflow.evaluate.statistics import prf
from bionerflow.evaluate.tokens import Tokens

NAMES = ("uniner", "instructuie", "gollie", "iepile", "seqeval", "partial", "type")

ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]+")

LONGEST = 2**31  # tokens of a sentence

Counts = NDArray[np.int64]


def normalised(texts: Sequence[str]) -> list[str]:
    """Lower-case; drop punctuation, articles and superfluous white space (uniner).

    The texts are lines of one string until the end, since a million calls take their time.
    """
    lines = "\n".join(text.replace("\n", " ") for text in texts).lower()
    lines = ARTICLE.sub(" ", PUNCTUATION.sub("", lines))
    return [" ".join(line.split()) for line in lines.split("\n")[: len(texts)]]


def counts(gold: Mentions, predicted: Mentions, n_sentences: int) -> dict[str, Counts]:
    """Return each set or multiset convention's counts per sentence."""
    texts = gold.texts.to_pylist()
    exact = (gold.frame, predicted.frame)
    lower = _retold(exact, [text.lower() for text in texts])
    cut = np.array(["]" in text for text in texts], bool)
    plain = _retold([_uncut(frame, cut) for frame in exact], normalised(texts))
    return {
        "uniner": _matched(plain, SURFACE, n_sentences, multiset=False),
        "instructuie": _none_is_an_answer(_matched(lower, SURFACE, n_sentences, multiset=False)),
        "gollie": _matched(lower, SURFACE, n_sentences, multiset=True),
        "iepile": _matched(exact, SURFACE, n_sentences, multiset=True),
    }


def _retold(frames: Sequence[pd.DataFrame], told: list[str]) -> list[pd.DataFrame]:
    """Give each text the number of what stands for it in `told`: equal where that is equal."""
    numbers, _ = pd.factorize(np.array(told, object))
    return [frame.assign(text=numbers[frame["text"]]) for frame in frames]


def _uncut(frame: pd.DataFrame, cut: NDArray[np.bool_]) -> pd.DataFrame:
    """Leave out the lists (a sentence and type) with a text that UniNER's pattern cuts."""
    (lists,) = codes([frame], ["sentence", "type"])
    return frame[~np.isin(lists, lists[cut[frame["text"]]])]


def seqeval(gold: Mentions, predicted: Mentions, tokens: Tokens, n_sentences: int) -> Counts:
    """Return the counts per sentence of what seqeval would see as IOB2 tags."""
    sides = [_tagged(side.frame, tokens) for side in (gold, predicted)]
    return _matched(sides, ["sentence", "type", "first", "last"], n_sentences, multiset=False)


def _tagged(frame: pd.DataFrame, tokens: Tokens) -> pd.DataFrame:
    """Return the mentions that tags can hold, with their first and last tokens."""
    frame = frame[(frame["inner"] == "").to_numpy()]
    place, start, end = (frame[name].to_numpy() for name in ("sentence", "start", "end"))
    first, last = tokens.before(place, start + 1) - 1, tokens.before(place, end) - 1
    order = np.lexsort((frame["type"].cat.codes.to_numpy(), -last, first, place))
    tagged = frame.iloc[order].assign(first=first[order], last=last[order])
    before = place[order] * LONGEST
    return tagged[_apart(before + first[order], before + last[order])]


def _apart(first: Counts, last: Counts) -> NDArray[np.bool_]:
    """Say which mentions, in order, begin behind all that were kept before them."""
    begins = np.append(True, first[1:] > np.maximum.accumulate(last)[:-1])[: len(first)]
    kept = begins & np.append(begins[1:], True)[: len(first)]  # such touch no other
    end = -LONGEST
    for n in np.flatnonzero(~kept):
        if first[n] > end:
            kept[n], end = True, last[n]
    return kept


def _matched(
    sides: Sequence[pd.DataFrame], key: Sequence[str], n_sentences: int, *, multiset: bool
) -> Counts:
    """Count what is equal in `key` a sentence: as often as on both sides, or once each in sets."""
    number, distinct = pd.factorize(np.concatenate(codes(sides, key)))
    sentence = np.zeros(len(distinct), np.int64)
    sentence[number] = np.concatenate([side["sentence"] for side in sides])
    halves = (number[: len(sides[0])], number[len(sides[0]) :])
    found = np.stack([np.bincount(half, minlength=len(distinct)) for half in halves])
    found = found if multiset else np.minimum(found, 1)
    columns = (found.min(axis=0), *found)
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
