"""Whether a prediction's confidence is the share of such predictions that are right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

#: Bins of equal width, as in Guo et al. (ICML 2017).
BINS = 10


def bins(predicted: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, for each tenth of confidence, n, correct, and the sum of confidences.

    Predictions without a confidence are left out; the n say how many have one. A bin takes in its
    upper bound, the first one 0 too.
    """
    rated = predicted[predicted["confidence"].notna()]
    place = np.clip(np.ceil(rated["confidence"].to_numpy() * BINS) - 1, 0, BINS - 1).astype(int)
    weights = (None, rated["correct"].to_numpy(float), rated["confidence"].to_numpy())
    n, correct, sums = (np.bincount(place, weight, minlength=BINS) for weight in weights)
    return [
        {"n": int(a), "correct": int(b), "confidence": round(float(c), 6)}
        for a, b, c in zip(n, correct, sums, strict=True)
    ]


def expected_error(filled: Sequence[dict[str, Any]]) -> float:
    """Return the expected calibration error of bins; NaN where nothing has a confidence.

    The mean over predictions of how far their bin's accuracy is from its mean confidence.
    """
    total = sum(one["n"] for one in filled)
    apart = sum(abs(one["correct"] - one["confidence"]) for one in filled)
    return apart / total if total else np.nan
