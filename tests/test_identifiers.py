"""Identifiers of concepts: read where a form has them, kept in Parquet, written back."""

import json
from pathlib import Path

import pytest

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.passages import Annotated, Mention, Passage
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.identifiers import of_record, parted
from bionerflow.corpora.readers import READERS
from bionerflow.corpora.writers import WRITERS
from bionerflow.data.schema import (
    EXAMPLES,
    Entity,
    Example,
    Span,
    entity_row,
    read_examples,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.diagnostics import diagnostics

TEXT = "Aspirin and renal failure, then fever"
MENTIONS = [("Drug", 0, 7, ("MESH:D001241",)), ("Disease", 12, 25, ("D051437", "D007676"))]
NONE = ("Disease", 32, 37, ())
ENTITIES = tuple(
    Entity(type, (Span(start, end),), TEXT[start:end], known)
    for type, start, end, known in [*MENTIONS, NONE]
)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("D003924", ["D003924"]),
        ("D003924|D007333", ["D003924", "D007333"]),
        ("D003924+D007333", ["D003924", "D007333"]),
        ("5595;5594", ["5595", "5594"]),
        ("MESH:D003924, OMIM:222100", ["MESH:D003924", "OMIM:222100"]),
        ("D020258|D020258", ["D020258"]),
        ("50929(Tax:10090),12(Tax:9606)", ["50929(Tax:10090)", "12(Tax:9606)"]),
        ("-1", []),
        ("D1|-1", ["D1"]),
        ("CUI-less", []),
        ("", []),
        (None, []),
        (True, []),
        (9606, ["9606"]),
        ([9606, "10090|7227", None], ["9606", "10090", "7227"]),
        ("c|SUB|T|1278|G", ["c|SUB|T|1278|G"]),
        ("http://a.org/x,y/D1", ["http://a.org/x,y/D1"]),
        (" D007945", ["D007945"]),
    ],
)
def test_a_value_is_parted_where_its_pieces_are_identifiers(said, found):
    assert list(parted(said)) == found


def test_the_likeliest_name_counts():
    infons = {"type": "Gene", "NCBI Gene": "1", "identifier": "2", "valid": True}
    assert of_record(infons) == ("2",)
    assert of_record({"NCBI Gene": 1}) == of_record({"NCBI-Gene Identifier": "1"}) == ("1",)
    assert of_record({"type": "Gene", "name": "x 1"}) == ()


def read(reader, files):
    reading = Reading()
    return list(READERS[reader](reading, files)), reading


def known(documents):
    """Return the identifiers by the text of their mention."""
    return {e.text: e.identifiers for one in documents for e in one.entities}


EXPECTED = {entity.text: entity.identifiers for entity in ENTITIES}


@pytest.mark.parametrize("form", [form for form in WRITERS if form != "iob"])
def test_what_is_written_is_read(form):
    documents = [Document("1", TEXT, ENTITIES), Document("2", TEXT, ENTITIES[:1])]
    found, reading = read(form.split("_")[0], WRITERS[form](documents))
    assert known(found[:1]) == EXPECTED
    assert (reading.findings, sum(reading.passed_over.values())) == ([], 0)


@pytest.mark.parametrize("form", ["bioc", "brat", "jsonl", "pubtator", "spacy", "webanno", "xmi"])
def test_what_annotate_writes_is_read(form, tmp_path):
    mentions = [Mention(entity, 0.5) for entity in ENTITIES]
    one = Annotated(Passage(0, "doc", 0, TEXT), mentions, [Span(0, len(TEXT))])
    FORMS[form].write([one], tmp_path / "out", Summary())
    files = [p for p in (tmp_path / "out", *(tmp_path / "out").rglob("*")) if p.is_file()]
    wanted = [p for p in files if p.suffix != ".conf"]
    found, _ = read(FORMS[form].reader, {p.name: p.read_bytes() for p in wanted})
    assert known(found) == EXPECTED


TSV = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value


