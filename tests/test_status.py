"""The status of runs is read from what they leave: logs, curves and results."""

import json
import os

import pytest

from bionerflow import cli
from bionerflow.utils.errors import UserError
from bionerflow.workflow.status import SILENT, stages, status

NOW = 1_000_000.0
TRAIN = "train {run}: {done}/48 steps, 0.068/s, 0:08:02 left, loss 0.37, tokens_per_second 90"


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch):
    """Ask no cluster of this machine."""
    monkeypatch.setattr("bionerflow.workflow.status.waiting", lambda folder: [])


@pytest.fixture
def results(tmp_path):
    def write(name: str, text: str, age: float = 5) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (NOW - age, NOW - age))

    bar = "\rLoading weights: 79%|##| 1/2\r"
    write("logs/train/a.draw1.log", f"{bar}\n{TRAIN.format(run='a.draw1', done=15)}\n", age=60)
    curve = [{"loss": 0.9, "step": 1}, {"eval_f1": 0.5, "step": 2}, {"loss": 0.25, "step": 3}]
    write("checkpoints/a.draw1/old/curve.jsonl", '{"loss": 7}\n', age=900)
    write("checkpoints/a.draw1/key/curve.jsonl", "\n".join(map(json.dumps, curve)) + '\n{"lo')
    write("logs/train/b.draw1.log", TRAIN.format(run="b.draw1", done=47), age=SILENT + 1)
    write("logs/train/c.draw1.log", TRAIN.format(run="c", done=1) + "\nerror: The GPU is full.\n")
    write("logs/train/d.draw1.log", TRAIN.format(run="d.draw1", done=48), age=9000)
    write("train/d.draw1/metrics.json", "{}")
    write("logs/predict/e.draw1.log", "predict: 5/10 queries, 2/s, 0:00:02 left\n")
    write("logs/ifd/f.log", "ifd f: 10/10 conversations, 2/s, 0:00:00 left\n", age=9000)
    write("logs/corpora/g.log", "nothing of progress\n")
    return tmp_path


def test_each_stage_is_working_silent_failed_or_done(results):
    found = {row.run: row for row in stages(results, NOW)}
    assert {run: row.state for run, row in found.items()} == {
        "a.draw1": "working", "b.draw1": "silent", "c.draw1": "failed", "d.draw1": "done",
        "e.draw1": "working", "f": "done",
    }  # fmt: skip
    first = found["a.draw1"]
    assert (first.loss, first.f1, first.age) == ("0.25", "0.5", 5)
    assert found["b.draw1"].loss == "0.37"
    assert found["c.draw1"].error == "The GPU is full."


def test_the_table_has_rates_times_left_and_losses(results):
    head, *lines = status(results, NOW).splitlines()
    assert head.split()[:4] == ["run", "stage", "state", "done"]
    assert [line.split()[0] for line in lines[:4]] == ["e.draw1", "a.draw1", "b.draw1", "c.draw1"]
    assert lines[1].split()[1:] == [
        "train", "working", "15/48", "0.068", "steps/s", "0:08:02", "0.25", "0.5", "0:00:05", "ago",
    ]  # fmt: skip
    assert "0:08:02" not in lines[2]  # what is silent has no time left
    assert lines[4:] == [
        "failed: train c.draw1: The GPU is full.",
        "trained: d.draw1, loss 0.37, dev F1 -",
        "2 stages are done.",
    ]


def test_the_command_prints_it_and_says_where_nothing_is(results, tmp_path, capsys):
    cli.main(["status", "--results", str(results)])
    assert "a.draw1" in capsys.readouterr().out
    with pytest.raises(UserError, match="no logs of runs"):
        status(tmp_path / "nowhere")
