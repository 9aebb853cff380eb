"""What is told of long work: rate, time left, and work inside of other work."""

import re

import pytest

from bionerflow.utils import progress
from bionerflow.utils.progress import Progress, told


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
        inner = Progress("predict", 8, "queries", every=0)
    for done in (2, 8):
        inner.to(done)
    assert shares == [0.25, 1.0]
    assert capsys.readouterr().err == ""
