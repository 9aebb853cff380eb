"""A table's four forms: CSV as printed, the long form, Markdown, LaTeX."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.tables.define import Definition
from bionerflow.tables.fill import NOT_PRINTED, PRINTED, PUBLISHED, UNVERIFIED
from bionerflow.tables.sources import NOT_ASKED
from bionerflow.utils.files import write_text
from bionerflow.utils.spreadsheet import as_csv

#: How the reasons begin why a number cannot be there.
NOT_THERE = (NOT_ASKED, NOT_PRINTED)


def wide_form(definition: Definition, long: pd.DataFrame) -> pd.DataFrame:
    """Return the table as printed: titles down, columns across, nothing where no number is.

    A column that no row can have a number in, since the experiment or the paper has none, is left
    out: the long form says so.
    """
    numbers = long.to_dict("records")
    cells = {(n["row"], n["column"]): n["text"] for n in numbers}
    possible = {n["column"] for n in numbers if not str(n["reason"]).startswith(NOT_THERE)}
    columns = [
        one for one in dict.fromkeys([*definition.columns, *long["column"]]) if one in possible
    ]
    rows = [
        {"": title} | {column: cells.get((row, column), "") for column in columns}
        for row, title in definition.rows.items()
    ]
    return pd.DataFrame(rows, columns=["", *columns])


def markdown(title: str, caption: str, wide: pd.DataFrame) -> str:
    """Return a table as Markdown under its title, with the caption below."""
    lines = [wide.columns, ["---"] + ["--:"] * (wide.shape[1] - 1), *wide.to_numpy()]
    body = "\n".join("| " + " | ".join(_in_markdown(x) for x in line) + " |" for line in lines)
    return f"**{title}**\n\n{body}\n\n{caption}\n"


def _in_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def latex(title: str, caption: str, wide: pd.DataFrame) -> str:
    """Return a table as a LaTeX float in the style of booktabs."""
    head, *body = (
        " & ".join(map(_in_latex, line)) + r" \\" for line in [wide.columns, *wide.to_numpy()]
    )
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_in_latex(f'{title}. {caption}')}}}",
        rf"\begin{{tabular}}{{l{'r' * (wide.shape[1] - 1)}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


#: What LaTeX does not print as it stands; `[` behind a line's end would be an option of it.
IN_LATEX = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"±": r"$\pm$", "−": "$-$", "Δ": r"$\Delta$", "↓": r"$\downarrow$", "†": r"$\dagger$"}
    | {"<": "$<$", ">": "$>$", "|": r"\textbar{}", "[": "{[}", "–": "--", "…": r"\dots{}"}
)


def _in_latex(text: str) -> str:
    return text.translate(IN_LATEX)


def write_table(out: str | Path, definition: Definition, long: pd.DataFrame) -> None:
    """Write the table at `out` (CSV) and beside it .md, .tex and .long.csv."""
    foreign = definition.kind == "cases"  # sentences of corpora and answers of models
    write_csv(Path(out).with_suffix(".long.csv"), long, foreign)
    caption = definition.caption + notes(long.to_dict("records"))
    write_printed(out, definition.title, caption, wide_form(definition, long), foreign)


def notes(numbers: Iterable[Mapping[Hashable, Any]]) -> str:
    """Return what a caption adds: the one model that is shown, and what is the paper's.

    Args:
        numbers: The rows of the table's long form, as they are written or as they are read.
    """
    numbers = list(numbers)
    models = {one["model"] for one in numbers if isinstance(one.get("model"), str)} - {""}
    texts = [f" Model: {', '.join(models)}."] if len(models) == 1 else []
    texts += _mixed(numbers)
    if any(one.get("source") == PRINTED and one.get("text") for one in numbers):
        texts.append(f' Columns that begin with "{PUBLISHED.strip()}" are the paper\'s.')
    if any(UNVERIFIED in str(one.get("text", "")) for one in numbers):
        texts.append(f" {UNVERIFIED} From a secondary source, not verified.")
    return "".join(texts)


def _mixed(numbers: Iterable[Mapping[Hashable, Any]]) -> list[str]:
    """Say in which columns answers of different engines, or versions of one, stand together."""
    by_column: dict[Any, set[str]] = {}
    for one in numbers:
        if isinstance(one.get("engine"), str) and one["engine"]:
            by_column.setdefault(one.get("column"), set()).update(one["engine"].split(", "))
    mixed = {column: its for column, its in by_column.items() if len(its) > 1}
    names = ", ".join(sorted(set().union(*mixed.values())))
    columns = ", ".join(map(str, mixed))
    return [f" Different inference engines answered in: {columns} ({names})."] if mixed else []


def write_csv(path: str | Path, frame: pd.DataFrame, foreign: bool = False) -> None:
    """Write a table's rows under their columns' names; `foreign` texts must not be formulas."""
    rows = as_csv(frame) if foreign else frame.to_csv(index=False, lineterminator="\n")
    write_text(path, rows)


def write_printed(
    out: str | Path, title: str, caption: str, wide: pd.DataFrame, foreign: bool = False
) -> None:
    """Write a table as it is printed, at `out` (CSV, see `write_csv`), .md and .tex."""
    write_csv(out, wide, foreign)
    write_text(Path(out).with_suffix(".md"), markdown(title, caption, wide))
    write_text(Path(out).with_suffix(".tex"), latex(title, caption, wide))
