"""The engine that answered stands in scores and tables, and a table says where several did."""

import pytest
from test_tables import cell, definition, evaluations, filled

from bionerflow.data.schema import PREDICTIONS, read_card, write_rows
from bionerflow.select.filter import _write_kept
from bionerflow.tables.fill import read_evaluations
from bionerflow.tables.write import notes
from bionerflow.utils.files import write_json

RUNS = ("demo.mini.7best.draw1", "demo.mini.7best.draw2")


def answered(*engines):
    """Evaluations of two draws whose answers came from these engines."""
    found = evaluations(**dict.fromkeys(RUNS, 0.5))
    for run, engine in zip(RUNS, engines, strict=True):
        for record in found[run].values():
            record["engine"] = engine
    return found


@pytest.mark.parametrize(
    ("engines", "shown", "noted"),
    [
        (("torch 2", "torch 2"), "torch 2", False),
        (("torch 2", "ctranslate2 4 int8"), "ctranslate2 4 int8, torch 2", True),
        (("torch 2", "torch 3"), "torch 2, torch 3", True),
        (("", ""), "", False),
    ],
)
def test_a_column_of_several_engines_is_noted(engines, shown, noted):
    made = definition(configurations=("7best",), models=("mini",))
    long = filled(made, answered(*engines))
    assert cell(long, "flat", "7best")["engine"] == shown
    said = notes(long.to_dict("records"))
    assert (f"Different inference engines answered in: 7best ({shown})." in said) is noted


def test_columns_of_one_engine_each_are_not_mixed():
    numbers = [{"column": name, "engine": name, "text": ""} for name in ("torch", "vllm")]
    assert "engines" not in notes(numbers)
    assert "engines" in notes([one | {"column": "F1"} for one in numbers])


def test_scores_name_the_engine_of_their_predictions(tmp_path):
    scores = [{"corpus": "flat", "format": None}]
    write_json(tmp_path / "new.json", {"predictions": "a", "scores": scores, "engine": "vllm 1"})
    write_json(tmp_path / "old.json", {"predictions": "b", "scores": scores})
    found = read_evaluations([tmp_path / "new.json", tmp_path / "old.json"])
    assert found["a"]["flat", None]["engine"] == "vllm 1"
    assert found["b"]["flat", None]["engine"] == ""


def test_filtered_predictions_keep_the_engine(tmp_path):
    from bionerflow.select.filter import _made

    write_rows(tmp_path / "in.parquet", [], PREDICTIONS, engine="vllm 1")
    _write_kept(tmp_path / "out.parquet", [], [], 0.5, **_made(tmp_path / "in.parquet"))
    assert read_card(tmp_path / "out.parquet")["engine"] == "vllm 1"
