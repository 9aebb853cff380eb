"""From counts to scores: precision, recall, F1, bootstrap intervals, paired tests.

Counts are arrays of correct (TP), gold and predicted, one row per document. Documents with equal
counts are drawn together (a multinomial over the distinct rows), which is the same distribution
as drawing them one by one and costs the same for a hundred documents and for a million.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20250
LEVEL = 0.95
METRICS = ("precision", "recall", "f1")

Counts = NDArray[np.int64]


def prf(correct: Any, gold: Any, predicted: Any) -> dict[str, Any]:
    """Return micro precision, recall and F1; NaN where nothing was predicted or there is no gold.

    Takes numbers or arrays of one shape. F1 is 2 TP / (gold + predicted).
    """
    correct, gold, predicted = (np.asarray(x, dtype=float) for x in (correct, gold, predicted))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": correct / predicted,
            "recall": correct / gold,
            "f1": 2 * correct / (gold + predicted),
        }


def relaxed_prf(touching: float, predicted: float, touched: float, gold: float) -> dict[str, Any]:
    """Return scores for overlap: `touching` predictions, `touched` gold; F1 is harmonic."""
    precision, recall = prf(touching, 0, predicted)["precision"], prf(touched, gold, 0)["recall"]
    both = precision + recall
    none = prf(0, gold, predicted)["f1"]
    f1 = 2 * precision * recall / both if both > 0 else none
    return {"precision": precision, "recall": recall, "f1": f1}


def interval(
    counts: Counts, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile bootstrap interval of each metric.

    `counts`: (documents, 3) of correct, gold, predicted; documents are drawn with replacement.
    """
    rows, repeats = np.unique(counts, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(
        repeats.sum(), repeats / repeats.sum(), size=resamples
    )
    scores = prf(*(draws @ rows).T)
    return {metric: _percentiles(values) for metric, values in scores.items()}


def differences(
    first: Counts,
    second: Counts,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> dict[str, dict[str, float]]:
    """Return each metric's difference, first minus second, with its bootstrap interval.

    `first`, `second`: (documents, 3), the same documents in the same order, drawn as pairs.
    """
    pairs, repeats = np.unique(np.hstack([first, second]), axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(
        repeats.sum(), repeats / repeats.sum(), size=resamples
    )
    draws = np.vstack([repeats, draws]) @ pairs
    one, two = prf(*draws[:, :3].T), prf(*draws[:, 3:].T)
    found = {}
    for metric in one:
        value, *drawn = one[metric] - two[metric]
        low, high = _percentiles(np.asarray(drawn), level)
        found[metric] = {"value": float(value), "low": low, "high": high}
    return found


def _percentiles(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    bounds = [round(50 * (1 + side * level), 9) for side in (-1, 1)]
    low, high = np.percentile(values, bounds) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def randomisation_test(
    first: Counts, second: Counts, resamples: int = 10 * RESAMPLES, seed: int = SEED
) -> float:
    """Return the two-sided p value of the difference in F1 between two runs.

    Paired approximate randomisation over documents (Noreen 1989; Yeh, COLING 2000): each
    document's two outcomes are swapped with probability 1/2. `first`, `second`: (documents, 3),
    the same documents in the same order.
    """
    pairs, repeats = np.unique(np.hstack([first, second]), axis=0, return_counts=True)
    one, two = pairs[:, :3], pairs[:, 3:]
    swapped = np.random.default_rng(seed).binomial(repeats, 0.5, size=(resamples, len(pairs)))
    moved = swapped @ (two - one)
    shuffled = _f1((repeats @ one) + moved) - _f1((repeats @ two) - moved)
    observed = _f1(repeats @ one) - _f1(repeats @ two)
    extreme = np.abs(shuffled) >= np.abs(observed) - 1e-12
    return float((extreme.sum() + 1) / (resamples + 1))


def _f1(counts: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(prf(*counts.T)["f1"])
