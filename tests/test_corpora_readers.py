"""Each reader on invented text with the quirks of the real files."""

import io
import itertools
import json
import tarfile
import zipfile
from collections import Counter
from pathlib import PurePosixPath

import pytest
from reading import Read, read

from bionerflow.corpora.documents import Reading
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers.brat import parts_of
from bionerflow.data.schema import Span
from bionerflow.utils.errors import UserError


def found(reading: Read) -> list[tuple[str, list[tuple[int, int]], str]]:
    return [
        (entity.type, [tuple(span) for span in entity.spans], entity.text)
        for document in reading.documents
        for entity in document.entities
    ]


def reasons(reading: Read) -> list[tuple[str, bool]]:
    return [(finding.reason, finding.lost) for finding in reading.findings]


def iob(text: str, **options) -> Read:
    return read("iob", {"train.tsv": text.encode()}, **options)


def test_iob2_tokens_are_joined_by_single_spaces():
    reading = iob("BRCA1\tB-Gene\nand\tO\nbreast\tB-Disease\ncancer\tI-Disease\n\nNone\tO\n")
    assert [(d.id, d.text) for d in reading.documents] == [
        ("train-0", "BRCA1 and breast cancer"),
        ("train-1", "None"),
    ]
    assert found(reading) == [
        ("Gene", [(0, 5)], "BRCA1"),
        ("Disease", [(10, 23)], "breast cancer"),
    ]
    assert reading.mentions == {"Gene": 1, "Disease": 1}


def test_iob_adjacent_entities_of_one_type_are_two():
    reading = iob("a\tB-X\nb\tB-X\nc\tI-X\n")
    assert [text for _, _, text in found(reading)] == ["a", "b c"]


def test_iobes_and_bilou():
    reading = iob("a\tS-X\nb\tB-X\nc\tI-X\nd\tE-X\ne\tU-Y\nf\tB-Y\ng\tL-Y\n")
    assert [text for _, _, text in found(reading)] == ["a", "b c d", "e", "f g"]
    assert reading.findings == []


def test_iob_inside_after_another_type_opens_an_entity_and_is_listed():
    reading = iob("a\tB-X\nb\tI-Y\nc\tI-Y\n")
    assert found(reading) == [("X", [(0, 1)], "a"), ("Y", [(2, 5)], "b c")]
    assert reasons(reading) == [("inside_without_begin", False)]
    assert reading.findings[0].where == "train.tsv:2"


def test_iob_document_marks_group_sentences():
    text = "-DOCSTART-\tO\n\na\tB-X\n\nb\tB-X\n-DOCSTART- -X- O\nc\tO\n"
    first, second = iob(text).documents
    assert (first.id, first.text) == ("train-0", "a\nb")
    assert first.sentences == ((0, 1), (2, 3))
    assert [entity.start for entity in first.entities] == [0, 2]
    assert (second.id, second.text) == ("train-1", "c")


def test_iob_characters_with_byte_order_mark_and_crlf():
    text = "\ufeff肝\tB-A\r\n癌\tI-A\r\n，\tO\r\n\r\n𠮷\tB-A\r\n"
    reading = iob(text, joiner="")
    assert [d.text for d in reading.documents] == ["肝癌，", "𠮷"]
    assert found(reading) == [("A", [(0, 2)], "肝癌"), ("A", [(0, 1)], "𠮷")]


def test_iob_layers_carry_nested_entities():
    reading = iob("T\tB-cell\tB-protein\ncells\tI-cell\tO\n", layers=[1, 2])
    assert found(reading) == [("cell", [(0, 7)], "T cells"), ("protein", [(0, 1)], "T")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a\tO\nb\n", "train.tsv:2"), ("a\tO\nb\tQ-X\n", "train.tsv:2"), ("a\tQ\n", "train.tsv:1")],
)
def test_iob_broken_line_is_named(text, fault):
    with pytest.raises(UserError, match=fault):
        iob(text)


def test_wrong_encoding_names_file_and_line():
    with pytest.raises(UserError, match=r"train\.tsv:2: not UTF-8"):
        read("iob", {"train.tsv": b"a\tO\n\xff\tO\n"})


TEXT = "levels of estrone, estradiol.\n"


def brat(ann: str, text: str = TEXT, **options) -> Read:
    return read("brat", {"7_1.txt": text.encode(), "7_1.ann": ann.encode()}, **options)


