"""Which cells a table has for an experiment, and which prediction sets each of them rests on.

Light to import: the workflow finds a table's inputs with it.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise, product
from typing import Literal, NamedTuple, cast

from pydantic import Field

from bionerflow.settings.base import Settings
from bionerflow.settings.experiments import Experiment
from bionerflow.settings.runs import run_id
from bionerflow.settings.stages import ORACLE
from bionerflow.tables.carried import by_capacity, own_gap
from bionerflow.tables.settings import RECORDED, Axis, Cases, Grid, Significance, Titled, Unit

#: The key of a row that has the relative change from the first row to the one above it.
CHANGE = "Δ"
ALL = "all"
#: The lines of a case before those of the prediction sets, and the cases of our own.
SENTENCE, GOLD = "Input Text", "GS"
OWN = ("Own 1", "Own 2")
PLACES = ("first", "second", "third", "fourth")
Selection = dict[str, str]


class Source(NamedTuple):
    """A prediction set that a table rests on."""

    configuration: str
    model: str
    draw: int
    selector: str | None
    corpus: str | None = None

    def id(self, name: str) -> str:
        """Return the id of the prediction set: `{run}` or `{run}+{selector}`."""
        run = run_id(name, self.model, self.configuration, self.draw, self.corpus)
        return f"{run}+{self.selector}" if self.selector else run


class Cell(Settings):
    """One measured number: prediction sets by model (the best on dev is shown), and what of them.

    Several corpora are pooled, none means all; no format means all. `reason` says why a cell
    without prediction sets stays empty, or what is to be known of its number. `against` are the
    prediction sets of the row that it is compared with, draw by draw.
    """

    row: str
    column: str
    metric: str
    models: dict[str, list[str]]
    against: list[str] = Field([])
    corpora: tuple[str, ...] = ()
    format: str | None = None
    reason: str = ""


class Definition(Settings):
    """A table before its numbers: rows by key with their titles, columns, measured cells.

    `mentions` are those that the paper shows, by example (Cases).
    """

    kind: Literal["grid", "significance", "cases"]
    name: str
    title: str
    caption: str
    unit: Unit = "fraction"
    draw: str | None = None
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
    table: Grid | Cases,
    prefix: str,
    experiment: Experiment,
    titles: Mapping[str, str],
    discontinuous: Collection[str] = (),
) -> Definition:
    """Return the table's definition for an experiment.

    `prefix` begins the run ids; `titles` are those of the experiment's corpora, without the ones
    that are left out; `discontinuous` names the corpora that have discontinuous entities.
    """
    asked = experiment.model_copy(update={"corpora": list(titles)})
    if isinstance(table, Cases):
        return _cases(name, table, prefix, asked)
    table = by_capacity(table, name.partition("/")[0], asked.corpora, discontinuous)
    lines = list(_lines(table.rows, asked))
    columns = {
        _title(table, column, titles) or "value": column for column in _columns(table, asked)
    }
    rows = _pairs(lines) if isinstance(table, Significance) else _rows(lines)
    return Definition(
        kind=table.kind,
        name=name,
        title=table.title,
        caption=table.caption,
        unit=table.unit,
        draw=table.draw,
        rows={
            key: CHANGE if key == CHANGE else " − ".join(_title(table, row, titles) for row in pair)
            for key, pair in rows.items()
        },
        columns=list(columns),
        cells=[
            _cell(table, key, label, tuple(row | column for row in pair), prefix, asked)
            for key, pair in rows.items()
            for label, column in columns.items()
        ],
    )


def _rows(lines: list[Selection]) -> dict[str, tuple[Selection, ...]]:
    """Return rows by key; the row of changes is about the row before it and the first."""
    return {
        _key(row): (lines[i - 1], lines[0]) if _key(row) == CHANGE else (row,)
        for i, row in enumerate(lines)
    }


def _pairs(lines: list[Selection]) -> dict[str, tuple[Selection, ...]]:
    """Return rows that follow each other, the later one first: what it adds is the difference."""
    return {f"{_key(after)} − {_key(one)}": (after, one) for one, after in pairwise(lines)}


def _cases(name: str, table: Cases, prefix: str, experiment: Experiment) -> Definition:
    sets = {table.labels.get(one, one): {"set": one} for one in table.sets}
    examples = {**table.rows, **{own: [""] for own in OWN}}
    lines = [f"{example} {line}" for example in examples for line in (SENTENCE, GOLD, *sets)]
    cells = [
        _cell(table, f"{example} {line}", entity(n), (selection,), prefix, experiment)
        for example, mentions in examples.items()
        for line, selection in sets.items()
        for n in range(len(mentions))
    ]
    texts = {"kind": "cases", "name": name, "title": table.title, "caption": table.caption}
    columns = [entity(n) for n in range(max(map(len, examples.values())))]
    return Definition.model_validate(
        texts
        | {"rows": {line: line for line in lines}, "columns": columns, "mentions": table.rows}
        | {"cells": cells}
    )


def _lines(axes: list[Axis], experiment: Experiment) -> Iterator[Selection]:
    """Yield what each row (or column) selects."""
    everything = {
        "corpus": experiment.corpora,
        "set": list(experiment.configurations),
        "model": experiment.all_models(),
    }
    for axis in axes:
        choices = [everything[key] if names == ALL else names for key, names in axis.items()]
        for names in product(*choices):
            chosen = cast(Selection, dict(zip(axis, names, strict=True)))
            yield _named(chosen, experiment)


def _named(selection: Selection, experiment: Experiment) -> Selection:
    """Put the experiment's names for a model's place and for a corpus that another stands for."""
    model, corpus = selection.get("model"), selection.get("corpus")
    if model in PLACES[: len(experiment.models)]:
        selection = selection | {"model": experiment.models[PLACES.index(model)]}
    if corpus in experiment.stand_ins:
        selection = selection | {"corpus": experiment.stand_ins[corpus]}
    return selection


def _columns(table: Grid, experiment: Experiment) -> list[Selection]:
    columns = list(_lines(table.columns, experiment))
    also = [{"set": name} for name in experiment.also] if table.also else []
    return columns + [column for column in also if column not in columns]


def _key(selection: Selection) -> str:
    return " ".join(selection.values())


def entity(n: int) -> str:
    """Return the column of a case's mention, counted from zero."""
    return f"Entity {n + 1}"


