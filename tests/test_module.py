"""The workflow as a module of another: its rules used from another folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

RENDERED = "results/render/sample_zh/test.conv_term.parquet"
SNAKEFILE = f"""
configfile: "{ROOT}/config/config.yaml"
configfile: "config.yaml"


rule mine:
    default_target: True
    input:
        "{RENDERED}",
    output:
        "mine.txt",
    shell:
        "wc -c < {{input}} > {{output}}"


module bionerflow:
    snakefile:
        "{ROOT}/Snakefile"
    config:
        config


use rule * from bionerflow exclude all
"""
CONFIG = """
name: mine
experiments:
  mfner: experiment.yaml
"""
EXPERIMENT = """
corpora: [sample_zh]
models: [smollm2-135m]
configurations:
  conv_term: {formats: [conv_term]}
"""


def test_the_page_shows_what_is_tested():
    page = (ROOT / "docs/module.md").read_text("utf-8")
    shown = re.search(r'^```python title="Snakefile"\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    text = shown[1].replace('"bionerflow/', f'"{ROOT}/').replace('"config/mine', '"config')
    assert set(text.splitlines()) <= set(SNAKEFILE.splitlines())


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    return tmp_path


def snakemake(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments, "--cores", "1"],
        cwd=folder,
        env=os.environ | {
            "PYTHONPATH": str(ROOT / "src"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_another_workflow_uses_the_rules_in_its_own_folder(folder):
    snakemake(folder)
    size = (folder / RENDERED).stat().st_size
    assert int((folder / "mine.txt").read_text()) == size > 0
    assert {path.name for path in folder.iterdir()} == {
        ".snakemake", "Snakefile", "config.yaml", "experiment.yaml", "mine.txt", "results",
    }  # fmt: skip
    assert "Nothing to be done" in snakemake(folder)


def test_its_tables_are_planned_with_what_lies_in_the_repository(folder):
    planned = snakemake(folder, "-n", "results/tables/table5.csv", "results/report.html")
    assert f"{ROOT}/resources/published/mfner/table5.csv" in planned
    assert f"{ROOT}/config/tables.yaml" in planned
    assert {"train", "predict", "report"} <= set(planned.split())
