"""How far wrong boundaries are from right ones (unified, Fig. 6; mfner, section 5.5)."""

import numpy as np
import pandas as pd

from bionerflow.evaluate.mentions import Mentions
from bionerflow.evaluate.tokens import Tokens


def deviations(
    gold: Mentions, predicted: Mentions, pairs: pd.DataFrame, tokens: Tokens
) -> pd.DataFrame:
    """Return each boundary error's distance from gold, NaN for other predictions.

    `deviation` is in tokens, `shift` in characters: by how many its start lies behind the right
    one, negative where it lies before it. Predictions that overlap no gold mention have neither.

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
    shift = found["start"].to_numpy() - right["start"].to_numpy()
    pairs = pairs.assign(deviation=sum(map(np.abs, bounds)), shift=shift, apart=-pairs["shared"])
    nearest = pairs.sort_values(["left", "apart", "deviation"]).drop_duplicates("left")
    found = nearest.set_index("left")[["deviation", "shift"]].astype(float)
    return found.reindex(range(len(predicted.frame))).set_index(predicted.frame.index)
