"""Numbers for a table's cells: measured ones, published ones in columns of their own.

Nothing here knows a table: a `Definition` names the cells (bionerflow.tables.define).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from bionerflow.config.metrics import OF_CORPUS, RECORDED
from bionerflow.evaluate.match import ERRORS
from bionerflow.evaluate.pool import measure
from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.made import ALL_CORPORA, MADE, NO_CORPORA, made_of
from bionerflow.utils.environment import MADE_WITH
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

LONG = [
    "row", "column", "source", "metric", "corpora", "format", "value", "sd", "low", "high",
    "text", "n_sentences", "n_gold", "model", "runs", *MADE, "reason",
]  # fmt: skip
#: The `source` of a number that the paper prints, and how its column begins.
PRINTED, PUBLISHED = "published", "published "
#: How a published number begins its `source` that was not seen in the paper, and what marks it.
SECONDARY, UNVERIFIED = "secondary, not verified", "†"
NOT_PRINTED = "the paper prints no such number"
#: What a record of scores keeps of its file.
MADE_OF = ("engine", "corpora", *MADE_WITH)

Number = dict[str, Any]
Evaluations = Mapping[str, Mapping[tuple[Any, Any], dict[str, Any]]]
Recorded = Mapping[str, Mapping[str, Any]]


def read_evaluations(paths: Iterable[str | Path]) -> Evaluations:
    """Return the records of each prediction set, by its id and then by (corpus, format).

    Each record has what made the answers (made.Made).
    """
    results = (read_json(path) for path in paths)
    return {
        result["predictions"]: {
            (s["corpus"], s["format"]): s | {key: result.get(key, "") for key in MADE_OF}
            for s in result["scores"]
        }
        for result in results
    }


def read_metrics(paths: Iterable[str | Path]) -> Recorded:
    """Return what each run recorded of itself, from results/train/{run}/metrics.json.

    What stands in another file of the run, such as footprint.json beside it, or in a file
    {run}.{name}.json elsewhere, is found under its name.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in map(Path, paths):
        run, _, name = path.stem.rpartition(".")
        known = found.setdefault(run or path.parent.name, {})
        known |= read_json(path) if name == "metrics" else {name: read_json(path)}
    return found


def measured(definition: Definition, evaluations: Evaluations, recorded: Recorded) -> list[Number]:
    """Return a number for each cell of a grid.

    `runs` are the prediction sets that it rests on, `reason` says why one is not there, `text` is
    the number as the table prints it. Over several draws: the mean, with the sample's standard
    deviation; a bootstrap interval belongs to one draw and no pooled corpora.
    """
    model = best_model(definition.cells, evaluations, recorded)
    made = {id: next(iter(records.values())) for id, records in evaluations.items() if records}
    numbers = [
        _recorded(cell, recorded)
        if cell.metric.startswith(RECORDED)
        else _change(cell, evaluations, model)
        if cell.against
        else _scored(cell, definition.unit, evaluations, model)
        for cell in definition.cells
    ]
    return [number | made_of(number, made, recorded) for number in numbers]


def number_of(cell: Cell) -> Number:
    """Return what is known of a cell's number before it is measured."""
    return {
        "row": cell.row,
        "column": cell.column,
        "source": "measured",
        "metric": cell.metric,
        "corpora": " ".join(cell.corpora) or ALL_CORPORA,
        "format": cell.format or "all",
    }


