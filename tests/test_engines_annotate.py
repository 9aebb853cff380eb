"""`annotate` with another engine, and with a chat model that was not trained here (zero-shot)."""

import json
import os
from pathlib import Path

import pytest
from test_cli import TEXT, annotate, tiny_run  # noqa: F401 (a fixture)
from test_engines_openai import private, server, settings  # noqa: F401 (fixtures)

import bionerflow
from bionerflow import cli
from bionerflow.annotate import model, zero_shot
from bionerflow.annotate.model import engine_for
from bionerflow.annotate.zero_shot import BaseModel, folder_of_base
from bionerflow.config.stages import PredictSettings
from bionerflow.inference.engines import ctranslate2
from bionerflow.inference.engines.load import CHOICE
from bionerflow.models import shipped
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, sha256, write_json

DEFINITIONS = "Disease:\n  definition: An illness.\n"


@pytest.fixture
def note(tmp_path) -> Path:
    (tmp_path / "note.txt").write_text(TEXT, "utf-8", newline="")
    return tmp_path / "note.txt"


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_ctranslate2_annotates_as_torch_does(tiny_run, note, tmp_path):  # noqa: F811
    outs = [tmp_path / engine for engine in ("torch", "ctranslate2")]
    for out in outs:
        annotate(tiny_run, note, out, "jsonl", "--engine", out.name)
    one, other = (rows(out)[0]["entities"] for out in outs)
    assert [(e["spans"], e["type"]) for e in one] == [(e["spans"], e["type"]) for e in other]
    cards = [read_json(f"{out}.json") for out in outs]
    assert [card["engine"].split()[0] for card in cards] == ["torch", "ctranslate2"]
    assert cards[0]["problems"] == cards[1]["problems"]
    [kept] = (tmp_path / "cache" / "ctranslate2").iterdir()
    assert (kept / "model.bin").is_file()


def test_types_of_ones_own_are_asked_of_a_model_in_a_folder(tiny_run, note, tmp_path):  # noqa: F811
    (tmp_path / "types.yaml").write_text(DEFINITIONS)
    out = tmp_path / "out.jsonl"
    annotate(tiny_run / "model", note, out, "jsonl", "--types", "Disease, Chemical",
             "--definitions", str(tmp_path / "types.yaml"), "--batch-size", "2")  # fmt: skip
    card = read_json(f"{out}.json")
    assert card["format"] == "html"
    assert card["definitions"] == {"Disease": "An illness."}
    model = BaseModel(str(tiny_run / "model"), ["Disease"], {"Disease": "An illness."})
    [query] = model._queries(0, "x")
    assert "Disease: An illness." in query.turns[1].content


def test_an_endpoint_is_asked_without_any_model_here(server, note, tmp_path):  # noqa: F811
    its = tmp_path / "endpoint.yaml"
    its.write_text(f"url: {server.url}\nconcurrency: 1\n")
    annotate(Path("some-model"), note, tmp_path / "out.csv", "csv", "--types", "Disease",
             "--engine", "openai", "--engine-settings", str(its))  # fmt: skip
    assert {body["model"] for body in server.asked} == {"some-model"}
    assert len(server.asked) == 2
    assert read_json(tmp_path / "out.csv.json")["engine"].startswith("openai 127.0.0.1")


def test_examples_are_answered_in_the_prompt_before_each_sentence(server, note, tmp_path):  # noqa: F811
    its, examples = tmp_path / "endpoint.yaml", tmp_path / "examples.txt"
    its.write_text(f"url: {server.url}\nconcurrency: 1\n")
    examples.write_text("She had [gout](Disease).\n\nNo [insulin](Chemical) was given.\n", "utf-8")
    annotate(Path("some-model"), note, tmp_path / "out.csv", "csv", "--types", "Disease,Chemical",
             "--examples", str(examples), "--engine", "openai",
             "--engine-settings", str(its))  # fmt: skip
    for body in server.asked:
        *shown, asked = [(turn["role"], turn["content"]) for turn in body["messages"]]
        assert [role for role, _ in shown] == ["user", "assistant"] * 2
        assert shown[0][1].endswith("Text: She had gout.")
        assert "gout" in shown[1][1]
        assert "insulin" in shown[3][1]
        assert asked[0] == "user"
        assert "gout" not in asked[1]
    assert read_json(tmp_path / "out.csv.json")["examples"][0] == "She had [gout](Disease)."


