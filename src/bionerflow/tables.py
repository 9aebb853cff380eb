"""The papers' tables: measured numbers, published ones in columns of their own, and the long form.

Nothing here knows a table: a `Definition` names the cells (bionerflow.tables_settings).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from bionerflow.errors import UserError
from bionerflow.files import read_json, whole, write_text
from bionerflow.tables_settings import Cell, Definition

LONG = [
    "row", "column", "source", "metric", "value", "sd", "low", "high",
    "n_sentences", "n_gold", "runs", "reason",
]  # fmt: skip
PUBLISHED = "published "


def read_evaluations(paths: Iterable[str | Path]) -> dict[str, dict[tuple[Any, Any], Any]]:
    """Return the records of each prediction set, by its id and then by (corpus, format)."""
    results = (read_json(path) for path in paths)
    return {
        result["predictions"]: {(s["corpus"], s["format"]): s for s in result["scores"]}
        for result in results
    }


def read_dev_scores(paths: Iterable[str | Path]) -> dict[str, float]:
    """Return each run's F1 on dev, from results/train/{run}/metrics.json."""
    return {Path(path).parent.name: read_json(path)["dev_f1"] for path in paths}


def long_form(
    definition: Definition,
    evaluations: Mapping[str, Mapping[tuple[Any, Any], Any]],
    dev: Mapping[str, float],
    published: pd.DataFrame,
) -> pd.DataFrame:
    """Return the table with one row a number, row by row, measured before published.

    `runs` are the prediction sets that a measured number rests on, `reason` says why one is not
    there. Over several draws: the mean, with the sample's standard deviation; the bootstrap
    interval belongs to a single draw.
    """
    numbers = [_measured(cell, evaluations, dev) for cell in definition.cells]
    numbers += _published(definition, published)
    frame = pd.DataFrame(numbers, columns=LONG)
    place = {key: i for i, key in enumerate(definition.rows)}
    order = frame["row"].map(place)
    return frame.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def _measured(
    cell: Cell, evaluations: Mapping[str, Mapping[tuple[Any, Any], Any]], dev: Mapping[str, float]
) -> dict[str, Any]:
    number = {"row": cell.row, "column": cell.column, "source": "measured", "metric": cell.metric}
    key = (cell.corpus, cell.format)
    there = {
        model: [id for id in ids if key in evaluations.get(id, {})]
        for model, ids in cell.models.items()
    }
    there = {model: ids for model, ids in there.items() if ids}
    if not there:
        return number | {"reason": cell.reason or "no run of it has been evaluated"}
    model = _best(there, dev)
    absent = sorted(set(cell.models[model]) - set(there[model]))
    reason = f"without {', '.join(absent)}" if absent else ""
    records = [evaluations[id][key] for id in there[model]]
    return number | {"runs": " ".join(there[model]), "reason": reason} | _mean(cell, records)


def _best(models: Mapping[str, list[str]], dev: Mapping[str, float]) -> str:
    """Return the model with the highest mean F1 on dev, the first of equals."""
    if len(models) == 1:
        return next(iter(models))
    runs = {model: [id.partition("+")[0] for id in ids] for model, ids in models.items()}
    unknown = sorted(run for ids in runs.values() for run in ids if dev.get(run) is None)
    if unknown:
        raise UserError(
            f"No dev F1 is known for {', '.join(unknown)}: without it the best model cannot be "
            "chosen. Give the experiment one model, or the runs a validation."
        )
    return max(runs, key=lambda model: fmean(dev[run] for run in runs[model]))


def _mean(cell: Cell, records: list[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {
        "n_sentences": sum(record["n"]["sentences"] for record in records),
        "n_gold": sum(record["n"]["gold"] for record in records),
    }
    scores = [record["strict"][cell.metric] for record in records]
    values = [score["value"] for score in scores if score["value"] is not None]
    if not values:
        return counts | {"reason": f"{cell.metric} is not defined: nothing to divide by"}
    if len(scores) == 1:
        return counts | scores[0]
    return counts | {"value": fmean(values), "sd": stdev(values) if len(values) > 1 else None}


def _published(definition: Definition, published: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a number for each row of the table and each column that the paper prints."""
    printed = published.set_index(["row", "column"])
    numbers = []
    for row in definition.rows:
        for column in dict.fromkeys(published["column"]):
            number: dict[str, Any] = {
                "row": row,
                "column": PUBLISHED + column,
                "source": "published",
            }
            number["metric"] = definition.cells[0].metric
            if (row, column) in printed.index:
                number["value"], number["sd"] = printed.loc[(row, column), ["value", "sd"]]
            else:
                number["reason"] = "the paper prints no such number"
            numbers.append(number)
    return numbers


def wide_form(definition: Definition, long: pd.DataFrame) -> pd.DataFrame:
    """Return the table as printed: titles down, columns across, nothing where no number is."""
    cells = {
        (number["row"], number["column"]): _written(number["value"], number["sd"])
        for number in long.to_dict("records")
    }
    columns = list(dict.fromkeys([*definition.columns, *long["column"]]))
    rows = [
        {"": title} | {column: cells.get((row, column), "") for column in columns}
        for row, title in definition.rows.items()
    ]
    return pd.DataFrame(rows, columns=["", *columns])


def _written(value: float, sd: float) -> str:
    """Write a number with the papers' two decimals."""
    if pd.isna(value):
        return ""
    return f"{value:.2f}" if pd.isna(sd) else f"{value:.2f} ± {sd:.2f}"


def markdown(definition: Definition, wide: pd.DataFrame) -> str:
    """Return the table as Markdown under its title, with the caption below."""
    lines = [wide.columns, ["---"] + ["--:"] * (wide.shape[1] - 1), *wide.to_numpy()]
    body = "\n".join("| " + " | ".join(_in_markdown(x) for x in line) + " |" for line in lines)
    return f"**{definition.title}**\n\n{body}\n\n{definition.caption}\n"


def _in_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def latex(definition: Definition, wide: pd.DataFrame) -> str:
    """Return the table as a LaTeX float in the style of booktabs."""
    head, *body = (
        " & ".join(map(_in_latex, line)) + r" \\" for line in [wide.columns, *wide.to_numpy()]
    )
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_in_latex(f'{definition.title}. {definition.caption}')}}}",
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


def _in_latex(text: str) -> str:
    special = {ord(char): f"\\{char}" for char in "&%$#_{}"}
    special[ord("\\")] = r"\textbackslash{}"
    special[ord("~")] = r"\textasciitilde{}"
    special[ord("^")] = r"\textasciicircum{}"
    special[ord("±")] = r"$\pm$"
    return text.translate(special)


def write_table(out: str | Path, definition: Definition, long: pd.DataFrame) -> None:
    """Write the table at `out` (CSV) and beside it .md, .tex and .long.csv."""
    out = Path(out)
    wide = wide_form(definition, long)
    for path, frame in ((out, wide), (out.with_suffix(".long.csv"), long)):
        with whole(path) as part:
            frame.to_csv(part, index=False, lineterminator="\n")
    write_text(out.with_suffix(".md"), markdown(definition, wide))
    write_text(out.with_suffix(".tex"), latex(definition, wide))
