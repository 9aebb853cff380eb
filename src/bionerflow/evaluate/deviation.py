"""How far wrong boundaries are from right ones, in tokens (unified, Fig. 6)."""

import re

import numpy as np
import pandas as pd

from bionerflow.evaluate.mentions import Mentions

#: A run of letters and digits, one Chinese character, or one other visible character.
TOKEN = re.compile(r"[^\W\u3400-\u9fff]+|\S")


def deviations(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame, texts: np.ndarray
) -> np.ndarray:
    """Return each boundary error's distance from gold in tokens, NaN for other predictions.

    A boundary error (`span`, `type_and_span`) is compared with the gold mention that it shares
    most characters with, the first of equals: tokens that begin between the two starts, plus those
    that begin between the two ends. A boundary inside a token is 0 tokens away.
    """
    errors = predicted.frame.index[predicted.frame["error"].isin(["span", "type_and_span"])]
    pairs = pairs[pairs["left"].isin(errors)]
    nearest = pairs.loc[pairs.groupby("left")["shared"].idxmax()]
    found = _outline(predicted).loc[nearest["left"]].to_numpy()
    right = _outline(gold).loc[nearest["right"]].to_numpy()
    sentences = predicted.frame["sentence"].loc[nearest["left"]]
    distances = np.full(len(predicted.frame), np.nan)
    distances[nearest["left"]] = [
        _distance(texts[sentence], one, other)
        for sentence, one, other in zip(sentences, found, right, strict=True)
    ]
    return distances


def _distance(text: str, one: np.ndarray, other: np.ndarray) -> int:
    begins = [match.start() for match in TOKEN.finditer(text)]
    return int(np.abs(np.searchsorted(begins, one) - np.searchsorted(begins, other)).sum())


def _outline(mentions: Mentions) -> pd.DataFrame:
    """Return the start and the end of each mention, a discontinuous one with its gap."""
    return mentions.fragments.groupby("mention").agg(start=("start", "min"), end=("end", "max"))
