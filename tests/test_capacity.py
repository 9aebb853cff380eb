"""Format capacity: ceilings of formats on gold entities."""

import pandas as pd

from bionerflow.config.tables import Titled
from bionerflow.data.schema import Entity, Example
from bionerflow.formats import FORMATS
from bionerflow.tables.capacity import capacities, capacity, write_capacities

TEXT = "pain in left and right knee"
PAIN = Entity.at("A", [(0, 4)], TEXT)
KNEE = Entity.at("A", [(8, 12), (23, 27)], TEXT)
EXAMPLES = [Example("d:0", "d", "en", TEXT, (PAIN, KNEE)), Example("d:1", "d", "en", "none", ())]
WORDS = {"words": lambda answers: [len(answer.split()) for answer in answers]}


def test_what_a_format_cannot_write_lowers_its_ceiling():
    row = capacity("toy", EXAMPLES, ["A"], FORMATS["multi_span"], {})
    assert (row["sentences"], row["entities"], row["beyond"]) == (2, 2, 1)
    assert (row["precision"], row["recall"], row["f1"]) == (100.0, 50.0, 66.67)
    row = capacity("toy", EXAMPLES, ["A"], FORMATS["single_term"], WORDS)
    assert (row["beyond"], row["f1"]) == (0, 100.0)
    assert row["characters"] == (len('Answer: ["pain", "left knee"]') + len("Answer: []")) / 2
    assert row["tokens words"] == (4 + 2) / 2


def test_the_table_has_a_row_a_corpus_and_format_and_is_printed_a_row_a_format(tmp_path):
    corpora = {"toy": (["A"], EXAMPLES), "flat": (["A"], EXAMPLES[1:])}
    titled = Titled(title="T", caption="C")
    write_capacities(tmp_path / "t.csv", list(capacities(corpora, WORDS)), titled, tmp_path)
    table = pd.read_csv(tmp_path / "t.long.csv")
    assert list(table["format"]) == [*FORMATS, *FORMATS]
    assert table.loc[table["format"] == "multi_brat", "f1"].to_list() == [100.0, 100.0]
    wide = pd.read_csv(tmp_path / "t.csv", index_col=0)
    assert list(wide.columns) == ["toy F1", "toy tokens words", "flat F1", "flat tokens words"]
    printed = (tmp_path / "t.md").read_text()
    assert "|  | toy F1 | toy tokens words | flat F1 | flat tokens words |" in printed
    assert "| single_term | 100.00 | 3.0 | 100.00 | 2.0 |" in printed
    assert r"single\_term & 100.00 & 3.0 & 100.00 & 2.0" in (tmp_path / "t.tex").read_text()
