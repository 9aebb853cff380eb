"""Fills the table of differences: a paired test between each two rows that follow each other."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.evaluate.compare import difference, documents
from bionerflow.evaluate.effects import holm
from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.fill import Number, number_of
from bionerflow.utils.errors import UserError

#: What is compared: prediction sets, those that they are compared with, and corpora (none: all).
Pair = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
#: The record of a pair (bionerflow.evaluate.compare), or why there is none.
Results = Mapping[Pair, dict[str, Any] | str]


def differences(
    definition: Definition, predictions: Mapping[str, Path], gold: Path
) -> list[Number]:
    """Return the number of each cell: its metric is one of tables.settings.TESTED.

    `predictions` are the Parquet files by the ids of their prediction sets; `gold` the folder of
    {corpus}/test.parquet. What cannot be compared stays empty with the reason. p values are
    corrected over all pairs of the table, each of which counts once.
    """
    pairs = dict.fromkeys(_pair(cell) for cell in definition.cells if len(cell.models) == 1)
    results = _corrected(_results(pairs, predictions, gold))
    return [_number(cell, definition.unit, results) for cell in definition.cells]


def _pair(cell: Cell) -> Pair:
    first = (id for ids in cell.models.values() for id in ids)
    return tuple(first), tuple(cell.against), cell.corpora


def _results(
    pairs: Mapping[Pair, None], predictions: Mapping[str, Path], gold: Path
) -> dict[Pair, dict[str, Any] | str]:
    @cache
    def counts(first: tuple[str, ...], second: tuple[str, ...]) -> pd.DataFrame | str:
        try:
            one, two = ([predictions[id] for id in ids] for ids in (first, second))
            return documents(one, two, gold)
        except UserError as error:
            return str(error)

    def result(
        first: tuple[str, ...], second: tuple[str, ...], corpora: tuple[str, ...]
    ) -> dict[str, Any] | str:
        found = counts(first, second)
        if isinstance(found, str):
            return found
        found = found[found["corpus"].isin(corpora)] if corpora else found
        return difference(found) if len(found) else "not both were tested on it"

    return {pair: result(*pair) for pair in pairs}


def _corrected(results: Results) -> dict[Pair, dict[str, Any] | str]:
    """Add `p_holm` to each record."""
    tested = {pair: found["p"] for pair, found in results.items() if not isinstance(found, str)}
    corrected = holm([math.nan if p is None else p for p in tested.values()])
    by_pair = dict(zip(tested, corrected, strict=True))
    return {
        pair: found
        if isinstance(found, str)
        else found | {"p_holm": None if math.isnan(by_pair[pair]) else by_pair[pair]}
        for pair, found in results.items()
    }


def _number(cell: Cell, unit: str, results: Results) -> Number:
    number = number_of(cell)
    if not any(cell.models.values()):
        return number | {"reason": cell.reason}
    if len(cell.models) > 1:
        return number | {"reason": "several models: name one in `where`, or have a column for each"}
    pair = _pair(cell)
    number["runs"] = " ".join([*pair[0], *pair[1]])
    found = results[pair]
    if isinstance(found, str):
        return number | {"reason": found}
    number["n_gold"] = found["gold"]
    told = _told(cell.metric, 100 if unit == "percent" else 1, found)
    return number | ({"reason": "not defined: too few documents"} if told is None else told)


def _told(metric: str, scale: int, found: Mapping[str, Any]) -> Number | None:
    """Return value, bounds and text of a metric; None where it is not defined."""
    if metric in ("difference", "interval", "effect"):
        bounds = found["effect" if metric == "effect" else "intervals"]
        bounds = bounds if metric == "effect" else bounds["f1"]
        if bounds["value"] is None:
            return None
        told = {**bounds, "reason": ""}
        value, low, high = bounds["value"], bounds["low"], bounds["high"]
        if metric == "effect":
            return told | {"text": f"{value:.2f} [{low:.2f}, {high:.2f}]"}
        if metric == "interval":
            return told | {"text": f"[{scale * low:+.2f}, {scale * high:+.2f}]"}
        return told | {"text": f"{scale * value:+.2f}"}
    value = found[metric]
    if value is None:
        return None
    text = f"{scale * value:.2f}" if metric == "detectable" else _p(value)
    return {"value": value, "text": text, "reason": ""}


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
