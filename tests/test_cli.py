"""The command line as its user meets it: help with examples, errors of one line, a run at work."""

import argparse
import io
import json
import re
import sys
from pathlib import Path

import pytest
from tiny import tiny_model

from bionerflow import cli
from bionerflow.annotate.model import RunModel
from bionerflow.config.stages import SelectorSettings
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.predict import predict
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.select.kinds import build
from bionerflow.utils.files import read_json, write_json
from bionerflow.utils.progress import read

TEXT = "BCL6 plays a role in activated lymphocytes 🧬.\r\nBreast and ovarian cancer.\r\n"


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory) -> Path:
    """A run's folder with an untrained model."""
    folder = tmp_path_factory.mktemp("train") / "own.tiny.multi_term.draw1"
    tiny_model(folder / "model")
    asked = {"dataset": "own", "language": "en", "types": ["protein", "disease"], "definitions": {}}
    card = {"run": folder.name, "corpora": {"own": asked}, "formats": ["multi_term"],
            "predict": {"max_new_tokens": 8, "batch_size": 4}}  # fmt: skip
    write_json(folder / "run.json", card)
    return folder


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("command", ["", *commands()])
def test_help_explains_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*filter(None, [command]), "--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert f"\n  bionerflow {command}" in said.partition("\nexample:")[2]
    assert all(len(line) <= 100 for line in said.splitlines())


def annotate(run: Path, given: Path, out: Path, form: str, *more: str) -> None:
    cli.main(["annotate", str(given), "--model", str(run), "--to", form, "-o", str(out), *more])


def test_a_run_is_asked_as_its_card_says(tiny_run, tmp_path, capsys):
    (tmp_path / "note.txt").write_bytes(TEXT.encode("utf-8-sig"))
    annotate(tiny_run, tmp_path / "note.txt", tmp_path / "out.jsonl", "jsonl")
    [row] = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert row["text"] == TEXT
    card = read_json(tmp_path / "out.jsonl.json")
    assert (card["documents"], card["sentences"], card["run"]) == (1, 2, tiny_run.name)
    assert (card["corpus"], card["format"]) == ("own", "multi_term")
    model = RunModel(str(tiny_run))
    asked = ["BCL6 plays a role in activated lymphocytes 🧬.", "Breast and ovarian cancer."]
    queries = [query for n, text in enumerate(asked) for query in model._queries(n, text)]
    folder = tiny_run / "model"
    engine = TorchEngine(load_causal(folder), load_tokenizer(folder))
    rows = predict(engine, queries, model.settings, tmp_path / "shards")
    problems = [problem["kind"] for row in rows for problem in row["problems"]]
    assert sum(card["problems"].values()) == len(problems) > 0
    said = capsys.readouterr()
    assert "2 sentences of 1 documents" in said.out
    told = {one.what: one.name for one in map(read, said.err.splitlines()) if one}
    assert told == {"annotate": str(tiny_run), "predict": ""}  # the name ends with the command


def test_standard_input(tiny_run, tmp_path, monkeypatch):
    class Piped:
        buffer = io.BytesIO(TEXT.encode())

    monkeypatch.setattr(sys, "stdin", Piped)
    annotate(tiny_run, Path("-"), tmp_path / "out", "brat")
    assert (tmp_path / "out" / "stdin.txt").read_bytes() == TEXT.encode()


def test_a_sentence_longer_than_the_models_context_is_asked_in_pieces(tiny_run, tmp_path):
    (tmp_path / "note.txt").write_text("🧬" * 900 + "\n" + TEXT, "utf-8", newline="")
    annotate(tiny_run, tmp_path / "note.txt", tmp_path / "out.jsonl", "jsonl")
    assert read_json(tmp_path / "out.jsonl.json")["sentences"] > 5


