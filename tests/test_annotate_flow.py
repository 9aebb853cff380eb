"""Texts as a target: several jobs annotate them, one writes them, a second form asks no model."""

import json
import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from flow import Flow
from test_annotate import read_brat, read_csv
from tiny import tiny_model

from bionerflow import cli
from bionerflow.config.base import parse
from bionerflow.config.workflow import AnnotationSettings
from bionerflow.utils.files import write_json

RUN = "demo.smollm2-135m.conv_term.draw1"
RULES = ("annotate_share", "annotate", "annotate_folder")
TYPES = ["protein", "disease"]
NOTE = "The {}th patient had 🧬 BCL6.\r\nE\u0301levated protein.\r\n"
SIZE = "SIZE = 1 << {}\n"
JOBS, NOTES = 2, 5


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Flow:
    """A copy of the repository with a run's folder as training leaves it, and texts.

    A chunk is so small there that each note is one.
    """
    flow = Flow(tmp_path_factory.mktemp("flow"))
    chunks = flow.folder / "src/bionerflow/annotate/chunks.py"
    text = chunks.read_text("utf-8")
    assert SIZE.format(16) in text
    chunks.write_text(text.replace(SIZE.format(16), SIZE.format(4)), "utf-8")
    run = flow.folder / "results/train" / RUN
    tiny_model(run / "model")
    asked = {"dataset": "own", "language": "en", "types": TYPES, "definitions": {}}
    predict = {"max_new_tokens": 48, "batch_size": 32, "constrained": True}
    card = {"run": RUN, "corpora": {"own": asked}, "formats": ["multi_term"], "predict": predict}
    write_json(run / "run.json", card)
    write_json(run / "metrics.json", {})
    notes = flow.folder / "notes"
    notes.mkdir()
    for number in range(NOTES):
        (notes / f"{number}.txt").write_text("\ufeff" + NOTE.format(number), "utf-8", newline="")
    texts = {"inputs": ["notes"], "run": RUN, "jobs": JOBS}
    with (flow.folder / "config/demo.yaml").open("a", encoding="utf-8") as file:
        yaml.safe_dump({"annotations": {"own": texts}}, file)
    return flow


def made(flow: Flow, form: str) -> tuple[Path, str]:
    """Make a target; return it, and what was said."""
    target = f"results/annotations/own.{form}"
    done = flow.snakemake(target, "--configfile", "config/demo.yaml", "--allowed-rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    return flow.folder / target, done.stdout + done.stderr


@pytest.fixture(scope="module")
def table(flow) -> Path:
    """The texts annotated by all jobs."""
    return made(flow, "csv")[0]


def test_several_jobs_find_what_one_command_finds(flow, table, tmp_path, monkeypatch):
    parts = flow.folder / "results/annotations/own.parts"
    shares = [json.loads((parts / f"{n}of{JOBS}.json").read_text()) for n in (1, 2)]
    assert [len(share["files"]) for share in shares] == [3, 2]
    monkeypatch.chdir(flow.folder)
    one = tmp_path / "one.csv"
    cli.main(["annotate", "notes", "--model", RUN, "--to", "csv", "-o", str(one)])
    assert table.read_bytes() == one.read_bytes()
    assert len(list(read_csv(table))) > 0
    cards = [json.loads(Path(f"{out}.json").read_text()) for out in (table, one)]
    assert cards[0] == cards[1]
    assert (cards[0]["documents"], cards[0]["form"], cards[0]["run"]) == (NOTES, "csv", RUN)


def test_a_second_form_asks_the_model_nothing(flow, table):
    folder, said = made(flow, "brat")
    assert "rule annotate_share" not in said
    assert (folder / "1.txt").read_bytes().decode() == NOTE.format(1)
    found = {(one.id, one.spans) for one in read_csv(table)}
    assert {(one.id, one.spans) for one in read_brat(folder)} == found


def test_a_changed_text_alone_is_annotated_again(flow, table):
    (flow.folder / "notes/4.txt").write_text("Another disease.", "utf-8")
    target, said = made(flow, "jsonl")
    assert "rule annotate_share" in said
    texts = [json.loads(line)["text"] for line in target.read_bytes().decode().split("\n")[:-1]]
    assert texts == [*map(NOTE.format, range(4)), "Another disease."]
    kept = flow.folder / "results/checkpoints/annotations/own"
    assert len(list(kept.glob("*.jsonl"))) == NOTES + 1  # of the changed text there are two


def test_the_documented_configuration_is_valid():
    document = (ROOT / "docs/annotate.md").read_text("utf-8")
    (block,) = re.findall(r"(?m)^annotations:\n(?:^ .*\n)+", document)
    ((name, settings),) = yaml.safe_load(block)["annotations"].items()
    assert parse(AnnotationSettings, settings, name).jobs > 1
