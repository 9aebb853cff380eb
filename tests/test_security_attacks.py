"""The table of attacks names tests that are there."""

from attacks import ATTACKS, PAGE, page, table
from conftest import ROOT


def test_every_attack_has_its_test():
    for attack in ATTACKS:
        file, _, name = attack.test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8"), attack.test
        assert attack.test in table()
        assert attack.first in ("held", "broke")


def test_the_page_has_the_table_as_it_is():
    assert PAGE.read_text("utf-8") == page(), "call `python tests/attacks.py`"
