"""One number out of records of scores: counts are summed first, so that pooling stays micro."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bionerflow.evaluate import abstention, calibration, conventions
from bionerflow.evaluate.match import ERRORS
from bionerflow.evaluate.statistics import METRICS, prf, relaxed_prf
from bionerflow.evaluate.strata import PARTS, labels

COUNTS = ("correct", "gold", "predicted")

Records = Sequence[dict[str, Any]]


def measure(records: Records, metric: str) -> float | None:
    """Return a metric (config.metrics) over records; None where it is not defined."""
    value = MEASURES[metric](records)
    return None if np.isnan(value) else float(value)


def _total(records: Records, *path: str) -> float:
    total = 0.0
    for record in records:
        found: Any = record
        for step in path:
            found = found[step]
        total += found
    return total


def _scored(metric: str, *place: str) -> Callable[[Records], float]:
    def score(records: Records) -> float:
        counts = {name: _total(records, *place, name) for name in COUNTS}
        return float(prf(**counts)[metric])

    return score


def _recall(*place: str) -> Callable[[Records], float]:
    def recall(records: Records) -> float:
        gold = _total(records, *place, "gold")
        return _total(records, *place, "correct") / gold if gold else np.nan

    return recall


def _delta(kind: str) -> Callable[[Records], float]:
    """Return by how much recall on a kind of mention lies below that on plain ones.

    A run that found none of either has no gap.
    """

    def gap(records: Records) -> float:
        found = sum(_total(records, "kinds", one, "correct") for one in ("plain", kind))
        recalls = [_recall("kinds", one)(records) for one in ("plain", kind)]
        return recalls[0] - recalls[1] if found else np.nan

    return gap


def _per_sentence(problem: str) -> Callable[[Records], float]:
    """Return how often an answer has a problem, per sentence."""

    def rate(records: Records) -> float:
        sentences = _total(records, "n", "sentences")
        return _total(records, "problems", problem) / sentences if sentences else np.nan

    return rate


def _count(error: str) -> Callable[[Records], float]:
    return lambda records: _total(records, "errors", error)


def _shift(step: str) -> Callable[[Records], float]:
    """Return the share of boundary errors whose start is so many characters off, signed."""

    def share(records: Records) -> float:
        every = sum(_total(records, "shifts", one) for one in SHIFTS)
        return _total(records, "shifts", step) / every if every else np.nan

    return share


def _deviation(step: str) -> Callable[[Records], float]:
    """Return the share of boundary errors that are so many tokens off."""

    def share(records: Records) -> float:
        every = sum(_total(records, "deviations", one) for one in STEPS)
        return _total(records, "deviations", step) / every if every else np.nan

    return share


def _relaxed(records: Records) -> float:
    touching, touched = (_total(records, "relaxed", side) for side in ("touching", "touched"))
    predicted, gold = (_total(records, "n", side) for side in ("predicted", "gold"))
    return float(relaxed_prf(touching, predicted, touched, gold)["f1"])


def _convention(name: str) -> Callable[[Records], float]:
    def f1(records: Records) -> float:
        counts = {n: _total(records, "conventions", name, n) for n in COUNTS}
        return float(conventions.scores(name, **counts)["f1"])

    return f1


def _bins(records: Records) -> list[dict[str, float]]:
    """Return the bins of calibration, added up."""
    filled = zip(*(record["calibration"]["bins"] for record in records), strict=True)
    return [{key: sum(one[key] for one in bin) for key in bin[0]} for bin in filled]


def _accuracy(place: int) -> Callable[[Records], float]:
    def accuracy(records: Records) -> float:
        bin = _bins(records)[place]
        return bin["correct"] / bin["n"] if bin["n"] else np.nan

    return accuracy


def _alone(*place: str | int) -> Callable[[Records], float]:
    """Return what stands at a place in one record: curves of several cannot be put together."""

    def value(records: Records) -> float:
        found: Any = records[0] if len(records) == 1 else None
        try:
            for step in place:
                found = found[step]
        except (IndexError, TypeError):
            return np.nan
        return np.nan if found is None else float(found)

    return value


FAULTS = ("unparsable", "unknown_type", "not_in_text", "truncated")
SHIFTS = tuple(str(n) for n in range(-5, 6))
STEPS = ("0", "1", "2", "3", "4", "5+")
SEMEVAL = ("partial", "type")  # conventions; `type` alone is the class of errors

MEASURES: dict[str, Callable[[Records], float]] = {
    **{metric: _scored(metric, "n") for metric in METRICS},
    "surface_f1": _scored("f1", "surface"),
    "unseen_recall": _recall("unseen"),
    "nested_recall": _recall("kinds", "nested"),
    "discontinuous_recall": _recall("kinds", "discontinuous"),
    "f1_low": _alone("strict", "f1", "low"),
    "f1_high": _alone("strict", "f1", "high"),
    "delta_nested": _delta("nested"),
    "delta_discontinuous": _delta("discontinuous"),
    "relaxed_f1": _relaxed,
    **{problem: _per_sentence(problem) for problem in FAULTS},
    **{error: _count(error) for error in ERRORS},
    **{f"deviation_{n}": _deviation(n) for n in STEPS},
    **{f"shift_{n}": _shift(n) for n in SHIFTS},
    **{
        f"recall_{name}_{label}": _recall("strata", name, label)
        for name in ("depth", "tokens")
        for label in labels(PARTS[name])
    },
    "aurc": _alone("abstention", "aurc"),
    **{
        f"risk_{100 * (n + 1) // abstention.STEPS}": _alone("abstention", "risks", n)
        for n in range(abstention.STEPS)
    },
    "ece": lambda records: calibration.expected_error(_bins(records)),
    **{f"accuracy_{n + 1}": _accuracy(n) for n in range(calibration.BINS)},
    **{
        f"semeval_{name}" if name in SEMEVAL else name: _convention(name)
        for name in conventions.NAMES
    },
}
