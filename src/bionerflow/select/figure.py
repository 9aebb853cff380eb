"""The threshold's precision-recall curve, drawn."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bionerflow.utils.plotting import COLOURS, MARKERS, finish


def precision_recall(tuned: Mapping[str, Any]) -> Figure:
    """Draw what `threshold.tune` wrote: precision by recall, three thresholds marked.

    A threshold that keeps nothing has no precision, and no point.
    """
    points = [point for point in tuned["curve"] if point["precision"] is not None]
    best = tuned["threshold"]
    marked = {"0 (nothing is filtered)": 0.0, "0.5": 0.5, f"{best:.2f} (best F1)": best}
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    panel = figure.subplots()
    panel.plot(*_places(points), color=COLOURS[0])
    for (label, threshold), colour, marker in zip(
        marked.items(), COLOURS[1:], MARKERS, strict=False
    ):
        at = [point for point in points if point["threshold"] == threshold]
        panel.plot(*_places(at), marker, color=colour, label=label)
    panel.set(xlabel="recall on dev", ylabel="precision on dev", xlim=(0, None))
    finish(figure, panel)
    return figure


def _places(points: list[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    return [point["recall"] for point in points], [point["precision"] for point in points]
