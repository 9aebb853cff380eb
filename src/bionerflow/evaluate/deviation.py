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
    most characters with, of equals the nearest: tokens that begin between the two starts, plus
    those that begin between the two ends. A boundary inside a token is 0 tokens away.
    """
    wrong = predicted.frame["error"].isin(["span", "type_and_span"]).to_numpy()
    pairs = pairs[wrong[pairs["left"]]]
    found, right = predicted.frame.iloc[pairs["left"]], gold.frame.iloc[pairs["right"]]
    sentences = found["sentence"].to_numpy()
    bounds = (
        tokens.before(sentences, found[bound].to_numpy())
        - tokens.before(sentences, right[bound].to_numpy())
        for bound in ("start", "end")
    )
    pairs = pairs.assign(distance=sum(map(np.abs, bounds)), apart=-pairs["shared"])
    nearest = pairs.sort_values(["left", "apart", "distance"]).drop_duplicates("left")
    distances = np.full(len(predicted.frame), np.nan)
    distances[nearest["left"]] = nearest["distance"]
    return distances
