"""The loop of corrections through the real workflow, with a tiny model."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import Flow
from test_corrections import CORPUS, POOL, by_brat, write_brat
from tiny import tiny_model

pytestmark = pytest.mark.long
RUN = "notes.smollm2-135m.conv_term.draw1"
CONFIG = ("--configfile", "own/notes/config.yaml")
TINY = {"source": "local", "path": "tiny", "licence": "mine"}


@pytest.fixture(scope="module")
def flow(tmp_path_factory) -> Flow:
    """A copy of the repository with a corpus, a tiny model, and a pool of texts."""
    flow = Flow(tmp_path_factory.mktemp("loop"))
    shutil.copytree(ROOT / "profiles", flow.folder / "profiles")
    tiny_model(flow.folder / "tiny")
    edit(flow.folder / "config/models.yaml", lambda value: value["models"].update(
        {"smollm2-135m": {**TINY, "resources": {"cpus": 1, "memory_mb": 2000}}}
    ))  # fmt: skip
    texts = {f"note{n}": CORPUS.format(n) for n in range(20)}
    write_brat(flow.folder / "notes", texts)
    (flow.folder / "pool").mkdir()
    for n in range(4):
        (flow.folder / f"pool/text{n}.txt").write_bytes(POOL.format(n, n).encode())
    bionerflow(flow, "new-corpus", "notes", "--name", "notes")
    edit(flow.folder / "own/notes/experiment.yaml", small)
    return flow


def edit(path: Path, change) -> None:
    value = yaml.safe_load(path.read_text("utf-8"))
    change(value)
    path.write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")


def small(experiment: dict) -> None:
    """Let training take seconds."""
    experiment["base"]["train"]["num_train_epochs"] = 1
    experiment["base"]["curate"] = {"train": 8, "dev": 2}
    experiment["base"]["predict"] = {"test": 4, "max_new_tokens": 8}


def bionerflow(flow: Flow, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bionerflow", *arguments],
        cwd=flow.folder, env=flow.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def snakemake(flow: Flow, *arguments: str) -> None:
    done = flow.snakemake(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_loop_ends_in_a_table_of_before_and_after(flow):
    snakemake(flow, f"results/train/{RUN}/README.md", *CONFIG)
    weights = flow.folder / f"results/train/{RUN}/model/adapter_model.safetensors"
    trained = os.stat(weights).st_mtime_ns
    bionerflow(flow, "annotate", "pool", "--model", RUN, "--to", "brat", "-o", "before")
    for file in (flow.folder / "before").glob("*.ann"):
        file.write_text("T1\tDrug 0 6\tPerson\nT2\tDrug 9 13\ttook\n")  # a tiny model finds nothing
    by_brat(flow.folder / "before", flow.folder / "anna")
    given = ("anna", "--before", "before", "--config", "own/notes/config.yaml", "--train-on", RUN)
    assert "4 texts" in bionerflow(flow, "add-corrections", *given)
    config = ("--configfile", "own/notes-v2/config.yaml")
    snakemake(flow, "results/tables/corrections.csv", *config)
    table = pd.read_csv(flow.folder / "results/tables/corrections.csv", index_col=0)
    assert [name.split()[0] for name in table.index] == [
        "conv_term", "conv_term-v2", "conv_term-v2-on",
    ]  # fmt: skip
    assert list(table.columns) == ["P", "R", "F1"]
    assert table[["R", "F1"]].notna().all(axis=None)  # a tiny model may find nothing: no precision
    long = pd.read_csv(flow.folder / "results/tables/mfner/corrections.long.csv")
    assert set(long["corpora"]) == {"notes"}
    assert os.stat(weights).st_mtime_ns == trained
    again = flow.snakemake("results/tables/corrections.csv", *config)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_no_job_of_the_run_before_is_planned_again(tmp_path):
    """What an earlier configuration has made is made, whatever file describes the next version."""
    flow = Flow(tmp_path)
    write_brat(tmp_path / "notes", {f"note{n}": CORPUS.format(n) for n in range(20)})
    bionerflow(flow, "new-corpus", "notes", "--name", "notes")
    flow.arguments = (f"results/predict/{RUN}.parquet", *CONFIG)
    flow.finish(flow.jobs())
    (tmp_path / "pool").mkdir()
    for n in range(4):
        write_brat(tmp_path / "pool", {f"text{n}": POOL.format(n, n)})
    given = ("pool", "--before", "pool", "--config", "own/notes/config.yaml")
    bionerflow(flow, "add-corrections", *given)
    flow.arguments = ("results/tables/corrections.csv", "--configfile", "own/notes-v2/config.yaml")
    made = [job.rule for job in flow.jobs() if any(RUN in out for out in job.outputs)]
    assert made == ["evaluate"]
