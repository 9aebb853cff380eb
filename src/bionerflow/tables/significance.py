"""Fills the table of differences: a paired test between each two rows that follow each other."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.errors import UserError
from bionerflow.evaluate.compare import difference, documents
from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.fill import Number, number_of


def differences(
    definition: Definition, predictions: Mapping[str, Path], gold: Path
) -> list[Number]:
    """Return the difference in F1, or its p value, for each cell.

    `predictions` are the Parquet files by the ids of their prediction sets; `gold` the folder of
    {corpus}/test.parquet. What cannot be compared stays empty with the reason.
    """

    @cache
    def counts(first: tuple[str, ...], second: tuple[str, ...]) -> pd.DataFrame | str:
        try:
            one, two = ([predictions[id] for id in ids] for ids in (first, second))
            return documents(one, two, gold)
        except UserError as error:
            return str(error)

    @cache
    def result(
        first: tuple[str, ...], second: tuple[str, ...], corpora: tuple[str, ...]
    ) -> dict[str, Any] | str:
        found = counts(first, second)
        if isinstance(found, str):
            return found
        found = found[found["corpus"].isin(corpora)] if corpora else found
        return difference(found) if len(found) else "not both were tested on it"

    return [_number(cell, definition.unit, result) for cell in definition.cells]


def _number(cell: Cell, unit: str, result: Callable[..., Any]) -> Number:
    number = number_of(cell)
    first = [id for ids in cell.models.values() for id in ids]
    if not first:
        return number | {"reason": cell.reason}
    if len(cell.models) > 1:
        return number | {"reason": "several models: name one in `where`, or have a column for each"}
    number["runs"] = " ".join([*first, *cell.against])
    found = result(tuple(first), tuple(cell.against), cell.corpora)
    if isinstance(found, str):
        return number | {"reason": found}
    value = found[cell.metric]
    if cell.metric == "p":
        text = f"{value:.3f}" if value >= 0.001 else "< 0.001"
    else:
        text = f"{value * (100 if unit == 'percent' else 1):+.2f}"
    return number | {"value": value, "text": text, "n_gold": found["gold"], "reason": ""}
