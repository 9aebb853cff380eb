"""What is told of long work: rate, time left, and work inside of other work."""

import contextvars
import re

import pytest
from conftest import ROOT

from bionerflow.utils import progress
from bionerflow.utils.progress import Progress, Told, named, read, told


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    times = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: times["now"])
    return times


def test_a_line_has_rate_and_time_left_and_comes_every_few_seconds(clock, capsys):
    work = Progress("annotate", 200_000, "kB")
    for second in range(1, 12):
        clock["now"] = second
        work.to(second // 2)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "annotate: 2/200,000 kB, 0.4/s, 5 days, 18:53:15 left",
        "annotate: 5/200,000 kB, 0.5/s, 4 days, 15:06:30 left",
    ]


def test_lines_come_rarer_and_rarer_up_to_one_a_minute(clock, capsys):
    work, told_at = Progress("train", 400, "steps"), []
    for second in range(1, 401):
        clock["now"] = second
        work.to(second)
        told_at += [second] * bool(capsys.readouterr().err)
    assert told_at == [5, 10, 20, 40, 80, 140, 200, 260, 320, 380, 400]


def test_what_was_done_before_does_not_count_for_the_rate_and_the_last_line_comes_once(
    clock, capsys
):
    work = Progress("select", 100, "candidates")
    work.skip(60)
    clock["now"] = 2.0
    for _ in range(2):
        work.to(100)
    assert capsys.readouterr().err == "select: 100/100 candidates, 20/s, 0:00:00 left\n"


def test_without_a_total_there_is_no_time_left(clock, capsys):
    work = Progress("annotate", None, "kB")
    clock["now"] = 10.0
    work.to(5, "note")
    assert re.fullmatch(r"annotate: 5 kB, 0.5/s, note\n", capsys.readouterr().err)


def test_work_inside_of_other_work_is_told_as_a_share_and_prints_nothing(clock, capsys):
    shares: list[float] = []
    with told(shares.append):
        inner = Progress("predict", 8, "queries")
    for done in (2, 8):
        inner.to(done)
    assert shares == [0.25, 1.0]
    assert capsys.readouterr().err == ""


def test_lines_name_their_run_and_are_read_back(clock, capsys):
    def work():
        named("demo.smollm2-135m.conv: x.draw1")
        train, count = Progress("train", 1200, "steps"), Progress("ifd", None, "conversations")
        clock["now"] = 10.0
        train.to(20, "loss 0.5, eval_f1 0.25")
        count.to(3000)

    contextvars.copy_context().run(work)
    first, second = capsys.readouterr().err.splitlines()
    run = "demo.smollm2-135m.conv: x.draw1"
    assert first.startswith(f"train {run}: 20/1,200 steps, 2/s, 0:09:50 left")
    assert read(first) == Told(
        "train", run, 20, 1200, "steps", "2", "0:09:50", "loss 0.5, eval_f1 0.25"
    )
    assert read(second) == Told("ifd", run, 3000, None, "conversations", "300", "", "")
    assert read("train: 2/9 steps, 0.4/s, 5 days, 18:53:15 left").left == "5 days, 18:53:15"
    assert read("Loading weights: 79%|###| 216/272 [00:00<00:00, 2097.94it/s]") is None


@pytest.mark.parametrize("script", ["annotate", "ifd", "predict", "select", "train"])
def test_scripts_of_long_work_give_it_a_name(script):
    assert "    named(" in (ROOT / f"workflow/scripts/{script}.py").read_text("utf-8")
