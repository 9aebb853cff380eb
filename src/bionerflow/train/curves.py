"""A training drawn: loss, F1 on dev, speed and memory by step, from a run's metrics."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

PANELS = {
    "loss": "loss on answer tokens",
    "eval_f1": "strict micro F1 on dev",
    "tokens_per_second": "tokens a second",
    "memory_mb": "peak memory so far (MB)",
}
COLOUR = "#0072b2"


def curves(metrics: Mapping[str, Any]) -> Figure:
    """Draw the four curves of results/train/{run}/metrics.json; a panel says if it has no data."""
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    for panel, (key, label) in zip(panels.flat, PANELS.items(), strict=True):
        points = [(entry["step"], entry[key]) for entry in metrics["curve"] if key in entry]
        panel.set(ylabel=label)
        panel.spines[["top", "right"]].set_visible(False)
        if points:
            panel.plot(*zip(*points, strict=True), color=COLOUR, marker="." if _few(points) else "")
            panel.set_ylim(0, 1.1 * max(value for _, value in points) or 1)
        else:
            panel.text(0.5, 0.5, "not measured", transform=panel.transAxes, ha="center")
            panel.set_yticks([])
    for panel in panels[-1]:
        panel.set_xlabel("step")
    return figure


def _few(points: list[Any]) -> bool:
    """Say whether points stand so far apart that each is to be seen."""
    return len(points) <= 20
