"""Draw what `growth.py` measured: time and memory, a column an axis, a line a stage.

python benchmarks/draw.py benchmarks/results/growth.csv benchmarks/notes/growth

Writes PNG and SVG.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from bionerflow.utils.plotting import COLOURS, LINES, MARKERS, save

PLAIN = StrMethodFormatter("{x:,g}")
MEASURES = {"cpu_s": "processor seconds", "memory_mb": "peak memory (MB)"}


def main() -> None:
    """Read the table and write PNG and SVG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("out", help="path without ending")
    args = parser.parse_args()
    save(growth(pd.read_csv(args.csv)), args.out)


def growth(points: pd.DataFrame) -> Figure:
    """Return the figure: time, logarithmic, and memory, by what grows."""
    axes, stages = list(points["axis"].unique()), list(points["stage"].unique())
    figure = Figure(figsize=(3.4 * len(axes), 6.4), layout="constrained")
    panels = figure.subplots(2, len(axes), sharex="col", squeeze=False)
    for row, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        for panel, axis in zip(row, axes, strict=True):
            draw(panel, points[points["axis"] == axis], measure, stages)
        row[0].set_ylabel(label)
    for panel, axis in zip(panels[-1], axes, strict=True):
        panel.set_xlabel(axis)
    shown = {
        label: line
        for panel in panels.flat
        for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=8, frameon=False)
    return figure


def draw(panel: Any, points: pd.DataFrame, measure: str, stages: list[str]) -> None:
    """Draw a line for each stage that was measured along an axis."""
    for stage, its in points.groupby("stage", sort=False):
        n = stages.index(str(stage))
        numbers = pd.to_numeric(its["size"], errors="coerce")
        sizes = its["size"] if numbers.isna().any() else numbers
        style = {"color": COLOURS[n % 7], "marker": MARKERS[n % 7], "linestyle": LINES[n // 7]}
        panel.plot(sizes, its[measure], label=stage, **style)
        if not numbers.isna().any():
            panel.set_xscale("log")
            panel.xaxis.set_major_formatter(PLAIN)
    if measure == "cpu_s":
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(PLAIN)
    else:
        panel.set_ylim(bottom=0)
    panel.minorticks_off()
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
