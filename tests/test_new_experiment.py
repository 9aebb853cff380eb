"""An experiment of one's own: one file, its table and report, and faults told in words."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import Flow

from bionerflow import cli
from bionerflow.config.base import load
from bionerflow.config.new_experiment import changes, configurations
from bionerflow.config.tables import Tables
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan

BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
GIVEN = ("new-experiment", "--name", "mine", "--model", "models/my model", "--formats", "conv_term",
         "json_entity", "--corpora", "sample_flat", "sample_nested")  # fmt: skip
GRID = ("--grid", "train.learning_rate", "1e-3", "5e-4")
RUNS = [
    f"mine.my_model.{format}-learning_rate-{rate}.draw1"
    for format in ("conv_term", "json_entity")
    for rate in ("1e-3", "5e-4")
]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with the configuration and what looks like a base model."""
    monkeypatch.chdir(tmp_path)
    for part in ("config", "resources", "workflow", "src"):
        (tmp_path / part).symlink_to(ROOT / part)
    shutil.copy(ROOT / "Snakefile", tmp_path)
    model = tmp_path / "models" / "my model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return tmp_path


def plan_of(file: str) -> Plan:
    shipped = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))
    return Plan(shipped | yaml.safe_load(Path(file).read_text("utf-8")))


def test_one_file_has_runs_a_table_and_a_report(here, capsys):
    cli.main([*GIVEN, *GRID])
    assert f"own/mine.yaml: 4 runs, {RUNS[0]} first" in capsys.readouterr().out
    plan = plan_of("own/mine.yaml")
    assert list(plan.runs) == RUNS
    assert [plan.run(run).train.learning_rate for run in RUNS] == [1e-3, 5e-4] * 2
    assert plan.every_table() == ["mine/runs", "mine/differences", "format_capacity", "leakage"]
    table = plan.table("mine", "runs")
    assert table.ids() == plan.shown() == RUNS
    assert (len(table.rows), len(table.columns), len(table.cells)) == (4, 2, 8)
    assert {cell.metric for cell in table.cells} == {"f1"}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "-q", "rules", "--cores", "1", "--configfile",
         "own/mine.yaml", "--", "results/tables/runs.csv", "results/report.html"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    assert (counts["train"], counts["alias"], counts["report"]) == ("4", "1", "1")
    assert "counts" not in counts


def test_a_grid_is_every_combination():
    grid = {"train.lora.r": ["8", "16"], "predict.constrained": ["true"]}
    found = configurations(["conv_term"], grid)
    assert list(found) == ["conv_term-r-8-constrained-true", "conv_term-r-16-constrained-true"]
    assert found["conv_term-r-8-constrained-true"] == {
        "formats": ["conv_term"], "train": {"lora": {"r": 8}}, "predict": {"constrained": True},
    }  # fmt: skip
    assert configurations(["a", "b"], {}) == {"a": {"formats": ["a"]}, "b": {"formats": ["b"]}}
    assert changes({"train.learning_rate": "1e-3"}) == {"train": {"learning_rate": 0.001}}


FAULTS = {
    "format": (["--formats", "conv_trem"], r"experiments.mine.*format 'conv_trem'.*'conv_term'"),
    "corpus": (["--corpora", "sample_falt"], r"unknown corpus 'sample_falt'.*'sample_flat'"),
    "model": (["--model", "smollm"], r"unknown model 'smollm'"),
    "setting": (["--grid", "train.learning_rat", "1"], r"train.learning_rat.*'learning_rate'"),
    "value": (["--grid", "train.learning_rate", "fast"], r"train.learning_rate.*'fast'"),
    "group": (["--grid", "lr", "1"], r"--grid lr: name a setting .* train.learning_rate"),
    "no value": (["--grid", "train.learning_rate"], r"--grid train.learning_rate: name a setting"),
    "name": (["--name", "my paper"], r"'name': String should match pattern"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_before_anything_is_written(fault, here):
    more, message = FAULTS[fault]
    with pytest.raises(SystemExit) as stop:
        cli.main([*GIVEN, *more])
    assert re.search(message, str(stop.value)), stop.value
    assert not Path("own").exists()


def test_a_folder_without_weights_and_a_file_that_is_there_are_told(here):
    cli.main([*GIVEN])
    with pytest.raises(SystemExit, match=r"own/mine.yaml is there already"):
        cli.main([*GIVEN])
    Path("models/my model/model.safetensors").unlink()
    with pytest.raises(SystemExit, match=r"models.my_model: models/my model holds no config.json"):
        cli.main([*GIVEN, "-o", "other.yaml"])


TABLES = {
    "": r"t.yaml: Input should be a valid dictionary",
    "[]": r"t.yaml: Input should be a valid dictionary",
    "labels: {a: b}": r"t.yaml: 'tables': Field required",
    "tables: [1]": r"t.yaml: 'tables': Input should be a valid dictionary",
    "tables: {mine/a: 5}": r"t.yaml: 'tables.mine/a': Input should be a valid dictionary",
    "tables: {mine/a: {labels: 5}}": r"t.yaml: 'tables.mine/a",
    "labels: 5\ntables: {mine/a: {}}": r"t.yaml: 'labels': Input should be a valid dictionary",
    "tables: {mine/a: {kind: gird}}": r"t.yaml: 'tables.mine/a'.*'grid'",
    "tables: {mine/a: {title: T, caption: C, rows: {model: every}}}": r"columns.*Field required",
    "tables: {mine/a: {title: T, caption: C, rows: {corpsu: [a]}, columns: {}}}": r"rows.*'corpus'",
    "tables: {mine/a: {title: T, caption: C, rows: {set: every}, columns: {}}}": r"'configuration'",
    "tables: {mine/a: {titel: T}}": r"unknown key 'tables.mine/a.*titel'.*'title'",
}  # fmt: skip


@pytest.mark.parametrize("text", TABLES)
def test_a_wrong_tables_file_is_told_in_words(text, tmp_path):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(UserError, match=TABLES[text]):
        load(Tables, tmp_path / "t.yaml")


def test_an_own_tables_file_goes_before_the_table_of_every_run(here):
    cli.main([*GIVEN])
    entry = {
        "title": "T",
        "caption": "C",
        "rows": {"model": "every"},
        "columns": {"corpus": "every"},
    }
    Path("tables.yaml").write_text(yaml.safe_dump({"tables": {"mine/own": entry}}))
    with Path("own/mine.yaml").open("a") as file:
        file.write("tables: tables.yaml\n")
    plan = plan_of("own/mine.yaml")
    assert plan.every_table() == ["mine/own", "format_capacity", "leakage"]
    assert plan.table("mine", "runs").rows  # and is there when it is asked for


@pytest.mark.long
def test_the_page_leads_to_a_table_and_a_report(tmp_path):
    from tiny import tiny_model

    flow = Flow(tmp_path)
    tiny_model(tmp_path / "models/my-model")
    text = (ROOT / "docs/own-experiment.md").read_text("utf-8")
    for block in BLOCK.findall(text):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path, env=flow.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    table = pd.read_csv(tmp_path / "results/tables/runs.csv", index_col=0)
    assert table.shape == (4, 2)
    assert table.notna().all(axis=None)
    page = (tmp_path / "results/report.html").read_text("utf-8")
    assert "Every run on every corpus" in page
