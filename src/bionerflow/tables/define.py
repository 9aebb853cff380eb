"""Which cells a table has for an experiment, and which prediction sets each of them rests on.

Light to import: the workflow finds a table's inputs with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise, product
from typing import Literal, NamedTuple, cast

from pydantic import Field

from bionerflow.settings.base import Settings
from bionerflow.settings.experiments import Experiment
from bionerflow.settings.runs import run_id
from bionerflow.settings.stages import ORACLE, selector_parts
from bionerflow.tables.carried import own_gap
from bionerflow.tables.settings import (
    RECORDED,
    Axis,
    Cases,
    Grid,
    Significance,
    Titled,
    Unit,
)

#: The key of a row that has the relative change from the first row to the one above it.
CHANGE = "Δ"
ALL = "all"
#: The lines of a case before those of the prediction sets, and the cases of our own.
SENTENCE, GOLD = "Input Text", "GS"
OWN = ("Own 1", "Own 2")
PLACES = ("first", "second", "third", "fourth")
NO_CORPUS = "the experiment has no such corpus"
NO_POOL = "no corpus to pool: the experiment has none that is named, or its runs none in common"
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
    """One measured number: prediction sets by model, and what of them.

    Of several models the table's is shown (fill.best_model). Several corpora are pooled, none means
    all; no format means all. `reason` says why a cell without prediction sets stays empty, or what
    is to be known of its number. `against` are the prediction sets of the row that it is compared
    with, draw by draw.
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
    table: Grid | Cases,
    prefix: str,
    experiment: Experiment,
    titles: Mapping[str, str],
) -> Definition:
    """Return the table's definition for an experiment.

    Args:
        name: `{paper}/{table}`.
        table: The table's entry.
        prefix: What run ids begin with.
        experiment: The paper's, with unseen corpora among its own.
        titles: Titles of the experiment's corpora, without the ones that are left out.
    """
    asked = experiment.model_copy(update={"corpora": list(titles)})
    if isinstance(table, Cases):
        return _cases(name, table, prefix, asked)
    lines = list(_lines(table.rows, asked))
    columns = {
        _title(table, column, titles) or "value": column for column in _columns(table, asked)
    }
    rows = _pairs(lines) if isinstance(table, Significance) else _rows(lines)
    asked_of = {
        (key, label): tuple(_full(table.where | row | column, asked) for row in pair)
        for key, pair in rows.items()
        for label, column in columns.items()
    }
    pool = _pool(table, (one for pair in asked_of.values() for one in pair), asked)
    return Definition(
        kind=table.kind,
        name=name,
        title=table.title,
        caption=table.caption,
        unit=table.unit,
        figure=table.figure,
        rows={
            key: CHANGE if key == CHANGE else " − ".join(_title(table, row, titles) for row in pair)
            for key, pair in rows.items()
        },
        columns=list(columns),
        cells=[
            _cell(key, label, selections, pool, prefix, asked)
            for (key, label), selections in asked_of.items()
        ],
    )


def _pool(table: Grid, selections: Iterable[Selection], experiment: Experiment) -> list[str] | None:
    """Return the corpora that cells without a corpus pool: every run of the table the same ones.

    Those that are named, or those that all its runs were trained on: None if these are all of the
    experiment's. Corpora that only some runs were tested on are never pooled.
    """
    if table.corpora:
        named = [experiment.stand_ins.get(corpus, corpus) for corpus in table.corpora]
        return [corpus for corpus in named if corpus in experiment.corpora]
    pooled = [one for one in selections if "corpus" not in one and not _recorded(one)]
    runs = {source.configuration for one in pooled for source in _sources(one, experiment)}
    trained = [experiment.trained_on(configuration) for configuration in runs]
    common = [c for c in experiment.corpora if all(c in corpora for corpora in trained)]
    return None if common == experiment.corpora else common


