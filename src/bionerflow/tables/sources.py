"""Which prediction sets of an experiment a row, a column and a cell of a table select.

Light to import: the workflow finds a table's inputs with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, cast

from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import RECORDED
from bionerflow.config.runs import run_id
from bionerflow.config.stages import CONFIDENCE, ORACLE, selector_parts
from bionerflow.config.tables import EVERY, Axis, Grid

#: How the reason begins where the experiment does not ask for what a cell shows.
NOT_ASKED = "the experiment has no"
#: In a list of configurations: those of the experiment's `also`.
ALSO = "also"
PLACES = ("first", "second")
#: Names by key: corpus, configuration, model, format, metric.
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


def lines(
    groups: list[Axis], experiment: Experiment, others: Sequence[Mapping[Any, str]] = ()
) -> list[Selection]:
    """Return what each row (or column) selects, each once.

    `every` configuration, or model, is each that goes together with what one of `others` selects.
    """
    found: list[Selection] = []
    for axis in groups:
        for names in product(*(_names(key, its, experiment) for key, its in axis.items())):
            line = named(cast(Selection, dict(zip(axis, names, strict=True))), experiment)
            wholes = [cast(Selection, {**other, **line}) for other in others or [{}]]
            asked = EVERY not in axis.values() or any(_together(one, experiment) for one in wholes)
            found += [line] if asked and line not in found else []
    return found


def _names(key: str, names: list[str] | str, experiment: Experiment) -> list[str]:
    """Return the names of an axis: those of the experiment stand for `every` and for `also`."""
    everything = {
        "corpus": experiment.corpora,
        "trained_on": experiment.corpora,
        "configuration": list(experiment.configurations),
        "model": experiment.all_models(),
    }
    if names == EVERY:
        return everything[key]
    return [one for name in names for one in (experiment.also if name == ALSO else [name])]


def _together(selection: Selection, experiment: Experiment) -> bool:
    """Tell whether a selection's configuration is asked of its model, as far as it has both."""
    selection = named(selection, experiment)
    name, model = selection.get("configuration", "").partition("+")[0], selection.get("model")
    name = selection.get("format", name) if name == "only" else name
    if model in (None, EVERY) or name not in experiment.configurations:
        return True
    return model in experiment.fine_tuned(name)


def named(selection: Selection, experiment: Experiment) -> Selection:
    """Put the experiment's names for a model's place and for a corpus that another stands for."""
    model = selection.get("model")
    if model in PLACES[: len(experiment.models)]:
        selection = selection | {"model": experiment.models[PLACES.index(model)]}
    for key in ("corpus", "trained_on"):
        if selection.get(key) in experiment.stand_ins:
            selection = selection | {key: experiment.stand_ins[selection[key]]}
    return selection


def full(selection: Selection, experiment: Experiment) -> Selection:
    """Return all that a cell selects; `every` model is none that is named.

    The configuration `only` is that of the format's name. Where no model is named, it is the first
    one that the configuration is asked of.
    """
    if selection.get("configuration") == "only":
        selection = selection | {"configuration": selection["format"]}
    if "model" not in selection:
        name = selection.get("configuration", "").partition("+")[0]
        known = name in experiment.configurations
        models = experiment.fine_tuned(name) if known else experiment.models
        selection = selection | {"model": models[0]}
    if selection["model"] == EVERY:
        selection = {key: name for key, name in selection.items() if key != "model"}
    return named(selection, experiment)


def pooled(
    table: Grid, selections: Iterable[Selection], experiment: Experiment
) -> list[str] | None:
    """Return the corpora that cells without a corpus pool: every run of the table the same ones.

    Those that are named, or those that all its runs were trained on: None if these are all of the
    experiment's. Corpora that only some runs were tested on are never pooled.
    """
    if table.pool:
        asked = [experiment.stand_ins.get(corpus, corpus) for corpus in table.pool]
        return [corpus for corpus in asked if corpus in experiment.corpora]
    apart = [one for one in selections if "corpus" not in one and not recorded(one)]
    runs = {source.configuration for one in apart for source in sources(one, experiment)}
    trained = [experiment.trained_on(configuration) for configuration in runs]
    common = [c for c in experiment.corpora if all(c in corpora for corpora in trained)]
    return None if common == experiment.corpora else common


def recorded(selection: Selection) -> bool:
    """Tell whether a cell asks for what runs recorded of themselves."""
    return selection.get("metric", "").startswith(RECORDED)


def _configurations(selection: Selection, experiment: Experiment) -> list[str]:
    if "configuration" not in selection:
        return list(experiment.configurations)
    name = selection["configuration"].partition("+")[0]
    return [name] if name in experiment.configurations else []


def sources(selection: Selection, experiment: Experiment) -> list[Source]:
    """Return the prediction sets that a cell rests on."""
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
    key, _, threshold = selector_parts(name)
    asked = threshold if key == CONFIDENCE else key
    return not name or asked == ORACLE or asked in experiment.selectors


def _alone(configuration: str, selection: Selection, experiment: Experiment) -> list[str | None]:
    """Return the one corpus of the run that a cell asks for, or none where runs have several.

    It is the one that is tested on, unless the cell says another that it was trained on.

    Runs on single corpora answer for one corpus; they have no pooled score.
    """
    if not experiment.configurations[configuration].separately:
        return [None]
    corpus = selection.get("trained_on", selection.get("corpus"))
    return [corpus] if corpus in experiment.trained_on(configuration) else []


def missing(selection: Selection, experiment: Experiment) -> str:
    """Say why an experiment has no prediction set for a selection, or nothing if it has."""
    if sources(selection, experiment):
        return ""
    if not _configurations(selection, experiment):
        return f"{NOT_ASKED} {selection['configuration'].partition('+')[0]}"
    selector = selection.get("configuration", "").partition("+")[2]
    if not _has_selector(selector, experiment):
        return f"{NOT_ASKED} selector {selector}"
    model = selection.get("model", experiment.models[0])
    if not any(model in experiment.fine_tuned(n) for n in _configurations(selection, experiment)):
        return f"{NOT_ASKED} {selection.get('configuration', 'run')} of the model {model}"
    return "its runs are on single corpora, and none is on this one"
