"""How far wrong boundaries are from right ones, in tokens (unified, Fig. 6)."""

import numpy as np
import pandas as pd

from bionerflow.evaluate.mentions import Mentions
from bionerflow.evaluate.tokens import Tokens


def deviations(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame, tokens: Tokens
) -> np.ndarray:
    """Return each boundary error's distance from gold in tokens, NaN for other predictions.

    A boundary error (`span`, `type_and_span`) is compared with the gold mention that it shares
    most characters with, the first of equals: tokens that begin between the two starts, plus those
    that begin between the two ends. A boundary inside a token is 0 tokens away.
    """
    errors = predicted.frame.index[predicted.frame["error"].isin(["span", "type_and_span"])]
    pairs = pairs[pairs["left"].isin(errors)]
    nearest = pairs.loc[pairs.groupby("left")["shared"].idxmax()]
    found = predicted.outline().loc[nearest["left"]]
    right = gold.outline().loc[nearest["right"]]
    sentences = predicted.frame["sentence"].to_numpy()[nearest["left"]]
    distances = np.full(len(predicted.frame), np.nan)
    distances[nearest["left"]] = sum(
        np.abs(
            tokens.before(sentences, found[bound].to_numpy())
            - tokens.before(sentences, right[bound].to_numpy())
        )
        for bound in ("start", "end")
    )
    return distances
