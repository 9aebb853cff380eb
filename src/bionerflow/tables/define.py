"""Which cells a table has for an experiment, and which prediction sets each of them rests on.

Light to import: the workflow finds a table's inputs with it.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from bionerflow.config.base import Settings
from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import LABELS, OF_CORPUS, RECORDED
from bionerflow.config.tables import Cases, Claim, Claims, Grid, Titled, Unit
from bionerflow.tables.sources import (
    NOT_ASKED,
    Selection,
    full,
    lines,
    missing,
    pooled,
    recorded,
    sources,
)

#: The key of a row that has the relative change from the first row to the one above it.
CHANGE = "Δ"
#: The lines of a case before those of the prediction sets, and the cases of our own.
SENTENCE, GOLD = "Input Text", "GS"
OWN = ("Own 1", "Own 2")
#: The columns of a table of claims, by what stands in them.
CLAIMED = {
    "paper": "Paper",
    "compared": "Compared",
    "verdict": "Verdict",
    "difference": "Difference",
    "interval": "Interval",
    **{metric: LABELS[metric] for metric in ("p_holm", "effect", "detectable")},
}
NO_CORPUS = f"{NOT_ASKED} such corpus"
LEFT_OUT = "the configuration leaves out {} (`exclude`)"
NO_POOL = "no corpus to pool: the experiment has none that is named, or its runs none in common"


class Cell(Settings):
    """One measured number: prediction sets by model, and what of them.

    Of several models the table's is shown (fill.best_model). Several corpora are pooled, none means
    all; no format means all. `reason` says why a cell without prediction sets stays empty, or what
    is to be known of its number. `against` are the prediction sets of the row that it is compared
    with, draw by draw, in `score`. `text` is printed as it is, without a measurement.
    """

    row: str
    column: str
    metric: str
    models: dict[str, list[str]]
    against: list[str] = Field([])
    score: str = "f1"
    text: str = ""
    corpora: tuple[str, ...] = ()
    format: str | None = None
    reason: str = ""


class Definition(Settings):
    """A table before its numbers: rows by key with their titles, columns, measured cells.

    `mentions` are those that the paper shows, by example (Cases).
    """

    kind: Literal["grid", "significance", "abstention", "cases", "claims"]
    name: str
    title: str
    caption: str
    unit: Unit = "percent"
    figure: str | None = None
    rows: dict[str, str]
    columns: list[str]
    cells: list[Cell]
    mentions: dict[str, list[str]] = Field({})

    def dump(self) -> str:
        """Return the definition as JSON; the order of rows is the table's."""
        return self.model_dump_json()

    def ids(self) -> list[str]:
        """Return the prediction sets that the table rests on, each once."""
        sets = [id for c in self.cells for ids in (*c.models.values(), c.against) for id in ids]
        return list(dict.fromkeys(sets))

    def recorded(self) -> bool:
        """Tell whether nothing is asked but what runs recorded of themselves."""
        return all(cell.metric.startswith(RECORDED) for cell in self.cells)


