"""Fills the table of thresholds of confidence: chosen on dev, and reported on test."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from bionerflow.config.metrics import THRESHOLDS
from bionerflow.evaluate.abstention import Judged, chosen_on_dev, judged, together
from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.fill import Number, number_of

ABSENT = "not predicted on both dev and test"
NO_THRESHOLD = "no threshold reaches it on dev"
#: Decimals of a threshold; other measures have two.
PLACES = 3


def abstentions(
    definition: Definition, predictions: Mapping[str, Path], dev: Mapping[str, Path], gold: Path
) -> list[Number]:
    """Return the number of each cell: its metric is one of config.metrics.THRESHOLDS.

    Args:
        definition: The table; a cell shows its first model, and the mean over its draws.
        predictions: Parquet files of test sentences by the ids of their prediction sets.
        dev: The same runs' predictions of dev sentences.
        gold: The folder of {corpus}/{split}.parquet.
    """

    @cache
    def read(id: str, split: str) -> dict[str, Judged]:
        return judged({"dev": dev, "test": predictions}[split][id], gold, split)

    @cache
    def thresholds(id: str, corpora: tuple[str, ...]) -> dict[str, dict[str, Any]] | None:
        if id not in predictions or id not in dev:
            return None
        tuned, told = read(id, "dev"), read(id, "test")
        names = [name for name in corpora or sorted(told) if name in tuned and name in told]
        if not names:
            return None
        on_dev, on_test = (together(side[name] for name in names) for side in (tuned, told))
        return dict(zip(THRESHOLDS, chosen_on_dev(on_dev, on_test), strict=True))

    def number(cell: Cell) -> Number:
        ids = next(iter(cell.models.values()), [])
        found = {id: its for id in ids if (its := thresholds(id, cell.corpora))}
        about = number_of(cell) | {"runs": " ".join(found), "model": next(iter(cell.models), "")}
        if not found:
            return about | {"reason": cell.reason or ABSENT}
        return about | _told(cell.metric, definition.unit, list(found.values()))

    return [number(cell) for cell in definition.cells]


def _told(metric: str, unit: str, draws: list[dict[str, dict[str, Any]]]) -> Number:
    """Return value, deviation and text of a metric over draws."""
    aim, _, measure = metric.rpartition("_")
    records = [draw[aim] for draw in draws if draw[aim]["threshold"] is not None]
    places, scale = (PLACES, 1) if measure == "threshold" else (2, 100 if unit == "percent" else 1)
    every = [one[measure] if measure == "threshold" else one["test"][measure] for one in records]
    values = [value for value in every if value is not None]
    if not values:
        return {"reason": NO_THRESHOLD if not records else "not defined: nothing is kept"}
    sd = stdev(values) if len(values) > 1 else None
    shown = [fmean(values)] if sd is None else [fmean(values), sd]
    text = " ± ".join(f"{scale * one:.{places}f}" for one in shown)
    missing = len(draws) - len(values)
    reason = f"not defined in {missing} of {len(draws)} draws" if missing else ""
    return {"value": fmean(values), "sd": sd, "text": text, "reason": reason}
