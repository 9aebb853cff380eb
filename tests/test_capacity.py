"""Format capacity: ceilings of formats on gold entities."""

from bionerflow.capacity import capacities, capacity, write_capacities
from bionerflow.formats import FORMATS
from bionerflow.schema import Entity, Example

TEXT = "pain in left and right knee"
PAIN = Entity.at("A", [(0, 4)], TEXT)
KNEE = Entity.at("A", [(8, 12), (23, 27)], TEXT)
EXAMPLES = [Example("d:0", "d", "en", TEXT, (PAIN, KNEE)), Example("d:1", "d", "en", "none", ())]


def test_what_a_format_cannot_write_lowers_its_ceiling():
    row = capacity("toy", EXAMPLES, ["A"], FORMATS["multi_span"])
    assert (row["sentences"], row["entities"], row["beyond"]) == (2, 2, 1)
    assert (row["precision"], row["recall"], row["f1"]) == (100.0, 50.0, 66.67)
    assert row["tokens"] == ""
    row = capacity(
        "toy", EXAMPLES, ["A"], FORMATS["single_term"], lambda answer: len(answer.split())
    )
    assert (row["beyond"], row["f1"]) == (0, 100.0)
    assert row["characters"] == (len('Answer: ["pain", "left knee"]') + len("Answer: []")) / 2
    assert row["tokens"] == (4 + 2) / 2


def test_the_table_has_a_row_a_corpus_and_format(tmp_path):
    write_capacities(tmp_path / "t.csv", capacities({"toy": (["A"], EXAMPLES)}))
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0].startswith("corpus,format,sentences,entities,beyond,precision,recall,f1")
    assert [line.split(",")[1] for line in lines[1:]] == list(FORMATS)
