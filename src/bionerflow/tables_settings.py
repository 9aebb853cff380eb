"""What config/tables.yaml may say, and which cells and which predictions a table asks for.

A table is a grid: what its rows and columns vary selects one number a cell. The cells become a
`Definition`, which `bionerflow.tables` fills. Light to import: the workflow finds a table's inputs
with it.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Literal, NamedTuple, cast, get_args

from pydantic import Field, model_validator

from bionerflow.errors import UserError
from bionerflow.settings import Experiment, Settings

Metric = Literal[
    "precision", "recall", "f1", "surface_f1", "unseen_recall",
    "delta_nested", "delta_discontinuous",
    "type", "span", "type_and_span", "spurious", "missing",
]  # fmt: skip
Axis = dict[Literal["corpus", "set", "model", "format", "metric"], list[str] | Literal["all"]]


class Grid(Settings):
    """A table of scores. Rows and columns are axes; of an axis' keys, the first varies slowest.

    What no axis varies: `corpus` and `format` are pooled (or taken from `where`), the model is the
    one with the best mean F1 on dev, the metric is F1.
    """

    kind: Literal["grid"]
    title: str
    caption: str
    rows: list[Axis] = Field(
        description="corpus, set (configuration or configuration+selector; `only`: the"
        " configuration named as the format), model, format, metric; `all`: the experiment's"
    )
    columns: list[Axis]
    also: bool = Field(False, description="the experiment's `also` become columns, too")
    where: dict[Literal["corpus", "set", "model", "format", "metric"], str] = Field(
        {}, description="what all cells have in common"
    )
    pool: list[str] = Field([], description="corpora that are pooled; none: all")
    unit: Literal["fraction", "percent"] = "fraction"
    labels: dict[str, str] = Field({}, description="what is printed instead of a key")

    @model_validator(mode="after")
    def _metrics_are_known(self) -> "Grid":
        named = [name for axis in self.rows + self.columns for name in axis.get("metric", [])]
        named += [self.where["metric"]] if "metric" in self.where else []
        unknown = set(named) - set(get_args(Metric))
        if unknown:
            known = ", ".join(get_args(Metric))
            raise ValueError(f"unknown metrics {sorted(unknown)}; known: {known}")
        return self


class Tables(Settings):
    """The tables by `{paper}/{table}`."""

    tables: dict[str, Grid]

    def find(self, name: str) -> Grid:
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

    Several corpora are pooled, none means all; no format means all. Without prediction sets the
    cell stays empty, with `reason`.
    """

    row: str
    column: str
    metric: Metric
    models: dict[str, list[str]]
    corpora: tuple[str, ...] = ()
    format: str | None = None
    reason: str = ""


class Definition(Settings):
    """A table before its numbers: rows by key with their titles, columns, measured cells."""

    name: str
    title: str
    caption: str
    unit: Literal["fraction", "percent"]
    rows: dict[str, str]
    columns: list[str]
    cells: list[Cell]


Selection = dict[str, str]


def needed(table: Grid, experiment: Experiment) -> list[Source]:
    """Return the prediction sets that a table rests on, each once."""
    cells = product(_lines(table.rows, experiment), _columns(table, experiment))
    found = (
        source
        for row, column in cells
        if not _absent(table, row | column, experiment)
        for source in _sources(table.where | row | column, experiment)
    )
    return list(dict.fromkeys(found))


def define(
    name: str, table: Grid, prefix: str, experiment: Experiment, titles: Mapping[str, str]
) -> Definition:
    """Return the table's definition for an experiment.

    `prefix` begins the run ids; `titles` are those of the experiment's corpora, without the ones
    that are left out.
    """
    asked = experiment.model_copy(update={"corpora": list(titles)})
    rows = {_key(row): row for row in _lines(table.rows, asked)}
    columns = {_label(table, column): column for column in _columns(table, asked)}
    return Definition(
        name=name,
        title=table.title,
        caption=table.caption,
        unit=table.unit,
        rows={key: _title(table, row, titles) for key, row in rows.items()},
        columns=list(columns),
        cells=[
            _cell(table, key, label, row | column, prefix, asked)
            for key, row in rows.items()
            for label, column in columns.items()
        ],
    )


def _lines(axes: list[Axis], experiment: Experiment) -> Iterator[Selection]:
    """Yield what each row (or column) selects."""
    everything = {
        "corpus": experiment.corpora,
        "set": list(experiment.configurations),
        "model": experiment.models,
    }
    for axis in axes:
        choices = [everything[key] if names == "all" else names for key, names in axis.items()]
        for names in product(*choices):
            yield cast(Selection, dict(zip(axis, names, strict=True)))


def _columns(table: Grid, experiment: Experiment) -> list[Selection]:
    columns = list(_lines(table.columns, experiment))
    also = [{"set": name} for name in experiment.also] if table.also else []
    return columns + [column for column in also if column not in columns]


def _key(selection: Selection) -> str:
    return " ".join(selection.values())


def _label(table: Grid, selection: Selection) -> str:
    return " ".join(table.labels.get(name, name) for name in selection.values())


def _title(table: Grid, selection: Selection, titles: Mapping[str, str]) -> str:
    return " ".join(titles.get(n, table.labels.get(n, n)) for n in selection.values())


def _configuration(selection: Mapping[str, str]) -> str:
    name = selection["set"].partition("+")[0]
    return selection["format"] if name == "only" else name


def _sources(selection: Mapping[str, str], experiment: Experiment) -> list[Source]:
    configuration, selector = _configuration(selection), selection["set"].partition("+")[2]
    if configuration not in experiment.configurations:
        return []
    models = [selection["model"]] if "model" in selection else experiment.models
    return [
        Source(configuration, model, draw, selector or None)
        for model in models
        for draw in experiment.draws
        if model in experiment.models
    ]


def _corpora(table: Grid, selection: Mapping[str, str]) -> list[str]:
    return [selection["corpus"]] if "corpus" in selection else table.pool


def _absent(table: Grid, selection: Selection, experiment: Experiment) -> bool:
    """Say whether a cell asks for corpora alone that the experiment does not have."""
    corpora = _corpora(table, table.where | selection)
    return bool(corpora) and not set(corpora) & set(experiment.corpora)


def _cell(
    table: Grid, row: str, column: str, selection: Selection, prefix: str, experiment: Experiment
) -> Cell:
    full = table.where | selection
    models: dict[str, list[str]] = {}
    reason = "the experiment has no such corpus"
    if not _absent(table, selection, experiment):
        reason = f"the experiment has no {_configuration(full)}"
        for source in _sources(full, experiment):
            models.setdefault(source.model, []).append(source.id(prefix))
    return Cell(
        row=row,
        column=column,
        metric=cast(Metric, full.get("metric", "f1")),
        models=models,
        corpora=tuple(c for c in _corpora(table, full) if c in experiment.corpora),
        format=full.get("format"),
        reason="" if models else reason,
    )
