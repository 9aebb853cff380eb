"""The papers' tables: measured numbers, published ones in columns of their own, and the long form.

Nothing here knows a table: a `Definition` names the cells (bionerflow.tables_settings).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from bionerflow.errors import UserError
from bionerflow.evaluate.match import ERRORS
from bionerflow.evaluate.pool import measure
from bionerflow.files import read_json, whole, write_text
from bionerflow.tables_settings import Cell, Definition

LONG = [
    "row", "column", "source", "metric", "corpora", "format", "value", "sd", "low", "high",
    "text", "n_sentences", "n_gold", "runs", "reason",
]  # fmt: skip
PUBLISHED = "published "

Evaluations = Mapping[str, Mapping[tuple[Any, Any], dict[str, Any]]]


def read_evaluations(paths: Iterable[str | Path]) -> Evaluations:
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
    evaluations: Evaluations,
    dev: Mapping[str, float],
    published: pd.DataFrame,
) -> pd.DataFrame:
    """Return the table with one row a number, row by row, measured before published.

    `runs` are the prediction sets that a measured number rests on, `reason` says why one is not
    there, `text` is the number as the table prints it. Over several draws: the mean, with the
    sample's standard deviation; a bootstrap interval belongs to one draw and no pooled corpora.
    """
    numbers = [_measured(cell, definition.unit, evaluations, dev) for cell in definition.cells]
    numbers += _published(definition, published)
    frame = pd.DataFrame(numbers, columns=LONG)
    frame["text"] = frame["text"].fillna("")
    place = {key: i for i, key in enumerate(definition.rows)}
    order = frame["row"].map(place)
    return frame.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def _measured(
    cell: Cell, unit: str, evaluations: Evaluations, dev: Mapping[str, float]
) -> dict[str, Any]:
    number: dict[str, Any] = {
        "row": cell.row,
        "column": cell.column,
        "source": "measured",
        "metric": cell.metric,
        "corpora": " ".join(cell.corpora) or "all",
        "format": cell.format or "all",
    }
    corpora: Sequence[str | None] = cell.corpora or [None]
    keys = [(corpus, cell.format) for corpus in corpora]
    there = {
        model: {id: _records(evaluations, id, keys) for id in ids}
        for model, ids in cell.models.items()
    }
    there = {model: {k: v for k, v in runs.items() if v} for model, runs in there.items()}
    there = {model: runs for model, runs in there.items() if runs}
    if not there:
        return number | {"reason": cell.reason or "no run was tested on it"}
    model = _best(there, dev)
    absent = sorted(set(cell.models[model]) - set(there[model]))
    number["reason"] = f"without {', '.join(absent)}" if absent else ""
    number["runs"] = " ".join(there[model])
    return number | _mean(cell.metric, unit, list(there[model].values()))


def _records(evaluations: Evaluations, id: str, keys: list[Any]) -> list[dict[str, Any]]:
    """Return a prediction set's records of all `keys`, or none of them: half a pool is no score."""
    scores = evaluations.get(id, {})
    return [scores[key] for key in keys] if all(key in scores for key in keys) else []


def _best(models: Mapping[str, Iterable[str]], dev: Mapping[str, float]) -> str:
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


def _mean(metric: str, unit: str, draws: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what the long form says of a number over draws, each with its records."""
    every = [record for records in draws for record in records]
    number: dict[str, Any] = {
        "n_sentences": sum(record["n"]["sentences"] for record in every),
        "n_gold": sum(record["n"]["gold"] for record in every),
    }
    values = [value for records in draws if (value := measure(records, metric)) is not None]
    if not values:
        return number | {"reason": f"{metric} is not defined: nothing to divide by"}
    number["value"] = fmean(values)
    number["sd"] = stdev(values) if len(values) > 1 else None
    if len(every) == 1 and metric in every[0]["strict"]:
        number |= {bound: every[0]["strict"][metric][bound] for bound in ("low", "high")}
    return number | {"text": _written(metric, unit, number["value"], number["sd"])}


def _written(metric: str, unit: str, value: float, sd: float | None) -> str:
    """Write a number with the papers' decimals: 0.87, 87.12 (percent), 84 (a count)."""
    places = 1 if metric in ERRORS and sd is not None else 0 if metric in ERRORS else 2
    scale = 100 if unit == "percent" and metric not in ERRORS else 1
    numbers = [value] if sd is None else [value, sd]
    return " ± ".join(f"{scale * number:.{places}f}" for number in numbers)


def _published(definition: Definition, published: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a number for each row of the table and each column that the paper prints."""
    printed = published.set_index(["row", "column"])
    numbers = []
    for row in definition.rows:
        for column in dict.fromkeys(published["column"]):
            number = {"row": row, "column": PUBLISHED + column, "source": "published"}
            if (row, column) in printed.index:
                cell = printed.loc[(row, column)]
                number |= {"value": cell["value"], "sd": cell["sd"], "text": cell["text"]}
            else:
                number["reason"] = "the paper prints no such number"
            numbers.append(number)
    return numbers


def wide_form(definition: Definition, long: pd.DataFrame) -> pd.DataFrame:
    """Return the table as printed: titles down, columns across, nothing where no number is."""
    cells = {(n["row"], n["column"]): n["text"] for n in long.to_dict("records")}
    columns = list(dict.fromkeys([*definition.columns, *long["column"]]))
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
    return text.replace("\\", "\\\\").replace("|", "\\|")


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
    write_csv(out, wide)
    write_csv(out.with_suffix(".long.csv"), long)
    write_printed(out, definition.title, definition.caption, wide)


def write_csv(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a table's rows under their columns' names."""
    with whole(path) as part:
        frame.to_csv(part, index=False, lineterminator="\n")


def write_printed(out: str | Path, title: str, caption: str, wide: pd.DataFrame) -> None:
    """Write a table as it is printed, beside the CSV at `out`: .md and .tex."""
    write_text(Path(out).with_suffix(".md"), markdown(title, caption, wide))
    write_text(Path(out).with_suffix(".tex"), latex(title, caption, wide))
