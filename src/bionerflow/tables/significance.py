"""Fills the tables of paired tests: between neighbouring rows, and of what papers claim."""

import math
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bionerflow.evaluate.compare import difference, documents, pooled_draws
from bionerflow.evaluate.effects import holm
from bionerflow.evaluate.statistics import LEVEL
from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.fill import Number, number_of
from bionerflow.utils.errors import UserError

#: Verdicts on a claim, and what stands in their place where a side was not measured.
SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "not decided"
NOT_MEASURED = "not measured yet"
#: The corrected p value below which there is a verdict.
SIGNIFICANT = 0.05


class Pair(NamedTuple):
    """What is compared: prediction sets, draw by draw, in corpora (none: all) and a score."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    corpora: tuple[str, ...]
    score: str


#: The record of a pair (bionerflow.evaluate.compare), or why there is none.
Results = Mapping[Pair, dict[str, Any] | str]


def differences(
    definition: Definition, predictions: Mapping[str, Path], gold: Path
) -> list[Number]:
    """Return the number of each cell: its metric is of the family `significance`.

    `predictions` are the Parquet files by the ids of their prediction sets; `gold` the folder of
    {corpus}/test.parquet. What cannot be compared stays empty with the reason. p values are
    corrected over all pairs of the table, each of which counts once. In a table of claims they are
    corrected for all rows, measured or not, and intervals hold for all rows together (Bonferroni).
    Rows that are tested on the same score, and in other tables on the same corpora, share one
    estimate of how much draws vary (effects.pooled): only through it does a later measurement
    change an earlier row.
    """
    pairs = dict.fromkeys(_pair(cell) for cell in definition.cells if len(cell.models) == 1)
    family = len(definition.rows) if definition.kind == "claims" else None
    level = 1 - (1 - LEVEL) / family if family else LEVEL
    compared = _compared(pairs, predictions, gold)
    measured = {pair: found for pair, found in compared.items() if not isinstance(found, str)}
    absent = {pair: found for pair, found in compared.items() if isinstance(found, str)}
    alike = {pair: (pair.score, () if family else pair.corpora) for pair in measured}
    results = _corrected({**absent, **_tested(measured, alike, level)}, family)
    return [_number(cell, definition.unit, results) for cell in definition.cells]


def verdict(difference: float | None, p: float | None) -> str:
    """Return what a test says of a claim.

    Args:
        difference: Of the side that the paper holds for better, minus the other.
        p: Its p value, corrected; None where it is not defined.
    """
    if not difference or p is None or p >= SIGNIFICANT:
        return UNDECIDED
    return SUPPORTED if difference > 0 else CONTRADICTED


def _pair(cell: Cell) -> Pair:
    first = (id for ids in cell.models.values() for id in ids)
    return Pair(tuple(first), tuple(cell.against), cell.corpora, cell.score)


def _compared(
    pairs: Mapping[Pair, None], predictions: Mapping[str, Path], gold: Path
) -> dict[Pair, pd.DataFrame | str]:
    """Return what compare.documents has of each pair in its corpora, or why there is nothing."""

    @cache
    def counts(first: tuple[str, ...], second: tuple[str, ...]) -> pd.DataFrame | str:
        absent = [id for id in (*first, *second) if id not in predictions]
        if absent:
            return f"{NOT_MEASURED}: {', '.join(absent)}"
        try:
            one, two = ([predictions[id] for id in ids] for ids in (first, second))
            return documents(one, two, gold)
        except UserError as error:
            return str(error)

    def compared(pair: Pair) -> pd.DataFrame | str:
        found = counts(pair.first, pair.second)
        if isinstance(found, str):
            return found
        found = found[found["corpus"].isin(pair.corpora)] if pair.corpora else found
        return found if len(found) else "not both were tested on it"

    return {pair: compared(pair) for pair in pairs}


def _tested(
    measured: Mapping[Pair, pd.DataFrame], alike: Mapping[Pair, Hashable], level: float
) -> dict[Pair, dict[str, Any]]:
    """Return the record of each pair; the variance of draws is pooled over those that are alike."""
    groups: dict[Hashable, list[Pair]] = {}
    for pair in measured:
        groups.setdefault(alike[pair], []).append(pair)
    vary = {
        key: pooled_draws(
            [(pair.first, pair.second) for pair in pairs], [measured[pair] for pair in pairs]
        )
        for key, pairs in groups.items()
    }
    return {
        pair: difference(counts, pair.score, level, vary[alike[pair]])
        for pair, counts in measured.items()
    }


def _corrected(results: Results, family: int | None) -> dict[Pair, dict[str, Any] | str]:
    """Add `p_holm` to each record.

    Args:
        results: What was compared.
        family: The number of tests that were planned; those without a result count as p = 1. None:
            as many as there are results.
    """
    tested = {pair: found["p"] for pair, found in results.items() if not isinstance(found, str)}
    planned = [1.0] * ((family or 0) - len(tested))
    corrected = holm([math.nan if p is None else p for p in tested.values()] + planned)
    by_pair = dict(zip(tested, corrected, strict=False))
    return {
        pair: found
        if isinstance(found, str)
        else found | {"p_holm": None if math.isnan(by_pair[pair]) else by_pair[pair]}
        for pair, found in results.items()
    }


def _number(cell: Cell, unit: str, results: Results) -> Number:
    number = number_of(cell)
    if cell.text:
        return number | {"text": cell.text, "reason": ""}
    if not any(cell.models.values()):
        return number | {"reason": cell.reason}
    if len(cell.models) > 1:
        return number | {"reason": "several models: name one in `where`, or have a column for each"}
    pair = _pair(cell)
    number["runs"] = " ".join([*pair.first, *pair.second])
    found = results[pair]
    if isinstance(found, str):
        absent = cell.metric == "verdict" and found.startswith(NOT_MEASURED)
        return number | {"reason": found} | ({"text": NOT_MEASURED} if absent else {})
    number["n_gold"] = found["gold"]
    if cell.metric == "verdict":
        return number | {"text": verdict(found["difference"], found["p_holm"]), "reason": ""}
    told = _told(cell.metric, cell.score, 100 if unit == "percent" else 1, found)
    return number | ({"reason": "not defined: too few documents"} if told is None else told)


def _told(metric: str, score: str, scale: int, found: Mapping[str, Any]) -> Number | None:
    """Return value, bounds and text of a metric; None where it is not defined."""
    bounded = dict.fromkeys(("difference", "interval"), found["intervals"][score])
    told = {"effect": found["effect"], **bounded}.get(metric) or {"value": found[metric]}
    if told["value"] is None:
        return None
    value, low, high = (told.get(bound, math.nan) for bound in ("value", "low", "high"))
    texts = {
        "difference": f"{scale * value:+.2f}",
        "interval": f"[{scale * low:+.2f}, {scale * high:+.2f}]",
        "effect": f"{value:.2f} [{low:.2f}, {high:.2f}]",
        "detectable": f"{scale * value:.2f}",
    }
    p = f"{value:.3f}" if value >= 0.001 else "< 0.001"
    return {**told, "text": texts.get(metric, p), "reason": ""}
