"""The table of attacks names tests that are there, and has what they gave."""

import re

import pytest
from attacks import ATTACKS, COLUMNS, HEADING, PAGE, cases, outcome, row
from conftest import ROOT

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_x[1]"/>
<testcase classname="tests.test_a" name="test_x[2]"><skipped message="no disk"/></testcase>
<testcase classname="tests.test_a" name="test_x[3]"><system-out>text</system-out></testcase>
<testcase classname="tests.test_b" name="test_x"><failure message="no"/></testcase>
<testcase classname="tests.test_c" name="test_x"/>
<testcase classname="tests.test_c" name="test_x"><error message="no"/></testcase>
<testcase classname="tests.test_d" name="test_x"><skipped/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.tried)
def test_every_attack_has_its_test(attack):
    file, _, name = attack.test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8")
    assert attack.first in ("held", "broke")


def test_the_page_has_an_outcome_for_every_attack():
    rows = PAGE.read_text("utf-8").partition(HEADING)[2].partition(COLUMNS)[2].splitlines(True)
    assert len(rows) == len(ATTACKS), "call `make attacks`"
    for attack, line in zip(ATTACKS, rows, strict=True):
        now = line.split(" | ")[2]
        assert re.fullmatch(r"held \(\d+\)|broke|not run", now)
        assert line == row(attack, now)


def test_an_attack_held_if_all_cases_that_ran_passed(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    found = cases([tmp_path / "report.xml"])
    assert {test: outcome(its) for test, its in found.items()} == {
        "test_a.py::test_x": "held (2)",
        "test_b.py::test_x": "broke",
        "test_c.py::test_x": "broke",
        "test_d.py::test_x": "not run",
    }
    assert outcome([]) == "not run"
