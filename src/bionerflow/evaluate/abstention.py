"""What is gained by leaving out the predictions of least confidence: risk against coverage.

Coverage is the share of predictions that are kept, risk the share of wrong ones among these
(El-Yaniv and Wiener, JMLR 11:1605, 2010).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bionerflow.evaluate.keys import STRICT, hits
from bionerflow.evaluate.mentions import read_sample
from bionerflow.evaluate.statistics import prf

STEPS = 10
#: Precisions for which a threshold is looked for.
PRECISIONS = (0.8, 0.9, 0.95)

Floats = NDArray[np.float64]
#: Predicted mentions (confidence, correct) and the number of gold mentions.
Judged = tuple[pd.DataFrame, int]


def risks(confidence: Floats, correct: Floats) -> Floats:
    """Return the risk at each coverage: of the one, two, … predictions of most confidence.

    Predictions of equal confidence are taken in an order by chance: this is the expected risk.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.append(0, np.cumsum(1 - correct[order]))
    falls = np.flatnonzero(np.diff(confidence[order])) + 1
    ends = np.concatenate([[0], falls, [len(order)]])
    kept = np.arange(1, len(order) + 1)
    return np.interp(kept, ends, wrong[ends]) / kept


def record(predicted: pd.DataFrame) -> dict[str, Any]:
    """Return the curve and its area (AURC) for predictions that have a confidence.

    `excess` is the area above that of the best order, wrong predictions last (Geifman, Uziel and
    El-Yaniv, ICLR 2019). `risks` are at coverages of 0.1, 0.2, … 1.
    """
    rated = predicted[predicted["confidence"].notna()]
    if rated.empty:
        return {"n": 0, "aurc": None, "excess": None, "risks": []}
    correct = rated["correct"].to_numpy(float)
    curve, best = risks(rated["confidence"].to_numpy(), correct), risks(correct, correct)
    places = np.ceil(np.arange(1, STEPS + 1) * len(curve) / STEPS).astype(int) - 1
    return {
        "n": len(curve),
        "aurc": round(float(curve.mean()), 6),
        "excess": round(float(curve.mean() - best.mean()), 6),
        "risks": [round(float(risk), 6) for risk in curve[places]],
    }


def threshold_for(predicted: pd.DataFrame, precision: float) -> float | None:
    """Return the confidence from which on predictions have at least this precision.

    Of all such confidences the one that keeps most predictions; None where there is none.
    """
    rated = predicted[predicted["confidence"].notna()].sort_values("confidence", ascending=False)
    totals = rated.groupby("confidence", sort=False)["correct"].agg(["sum", "size"]).cumsum()
    good = totals.index[totals["sum"] >= precision * totals["size"]]
    return float(good[-1]) if len(good) else None


def best_threshold(predicted: pd.DataFrame, gold: int) -> float | None:
    """Return the confidence from which on F1 is highest; of equals the lowest. `gold`: mentions."""
    rated = predicted[predicted["confidence"].notna()].sort_values("confidence", ascending=False)
    if rated.empty:
        return None
    totals = rated.groupby("confidence", sort=False)["correct"].agg(["sum", "size"]).cumsum()
    f1 = prf(totals["sum"], gold, totals["size"])["f1"]
    return float(totals.index[np.flatnonzero(f1 == f1.max())[-1]])


def kept(predicted: pd.DataFrame, gold: int, threshold: float) -> dict[str, Any]:
    """Return coverage, precision, recall and F1 of the predictions from a threshold on."""
    chosen = predicted[predicted["confidence"] >= threshold]
    scores = prf(int(chosen["correct"].sum()), gold, len(chosen))
    coverage = len(chosen) / len(predicted) if len(predicted) else np.nan
    values = {"coverage": coverage, **scores}
    return {name: None if np.isnan(x) else round(float(x), 6) for name, x in values.items()}


def abstain(dev: str | Path, test: str | Path, gold: str | Path) -> list[dict[str, Any]]:
    """Return a run's thresholds by corpus: chosen on its dev predictions, reported on test.

    `dev` and `test` are prediction files, `gold` the folder of {corpus}/{split}.parquet. Corpora
    that were not answered in both splits are left out. Formats are pooled.
    """
    tuned, told = judged(dev, gold, "dev"), judged(test, gold, "test")
    return [
        {"corpus": corpus, "thresholds": chosen_on_dev(tuned[corpus], told[corpus])}
        for corpus in sorted(tuned.keys() & told.keys())
    ]


def judged(predictions: str | Path, gold: str | Path, split: str) -> dict[str, Judged]:
    """Return each corpus's predicted mentions (confidence, correct) and number of gold mentions."""
    sample = read_sample(predictions, gold, split)
    right = hits(sample.predicted.frame, sample.gold.frame, STRICT)
    predicted = sample.predicted.frame[["sentence", "confidence"]].assign(correct=right)
    corpora = sample.sentences["corpus"].to_numpy()
    of_predicted, of_gold = (corpora[side["sentence"]] for side in (predicted, sample.gold.frame))
    return {
        corpus: (predicted[of_predicted == corpus], int((of_gold == corpus).sum()))
        for corpus in dict.fromkeys(corpora)
    }


def together(parts: Iterable[Judged]) -> Judged:
    """Return what several corpora have together."""
    predicted, gold = zip(*parts, strict=True)
    return pd.concat(predicted, ignore_index=True), sum(gold)


def chosen_on_dev(
    dev: Judged, test: Judged, precisions: Sequence[float] = PRECISIONS
) -> list[dict[str, Any]]:
    """Return thresholds that were chosen on dev, with what they keep there and on test.

    The first record is the threshold of the best F1, the others are for a precision each.
    """
    aims: list[tuple[str, float | None]] = [("f1", best_threshold(*dev))]
    aims += [(f"precision {aim:g}", threshold_for(dev[0], aim)) for aim in precisions]
    return [
        {"aim": aim, "threshold": threshold}
        if threshold is None
        else {
            "aim": aim,
            "threshold": threshold,
            "dev": kept(*dev, threshold),
            "test": kept(*test, threshold),
        }
        for aim, threshold in aims
    ]