def test_brat_fragments_out_of_order_are_put_in_text_order():
    reading = brat("T1\tP 19 28;0 9\testradiol levels of\nT2\tC 10 17\testrone \n")
    assert found(reading) == [
        ("P", [(0, 9), (19, 28)], "levels of estradiol"),
        ("C", [(10, 17)], "estrone"),
    ]
    assert reasons(reading) == [("fragments_out_of_order", False), ("white_space_differs", False)]


def test_brat_lines_of_other_kinds_are_no_mentions():
    reading = brat(
        "T1\tC 10 17\testrone\r\nR1\tx Arg1:T1 Arg2:T1\r\n#1\tNote T1\tno\r\nN1\tR T1 M:1\r\n"
    )
    assert found(reading) == [("C", [(10, 17)], "estrone")]
    assert reading.findings == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("T1\tC 10 16\testrone", "text_differs"),
        ("T1\tC 10 99\testrone", "outside_text"),
        ("T1\tC 17 10\testrone", "empty_span"),
        ("T1\tC 10 15;12 17\testro trone", "fragments_overlap"),
    ],
)
def test_brat_mention_that_cannot_be_placed_is_listed(line, reason):
    reading = brat(line)
    assert found(reading) == []
    assert reasons(reading) == [(reason, True)]
    assert reading.mentions.total() == 1
    assert "7_1.ann:1" in reading.findings[0].where


def test_brat_broken_line_is_named():
    with pytest.raises(UserError, match=r"7_1\.ann:2"):
        brat("T1\tC 10 17\testrone\nT2\tC 10\n")


def test_brat_wrapped_mention_becomes_one_span():
    text = "severe\nmuscle  pain in arm\n"
    ann = "T1\tADR 0 6;7 13\tsevere muscle\nT2\tADR 7 13;23 26\tmuscle arm\n"
    assert found(brat(ann, text)) == [
        ("ADR", [(0, 13)], "severe\nmuscle"),
        ("ADR", [(7, 13), (23, 26)], "muscle arm"),
    ]
    kept = read(
        "brat", {"a.txt": text.encode(), "a.ann": ann.encode()}, Reading(join_wrapped=False)
    )
    assert found(kept)[0] == ("ADR", [(0, 6), (7, 13)], "severe muscle")


@pytest.mark.parametrize(("start", "end"), [(7, 12), (6, 11)])
def test_brat_crlf_texts_whatever_the_offsets_count(start, end):
    assert [
        text for _, _, text in found(brat(f"T1\tX {start} {end}\trenal", "acute\r\nrenal"))
    ] == ["renal"]


def test_brat_source_names_the_document():
    assert [d.id for d in brat("", source=r"\d+").documents] == ["7"]


def test_brat_annotations_without_text_are_listed():
    reading = read("brat", {"a.ann": b"T1\tX 0 1\ta\n"})
    assert reasons(reading) == [("no_text", True)]
    assert reading.mentions == {"X": 1}


