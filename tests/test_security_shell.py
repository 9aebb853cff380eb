"""No value runs as a command: every rule quotes, names have an alphabet, paths may be anything."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from flow import Flow
from hostile import HOSTILE, PARTS
from tiny import tiny_model

from bionerflow.config.base import parse
from bionerflow.config.corpora import Corpora
from bionerflow.config.experiments import Experiment
from bionerflow.config.models import Models
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import Config
from bionerflow.utils.errors import UserError

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
SHELL = re.compile(r"^    shell:\n((?: {8}.*\n)+)", re.MULTILINE)
VALUE = re.compile(r"(?<!\{)\{([^{}]+)\}")
RAW = f"{HOSTILE}.tsv".replace("/", "")
RUN = "tiny.micro.one.draw1"
RECORD = """import json, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""


def shells(path):
    """Return the shell commands of a rule file as they are written."""
    return SHELL.findall(path.read_text("utf-8"))


def unquoted(command):
    """Return the values of a command that are not quoted."""
    return [value for value in VALUE.findall(command) if not value.endswith(":q")]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_value_in_every_shell_command_is_quoted(path):
    commands = shells(path)
    assert len(commands) == path.read_text("utf-8").count("shell:")
    assert [value for command in commands for value in unquoted(command)] == []


def test_an_unquoted_value_is_seen():
    assert unquoted('"python {input.code[0]:q} {output.file} {{x}}"') == ["output.file"]


CORPUS = {
    "language": "en",
    "types": ["Gene"],
    "reader": "iob",
    "title": "Own",
    "dataset": "Own",
    "licence": "mine",
    "citation": "none",
}
SOURCE = {"source": "local", "path": "x", "licence": "mine", "resources": {}}
NAMED = {
    "corpus": lambda name: parse(Corpora, {"corpora": {name: corpus("a.tsv")}}, "corpora.yaml"),
    "raw file": lambda name: parse(Corpora, {"corpora": {"own": corpus(name)}}, "corpora.yaml"),
    "model": lambda name: parse(Models, {"models": {name: SOURCE}}, "models.yaml"),
    "configuration": lambda name: parse(Experiment, experiment(name), "experiment.yaml"),
    "selector": lambda name: parse(
        Experiment, {**experiment("one"), "selectors": {name: {"base": "micro"}}}, "experiment.yaml"
    ),
    "paper": lambda name: parse(Config, config(experiments={name: "x.yaml"}), "config.yaml"),
    "texts": lambda name: parse(
        Config, config(annotations={name: {"inputs": ["x"], "run": RUN}}), "config.yaml"
    ),
    "prefix": lambda name: parse(Config, config(name=name), "config.yaml"),
    "table": lambda name: parse(
        Tables, {"tables": {name: {"kind": "cases", **TITLED}}}, "tables.yaml"
    ),
}
TITLED = {"title": "T", "caption": "C", "rows": {"a": ["b"]}, "examples": {}}


def corpus(name, path="x"):
    source = {"local": path}
    splits = [{"files": [name], "into": {"train": 0.5, "dev": 0.25, "test": 0.25}}]
    return {**CORPUS, "files": {name: source}, "splits": splits}


def experiment(name):
    configuration = {"formats": ["conv_term"]}
    return {"corpora": ["own"], "models": ["micro"], "configurations": {name: configuration}}


def config(**changes):
    files = {key: f"config/{key}.yaml" for key in ("corpora", "models", "tables")}
    return {"name": "tiny", "primary_paper": "own", **files, **changes}


@pytest.mark.parametrize("name", ["../up", "a/../b", "a\nb", "-rf", "", ".hidden", "x" * 300])
@pytest.mark.parametrize("what", NAMED)
def test_a_name_that_no_path_can_carry_is_refused_in_one_line(what, name):
    with pytest.raises(UserError) as error:
        NAMED[what](name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("what", sorted(NAMED.keys() - {"raw file"}))
def test_a_name_with_a_character_of_the_shell_is_refused(what, name):
    with pytest.raises(UserError):
        NAMED[what](name)


def test_a_raw_file_may_be_called_anything_that_is_no_path():
    assert NAMED["raw file"](RAW).corpora["own"].splits[0].files == [RAW]


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Return a copy of the repository at a hostile path, whose files all have hostile names."""
    folder = tmp_path_factory.mktemp("security") / HOSTILE
    folder.mkdir()
    its = Flow(folder, "--configfile", "own config.yaml")
    tiny_model(folder / f"models {HOSTILE}")
    for name in (RAW, f"texts {HOSTILE}.txt"):
        (folder / name).write_text("BRCA1\tB-Gene\n\n" * 12, "utf-8")
    written = {
        "own config.yaml": config(
            corpora="own corpora.yaml",
            models=f"{HOSTILE} models.yaml",
            experiments={"own": f"{HOSTILE} experiment.yaml"},
            annotations={"mine": {"inputs": [f"texts {HOSTILE}.txt"], "run": RUN}},
        ),
        "own corpora.yaml": {"corpora": {"own": corpus(RAW, str(folder / RAW))}},
        f"{HOSTILE} models.yaml": {
            "models": {"micro": {**SOURCE, "path": f"models {HOSTILE}"}},
        },
        f"{HOSTILE} experiment.yaml": experiment("one"),
    }
    for name, value in written.items():
        (folder / name).write_text(yaml.safe_dump(value), "utf-8")
    return its


def ends_in(calls, value):
    return any(argument.endswith(value) for call in calls for argument in call)


def test_hostile_paths_reach_every_script_as_they_are(flow, tmp_path):
    calls, programs = tmp_path / "calls", tmp_path / "programs"
    programs.mkdir()
    python, record = programs / "python", tmp_path / "record.py"
    record.write_text(RECORD.format(calls=str(calls)))
    # A first line `#!` takes no interpreter whose path has a space.
    quoted = shlex.join([sys.executable, str(record)])
    python.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    jobs = flow.jobs("results/annotations/mine.jsonl", f"results/evaluate/{RUN}.json")
    assert len(jobs) > 8
    for job in jobs:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", job.command.replace("| tee ", "| cat ; : ")],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (job.command, done.stderr)
    called = [json.loads(line) for line in calls.read_text().splitlines()]
    assert len(called) == len(jobs)
    assert ends_in(called, RAW)
    assert ends_in(called, f"texts {HOSTILE}.txt")
    assert not list(tmp_path.rglob("pwned"))


def test_a_corpus_with_a_hostile_file_name_is_made_at_a_hostile_path(flow):
    done = flow.snakemake("--rerun-incomplete", "results/corpora/own/train.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((flow.folder / "results/corpora/own/train.json").read_text("utf-8"))
    assert report["rows"] > 0
    assert not list(flow.folder.rglob("pwned"))
