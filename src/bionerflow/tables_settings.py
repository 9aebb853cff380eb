"""What config/tables.yaml may say, and which cells and which predictions a table asks for.

A kind of table says how its cells follow from an experiment; all kinds give the same `Definition`,
which `bionerflow.tables` fills. Light to import: the workflow finds a table's inputs with it.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from bionerflow.errors import UserError
from bionerflow.settings import Experiment, Settings

Metric = Literal["precision", "recall", "f1"]


class ByCorpus(Settings):
    """Corpora down, prediction sets across: the best model's score, pooled over formats.

    A column is `configuration` or `configuration+selector`; the experiment's `also` follow.
    """

    kind: Literal["by_corpus"]
    title: str
    caption: str
    metric: Metric = "f1"
    columns: list[str]


class Tables(Settings):
    """The tables by `{paper}/{table}`."""

    tables: dict[str, ByCorpus]

    def find(self, name: str) -> ByCorpus:
        """Return a table.

        Raises:
            UserError: there is none of this name; the known ones are listed.
        """
        if name not in self.tables:
            known = ", ".join(sorted(self.tables))
            raise UserError(f"There is no table '{name}'. The tables are: {known}.")
        return self.tables[name]


class Source(NamedTuple):
    """A prediction set that a table rests on."""

    configuration: str
    model: str
    draw: int
    selector: str | None

    def id(self, name: str) -> str:
        """Return the id of the prediction set: `{run}` or `{run}+{selector}`."""
        run = f"{name}.{self.model}.{self.configuration}.draw{self.draw}"
        return f"{run}+{self.selector}" if self.selector else run


class Cell(Settings):
    """One measured number: prediction sets by model (the best on dev is shown), and what of them.

    A null corpus or format is pooled. No prediction sets: the cell stays empty, with `reason`.
    """

    row: str
    column: str
    metric: Metric
    models: dict[str, list[str]]
    corpus: str | None = None
    format: str | None = None
    reason: str = ""


class Definition(Settings):
    """A table before its numbers: rows by key with their titles, columns, measured cells."""

    name: str
    title: str
    caption: str
    rows: dict[str, str]
    columns: list[str]
    cells: list[Cell]


def needed(table: ByCorpus, experiment: Experiment) -> list[Source]:
    """Return the prediction sets that a table rests on, each once."""
    columns = _columns(table, experiment)
    return [source for column in columns for source in _sources(column, experiment)]


def define(
    name: str,
    table: ByCorpus,
    prefix: str,
    experiment: Experiment,
    titles: Mapping[str, str],
) -> Definition:
    """Return the table's definition for an experiment.

    `prefix` begins the run ids; `titles` are the corpora's, in the order of the rows (those that
    are left out of the experiment are not in it).
    """
    columns = _columns(table, experiment)
    return Definition(
        name=name,
        title=table.title,
        caption=table.caption,
        rows=dict(titles),
        columns=columns,
        cells=[
            _cell(table, corpus, column, prefix, experiment)
            for corpus in titles
            for column in columns
        ],
    )


def _columns(table: ByCorpus, experiment: Experiment) -> list[str]:
    return list(dict.fromkeys([*table.columns, *experiment.also]))


def _sources(column: str, experiment: Experiment) -> list[Source]:
    configuration, _, selector = column.partition("+")
    if configuration not in experiment.configurations:
        return []
    return [
        Source(configuration, model, draw, selector or None)
        for model in experiment.models
        for draw in experiment.draws
    ]


def _cell(table: ByCorpus, corpus: str, column: str, prefix: str, experiment: Experiment) -> Cell:
    models: dict[str, list[str]] = {}
    for source in _sources(column, experiment):
        models.setdefault(source.model, []).append(source.id(prefix))
    reason = "" if models else f"the experiment has no configuration {column.partition('+')[0]}"
    return Cell(
        row=corpus, column=column, metric=table.metric, models=models, corpus=corpus, reason=reason
    )
