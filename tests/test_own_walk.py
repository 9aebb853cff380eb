"""The walk-through of docs/own-corpus.md, its commands run as they stand there.

It goes the whole way with the real SmolLM2-135M, from the package index to annotated texts.
"""

import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from flow import Flow
from test_annotate import page_data

pytestmark = pytest.mark.long
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
RUN = "notes.smollm2-135m.conv_term.draw1"


@pytest.fixture(scope="module")
def walked(tmp_path_factory, smollm2_wheel) -> Flow:
    """A copy of the repository in which the document's commands were run, one after the other."""
    flow = Flow(tmp_path_factory.mktemp("walk"))
    blocks = BLOCK.findall((ROOT / "docs/own-corpus.md").read_text("utf-8"))
    commands = [line.strip() for block in blocks for line in block.splitlines()]
    assert {command.split()[0] for command in commands} >= {"tar", "bionerflow", "snakemake"}
    for command in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=flow.folder, env=flow.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "Error" not in done.stdout + done.stderr, command
    return flow


def texts(folder: Path) -> dict[str, str]:
    return {file.stem: file.read_text("utf-8") for file in folder.glob("*.txt")}


def test_the_table_has_the_corpus_and_its_scores(walked):
    table = pd.read_csv(walked.folder / "results/tables/table5.csv", index_col=0)
    assert list(table.index) == ["notes"]
    assert table.loc["notes", ["conv_term", "conv_term+llm_cls"]].notna().all()
    report = json.loads((walked.folder / "results/corpora/notes/report.json").read_text())
    assert {split: n["documents"] for split, n in report["splits"].items()} == {
        "train": 10, "dev": 10, "test": 10,
    }  # fmt: skip


def test_the_page_has_the_texts_and_says_by_whom(walked):
    page = page_data(walked.folder / "notes.html")
    given = texts(walked.folder / "notes/test")
    assert {id: text for id, _, text, _ in page} == given
    assert len(given) == 10
    card = json.loads((walked.folder / "notes.html.json").read_text())
    assert (card["run"], card["selector"], card["threshold"]) == (RUN, "llm_cls", 0.5)
