"""The threshold of a selector, tuned for F1 on predictions of the dev set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bionerflow.select.filter import Row, judge, read_predictions
from bionerflow.select.samples import Candidate
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_result

STEPS = 100


def tune(predictions: Path, selector: Path, examples: Mapping[str, Path], out: Path) -> None:
    """Write the best threshold of a selector on dev predictions, and its precision-recall curve.

    `examples` are the files of the predicted sentences, by corpus.
    """
    rows = read_predictions(predictions, examples)
    points = curve(rows, judge(selector, rows))
    best = max(points, key=lambda point: point["f1"])
    write_result(out, {"threshold": best["threshold"], "curve": points})


def curve(rows: Sequence[Row], probability: Mapping[Candidate, float]) -> list[dict[str, Any]]:
    """Return strict precision, recall and F1 at thresholds from 0 to 1 in steps of 0.01.

    All corpora and formats are pooled; a candidate counts once a row. Types that the selector does
    not judge are left out.
    """
    unjudged = {c.type for row in rows for c in row.candidates if c not in probability}
    judged = [
        (probability[candidate], candidate in row.gold)
        for row in rows
        for candidate in set(row.candidates)
        if candidate in probability
    ]
    scores = np.array([score for score, _ in judged])
    right = np.array([correct for _, correct in judged], dtype=bool)
    gold = sum(candidate.type not in unjudged for row in rows for candidate in row.gold)
    return [_point(step / STEPS, scores, right, gold) for step in range(STEPS + 1)]


def _point(threshold: float, scores: Any, right: Any, gold: int) -> dict[str, Any]:
    kept = scores >= threshold
    correct, predicted = int(right[kept].sum()), int(kept.sum())
    return {
        "threshold": threshold,
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (gold + predicted) if gold + predicted else 0.0,
    }


def read_threshold(value: str) -> float:
    """Return a threshold that is given as a number, or as the file of a tuned one."""
    try:
        return float(value)
    except ValueError:
        pass
    if not Path(value).is_file():
        raise UserError(f"--threshold {value} is neither a number nor a file of `select.py tune`.")
    return float(read_json(value)["threshold"])