def test_a_model_of_types_of_ones_own_is_loaded_by_the_python_interface(tiny_run):  # noqa: F811
    model = bionerflow.load(tiny_run / "model", types=["Disease"], format="uniner",
                            definitions={}, examples=["She had [gout](Disease)."])  # fmt: skip
    [query] = model.annotator._queries(0, "No fever.")
    assert query.given == 3  # uniner begins with an answer, in the example as in the query
    assert [turn.content for turn in query.turns][4] == '["gout"]'
    assert len(list(model.annotate(["No fever."]))) == 1


def test_an_example_that_the_format_cannot_write_is_refused():
    with pytest.raises(UserError, match="Example 1: the format multi_term cannot write its"):
        zero_shot.wanted(["Disease"], {}, ["[none](Disease) was found."], None, "en")


def test_definitions_and_examples_that_leave_no_room_are_refused_at_once(tiny_run):  # noqa: F811
    with pytest.raises(UserError, match="Definitions and examples are too long"):
        BaseModel(str(tiny_run / "model"), ["Disease"], examples=["word " * 2000])


WRONG = {
    "definitions of another type": (
        ["--types", "Gene"],
        "'Disease' has a definition and is not a type to find",
    ),
    "no place for definitions": (
        ["--types", "Disease", "--format", "multi_term"],
        "prompt of multi_term has no place for definitions: take the format html",
    ),
    "no types": ([], "--definitions and --examples are for types of one's own"),
    "no examples": (
        ["--types", "Disease", "--examples", "nowhere.txt"],
        "nowhere.txt cannot be read as UTF-8 text",
    ),
    "a type twice": (["--types", "A,A"], "Each type needs a name of its own"),
    "no url": (
        ["--types", "Disease", "--engine", "openai"],
        "engine: 'openai.url': Field required",
    ),
    "settings alone": (
        ["--types", "Disease", "--engine-settings", "x.yaml"],
        "--engine-settings needs --engine",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_asked_is_told(name, tiny_run, note, tmp_path):  # noqa: F811
    (tmp_path / "types.yaml").write_text(DEFINITIONS)
    more, message = WRONG[name]
    arguments = ["annotate", str(note), "--model", str(tiny_run / "model"), "--to", "csv",
                 "-o", str(tmp_path / "out.csv")]  # fmt: skip
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        cli.main([*arguments, "--definitions", str(tmp_path / "types.yaml"), *more])


def test_a_model_is_found_by_its_name(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(shipped, "install", lambda *given: made.append(given))
    monkeypatch.setattr(zero_shot, "FOLDER", tmp_path)
    cached = folder_of_base("smollm2-135m")
    assert cached.parent == tmp_path / "cache" / "models"  # where shipped adapters have their base
    assert [given[1] for given in made] == [cached]
    (tmp_path / "hub" / "qwen3-0.6b").mkdir(parents=True)
    with pytest.raises(UserError, match=r"not here yet: call `snakemake .*qwen3-0.6b --cores 1`"):
        folder_of_base("qwen3-0.6b")
    with pytest.raises(UserError, match="Did you mean 'smollm2-135m'"):
        folder_of_base("smolm2-135m")
    monkeypatch.chdir(tmp_path)  # outside of a clone
    assert folder_of_base("smollm2-135m") == cached


def test_the_cache_is_cleared_by_a_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BIONERFLOW_CACHE", str(tmp_path))
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "a.json").write_text("x" * 2_000_000)
    cli.main(["clear-cache"])
    assert capsys.readouterr().out == f"{tmp_path}: 2.0 MB deleted\n"
    assert not (tmp_path / "answers").exists()


def test_a_conversion_is_taken_if_it_is_of_the_run_s_weights_however_old_it_is(
    tmp_path, monkeypatch
):
    weights, made = tmp_path / "train/run/model/model.safetensors", tmp_path / "models/ct2/run"
    for folder in (weights.parent, made):
        folder.mkdir(parents=True)
    weights.write_bytes(b"one")
    write_json(made / CHOICE, {"compute_type": "int8", "model": {weights.name: sha256(weights)}})
    os.utime(made / CHOICE, (1, 1))
    monkeypatch.setattr(model, "load_engine", lambda *given: given[-1])
    monkeypatch.setattr(model, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(ctranslate2, "convert", lambda folder, out: out.mkdir())
    its = PredictSettings(engine="ctranslate2")
    assert engine_for(weights.parent, its) == made
    weights.write_bytes(b"two")
    os.utime(weights, (0, 0))
    assert engine_for(weights.parent, its) == its
    assert list(tmp_path.glob("cache/ctranslate2/*"))
