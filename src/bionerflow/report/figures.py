"""Figures of the report, drawn from results so that print and colour-blind eyes can read them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from matplotlib.figure import Figure

from bionerflow.drawing import COLOURS, HATCHES, LINES, finish
from bionerflow.evaluate.match import ERRORS


def training_curves(runs: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw loss and F1 on dev by step; `runs` are results/train/{run}/metrics.json by run."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, key, label in zip(
        panels, ("loss", "eval_f1"), ("training loss", "F1 on dev"), strict=True
    ):
        for (name, run), colour, line in zip(
            runs.items(), cycle(COLOURS), cycle(LINES), strict=False
        ):
            points = [(entry["step"], entry[key]) for entry in run.get("curve", []) if key in entry]
            if points:
                panel.plot(*zip(*points, strict=True), line, color=colour, label=name)
        panel.set(xlabel="step", ylabel=label)
    finish(figure, *panels)
    return figure


def error_classes(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw errors by class, all corpora and formats pooled (unified, Fig. 5 and Table IV)."""
    return _bars(results, "errors")


def boundary_deviations(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw boundary errors by their distance from gold in tokens (unified, Fig. 6)."""
    return _bars(results, "deviations")


def _bars(results: Sequence[Mapping[str, Any]], key: str) -> Figure:
    """Draw one group of bars a count of the pooled record, one bar a prediction set."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panel = figure.subplots()
    width = 0.8 / len(results)
    for i, (result, colour, hatch) in enumerate(
        zip(results, cycle(COLOURS), cycle(HATCHES), strict=False)
    ):
        pooled = result["scores"][-1]
        counts, answers = pooled[key], pooled["n"]["sentences"]
        names = [name for name in ERRORS if name in counts] or sorted(counts)
        places = [place + (i + 0.5) * width - 0.4 for place in range(len(names))]
        heights = [100 * counts[name] / answers for name in names]
        label = result["predictions"]
        panel.bar(places, heights, width, color=colour, hatch=hatch, edgecolor="w", label=label)
        panel.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
    panel.set_ylabel("errors per 100 answers")
    finish(figure, panel)
    return figure


def drawn(
    runs: Mapping[str, Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that the results allow, each with its caption."""
    if any(run.get("curve") for run in runs.values()):
        yield (
            "Loss on the training set, and F1 on dev where it was validated.",
            training_curves(runs),
        )
    if results:
        yield (
            "Errors by class, all corpora and formats pooled. Type: right span, other type; span: "
            "overlap, right type; type and span: overlap, other type; spurious: no overlap; "
            "missing: gold that nothing overlaps.",
            error_classes(results),
        )
        yield (
            "Span errors by the distance of their boundaries from gold, in tokens; 0 is inside a "
            "token.",
            boundary_deviations(results),
        )
