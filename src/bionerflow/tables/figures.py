"""A table as a figure: the numbers are those of the table's long form."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bionerflow.tables.define import Definition
from bionerflow.utils.plotting import COLOURS, HATCHES, LINES, MARKERS, finish

#: How metrics begin: the accuracy in a tenth of confidence, and the risk at a coverage.
ACCURACY, RISK = "accuracy_", "risk_"
NOTHING = "nothing to draw: no run feeds this figure, or none predicted what it counts"


class Values(NamedTuple):
    """What was measured, rows by columns, with standard deviations; NaN where there is none.

    `metrics` are those of the columns.
    """

    rows: list[str]
    columns: list[str]
    metrics: list[str]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]


def draw(definition: Definition, long: Iterable[Mapping[str, Any]]) -> Figure:
    """Return the figure of a table, given by the rows of its long form.

    What was not measured is left out, and said where all is.
    """
    values = _values(definition, long)
    if definition.figure == "shares":
        values = _in_shares(values)
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    if np.isnan(values.means).all():
        panel.text(0.5, 0.5, NOTHING, ha="center", transform=panel.transAxes)
        panel.set_axis_off()
        return figure
    STYLES[str(definition.figure)](panel, values)
    finish(figure, panel, from_zero=definition.figure != "lines")
    return figure


def _values(definition: Definition, long: Iterable[Mapping[str, Any]]) -> Values:
    rows, columns = list(definition.rows), definition.columns
    found = np.full((2, len(rows), len(columns)), np.nan)
    for number in long:
        if number["source"] == "measured":
            place = rows.index(number["row"]), columns.index(number["column"])
            for n, key in enumerate(("value", "sd")):
                found[n][place] = np.nan if number[key] in ("", None) else float(number[key])
    means, deviations = found * (100 if definition.unit == "percent" else 1)
    metric = {cell.column: cell.metric for cell in definition.cells}
    metrics = [metric[column] for column in columns]
    return Values(list(definition.rows.values()), columns, metrics, means, deviations)


def _bars(panel: Axes, values: Values) -> None:
    """Draw a group a row, a bar a column."""
    width, places = 0.8 / len(values.columns), np.arange(len(values.rows))
    for i, (column, colour, hatch) in enumerate(
        zip(values.columns, cycle(COLOURS), cycle(HATCHES), strict=False)
    ):
        bars = panel.bar(
            places + (i + 0.5) * width - 0.4, values.means[:, i], width,
            yerr=np.nan_to_num(values.deviations[:, i]), color=colour, hatch=hatch, edgecolor="w",
            label=column, ecolor="#444444",
        )  # fmt: skip
        texts = ["" if np.isnan(mean) else f"{mean:.1f}" for mean in values.means[:, i]]
        panel.bar_label(bars, texts, fontsize=8)
    panel.set_xticks(places, [title.replace(" (", "\n(") for title in values.rows])
    panel.set_ylabel("F1 (%)")


def _in_shares(values: Values) -> Values:
    """Return each number as a percentage of its row's sum; rows and columns change places.

    A row whose sum is zero, such as a corpus without a wrong prediction, has no shares.
    """
    sums = np.nansum(values.means, axis=1, keepdims=True)
    shares = 100 * (values.means / np.where(sums == 0, np.nan, sums)).T
    return values._replace(
        rows=values.columns,
        columns=values.rows,
        means=shares,
        deviations=np.full_like(shares, np.nan),
    )


def _shares(panel: Axes, values: Values) -> None:
    """Draw a group per column of the table, with a bar per row."""
    _bars(panel, values)
    panel.set_ylabel("share (%)")


def _lines(panel: Axes, values: Values) -> None:
    """Draw one line per row over the columns."""
    places = range(len(values.columns))
    for n, style in _styled(values.rows, values.means):
        deviations = np.nan_to_num(values.deviations[n])
        panel.errorbar(places, values.means[n], yerr=deviations, capsize=3, **style)
    panel.set_xticks(places, values.columns)
    panel.set_ylabel("F1 (%)")


def _scatter(panel: Axes, values: Values) -> None:
    """Draw a point per row: the second column, a cost, across on a log scale, the first one up."""
    for n, style in _styled(values.rows, values.means[:, :2]):
        up, across = values.means[n, :2]
        panel.errorbar(across, up, yerr=np.nan_to_num(values.deviations[n, 0]), **style)
    panel.set(xscale="log", xlabel=values.columns[1], ylabel=values.columns[0])


def _reliability(panel: Axes, values: Values) -> None:
    """Draw accuracy against confidence in tenths, with the line on which both are equal."""
    tenths = [n for n, metric in enumerate(values.metrics) if metric.startswith(ACCURACY)]
    middles = (np.arange(len(tenths)) + 0.5) / len(tenths)
    panel.plot([0, 1], [0, 1], color="#888888", linewidth=1, label="confidence is accuracy")
    means = values.means[:, tenths]
    for n, style in _styled(values.rows, means):
        panel.plot(middles, means[n], clip_on=False, **style)
    panel.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))


def _risk_coverage(panel: Axes, values: Values) -> None:
    """Draw the risk over the share of the predictions that are kept."""
    kept = [n for n, metric in enumerate(values.metrics) if metric.startswith(RISK)]
    across = [float(values.metrics[n].removeprefix(RISK)) for n in kept]
    means = values.means[:, kept]
    for n, style in _styled(values.rows, means):
        deviations = np.nan_to_num(values.deviations[n, kept])
        panel.errorbar(across, means[n], yerr=deviations, capsize=3, **style)
    panel.set(xlabel="predictions kept (%)", ylabel="share of them that is wrong")


def _styled(titles: list[str], means: NDArray[np.float64]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each row that has values, with its title and looks of its own."""
    looks = zip(cycle(COLOURS), cycle(LINES), cycle(MARKERS), strict=False)
    rows = np.flatnonzero(~np.isnan(means).all(axis=1)).tolist()
    for n, (colour, line, marker) in zip(rows, looks, strict=False):
        yield n, {"label": titles[n], "color": colour, "linestyle": line, "marker": marker}


STYLES: dict[str, Callable[[Axes, Values], None]] = {
    "bars": _bars,
    "shares": _shares,
    "lines": _lines,
    "reliability": _reliability,
    "risk_coverage": _risk_coverage,
    "scatter": _scatter,
}