def define(
    name: str,
    table: Grid | Cases | Claims,
    prefix: str,
    experiment: Experiment,
    titles: Mapping[str, str],
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> Definition:
    """Return the table's definition for an experiment.

    Args:
        name: `{paper}/{table}`.
        table: The table's entry.
        prefix: What run ids begin with.
        experiment: The paper's, with unseen corpora among its own.
        titles: Titles of the experiment's corpora, without the ones that are left out.
        left_out: Titles of those: their rows stay, empty, and say why.
    """
    shown = [corpus for corpus in experiment.corpora if corpus in {**titles, **left_out}]
    listed = experiment.model_copy(update={"corpora": shown})
    asked = experiment.model_copy(update={"corpora": list(titles)})
    if isinstance(table, Cases):
        return _cases(name, table, prefix, asked)
    if isinstance(table, Claims):
        return _claims(name, table, prefix, asked)
    chosen = lines(table.rows, listed, [table.common])
    wholes = [table.common | row for row in chosen]
    columns = {
        _title(table, column, titles) or "value": column
        for column in lines(table.columns, asked, wholes)
    }
    rows = _pairs(chosen) if table.filling == "significance" else _rows(chosen)
    asked_of = {
        (key, label): tuple(full(table.common | row | column, asked) for row in pair)
        for key, pair in rows.items()
        for label, column in columns.items()
    }
    pool = pooled(table, [one for pair in asked_of.values() for one in pair], asked)
    return Definition(
        kind=table.filling,
        name=name,
        title=table.title,
        caption=table.caption,
        unit=table.unit,
        figure=table.figure,
        rows={
            key: CHANGE
            if key == CHANGE
            else " − ".join(_row_title(table, row, titles, left_out) for row in pair)
            for key, pair in rows.items()
        },
        columns=list(columns),
        cells=[
            _cell(key, label, selections, pool, prefix, asked, left_out)
            for (key, label), selections in asked_of.items()
        ],
    )


def _rows(chosen: list[Selection]) -> dict[str, tuple[Selection, ...]]:
    """Return rows by key; the row of changes is about the row before it and the first."""
    return {
        _key(row): (chosen[i - 1], chosen[0]) if _key(row) == CHANGE else (row,)
        for i, row in enumerate(chosen)
    }


def _pairs(chosen: list[Selection]) -> dict[str, tuple[Selection, ...]]:
    """Return rows that follow each other, the later one first: what it adds is the difference."""
    return {f"{_key(after)} − {_key(one)}": (after, one) for one, after in pairwise(chosen)}


def _cases(name: str, table: Cases, prefix: str, experiment: Experiment) -> Definition:
    sets = {
        table.labels.get(one, one): full({"configuration": one, "corpus": table.corpus}, experiment)
        for one in table.configurations
    }
    examples = {**table.rows, **{own: [""] for own in OWN}}
    keys = [f"{example} {line}" for example in examples for line in (SENTENCE, GOLD, *sets)]
    return Definition(
        kind="cases",
        name=name,
        title=table.title,
        caption=table.caption,
        rows={key: key for key in keys},
        columns=[entity(n) for n in range(max(map(len, examples.values())))],
        mentions=table.rows,
        cells=[
            _cell(f"{example} {line}", entity(n), (selection,), [], prefix, experiment, {})
            for example, mentions in examples.items()
            for line, selection in sets.items()
            for n in range(len(mentions))
        ],
    )


def _claims(name: str, table: Claims, prefix: str, experiment: Experiment) -> Definition:
    return Definition(
        kind="claims",
        name=name,
        title=table.title,
        caption=table.caption,
        rows={key: claim.claim for key, claim in table.rows.items()},
        columns=list(CLAIMED.values()),
        cells=[
            cell
            for key, claim in table.rows.items()
            for cell in _claimed(key, claim, prefix, experiment)
        ],
    )


def _claimed(key: str, claim: Claim, prefix: str, experiment: Experiment) -> Iterator[Cell]:
    """Yield the cells of a claim's row."""
    common = {"corpus": claim.corpus} if claim.corpus else {}
    higher, lower = (
        full({"configuration": side, **common}, experiment) for side in (claim.higher, claim.lower)
    )
    place = f", {higher['corpus']}" if claim.corpus else ""
    told = {
        "paper": claim.paper,
        "compared": f"{claim.higher} − {claim.lower}, {claim.score}{place}",
    }
    for metric, column in CLAIMED.items():
        sides = (higher | {"metric": metric}, lower)
        cell = _cell(key, column, sides, None, prefix, experiment, {})
        yield cell.model_copy(update={"score": claim.score, "text": told.get(metric, "")})


def _key(selection: Selection) -> str:
    return " ".join(selection.values())


def entity(n: int) -> str:
    """Return the column of a case's mention, counted from zero."""
    return f"Entity {n + 1}"


def _title(table: Titled, selection: Selection, titles: Mapping[str, str]) -> str:
    """Return what is printed: labels (published columns are found by them), titles, or keys."""
    others = {**LABELS, **titles}
    return " ".join(table.labels.get(n, others.get(n, n)) for n in selection.values())


def _row_title(
    table: Titled, selection: Selection, titles: Mapping[str, str], left_out: Mapping[str, str]
) -> str:
    """Return a row's title, which says so where its corpus is left out."""
    title = _title(table, selection, {**titles, **left_out})
    return f"{title} (left out)" if selection.get("corpus") in left_out else title


def _cell(
    row: str,
    column: str,
    selections: tuple[Selection, ...],
    pool: list[str] | None,
    prefix: str,
    experiment: Experiment,
    left_out: Mapping[str, str],
) -> Cell:
    """Return a cell; `selections` are its row's and, for a difference, the neighbouring row's."""
    whole = selections[0]
    corpora = [whole["corpus"]] if "corpus" in whole else pool
    sides = [sources(side, experiment) for side in selections]
    reason = "; ".join(filter(None, (missing(side, experiment) for side in selections)))
    of_corpora = not recorded(whole) or OF_CORPUS in whole["metric"]
    if corpora is not None and of_corpora and not set(corpora) & set(experiment.corpora):
        reason = NO_CORPUS if "corpus" in whole else NO_POOL
    if whole.get("corpus") in left_out:
        reason = LEFT_OUT.format(whole["corpus"])
    models: dict[str, list[str]] = {}
    for source in [] if reason else sides[0]:
        models.setdefault(source.model, []).append(source.id(prefix))
    metric = whole.get("metric", "f1")
    return Cell(
        row=row,
        column=column,
        metric=metric,
        models=models,
        against=[source.id(prefix) for side in sides[1:] for source in side if models],
        corpora=tuple(c for c in corpora or () if c in experiment.corpora),
        format=whole.get("format"),
        reason=reason or _own_gap(metric, whole.get("format")),
    )


def _own_gap(metric: str, format: str | None) -> str:
    """Say that a gap between kinds of entities is the format's own, as it cannot write one kind.

    The formats are imported where they are asked: the workflow reads tables in each of its jobs.
    """
    kind = metric.removeprefix("delta_")
    if kind == metric or format is None:
        return ""
    from bionerflow.formats import format_named

    carried = getattr(format_named(format), kind)
    return "" if carried else f"{format} cannot write {kind} entities: the gap is the format's own"
