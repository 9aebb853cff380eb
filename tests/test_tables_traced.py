"""Each number leads to its runs: recomputed from their files, and changed by no other file."""

import random
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd
import pytest

from bionerflow.config.experiments import Experiment
from bionerflow.config.tables import Grid
from bionerflow.data.schema import (
    CONVERSATIONS,
    EXAMPLES,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import evaluate
from bionerflow.tables.define import define
from bionerflow.tables.fill import long_form, measured, read_evaluations
from bionerflow.utils.files import write_result

TEXT = "x" * 30
MENTIONS = [Entity.at(type, [(i, i + 2)], TEXT) for i in range(0, 30, 3) for type in "AB"]
CORPORA, FORMATS, SETS, DRAWS = ("flat", "other"), ("f", "g"), ("7best", "conv_term"), (1, 2)
RUNS = [f"demo.mini.{name}.draw{draw}" for name in SETS for draw in DRAWS]
METRICS = ["precision", "recall", "f1"]
AXES: list[tuple[list[Any], list[Any]]] = [
    ([{"corpus": "every"}], [{"configuration": list(SETS), "metric": METRICS}]),
    ([{"format": list(FORMATS)}], [{"configuration": list(SETS), "metric": METRICS}]),
    ([{"corpus": "every", "format": list(FORMATS)}], [{"configuration": list(SETS)}]),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Write gold, and each run's predictions by chance; score them."""
    folder, rng = tmp_path_factory.mktemp("results"), random.Random(5)
    for corpus in CORPORA:
        gold = [Example(f"{i}", f"{i}", "en", TEXT, some(rng, 4)) for i in range(20)]
        write_examples(folder / "gold" / corpus / "test.parquet", gold)
    write_rows(folder / "train.parquet", [], CONVERSATIONS)
    for run in RUNS:
        rows = [
            {"corpus": corpus, "format": format, "id": f"{i}", "answers": [], "problems": []}
            | {"entities": [entity_row(entity) for entity in some(rng, 5)]}
            for corpus in CORPORA
            for format in FORMATS
            for i in range(20)
        ]
        written(folder, run, rows)
    return folder


def some(rng: random.Random, n: int) -> tuple[Entity, ...]:
    return tuple(sorted(rng.sample(MENTIONS, n)))


def written(folder: Path, run: str, rows: list[dict[str, Any]]) -> None:
    path = folder / f"{run}.parquet"
    write_rows(path, rows, PREDICTIONS)
    scores = evaluate(path, folder / "gold", folder / "train.parquet")
    write_result(folder / "evaluate" / f"{run}.json", scores)


def tables(folder: Path) -> pd.DataFrame:
    """Return the measured cells of all tables."""
    configurations = {name: {"formats": ["conv_term"]} for name in SETS}
    asked = Experiment.model_validate(
        {"corpora": CORPORA, "models": ["mini"], "draws": DRAWS, "configurations": configurations}
    )
    scores = read_evaluations(folder / "evaluate" / f"{run}.json" for run in RUNS)
    frames = []
    for n, (rows, columns) in enumerate(AXES):
        grid = Grid(title="", caption="", rows=rows, columns=columns, unit="fraction")
        found = define("t", grid, "demo", asked, dict.fromkeys(CORPORA, "title"))
        frames.append(long_form(found, measured(found, scores, {}), None).assign(table=n))
    return pd.concat(frames, ignore_index=True)


def rests_on(cell: dict[str, Any], run: str, corpus: str, format: str) -> bool:
    """Tell by a cell's own columns whether it rests on a part of a prediction file."""
    return (
        run in cell["runs"].split()
        and corpus in (CORPORA if cell["corpora"] == "all" else cell["corpora"].split())
        and cell["format"] in ("all", format)
    )


def recomputed(folder: Path, cell: dict[str, Any], run: str) -> float:
    """Return a cell's metric of one run, from its file and gold, without the library's counting."""
    answered = [
        row
        for row in read_rows(folder / f"{run}.parquet", PREDICTIONS)
        if rests_on(cell, run, row["corpus"], row["format"])
    ]
    correct = gold = found = 0
    for corpus in {row["corpus"] for row in answered}:
        path = folder / "gold" / corpus / "test.parquet"
        expected = {row["id"]: keys(row) for row in read_rows(path, EXAMPLES)}
        for row in (row for row in answered if row["corpus"] == corpus):
            correct += len(keys(row) & expected[row["id"]])
            gold += len(expected[row["id"]])
            found += len(keys(row))
    precision, recall = correct / found, correct / gold
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": precision, "recall": recall, "f1": f1}[cell["metric"]]


def keys(row: dict[str, Any]) -> set[tuple[str, int]]:
    return {(one["type"], one["spans"][0]["start"]) for one in row["entities"]}


def test_cells_are_what_the_runs_that_they_name_and_gold_say(results):
    cells = tables(results).to_dict("records")
    assert len(cells) == 12 + 12 + 8
    for cell in random.Random(1).sample(cells, 16):
        runs = cell["runs"].split()
        assert len(runs) == len(DRAWS)
        values = [recomputed(results, cell, run) for run in runs]
        assert cell["value"] == pytest.approx(fmean(values))
        assert cell["sd"] == pytest.approx(stdev(values))
        assert cell["text"] == f"{fmean(values):.2f} ± {stdev(values):.2f}"


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("corpus", "format"), [("flat", "g"), ("other", "f")])
def test_a_changed_prediction_file_changes_exactly_the_cells_that_rest_on_it(
    results, run, corpus, format
):
    before, rows = tables(results), read_rows(results / f"{run}.parquet", PREDICTIONS)
    rows = list(rows)
    path = results / "gold" / corpus / "test.parquet"
    expected = {row["id"]: keys(row) for row in read_rows(path, EXAMPLES)}
    row, right = next(
        (row, one)
        for row in rows
        if (row["corpus"], row["format"]) == (corpus, format)
        for one in row["entities"]
        if keys({"entities": [one]}) <= expected[row["id"]]
    )
    row["entities"].remove(right)
    written(results, run, rows)
    after = tables(results)
    row["entities"].append(right)
    written(results, run, rows)
    changed = before["value"] != after["value"]
    resting = [rests_on(cell, run, corpus, format) for cell in before.to_dict("records")]
    assert changed.tolist() == resting
    assert any(resting)
    assert not all(resting)
    pd.testing.assert_frame_equal(before[~changed], after[~changed])
    pd.testing.assert_frame_equal(tables(results), before)