def archive(kind: str, files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
    else:
        with tarfile.open(fileobj=data, mode="w:gz") as packed:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                packed.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_brat_archive_with_texts_and_annotations_apart(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {
        "cadec/text/P.1.txt": "my arm hurts",
        "cadec/original/P.1.ann": "T1\tADR 3 12\tarm hurts\n",
        "cadec/meddra/P.1.ann": "TT1\t10 3 12\tarm hurts\n",
        "cadec/text/._P.1.txt": "junk",
        "../text/evil.txt": "x",
        "../original/evil.ann": "",
    }
    data = {f"c.{kind}": archive(kind, files)}
    reading = read("brat", data, folders=["text", "original"])
    assert [d.id for d in reading.documents] == ["P.1", "evil"]
    assert found(reading) == [("ADR", [(3, 12)], "arm hurts")]
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "text").exists()


def test_archive_that_is_cut_is_named():
    data = archive("tar.gz", {"a.txt": "text" * 999})
    with pytest.raises(UserError, match=r"c\.tar\.gz"):
        read("brat", {"c.tar.gz": data[: len(data) // 2]})


GENIA = """<?xml version="1.0"?>
<!DOCTYPE set SYSTEM "gpml.dtd">
<set><article><articleinfo><bibliomisc>MEDLINE:1</bibliomisc></articleinfo>
<title>
<sentence><cons sem="G#o"><cons sem="G#DNA_x">IL-2 gene</cons> use</cons> &gt; 2</sentence>
</title><abstract>
<sentence>The <cons sem="(AND G#a G#b)"><cons>a-</cons> and <cons>b</cons></cons>.</sentence>
</abstract></article></set>"""


def test_genia_nested_and_coordinated():
    reading = read("genia", {"g.xml": GENIA.encode()})
    (document,) = reading.documents
    assert (document.id, document.text) == ("MEDLINE:1", "IL-2 gene use > 2\nThe a- and b.")
    assert document.sentences == ((0, 17), (18, 31))
    assert found(reading) == [
        ("G#o", [(0, 13)], "IL-2 gene use"),
        ("G#DNA_x", [(0, 9)], "IL-2 gene"),
        ("(AND G#a G#b)", [(22, 30)], "a- and b"),
        ("(none)", [(22, 24)], "a-"),
        ("(none)", [(29, 30)], "b"),
    ]


def test_genia_entity_bomb_is_refused():
    bomb = GENIA.replace('SYSTEM "gpml.dtd"', '[<!ENTITY a "aaaa">]').replace("&gt;", "&a;")
    with pytest.raises(UserError, match="declares entities"):
        read("genia", {"g.xml": bomb.encode()})


def test_genia_cut_file_is_named_with_its_line():
    with pytest.raises(UserError, match=r"g\.xml:\d+: not XML"):
        read("genia", {"g.xml": GENIA[:300].encode()})


def test_cmeee_v2_end_is_inclusive():
    record = {
        "text": "胃癌患者",
        "entities": [
            {"start_idx": 0, "end_idx": 1, "type": "dis", "entity": "胃癌"},
            {"start_idx": 0, "end_idx": 0, "type": "bod", "entity": "胃"},
            {"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "胃者"},
        ],
    }
    reading = read("cmeee", {"dev.json": json.dumps([record, {"text": "无"}]).encode()})
    assert [d.id for d in reading.documents] == ["dev-0", "dev-1"]
    assert found(reading) == [("dis", [(0, 2)], "胃癌"), ("bod", [(0, 1)], "胃")]
    assert reasons(reading) == [("text_differs", True)]


@pytest.mark.parametrize("text", ["[{", "{}", '[{"text": 1}, 2]', '[{"entities": []}]'])
def test_cmeee_broken_file_is_named(text):
    with pytest.raises(UserError, match=r"dev\.json"):
        read("cmeee", {"dev.json": text.encode()})


def test_cmeee_v1_lines_with_start_after_end():
    text = "胃癌患者|||0    1    dis|||3    2    sym|||\r\n\r\n无|||\r\n"
    reading = read("cmeee_v1", {"train.txt": text.encode()})
    assert found(reading) == [("dis", [(0, 2)], "胃癌")]
    assert reasons(reading) == [("empty_span", True)]
    assert len(reading.documents) == 2


def pubtator(text: str) -> Read:
    return read("pubtator", {"a.PubTator": text.encode()})


def test_pubtator_title_and_abstract_with_relations_composites_and_crlf():
    text = (
        (
            "\n7|t|Lithium toxicity|x\n7|a|Renal or hepatic failure.\n"
            "7\t0\t7\tLithium\tChemical\tD1\n"
            "7\t17\t41\tRenal or hepatic failure\tDisease\tD2|D3\tRenal failure|hepatic failure\n"
            "7\t17\t22\tRenal\tDisease\n"
            "7\tCID\tD1\tD2\n7\tAssociation\tD1\tD2\tNo\n"
        )
        .replace("|x", "")
        .replace("\n", "\r\n")
    )
    reading = pubtator(text)
    assert [(d.id, d.text) for d in reading.documents] == [
        ("7", "Lithium toxicity"),
        ("7", "Renal or hepatic failure."),
    ]
    assert found(reading) == [
        ("Chemical", [(0, 7)], "Lithium"),
        ("Disease", [(0, 24)], "Renal or hepatic failure"),
        ("Disease", [(0, 5)], "Renal"),
    ]
    assert reading.findings == []


def test_pubtator_blocks_of_one_id_are_all_kept():
    blocks = "7|t|Lead α|β\n7|a|\n7\t0\t4\tLead\tC\t1\n\n7|t|It\n7|a|\n8|t|No\n8|a|\n"
    reading = pubtator(blocks)
    assert [(d.id, d.text) for d in reading.documents] == [
        ("7", "Lead α|β"),
        ("7", "It"),
        ("8", "No"),
    ]


def test_pubtator_shifted_offsets_are_listed():
    reading = pubtator("7|t|KRAS and BRAF\n7|a|\n7\t4\t8\tKRAS\tGene\t1\n7\t9\t13\tBRAF\tGene\t1\n")
    assert found(reading) == [("Gene", [(9, 13)], "BRAF")]
    assert reasons(reading) == [("text_differs", True)]
    assert reading.findings[0].where == "a.PubTator:3"


@pytest.mark.parametrize(
    "line", ["8\t0\t1\tx\tC\t1", "7\t0\t1\tx", "7 0 1 x C", "7\t0\tx\tx\tC\t1"]
)
def test_pubtator_broken_line_is_named(line):
    with pytest.raises(UserError, match=r"a\.PubTator:3"):
        pubtator(f"7|t|x y\n7|a|\n{line}\n")


BIOC = """<?xml version="1.0"?><!DOCTYPE collection SYSTEM "BioC.dtd"><collection>
<document><id>7</id>
<passage><offset>0</offset><text>Lead 𠮷</text></passage>
<passage><offset>7</offset><text>breast and ovarian cancer</text>
<annotation id="1"><infon key="type">D</infon><infon key="identifier">x</infon>
<location offset="7" length="6"/><location offset="26" length="6"/><text>breast cancer</text>
</annotation>
<annotation id="2"><infon key="type">D</infon><location offset="0" length="4"/><text>Lead</text>
</annotation></passage></document></collection>"""


def test_bioc_xml_offsets_count_from_the_document():
    reading = read("bioc", {"a.xml": BIOC.encode()})
    assert [(d.id, d.text) for d in reading.documents] == [
        ("7", "Lead 𠮷"),
        ("7", "breast and ovarian cancer"),
    ]
    assert found(reading) == [("D", [(0, 6), (19, 25)], "breast cancer")]
    assert reasons(reading) == [("outside_text", True)]


def test_bioc_json_sentences_are_kept():
    sentence = {
        "offset": 4,
        "text": "Lead is.",
        "annotations": [
            {"infons": {"type": "C"}, "text": "Lead", "locations": [{"offset": 4, "length": 4}]}
        ],
    }
    passage = {"offset": 0, "sentences": [{"offset": 0, "text": "No."}, sentence]}
    collection = {"documents": [{"id": "7", "passages": [passage]}]}
    reading = read("bioc", {"a.json": json.dumps(collection).encode()})
    assert [(d.text, d.sentences) for d in reading.documents] == [
        ("No.", ((0, 3),)),
        ("Lead is.", ((0, 8),)),
    ]
    assert found(reading) == [("C", [(0, 4)], "Lead")]


def test_bc2gm_offsets_skip_spaces_and_last_is_inclusive():
    files = {
        "t.in": b"P07T0010 The alkaline phosphatases [x] act\nP07A0000 None\n",
        "GENE.eval": b"P07T0010|3 22|alkaline phosphatases\nP07T0010|4 22|alkaline phosphatases\n"
        b"P07T0010|3 99|alkaline\nP1|0 1|xx\n",
    }
    reading = read("bc2gm", files)
    assert [(d.id, d.text) for d in reading.documents] == [
        ("P07", "The alkaline phosphatases [x] act"),
        ("P07", "None"),
    ]
    assert found(reading) == [("GENE", [(4, 25)], "alkaline phosphatases")]
    assert reasons(reading) == [("text_differs", True), ("outside_text", True), ("no_text", True)]


CHEMDNER = {
    "x.abstracts.txt": '7\tβ-lead "a\tIt is. Lead′s!\n'.encode(),
    "x.annotations.txt": b"7\tT\t2\t6\tlead\tTRIVIAL\n7\tA\t7\t11\tLead\tFAMILY\n"
    b"8\tA\t0\t1\tx\tFAMILY\n",
    "x.borders.tsv": b"7\tT\t0:9\n7\tA\t0:6\n7\tA\t7:14\n",
}


def test_chemdner_offsets_are_of_title_or_abstract():
    reading = read("chemdner", CHEMDNER)
    assert [(d.id, d.text, d.sentences) for d in reading.documents] == [
        ("7", 'β-lead "a', ((0, 9),)),
        ("7", "It is. Lead′s!", ((0, 6), (7, 14))),
    ]
    assert found(reading) == [("TRIVIAL", [(2, 6)], "lead"), ("FAMILY", [(7, 11)], "Lead")]
    assert reasons(reading) == [("no_text", True)]


def test_chemdner_borders_that_leave_text_out_are_refused():
    cut = CHEMDNER | {"x.borders.tsv": b"7\tT\t0:9\n7\tA\t0:6\n"}
    with pytest.raises(UserError, match=r"x\.borders\.tsv:2: the sentences of 7 A do not cover"):
        read("chemdner", cut)


def test_yidu_json_lines_end_is_exclusive():
    record = {
        "originalText": "肝癌术后",
        "entities": [{"label_type": "解剖部位", "start_pos": 0, "end_pos": 1, "overlap": 0}],
    }
    text = "\ufeff" + json.dumps(record, ensure_ascii=False) + "\n\n"
    reading = read("yidu", {"test.json": text.encode()})
    assert [d.id for d in reading.documents] == ["test-0"]
    assert found(reading) == [("解剖部位", [(0, 1)], "肝")]


def test_jsonl_fault_names_file_and_line():
    with pytest.raises(UserError, match=r"a\.jsonl:2: at text: Field required"):
        read("jsonl", {"a.jsonl": b'{"doc_id": "1", "text": "a"}\n{"doc_id": "1"}\n'})


@pytest.mark.parametrize("part", [None, Span(3, 12)])
def test_plain_mentions_are_placed_at_once_as_all_are_compared(part):
    """The short way of `place` gives the entities, findings and tries of the long one."""
    text = " ab cd  efg\n"
    for start, end in itertools.product(range(-1, len(text) + 2), repeat=2):
        for mention in (None, "ab", "ab ", "AB", text[max(start, 0) : end]):
            given = ("Gene", [(start, end)], text, mention, "a:1", ("D1",))
            short, long = Reading(), Reading(mentions=Counter(Gene=1))
            placed = short.place(*given, part=part)
            compared = long.compared(*given, part or (0, len(text)))
            assert placed == compared
            assert not placed or placed.identifiers == compared.identifiers == ("D1",)
            assert short == long


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 16])
def test_json_is_read_alike_in_pieces_of_any_size(size, monkeypatch):
    monkeypatch.setattr("bionerflow.corpora.raw.READ", size)
    records = [{"a": n, "text": "é\n" * n} for n in range(5)]
    listed = json.dumps(records, ensure_ascii=False, indent=1)
    lined = "".join(f"{json.dumps(one)}\n\n" for one in records)
    for text in (listed, lined, f" \ufeff{listed}\n "[1:], f'{{"data": {listed}}}'):
        found = list(values("a.json", text.encode()))
        assert [value for _, value in found] == records
    assert [line for line, _ in values("a.json", lined.encode())] == [1, 3, 5, 7, 9]
    assert [line for line, _ in values("a.json", listed.encode())] == [2, 6, 10, 14, 18]
    with pytest.raises(UserError, match=r"a\.json:\d+: not whole JSON"):
        list(values("a.json", listed[:-1].encode()))


@pytest.mark.parametrize(
    "name", ["a.txt", "x/a.txt", "x/y/a.b.ann", "a", "a.", "a..txt", "x/a.TXT", "..a", "a.b/c"]
)
def test_parts_of_a_name_are_those_of_a_path(name):
    path = PurePosixPath(name)
    folder, stem, ending = parts_of(name)
    assert (folder, stem, ending) == (path.parent.name, path.stem, path.suffix)
    assert name.removesuffix(ending) == str(path.with_suffix(""))


@pytest.mark.parametrize(
    ("reader", "record"),
    [
        ("gliner", {"tokenized_text": [["a"]], "ner": []}),
        ("gliner", {"tokenized_text": "a b", "ner": []}),
        ("w2ner", {"sentence": [{"a": 1}], "ner": []}),
        ("tokens", {"tokens": [None], "ner_tags": ["O"]}),
        ("spacy", {"text": None, "ents": [{"start": 0, "end": 1, "label": "X"}]}),
        ("doccano", {"text": None, "label": [[0, 1, "X"]]}),
        ("prodigy", {"text": ["a"], "spans": [{"start": 0, "end": 1, "label": "X"}]}),
        ("label_studio", {"data": {"text": None}, "annotations": [{"result": []}]}),
    ],
)
def test_texts_and_tokens_that_are_none_are_refused(reader, record):
    with pytest.raises(UserError, match=r"^a\.jsonl:1: "):
        read(reader, {"a.jsonl": json.dumps(record).encode()})
