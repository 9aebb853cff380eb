"""The scripts of engines: conversion with the choice of int8, prediction, the table of engines."""

import runpy
import sys

import pandas as pd
import pytest
from conftest import ROOT
from test_engines_openai import private, server  # noqa: F401 (fixtures)
from test_predict import as_row, queries
from tiny import tiny_model

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, PREDICTIONS, read_card, read_rows, write_rows
from bionerflow.utils.files import read_json

SETTINGS = {"max_new_tokens": 8, "batch_size": 4, "engine": "ctranslate2", "shots": 1}


def call(script, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(str(ROOT / "workflow/scripts" / script), run_name="__main__")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model and rendered queries."""
    folder = tmp_path_factory.mktemp("made")
    tiny_model(folder / "model")
    rows = map(as_row, queries("multi_term", [str(n) for n in range(5)]))
    write_rows(folder / "test.parquet", rows, CONVERSATIONS)
    return folder


@pytest.mark.parametrize(("compute_type", "used"), [("float32", "float32"), ("int8", "int8")])
def test_a_run_is_converted_and_answers(made, tmp_path, compute_type, used):
    its = PredictSettings(**SETTINGS, ctranslate2={"compute_type": compute_type}).dump()
    common = (f"--model={made / 'model'}", f"--settings={its}", "--threads=1")
    queries = f"--queries={made / 'test.parquet'}"
    call("convert.py", *common, queries, f"--out={tmp_path / 'ct2'}")
    card = read_json(tmp_path / "ct2.json")
    assert card["compute_type"] == used
    if compute_type == "int8":
        assert card["reason"].startswith("int8 is used: int8 less float32 on 1 dev documents is")
        assert card["dev"]["low"] > -0.01
    call("predict.py", *common, queries, f"--examples={made / 'test.parquet'}", "--seed=1",
         f"--converted={tmp_path / 'ct2'}", f"--checkpoints={tmp_path / 'kept'}",
         f"--out={tmp_path / 'out.parquet'}")  # fmt: skip
    assert read_card(tmp_path / "out.parquet")["engine"].startswith("ctranslate2 4")
    assert read_card(tmp_path / "out.parquet")["engine"].endswith(used)
    assert len(read_rows(tmp_path / "out.parquet", PREDICTIONS)) == 5


def test_an_endpoint_answers_a_run_and_the_card_says_what_it_cost(made, tmp_path, server):  # noqa: F811
    its = {"url": server.url, "model": "m", "input_price": 1}
    settings = PredictSettings(engine="openai", openai=its).dump()
    call("predict.py", f"--model={made / 'model'}", f"--queries={made / 'test.parquet'}",
         f"--settings={settings}", "--seed=1", "--threads=1", f"--checkpoints={tmp_path / 'kept'}",
         f"--out={tmp_path / 'out.parquet'}")  # fmt: skip
    card = read_card(tmp_path / "out.parquet")
    assert card["engine"] == "openai 127.0.0.1 m-1"
    assert card["usage"]["prompt_tokens"] == 10 * len(server.asked)
    assert card["usage"]["cost"] == pytest.approx(card["usage"]["prompt_tokens"] / 1e6)
    assert len(read_rows(tmp_path / "out.parquet", PREDICTIONS)) == 5


@pytest.mark.long
def test_engines_stand_beside_each_other(made, tmp_path):
    its = PredictSettings(max_new_tokens=8).dump()
    call("engines.py", f"--model={made / 'model'}", f"--queries={made / 'test.parquet'}",
         f"--settings={its}", "--seed=1", "--threads=1",
         f"--out={tmp_path / 'engines.csv'}")  # fmt: skip
    table = pd.read_csv(tmp_path / "engines.csv").set_index("engine")
    assert list(table.index) == [
        "torch",
        "ctranslate2 float32",
        "ctranslate2 int8",
        "vllm",
        "openai",
    ]
    assert table.loc[["torch", "ctranslate2 float32"], "answers_differ"].tolist() == [0, 0]
    assert (table["sentences"].dropna() == 5).all()
    assert (table["memory_mb"].dropna() > 100).all()
    assert "vllm is not installed" in table.loc["vllm", "reason"]
    assert "predict.openai" in table.loc["openai", "reason"]
