"""A table as a figure: the numbers are those of the table's long form."""

from collections.abc import Callable
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bionerflow.drawing import COLOURS, HATCHES, LINES, MARKERS, finish
from bionerflow.tables.define import Definition

#: Rows and columns of a table's measured values, with their titles; NaN where there is none.
Values = pd.DataFrame


def draw(definition: Definition, long: pd.DataFrame) -> Figure:
    """Return the figure of a table; what was not measured is left out, and said where all is."""
    values, deviations = (_grid(definition, long, name) for name in ("value", "sd"))
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    if values.isna().all(axis=None):
        panel.text(0.5, 0.5, "no run feeds this figure", ha="center", transform=panel.transAxes)
        panel.set_axis_off()
        return figure
    scale = 100 if definition.unit == "percent" else 1
    STYLES[str(definition.draw)](panel, values * scale, deviations * scale)
    finish(figure, panel)
    return figure


def _grid(definition: Definition, long: pd.DataFrame, name: str) -> Values:
    measured = long[long["source"] == "measured"]
    grid = measured.pivot(index="row", columns="column", values=name).astype(float)
    grid = grid.reindex(index=list(definition.rows), columns=definition.columns)
    return grid.rename(index=definition.rows)


def _bars(panel: Axes, values: Values, deviations: Values) -> None:
    """Draw a group a row, a bar a column."""
    width, places = 0.8 / values.shape[1], np.arange(len(values))
    for i, (column, colour, hatch) in enumerate(
        zip(values.columns, cycle(COLOURS), cycle(HATCHES), strict=False)
    ):
        bars = panel.bar(
            places + (i + 0.5) * width - 0.4, values[column], width,
            yerr=deviations[column].fillna(0), color=colour, hatch=hatch, edgecolor="w",
            label=column, ecolor="#444444",
        )  # fmt: skip
        texts = ["" if np.isnan(value) else f"{value:.1f}" for value in values[column]]
        panel.bar_label(bars, texts, fontsize=8)
    panel.set_xticks(places, [_folded(title) for title in values.index])
    panel.set_ylabel("F1 (%)")


def _shares(panel: Axes, values: Values, deviations: Values) -> None:
    """Draw a group a column, a bar a row: which share of the row's sum the column has."""
    shares = values.div(values.sum(axis=1), axis=0).T * 100
    _bars(panel, shares, shares * np.nan)
    panel.set_ylabel("share (%)")


def _lines(panel: Axes, values: Values, deviations: Values) -> None:
    """Draw a line a row over the columns."""
    for title, colour, line, marker in zip(
        values.index, cycle(COLOURS), cycle(LINES), cycle(MARKERS), strict=False
    ):
        panel.errorbar(
            range(values.shape[1]), values.loc[title], yerr=deviations.loc[title].fillna(0),
            color=colour, linestyle=line, marker=marker, capsize=3, label=str(title),
        )  # fmt: skip
    panel.set_xticks(range(values.shape[1]), values.columns)
    panel.set_ylabel("F1 (%)")


def _reliability(panel: Axes, values: Values, deviations: Values) -> None:
    """Draw accuracy against confidence in tenths, with the line on which both are equal."""
    tenths = values[[column for column in values.columns if column[:1].isdigit()]]
    middles = (np.arange(tenths.shape[1]) + 0.5) / tenths.shape[1]
    panel.plot([0, 1], [0, 1], color="#888888", linewidth=1, label="confidence is accuracy")
    for title, colour, line, marker in zip(
        tenths.index, cycle(COLOURS), cycle(LINES), cycle(MARKERS), strict=False
    ):
        panel.plot(
            middles,
            tenths.loc[title],
            color=colour,
            linestyle=line,
            marker=marker,
            label=str(title),
        )
    panel.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))


def _folded(title: object) -> str:
    return str(title).replace(" (", "\n(")


STYLES: dict[str, Callable[[Axes, Values, Values], None]] = {
    "bars": _bars,
    "shares": _shares,
    "lines": _lines,
    "reliability": _reliability,
}