def _title(table: Titled, selection: Selection, titles: Mapping[str, str]) -> str:
    """Return what is printed: labels (published columns are found by them), titles, or keys."""
    return " ".join(table.labels.get(n, titles.get(n, n)) for n in selection.values())


def _configurations(selection: Mapping[str, str], experiment: Experiment) -> list[str]:
    if "set" not in selection:
        return list(experiment.configurations)
    name = selection["set"].partition("+")[0]
    name = selection["format"] if name == "only" else name
    return [name] if name in experiment.configurations else []


def _sources(selection: Mapping[str, str], experiment: Experiment) -> list[Source]:
    selector = selection.get("set", "").partition("+")[2]
    models = [selection["model"]] if "model" in selection else experiment.all_models()
    return [
        Source(configuration, model, draw, selector or None, corpus)
        for configuration in _configurations(selection, experiment)
        for corpus in _alone(configuration, selection, experiment)
        for model in models
        for draw in experiment.draws
        if model in experiment.fine_tuned(configuration)
        if not selector or selector == ORACLE or selector in experiment.selectors
    ]


def _alone(
    configuration: str, selection: Mapping[str, str], experiment: Experiment
) -> list[str | None]:
    """Return the one corpus of the run that a cell asks for, or none where runs have several.

    Runs on single corpora answer for one corpus; they have no pooled score.
    """
    if not experiment.configurations[configuration].separately:
        return [None]
    corpus = selection.get("corpus")
    return [corpus] if corpus in experiment.trained_on(configuration) else []


def _cell(
    table: Grid | Cases,
    row: str,
    column: str,
    selections: tuple[Selection, ...],
    prefix: str,
    experiment: Experiment,
) -> Cell:
    """Return a cell; `selections` are its row's and, for a difference, the neighbouring row's."""
    where = table.where if isinstance(table, Grid) else {"corpus": table.corpus}
    where |= {"model": table.model} if isinstance(table, Cases) else {}
    full, *other = (_named(where | selection, experiment) for selection in selections)
    pool = table.pool if isinstance(table, Grid) else ALL
    pool = [full["corpus"]] if "corpus" in full else pool
    corpora = [] if pool == ALL else [experiment.stand_ins.get(corpus, corpus) for corpus in pool]
    sides = [_sources(side, experiment) for side in (full, *other)]
    reason = ""
    if pool != ALL and not set(corpora) & set(experiment.corpora):
        sides, reason = [[]], "the experiment has no such corpus"
    elif not all(sides):
        reason = "; ".join(_missing(side, experiment) for side in (full, *other)).strip("; ")
    metric = full.get("metric", "f1")
    models: dict[str, list[str]] = {}
    for source in sides[0] if all(sides) else []:
        models.setdefault(source.model, []).append(source.id(prefix))
    return Cell(
        row=row,
        column=column,
        metric=metric,
        models=models,
        against=[source.id(prefix) for side in sides[1:] for source in side if models],
        corpora=tuple(c for c in corpora if c in experiment.corpora),
        format=full.get("format"),
        reason=reason or own_gap(metric, full.get("format")),
    )


def _missing(selection: Mapping[str, str], experiment: Experiment) -> str:
    """Say why an experiment has no prediction set for a selection, or nothing if it has."""
    if _sources(selection, experiment):
        return ""
    if not _configurations(selection, experiment):
        only = selection["set"] == "only"
        return f"the experiment has no {selection['format' if only else 'set'].partition('+')[0]}"
    selector = selection.get("set", "").partition("+")[2]
    if selector and selector != ORACLE and selector not in experiment.selectors:
        return f"the experiment has no selector {selector}"
    model = selection.get("model", experiment.models[0])
    if not any(model in experiment.fine_tuned(n) for n in _configurations(selection, experiment)):
        return f"the experiment has no {selection.get('set', 'run')} of the model {model}"
    return "its runs are on single corpora, and none is on this one"
