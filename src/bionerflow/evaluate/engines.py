"""Engines beside each other: whether int8 may be used, and how answers differ."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bionerflow.config.stages import PredictSettings
from bionerflow.evaluate.statistics import differences, prf
from bionerflow.formats.queries import Asked
from bionerflow.inference.engines.base import Engine
from bionerflow.inference.predict import counted

#: The most F1 on dev that int8 may cost with some certainty: one point.
TOLERATED = -0.01


def may_use(
    fast: Engine, exact: Engine, queries: Sequence[Asked], documents: Sequence[str],
    settings: PredictSettings,
) -> dict[str, Any]:  # fmt: skip
    """Tell whether a faster engine loses little enough F1 on dev sentences.

    Args:
        fast: The engine that may be used.
        exact: The engine that is used otherwise.
        queries: Dev queries with their gold entities.
        documents: The document of each query: these are drawn as pairs (bootstrap, 95 %).
        settings: How both are asked.

    Returns:
        The difference in F1 (`value`, `low`, `high`), `documents`, and whether `low` is above
        TOLERATED, as `used`. Without dev sentences it is not.
    """
    if not queries:
        return {"used": False, "documents": 0, "value": None, "low": None, "high": None}
    one, other = (by_document(its, queries, documents, settings) for its in (fast, exact))
    found = {key: round(value, 6) for key, value in differences(one, other)["f1"].items()}
    known = not np.isnan(list(found.values())).any()
    shown = found if known else dict.fromkeys(found)
    return {"used": known and found["low"] > TOLERATED, "documents": len(one), **shown}


def by_document(
    engine: Engine, queries: Sequence[Asked], documents: Sequence[str], settings: PredictSettings
) -> np.ndarray:
    """Return correct, gold and predicted entities, (documents, 3)."""
    counts = np.array([count for _, count in counted(engine, queries, settings)], np.int64)
    numbers = np.unique(list(documents), return_inverse=True)[1]
    sums = np.zeros((numbers.max() + 1, 3), np.int64)
    np.add.at(sums, numbers, counts)
    return sums


def f1(counts: Sequence[tuple[int, int, int]]) -> float | None:
    """Return strict micro F1 of correct, gold and predicted entities; None if there are none."""
    score = float(prf(*np.sum(counts, axis=0))["f1"])
    return None if np.isnan(score) else score