def test_a_run_is_found_by_its_id_or_its_models_folder(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("bionerflow.annotate.model.RUNS", tiny_run.parent)
    for given in (tiny_run.name, str(tiny_run / "model")):
        assert RunModel(given).facts["run"] == tiny_run.name
    assert RunModel(tiny_run.name).key == RunModel(str(tiny_run)).key
    assert RunModel(tiny_run.name, batch_size=2).key != RunModel(tiny_run.name).key


@pytest.fixture
def finding_run(tiny_run, tmp_path) -> Path:
    """A run that writes only what parses: an untrained model finds mentions, too."""
    folder = tmp_path / "finding"
    folder.mkdir()
    (folder / "model").symlink_to(tiny_run / "model")
    card = read_json(tiny_run / "run.json")
    card["predict"] |= {"constrained": True, "max_new_tokens": 48}
    write_json(folder / "run.json", card)
    return folder


def found(out: Path) -> dict[tuple[str, str], dict]:
    [row] = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return {(one["type"], str(one["spans"])): one for one in row["entities"]}


def test_a_selector_keeps_what_it_holds_for_true(finding_run, tmp_path):
    settings = SelectorSettings(base="tiny", method="full")
    build(finding_run / "model", settings, ["protein", "disease"]).save(tmp_path / "s" / "model")
    (tmp_path / "note.txt").write_text(TEXT, "utf-8", newline="")
    kept = {}
    for name, more in {
        "unasked": (),
        "none": ("--selector", str(tmp_path / "s"), "--threshold", "1"),
        "all": ("--selector", str(tmp_path / "s"), "--threshold", "0"),
    }.items():
        annotate(finding_run, tmp_path / "note.txt", tmp_path / name, "jsonl", *more)
        kept[name] = found(tmp_path / name)
    assert kept["all"].keys() == kept["unasked"].keys()
    assert len(kept["all"]) > 0
    assert all(0 < one["probability"] < 1 for one in kept["all"].values())
    assert all(one["probability"] is None for one in kept["unasked"].values())
    assert kept["none"] == {}
    at = sorted(one["probability"] for one in kept["all"].values())[-1]
    annotate(finding_run, tmp_path / "note.txt", tmp_path / "best", "jsonl",
             "--selector", str(tmp_path / "s"), "--threshold", str(at))  # fmt: skip
    assert {one["probability"] for one in found(tmp_path / "best").values()} == {at}


WRONG = {
    "no such run": (
        ["--model", "own.tiny.multi_trem.draw1"],
        "no run.json in .*Did you mean",
    ),
    "no such corpus": (["--corpus", "other"], "has no corpus 'other': give --corpus one of own"),
    "no such input": ([], "no file or folder nowhere.txt"),
    "no such selector": (["--selector", "s"], "no model/selector.json in s.*train one first"),
    "no threshold": (["--threshold", "high"], "neither a number nor a file"),
    "no probability": (["--threshold", "7"], "A threshold is from 0 to 1, not 7"),
    "no place": (["-o", "/proc/none/out.csv"], "/proc/none: No such file or directory"),
    "a folder": (["-o", "."], ". is a folder: give -o the name of a file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_is_one_line_and_a_traceback_only_on_request(
    name, tiny_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("bionerflow.annotate.model.RUNS", tiny_run.parent)
    monkeypatch.setattr("bionerflow.annotate.model.SELECTORS", tmp_path)
    more, message = WRONG[name]
    given = tmp_path / "note.txt" if more else "nowhere.txt"
    (tmp_path / "note.txt").write_text(TEXT)
    arguments = ["annotate", str(given), "--model", tiny_run.name, "--to", "csv",
                 "-o", str(tmp_path / "out.csv"), *more]  # fmt: skip
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stop:
        cli.main(arguments)
    assert "\n" not in str(stop.value.code)
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([*arguments, "--debug"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["anotate"], ["annotate", "x"], ["annotate", "x", "--model", "m", "--to", "xml"],
     ["annotate", "x", "--model", "m", "--to", "csv", "-o", "o", "--batch-size", "0"]],
)  # fmt: skip
def test_a_wrong_call_is_one_line_that_leads_to_help(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    said = capsys.readouterr().err
    assert re.fullmatch(r"error: .*; `bionerflow( annotate)? --help` explains\n", said)


def test_a_fault_of_the_program_is_one_line_too(monkeypatch):
    def broken(args):
        raise ZeroDivisionError("no")

    monkeypatch.setattr("bionerflow.cli.annotate.annotate", broken)
    arguments = ["annotate", "x", "--model", "m", "--to", "csv", "-o", "o"]
    with pytest.raises(SystemExit, match=r"^error: ZeroDivisionError: no .*--debug"):
        cli.main(arguments)
    with pytest.raises(ZeroDivisionError):
        cli.main([*arguments, "--debug"])