def _recorded(selection: Selection) -> bool:
    return selection.get("metric", "").startswith(RECORDED)


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
    common = {"corpus": table.corpus, "model": table.model}
    sets = {
        table.labels.get(one, one): _named({"configuration": one} | common, experiment)
        for one in table.configurations
    }
    examples = {**table.rows, **{own: [""] for own in OWN}}
    lines = [f"{example} {line}" for example in examples for line in (SENTENCE, GOLD, *sets)]
    cells = [
        _cell(f"{example} {line}", entity(n), (selection,), [], prefix, experiment)
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


def _lines(groups: list[Axis], experiment: Experiment) -> Iterator[Selection]:
    """Yield what each row (or column) selects."""
    everything = {
        "corpus": experiment.corpora,
        "configuration": list(experiment.configurations),
        "model": experiment.all_models(),
    }
    for axis in groups:
        choices = [everything[key] if names == ALL else names for key, names in axis.items()]
        for names in product(*choices):
            yield _named(cast(Selection, dict(zip(axis, names, strict=True))), experiment)


def _named(selection: Selection, experiment: Experiment) -> Selection:
    """Put the experiment's names for a model's place and for a corpus that another stands for."""
    model, corpus = selection.get("model"), selection.get("corpus")
    if model in PLACES[: len(experiment.models)]:
        selection = selection | {"model": experiment.models[PLACES.index(model)]}
    if corpus in experiment.stand_ins:
        selection = selection | {"corpus": experiment.stand_ins[corpus]}
    return selection


def _full(selection: Selection, experiment: Experiment) -> Selection:
    """Return all that a cell selects; the configuration `only` is that of the format's name."""
    if selection.get("configuration") == "only":
        selection = selection | {"configuration": selection["format"]}
    return _named(selection, experiment)


def _columns(table: Grid, experiment: Experiment) -> list[Selection]:
    columns = list(_lines(table.columns, experiment))
    also = [{"configuration": name} for name in experiment.also] if table.also else []
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
    if "configuration" not in selection:
        return list(experiment.configurations)
    name = selection["configuration"].partition("+")[0]
    return [name] if name in experiment.configurations else []


def _sources(selection: Mapping[str, str], experiment: Experiment) -> list[Source]:
    selector = selection.get("configuration", "").partition("+")[2]
    models = [selection["model"]] if "model" in selection else experiment.all_models()
    return [
        Source(configuration, model, draw, _selector(selector, corpus, experiment), corpus)
        for configuration in _configurations(selection, experiment)
        for corpus in _alone(configuration, selection, experiment)
        for model in models
        for draw in experiment.draws
        if model in experiment.fine_tuned(configuration)
        if _has_selector(selector, experiment)
    ]


def _selector(name: str, corpus: str | None, experiment: Experiment) -> str | None:
    """Return a selector's name: `{key}.{corpus}` where a run on one corpus has its own."""
    key, at, threshold = name.partition("@")
    apart = key in experiment.selectors and experiment.selectors[key].separately
    return f"{key}.{corpus}{at}{threshold}" if apart and corpus else name or None


def _has_selector(name: str, experiment: Experiment) -> bool:
    return not name or name == ORACLE or selector_parts(name)[0] in experiment.selectors


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
    row: str,
    column: str,
    selections: tuple[Selection, ...],
    pool: list[str] | None,
    prefix: str,
    experiment: Experiment,
) -> Cell:
    """Return a cell; `selections` are its row's and, for a difference, the neighbouring row's."""
    full = selections[0]
    corpora = [full["corpus"]] if "corpus" in full else pool
    sides = [_sources(side, experiment) for side in selections]
    reason = "; ".join(filter(None, (_missing(side, experiment) for side in selections)))
    if corpora is not None and not _recorded(full) and not set(corpora) & set(experiment.corpora):
        reason = NO_CORPUS if "corpus" in full else NO_POOL
    models: dict[str, list[str]] = {}
    for source in [] if reason else sides[0]:
        models.setdefault(source.model, []).append(source.id(prefix))
    metric = full.get("metric", "f1")
    return Cell(
        row=row,
        column=column,
        metric=metric,
        models=models,
        against=[source.id(prefix) for side in sides[1:] for source in side if models],
        corpora=tuple(c for c in corpora or () if c in experiment.corpora),
        format=full.get("format"),
        reason=reason or own_gap(metric, full.get("format")),
    )


def _missing(selection: Mapping[str, str], experiment: Experiment) -> str:
    """Say why an experiment has no prediction set for a selection, or nothing if it has."""
    if _sources(selection, experiment):
        return ""
    if not _configurations(selection, experiment):
        return f"the experiment has no {selection['configuration'].partition('+')[0]}"
    selector = selection.get("configuration", "").partition("+")[2]
    if not _has_selector(selector, experiment):
        return f"the experiment has no selector {selector}"
    model = selection.get("model", experiment.models[0])
    if not any(model in experiment.fine_tuned(n) for n in _configurations(selection, experiment)):
        return f"the experiment has no {selection.get('configuration', 'run')} of the model {model}"
    return "its runs are on single corpora, and none is on this one"
