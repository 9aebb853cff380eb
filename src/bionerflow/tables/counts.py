"""Tables of what corpora hold: counted from their reports, published numbers in their own columns.

Both papers' first tables: sentences, types, and shares of nested and discontinuous entities.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from bionerflow.config.counts import CountedRow, CountedTable, Measure
from bionerflow.tables.define import Definition
from bionerflow.tables.fill import long_form

#: A corpus's report.
Report = Mapping[str, Any]
#: Languages as the papers abbreviate them; others by their codes.
LANGUAGES = {"en": "En", "zh": "Ch"}
#: The column that says why a row is empty, there where one is.
REASON = "not counted"


def sentences(split: str) -> Callable[[Report], str]:
    """Return the measure of a split's sentences; none is an empty cell, as in the papers."""
    return lambda report: str(report["splits"][split]["sentences"] or "")


def share(kind: str) -> Callable[[Report], str]:
    """Return the measure of a kind's share of the entities, as the range over the splits."""

    def measure(report: Report) -> str:
        splits = [split for split in report["splits"].values() if split["entities"]]
        shares = sorted(
            {f"{100 * split[kind] / split['entities']:.1f}" for split in splits}, key=float
        )
        return "" if shares in ([], ["0.0"]) else "-".join([*shares[:1], *shares[1:][-1:]]) + "%"

    return measure


def labels(report: Report) -> str:
    """Return how many types the entities have."""
    return str(len(set().union(*(split["types"] for split in report["splits"].values()))))


def nesting(report: Report) -> str:
    """Return whether entities lie inside others."""
    return "Yes" if any(split["nested"] for split in report["splits"].values()) else "No"


MEASURES: dict[Measure, Callable[[Report], str]] = {
    "train": sentences("train"),
    "dev": sentences("dev"),
    "test": sentences("test"),
    "labels": labels,
    "nested": share("nested"),
    "discontinuous": share("discontinuous"),
    "language": lambda report: LANGUAGES.get(report["language"], report["language"].title()),
    "nesting": nesting,
    "training_entities": lambda report: str(report["splits"]["train"]["entities"]),
}


def count(
    name: str, table: CountedTable, reports: Mapping[str, Report], published: pd.DataFrame
) -> tuple[Definition, pd.DataFrame]:
    """Return the table's definition and its long form, as `tables.write_table` takes them.

    `reports` are those of `table.counted`; `published` is what `read_published` returns.
    """
    definition = Definition(
        kind="grid", name=name, title=table.title, caption=table.caption, unit="fraction",
        rows={row.corpus: row.title for row in table.rows},
        columns=[label for label, _ in table.columns], cells=[],
    )  # fmt: skip
    printed = [
        published[published["row"] == row.published].assign(row=row.corpus) for row in table.rows
    ]
    numbers = [number for row in table.rows for number in _numbers(row, table, reports)]
    return definition, long_form(definition, numbers, pd.concat(printed))


def _numbers(
    row: CountedRow, table: CountedTable, reports: Mapping[str, Report]
) -> Iterator[dict[str, Any]]:
    """Yield the counted numbers of a row, and why there are none."""
    counted = {"row": row.corpus, "source": "counted", "corpora": row.corpus, "reason": row.reason}
    for column, measure in table.columns:
        text = "" if row.reason else MEASURES[measure](reports[row.corpus])
        value = int(text) if text.isdecimal() else None
        yield counted | {"column": column, "metric": measure, "value": value, "text": text}
    if row.reason:
        yield counted | {"column": REASON, "text": row.reason}
