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
from bionerflow.files import write_json
from bionerflow.settings import AnnotationSettings, parse

RUN = "demo.mini.conv_term.draw1"
RULES = ("annotate_share", "annotate", "annotate_brat")
TYPES = ["protein", "disease"]
#: Long sentences, so that few answers make several chunks.
SENTENCE = "The {}th patient had 🧬 naïve cells" + ", and e\u0301levated protein" * 30 + ".\r\n"
JOBS = 3


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Flow:
    """A copy of the repository with a run's folder as training leaves it, and texts."""
    flow = Flow(tmp_path_factory.mktemp("flow"))
    run = flow.folder / "results/train" / RUN
    tiny_model(run / "model")
    asked = {"dataset": "own", "language": "en", "types": TYPES, "definitions": {}}
    predict = {"max_new_tokens": 24, "batch_size": 32, "constrained": True}
    card = {"run": RUN, "corpora": {"own": asked}, "formats": ["multi_term"], "predict": predict}
    write_json(run / "run.json", card)
    write_json(run / "metrics.json", {})
    notes = flow.folder / "notes"
    notes.mkdir()
    (notes / "long.txt").write_text("".join(map(SENTENCE.format, range(200))), "utf-8", newline="")
    (notes / "short.txt").write_text("\ufeffOne protein.", "utf-8")
    texts = {"inputs": ["notes/long.txt", "notes/short.txt"], "run": RUN, "jobs": JOBS}
    with (flow.folder / "config/demo.yaml").open("a", encoding="utf-8") as file:
        yaml.safe_dump({"annotations": {"own": texts}}, file)
    return flow


def made(flow: Flow, form: str) -> tuple[Path, str]:
    """Make a target; return it, and what was said."""
    target = f"results/annotations/own.{form}"
    done = flow.snakemake(target, "--configfile", "config/demo.yaml", "--allowed-rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    return flow.folder / target, done.stdout + done.stderr


def test_several_jobs_find_what_one_command_finds(flow, tmp_path, monkeypatch):
    target, _ = made(flow, "csv")
    shares = [json.loads(path.read_text()) for path in sorted(
        (flow.folder / "results/annotations/own.parts").glob(f"*of{JOBS}.json"))]  # fmt: skip
    assert [len(share["files"]) for share in shares] == [1] * JOBS
    monkeypatch.chdir(flow.folder)
    cli.main(["annotate", "notes", "--model", RUN, "--to", "csv", "-o", str(tmp_path / "one.csv")])
    assert target.read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert len(list(read_csv(target))) > 0
    cards = [json.loads(Path(f"{out}.json").read_text()) for out in (target, tmp_path / "one.csv")]
    assert cards[0] == cards[1]
    assert (cards[0]["documents"], cards[0]["form"], cards[0]["run"]) == (2, "csv", RUN)


def test_a_second_form_asks_the_model_nothing(flow):
    table, _ = made(flow, "csv")
    folder, said = made(flow, "brat")
    assert "rule annotate_share" not in said
    assert (folder / "long.txt").read_bytes() == (flow.folder / "notes/long.txt").read_bytes()
    assert {(one.id, one.spans) for one in read_brat(folder)} == {
        (one.id, one.spans) for one in read_csv(table)
    }


def test_a_changed_text_is_annotated_again(flow):
    made(flow, "jsonl")
    (flow.folder / "notes/short.txt").write_text("Another disease.", "utf-8")
    target, said = made(flow, "jsonl")
    assert "rule annotate_share" in said
    assert [json.loads(line)["text"] for line in target.read_text("utf-8").splitlines()][-1] == (
        "Another disease."
    )
    kept = flow.folder / "results/checkpoints/annotations/own"
    assert len(list(kept.glob("*.jsonl"))) == JOBS + 1  # of the changed chunk alone there are two


def test_the_documented_configuration_is_valid():
    document = (ROOT / "docs/annotate.md").read_text("utf-8")
    (block,) = re.findall(r"(?m)^    annotations:\n(?:^     .*\n)+", document)
    ((name, settings),) = yaml.safe_load(block)["annotations"].items()
    assert parse(AnnotationSettings, settings, name).jobs > 1
