"""Figures of the report, drawn from results so that print and colour-blind eyes can read them.

The draws of a run are one colour and one bar; a figure has no more of them than there are colours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from statistics import fmean
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from bionerflow.evaluate.match import ERRORS
from bionerflow.utils.plotting import COLOURS, HATCHES, LINES, finish

ERROR_CLASSES = (
    "Errors by class, all corpora and formats pooled, mean over draws. Type: right span, other"
    " type; span: overlap, right type; type and span: overlap, other type; spurious: no overlap;"
    " missing: gold that nothing overlaps."
)
DEVIATIONS = (
    "Span errors by the distance of their boundaries from gold, in tokens, mean over draws; 0 is"
    " inside a token."
)
CURVES = "Loss on the training set, and F1 on dev where it was validated; a line per draw."

#: The draws of a run, or of a selector's predictions on it, by what they have in common.
Drawn = Mapping[str, Sequence[Mapping[str, Any]]]


class Drawing(NamedTuple):
    """A figure; `first` shows the best runs of an experiment, others the rest of them."""

    title: str
    caption: str
    figure: Figure
    first: bool


def training_curves(runs: Drawn) -> Figure:
    """Draw loss and F1 on dev by step of runs' metrics.json."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    entries = [entry for draws in runs.values() for draw in draws for entry in draw["curve"]]
    labels = {"loss": "training loss", "eval_f1": "F1 on dev"}
    keys = [key for key in labels if any(key in entry for entry in entries)]
    panels = figure.subplots(1, len(keys), squeeze=False)[0]
    for panel, key in zip(panels, keys, strict=True):
        for (name, draws), colour, line in zip(runs.items(), COLOURS, cycle(LINES), strict=False):
            for n, draw in enumerate(draws):
                points = [(entry["step"], entry[key]) for entry in draw["curve"] if key in entry]
                if points:
                    named = {} if n else {"label": name}
                    panel.plot(*zip(*points, strict=True), line, color=colour, **named)
        panel.set(xlabel="step", ylabel=labels[key])
    finish(figure, *panels)
    return figure


def bars(results: Drawn, key: str) -> Figure:
    """Draw one group of bars a count of the pooled record, one bar a prediction set."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panel = figure.subplots()
    width = 0.8 / len(results)
    for i, ((name, draws), colour, hatch) in enumerate(
        zip(results.items(), COLOURS, cycle(HATCHES), strict=False)
    ):
        pooled = [draw["scores"][-1] for draw in draws]
        counted = pooled[0][key]
        names = [one for one in ERRORS if one in counted] or sorted(counted)
        heights = [
            fmean(100 * one[key][error] / one["n"]["sentences"] for one in pooled)
            for error in names
        ]
        places = [place + (i + 0.5) * width - 0.4 for place in range(len(names))]
        panel.bar(places, heights, width, color=colour, hatch=hatch, edgecolor="w", label=name)
        panel.set_xticks(range(len(names)), [one.replace("_", " ") for one in names])
    panel.set_ylabel("errors per 100 answers")
    finish(figure, panel)
    return figure


def drawn(
    runs: Mapping[str, Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
) -> Iterator[Drawing]:
    """Yield the figures that runs' metrics and prediction sets' scores allow.

    The configurations of an experiment come in the order of `results`, then of `runs`.
    """
    scored = {result["predictions"]: result for result in results}
    ordered = [*(name for name in scored if name in runs), *(n for n in runs if n not in scored)]
    trained = {name: runs[name] for name in ordered if runs[name].get("curve")}
    kinds: list[tuple[str, str, Mapping[str, Any], Callable[[Drawn], Figure]]] = [
        ("Training", CURVES, trained, training_curves),
        ("Errors by class", ERROR_CLASSES, scored, lambda part: bars(part, "errors")),
        ("Boundaries", DEVIATIONS, scored, lambda part: bars(part, "deviations")),
    ]
    for kind, caption, every, draw in kinds:
        for experiment, draws in _by_experiment(every).items():
            items, most = list(draws.items()), len(COLOURS)
            parts = [dict(items[i : i + most]) for i in range(0, len(items), most)]
            for n, part in enumerate(parts, 1):
                of = f", {n} of {len(parts)}" if len(parts) > 1 else ""
                yield Drawing(f"{kind}, {experiment}{of}.", caption, draw(part), n == 1)


def _by_experiment(every: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """Put draws together, by experiment and by what the id says beside both."""
    found: dict[str, dict[str, list[Any]]] = {}
    for id, one in every.items():
        run, _, draw = id.rpartition(".draw")
        experiment, _, name = run.partition(".")
        selector = draw.partition("+")[2]
        name = f"{name}+{selector}" if selector else name
        found.setdefault(experiment, {}).setdefault(name, []).append(one)
    return found