#Text=Aspirin and fever
1-1\t0-7\tAspirin\thttp://www.wikidata.org/entity/Q18216[1]|Q12[2]\tDrug[1]|Brand[2]\t
1-2\t8-11\tand\t_\t_\t
1-3\t12-17\tfever\t*\tDisease\t
"""
PUBTATOR3 = {
    "id": "1",
    "passages": [
        {
            "offset": 0,
            "text": "Aspirin and fever",
            "annotations": [
                {"id": 1, "text": "Aspirin", "locations": [{"offset": 0, "length": 7}],
                 "infons": {"type": "Chemical", "identifier": "MESH:D001241", "valid": True,
                            "database": "ncbi_mesh", "normalized_id": "D001241"}},
                {"id": 2, "text": "fever", "locations": [{"offset": 12, "length": 5}],
                 "infons": {"type": "Disease", "identifier": "-", "normalized": [1]}},
            ],
        }
    ],
}  # fmt: skip
TEXTS = {
    "brat": {
        "a.txt": "Aspirin and fever",
        "a.ann": "N1\tReference T1 MESH:D001241\tAspirin\nT1\tDrug 0 7\tAspirin\n"
        "T2\tDisease 12 17\tfever\nN2\tReference T1 DRUGBANK:DB00945\nN3\tReference T9 X:1\tno\n",
    },
    "pubtator": {
        "a": "1|t|Aspirin and fever\n1|a|\n1\t0\t7\tAspirin\tChemical\tD001241\t0.9\n"
        "1\t12\t17\tfever\tDisease\t-1\n1\tCID\tD001241\tD005334\n"
    },
    "bioc": {"a.json": json.dumps({"PubTator3": [PUBTATOR3]})},
    "webanno": {"a.tsv": TSV},
    "spacy": {
        "a.json": json.dumps(
            {
                "text": "Aspirin and fever",
                "ents": [
                    {"start": 0, "end": 7, "label": "Drug", "kb_id": "Q18216"},
                    {"start": 12, "end": 17, "label": "Disease", "kb_id": "NIL"},
                ],
            }
        )
    },
    "jsonl": {
        "a.jsonl": json.dumps(
            {
                "doc_id": 1,
                "text": "Aspirin and fever",
                "entities": [
                    {"type": "A", "spans": [{"start": 0, "end": 7}], "identifiers": ["D1"]},
                    {"type": "A", "spans": [{"start": 12, "end": 17}], "identifiers": None},
                ],
            }
        )
    },
}
FIRST = {
    "brat": [("MESH:D001241", "DRUGBANK:DB00945")],
    "pubtator": [("D001241",)],
    "bioc": [("MESH:D001241",)],
    "webanno": [("http://www.wikidata.org/entity/Q18216",), ("Q12",)],
    "spacy": [("Q18216",)],
    "jsonl": [("D1",)],
}


@pytest.mark.parametrize("reader", TEXTS)
def test_what_tools_write_is_read(reader):
    files = {name: text.encode() for name, text in TEXTS[reader].items()}
    documents, reading = read(reader, files)
    entities = [entity for one in documents for entity in one.entities]
    assert [e.identifiers for e in entities] == [*FIRST[reader], ()]
    if reader == "brat":  # the line that refers to no mention is counted
        assert reading.passed_over["normalisation lines"] == 1


def test_identifiers_do_not_count_where_entities_are_compared():
    one, other = (Entity("A", (Span(0, 1),), "x", known) for known in ((), ("D1",)))
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


def test_parquet_keeps_them_and_earlier_files_are_read(tmp_path):
    example = Example("1:0", "1", "en", TEXT, ENTITIES)
    write_examples(tmp_path / "a.parquet", [example])
    [again] = read_examples(tmp_path / "a.parquet")
    assert [e.identifiers for e in again.entities] == [e.identifiers for e in ENTITIES]
    rows = read_rows(tmp_path / "a.parquet", EXAMPLES)[0]["entities"]
    assert rows[2]["identifiers"] is None
    place = EXAMPLES.get_field_index("entities")
    from bionerflow.data.schema import CONVERSATIONS

    old = EXAMPLES.set(place, CONVERSATIONS.field("entities"))
    row = {"id": "1", "doc_id": "1", "language": "en", "text": TEXT}
    write_rows(tmp_path / "b.parquet", [row | {"entities": [entity_row(ENTITIES[0])]}], old)
    [again] = read_examples(tmp_path / "b.parquet")
    assert (again.entities, again.entities[0].identifiers) == (ENTITIES[:1], ())


def test_a_corpus_is_told_by_its_concepts(tmp_path):
    for split, entities in {"train": ENTITIES[:1], "dev": (), "test": ENTITIES}.items():
        write_examples(tmp_path / f"{split}.parquet", [Example("1", split, "en", TEXT, entities)])
    found = diagnostics(tmp_path)["overlap"]
    assert found["test"]["concepts_seen"] == pytest.approx(1 / 3, abs=1e-4)
    assert "concepts_seen" not in found["dev"]


CORPORA = Path(__file__).parents[1].parent / "shared" / "corpora"
REAL = {
    "bc5cdr/pubtator/CDR_sample.txt": ("pubtator", 925, 923),
    "biored/Dev.BioC.JSON": ("bioc", 3533, 3513),
}


@pytest.mark.parametrize("name", [name for name in REAL if (CORPORA / name).is_file()])
def test_real_files_have_them(name):
    reader, mentions, named = REAL[name]
    documents, _ = read(reader, {name: (CORPORA / name).read_bytes()})
    entities = [entity for one in documents for entity in one.entities]
    assert (len(entities), sum(bool(e.identifiers) for e in entities)) == (mentions, named)
