"""Corpora and predictions as Hugging Face datasets: features, card, load, push."""

import re

import datasets
import pytest
from conftest import ROOT
from huggingface_hub import DatasetCard, HfApi
from test_sharing import SPLIT, TEXT, hub

from bionerflow.data.datasets import corpus_dataset, export, push
from bionerflow.data.schema import (
    PREDICTIONS,
    Example,
    entity_row,
    gold_row,
    write_examples,
    write_rows,
)
from bionerflow.utils.errors import UserError

ABOUT = {"title": "Own: a corpus", "description": "By us (2026).", "licence": "cc-by-4.0"}
FOUND = {**entity_row(SPLIT), "confidence": 0.5, "probability": None}
PREDICTED = {"corpus": "own", "format": "multi_term", "id": "1:0", "prompt": "0", "answers": ["a"],
             "entities": [FOUND], "problems": [], "lookalikes": 1}  # fmt: skip
__all__ = ["hub"]


@pytest.fixture
def corpus(tmp_path):
    """A folder of a corpus that has no dev split."""
    examples = [Example("1:0", "1", "en", TEXT, (SPLIT,)), Example("1:1", "1", "en", "x", ())]
    write_examples(tmp_path / "own/train.parquet", examples)
    write_examples(tmp_path / "own/test.parquet", examples[:1])
    return tmp_path / "own"


def test_a_corpus_is_exported_with_its_features_and_loaded_again(corpus, tmp_path):
    given = export(corpus, tmp_path / "out", ABOUT, ["en"])
    assert list(given) == ["train", "test"]
    again = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert again["train"].features == given["train"].features
    assert again["train"][:]["entities"] == [[gold_row(SPLIT)], []]
    assert again["test"]["text"][:] == [TEXT]
    described = DatasetCard.load(tmp_path / "out/README.md")
    assert (described.data.license, described.data.language) == ("cc-by-4.0", ["en"])
    assert "| train | 2 | 1 |" in described.text
    assert "By us (2026)." in described.text


def test_predictions_are_exported(tmp_path):
    write_rows(tmp_path / "run.parquet", [PREDICTED], PREDICTIONS)
    export(tmp_path / "run.parquet", tmp_path / "out", ABOUT, ["en"])
    again = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert again["test"][0] == PREDICTED


def test_an_export_is_pushed_whole(corpus, tmp_path, hub):
    address, uploaded = hub
    export(corpus, tmp_path / "out", ABOUT, ["en"])
    push(tmp_path / "out", "o/r", api=HfApi(endpoint=address, token="hf_none"))
    files = {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.*")}
    assert {p.relative_to(uploaded) for p in uploaded.rglob("*.*")} == files
    assert len(files) == 3


def test_the_python_of_the_page_on_training_runs(corpus, tmp_path, hub, monkeypatch):
    address, uploaded = hub
    text = (ROOT / "docs/training.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name in ("genia", "mine"):
        (tmp_path / "results/corpora").mkdir(parents=True, exist_ok=True)
        (tmp_path / "results/corpora" / name).symlink_to(corpus)
    write_rows(tmp_path / "results/predict/RUN.parquet", [PREDICTED], PREDICTIONS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "bionerflow.data.datasets.HfApi", lambda: HfApi(endpoint=address, token="hf_none")
    )
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert names["corpus"]["train"]["text"][:] == [TEXT, "x"]
    assert (uploaded / "data/train.parquet").is_file()


def test_what_is_no_corpus_is_told(tmp_path):
    with pytest.raises(UserError, match="There is no corpus in"):
        corpus_dataset(tmp_path)
    with pytest.raises(UserError, match="There are no predictions at"):
        export(tmp_path / "run.parquet", tmp_path / "out", ABOUT, ["en"])
