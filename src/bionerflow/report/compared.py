"""Paired tests of the best run per corpus against the next configuration, over all their draws."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bionerflow.evaluate.compare import difference, documents
from bionerflow.evaluate.effects import holm
from bionerflow.report.found import Best, configuration
from bionerflow.utils.errors import UserError


def paired_tests(
    rows: Iterable[Best], predictions: Mapping[str, Path], gold: Path
) -> list[dict[str, Any]]:
    """Return the record of each row that can be tested (evaluate.compare.difference).

    `on`, `first` and `second` say what was compared; `p_holm` is corrected for the number of rows.
    Rows whose runs answered other sentences, or in no common format, are left out.

    Args:
        rows: What is compared, and on which corpus, or on several.
        predictions: Prediction files by the ids of their prediction sets.
        gold: The folder of {corpus}/test.parquet.
    """
    asked = {
        (row.on, row.best.configuration, row.next.configuration): row for row in rows if row.next
    }
    found = [
        dict(zip(("on", "first", "second"), names, strict=True)) | its
        for names, row in asked.items()
        if (its := _test(row, predictions, gold))
    ]
    corrected = holm([math.nan if one["p"] is None else one["p"] for one in found])
    return [
        one | {"p_holm": None if math.isnan(p) else p}
        for one, p in zip(found, corrected, strict=True)
    ]


def _test(row: Best, predictions: Mapping[str, Path], gold: Path) -> dict[str, Any] | None:
    assert row.next  # noqa: S101 (`paired_tests` asks for no other)
    first, second = (
        [predictions[id] for id in sorted(predictions) if configuration(id) == one.configuration]
        for one in (row.best, row.next)
    )
    try:
        counts = documents(first, second, gold) if first and second else None
    except UserError:
        return None
    if counts is not None and row.on in set(counts["corpus"]):
        counts = counts[counts["corpus"] == row.on]
    return None if counts is None else difference(counts)
