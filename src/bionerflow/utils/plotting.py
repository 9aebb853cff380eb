"""Colours, markers and layout of all figures, readable in print and with any colour vision."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bionerflow.utils.files import whole

#: Okabe and Ito (2008): can be told apart with every common kind of colour vision.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")
HATCHES = ("", "//", "..", "xx", "\\\\")
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def finish(figure: Figure, *panels: Axes, from_zero: bool = True) -> None:
    """Remove spines without information and put one legend below; bars begin at zero."""
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        if from_zero:
            panel.set_ylim(bottom=0)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG at 150 dots per inch."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    return file.getvalue()


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as `path`.png and `path`.svg; equal figures are equal files."""
    with whole(f"{path}.png") as part:
        part.write_bytes(png(figure))
    with whole(f"{path}.svg") as part, mpl.rc_context({"svg.hashsalt": "bionerflow"}):
        figure.savefig(part, format="svg", metadata={"Date": None})
