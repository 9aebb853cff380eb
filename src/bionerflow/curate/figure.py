"""What a strategy kept, drawn: a histogram of IFD by corpus, and examples from both ends."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from bionerflow.data.schema import KEPT, open_rows

COLOURS = {"kept": "#0072b2", "dropped": "#e69f00"}
BINS = 40
EXAMPLES = 5


def histogram(path: Path) -> Figure:
    """Draw kept and dropped positives by IFD, one panel a corpus, from a run's kept.parquet."""
    table = _scored(path)
    corpora = table["corpus"].unique().to_pylist()
    figure = Figure(figsize=(6, 2.2 * max(len(corpora), 1)), layout="constrained")
    panels = figure.subplots(max(len(corpora), 1), squeeze=False)[:, 0]
    for panel, corpus in zip(panels, corpora, strict=False):
        rows = table.filter(pc.equal(table["corpus"], corpus))
        parts = [rows.filter(rows["kept"]), rows.filter(pc.invert(rows["kept"]))]
        values = [part["ifd"].to_pylist() for part in parts]
        labels = [f"{n} {len(v):,}" for n, v in zip(COLOURS, values, strict=True)]
        panel.hist(values, BINS, stacked=True, color=list(COLOURS.values()), label=labels)
        panel.axvline(1, color="#000000", linestyle=":")
        panel.set(title=corpus, ylabel="sentences")
        panel.legend()
    panels[-1].set_xlabel("IFD (1: the prompt does not help)")
    return figure


def examples(path: Path) -> list[dict[str, object]]:
    """Return the scored sentences of highest and lowest IFD of each corpus, highest first."""
    table = _scored(path).sort_by([("ifd", "descending"), ("id", "ascending")])
    chosen = []
    for corpus in table["corpus"].unique().to_pylist():
        rows = table.filter(pc.equal(table["corpus"], corpus)).to_pylist()
        ends = rows[:EXAMPLES] + rows[max(len(rows) - EXAMPLES, EXAMPLES) :]
        chosen += [{name: row[name] for name in ("corpus", "ifd", "kept", "text")} for row in ends]
    return chosen


def _scored(path: Path) -> pa.Table:
    table = open_rows(path, KEPT).read()
    return table.filter(pc.is_valid(table["ifd"]))