def long_form(
    definition: Definition, numbers: list[Number], published: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the table with one row a number, row by row, measured before published."""
    if published is not None:
        numbers = numbers + _published(definition, published)
    frame = pd.DataFrame(numbers, columns=LONG)
    frame["text"] = frame["text"].astype(object).fillna("")
    place = {key: i for i, key in enumerate(definition.rows)}
    order = frame["row"].map(place)
    return frame.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def _there(cell: Cell, evaluations: Evaluations) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the records that a cell rests on, by model and prediction set, where there are any."""
    corpora: Sequence[str | None] = cell.corpora or [None]
    keys = [(corpus, cell.format) for corpus in corpora]
    there = {
        model: {id: _records(evaluations, id, keys) for id in ids}
        for model, ids in cell.models.items()
    }
    there = {model: {k: v for k, v in runs.items() if v} for model, runs in there.items()}
    return {model: runs for model, runs in there.items() if runs}


def _scored(cell: Cell, unit: str, evaluations: Evaluations, best: str | None) -> Number:
    number, there = number_of(cell), _there(cell, evaluations)
    if not there:
        return number | {"reason": cell.reason or "no run was tested on it"}
    model = best if best and len(cell.models) > 1 else next(iter(there))
    if model not in there:
        return number | {"reason": f"the table shows the model {model}, which has no such run"}
    absent = sorted(set(cell.models[model]) - set(there[model]))
    without = f"without {', '.join(absent)}" if absent else ""
    number |= {"model": model, "runs": " ".join(there[model])}
    found = _mean(cell.metric, unit, list(there[model].values()))
    reasons = (without, cell.reason, found.pop("reason", ""))
    return number | found | {"reason": "; ".join(filter(None, reasons))}


def _change(cell: Cell, evaluations: Evaluations, best: str | None) -> Number:
    """Return the relative change from what a cell is compared with to what it shows."""
    before = cell.model_copy(update={"models": {"": cell.against}})
    old, new = (_scored(one, "fraction", evaluations, best) for one in (before, cell))
    number = number_of(cell) | {"runs": " ".join([old.get("runs", ""), new.get("runs", "")])}
    if not old.get("value") or new.get("value") is None:
        return number | {"reason": new["reason"] or old["reason"] or "there was none before"}
    change = new["value"] / old["value"] - 1
    return number | {"value": change, "text": f"{100 * change:+.0f} %", "reason": ""}


def _records(evaluations: Evaluations, id: str, keys: list[Any]) -> list[dict[str, Any]]:
    """Return a prediction set's records of all `keys`, or none of them: half a pool is no score."""
    scores = evaluations.get(id, {})
    return [scores[key] for key in keys] if all(key in scores for key in keys) else []


def best_model(cells: Iterable[Cell], evaluations: Evaluations, recorded: Recorded) -> str | None:
    """Return the one model that a table shows where several could fill its cells.

    That is the one with the highest mean F1 on dev over the runs of these cells, the first of
    equals; only models that could fill all of them are compared, if there are any.

    Raises:
        UserError: a run that is compared has no F1 on dev.
    """
    every = [there for cell in cells if len(there := _there(cell, evaluations)) > 1]
    if not every:
        return None
    names = [model for model in every[0] if all(model in there for there in every)] or every[0]
    runs = {
        model: {id.partition("+")[0] for there in every for id in there.get(model, {})}
        for model in names
    }
    dev = {name: metrics["dev_f1"] for name, metrics in recorded.items()}
    unknown = sorted(run for ids in runs.values() for run in ids if dev.get(run) is None)
    if unknown:
        raise UserError(
            f"No dev F1 is known for {', '.join(unknown)}: without it the best model cannot be "
            "chosen. Give the experiment one model, or the runs a validation."
        )
    return max(runs, key=lambda model: fmean(dev[run] for run in sorted(runs[model])))


def _mean(metric: str, unit: str, draws: list[list[dict[str, Any]]]) -> Number:
    """Return what the long form says of a number over draws, each with its records."""
    every = [record for records in draws for record in records]
    number: Number = {
        "n_sentences": sum(record["n"]["sentences"] for record in every),
        "n_gold": sum(record["n"]["gold"] for record in every),
    }
    values = [value for records in draws if (value := measure(records, metric)) is not None]
    if not values:
        return number | {"reason": "not defined: nothing to divide by"}
    if len(values) < len(draws):
        number["reason"] = f"not defined in {len(draws) - len(values)} of {len(draws)} draws"
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


def _recorded(cell: Cell, recorded: Recorded) -> Number:
    """Return what a cell's runs recorded: the mean of different numbers, or all different words.

    OF_CORPUS in the place of a number stands for the cell's corpus.
    """
    number = number_of(cell) | {"corpora": NO_CORPORA, "format": ""}
    metric = cell.metric.replace(OF_CORPUS, " ".join(cell.corpora))
    runs = dict.fromkeys(id.partition("+")[0] for ids in cell.models.values() for id in ids)
    every = {run: _at(recorded.get(run), metric) for run in runs}
    found = {run: value for run, value in every.items() if value is not None}
    if not found:
        return number | {"reason": cell.reason or f"no run recorded {cell.metric}"}
    number |= {"runs": " ".join(found), "reason": ""}
    values = list(found.values())
    if cell.metric.endswith("seconds"):
        return number | {"value": fmean(values), "text": _clock(fmean(values))}
    draws_of_one = len({run.rpartition(".draw")[0] for run in found}) == 1
    if draws_of_one and all(isinstance(value, float) for value in values):
        sd = stdev(values) if len(values) > 1 and len(set(values)) > 1 else None
        text = " ± ".join(f"{x:.4g}" for x in (fmean(values), sd) if x is not None)
        return number | {"value": fmean(values), "sd": sd, "text": text}
    texts = dict.fromkeys(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
    return number | {"text": ", ".join(texts), "value": values[0] if len(texts) == 1 else None}


def _at(metrics: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    for step in path.removeprefix(RECORDED).split("."):
        metrics = metrics.get(step) if isinstance(metrics, Mapping) else None
    return metrics


def _clock(seconds: float) -> str:
    """Write a time as the papers do: hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"


def _published(definition: Definition, published: pd.DataFrame) -> list[Number]:
    """Return a number for each row of the table and each column that the paper prints."""
    printed = published.set_index(["row", "column"])
    numbers = []
    for row in definition.rows:
        for column in dict.fromkeys(published["column"]):
            number = {"row": row, "column": PUBLISHED + column, "source": PRINTED}
            if (row, column) in printed.index:
                cell = printed.loc[(row, column)]
                number |= {"value": cell["value"], "sd": cell["sd"], "text": cell["text"]}
                if str(cell["source"]).startswith(SECONDARY):
                    number |= {"text": cell["text"] + UNVERIFIED, "reason": SECONDARY}
            else:
                number["reason"] = NOT_PRINTED
            numbers.append(number)
    return numbers
