"""The table of attacks names tests that are there."""

from attacks import ATTACKS, table
from conftest import ROOT


def test_every_attack_has_its_test():
    for attack in ATTACKS:
        file, _, name = attack.test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8"), attack.test
        assert attack.test in table()
        assert attack.first in ("held", "broke")
