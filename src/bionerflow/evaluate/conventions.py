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
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.match import codes
from bionerflow.evaluate.mentions import Mentions
from bionerflow.evaluate.statistics import prf
from bionerflow.evaluate.tokens import Tokens

NAMES = ("uniner", "instructuie", "gollie", "iepile", "seqeval", "partial", "type")

ARTICLE = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

LONGEST = 2**31  # tokens of a sentence
TEXT = ["sentence", "type", "text"]

Counts = NDArray[np.int64]


def normalised(text: str) -> str:
    """Lower-case; drop punctuation, articles and superfluous white space (uniner)."""
    return " ".join(ARTICLE.sub(" ", text.lower().translate(NO_PUNCTUATION)).split())


def counts(gold: pd.DataFrame, predicted: pd.DataFrame, n_sentences: int) -> dict[str, Counts]:
    """Return each set or multiset convention's counts a sentence."""
    lower = _replaced(gold, predicted, str.lower)
    one, other = map(_uncut, _replaced(gold, predicted, normalised))
    return {
        "uniner": _matched(one, other, n_sentences, multiset=False),
        "instructuie": _none_is_an_answer(_matched(*lower, n_sentences, multiset=False)),
        "gollie": _matched(*lower, n_sentences, multiset=True),
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
    before = frame["sentence"] * LONGEST
    kept = _apart(*((before + frame[bound]).to_numpy() for bound in ("first", "last")))
    return frame.assign(text=frame["first"] * LONGEST + frame["last"])[kept]


def _apart(first: Counts, last: Counts) -> NDArray[np.bool_]:
    """Say which mentions, in order, begin behind all that were kept before them."""
    begins = np.append(True, first[1:] > np.maximum.accumulate(last)[:-1])[: len(first)]
    kept = begins & np.append(begins[1:], True)[: len(first)]  # such touch no other
    end = -LONGEST
    for n in np.flatnonzero(~kept):
        if first[n] > end:
            kept[n], end = True, last[n]
    return kept


def _replaced(
    gold: pd.DataFrame, predicted: pd.DataFrame, function: Callable[[str], str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give each text the number of what `function` makes of it; `cut`: UniNER's pattern cuts it."""
    both = pd.concat([gold[TEXT], predicted[TEXT]], ignore_index=True)
    place, distinct = pd.factorize(both["text"])
    made, _ = pd.factorize(np.array([function(text) for text in distinct], object))
    cut = np.array(["]" in text for text in distinct], bool)
    both = both.assign(text=made[place], cut=cut[place])
    return both.iloc[: len(gold)], both.iloc[len(gold) :]


def _uncut(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the lists (a sentence and type) that are cut."""
    (lists,) = codes([frame], ["sentence", "type"])
    return frame[~np.isin(lists, lists[frame["cut"].to_numpy()])]


def _matched(
    gold: pd.DataFrame, predicted: pd.DataFrame, n_sentences: int, *, multiset: bool
) -> Counts:
    """Count equal (type, text) a sentence: as often as on both sides, or once each in sets."""
    sides = codes([gold, predicted], TEXT)
    size = max(side.max(initial=-1) for side in sides) + 1
    sentence = np.zeros(size, int)
    for side, frame in zip(sides, (gold, predicted), strict=True):
        sentence[side] = frame["sentence"]
    found = np.stack([np.bincount(side, minlength=size) for side in sides])
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
