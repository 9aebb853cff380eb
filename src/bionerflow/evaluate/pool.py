"""One number out of records of scores: counts are summed first, so that pooling stays micro."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bionerflow.evaluate.match import ERRORS
from bionerflow.evaluate.statistics import METRICS, prf

Records = Sequence[dict[str, Any]]


def measure(records: Records, metric: str) -> float | None:
    """Return a metric (tables_settings.Metric) over records; None where it is not defined."""
    value = MEASURES[metric](records)
    return None if np.isnan(value) else float(value)


def _total(records: Records, *path: str) -> int:
    total = 0
    for record in records:
        found: Any = record
        for step in path:
            found = found[step]
        total += found
    return total


def _scored(metric: str, *place: str) -> Callable[[Records], float]:
    def score(records: Records) -> float:
        counts = {name: _total(records, *place, name) for name in ("correct", "gold", "predicted")}
        return float(prf(**counts)[metric])

    return score


def _recall(*place: str) -> Callable[[Records], float]:
    def recall(records: Records) -> float:
        gold = _total(records, *place, "gold")
        return _total(records, *place, "correct") / gold if gold else np.nan

    return recall


def _delta(kind: str) -> Callable[[Records], float]:
    """Return by how much recall on a kind of mention lies below that on plain ones."""
    return lambda records: _recall("kinds", "plain")(records) - _recall("kinds", kind)(records)


def _count(error: str) -> Callable[[Records], float]:
    return lambda records: _total(records, "errors", error)


MEASURES: dict[str, Callable[[Records], float]] = {
    **{metric: _scored(metric, "n") for metric in METRICS},
    "surface_f1": _scored("f1", "surface"),
    "unseen_recall": _recall("unseen"),
    "delta_nested": _delta("nested"),
    "delta_discontinuous": _delta("discontinuous"),
    **{error: _count(error) for error in ERRORS},
}
