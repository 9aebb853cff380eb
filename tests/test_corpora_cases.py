"""Corpora as people have them: small files of each form, with the right sentences and mentions."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cassis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
from conftest import ROOT

from bionerflow import cli
from bionerflow.config.base import load
from bionerflow.config.corpora import CorpusSettings, load_corpora
from bionerflow.config.models import Models
from bionerflow.corpora.download import fetch
from bionerflow.corpora.new_corpus import new_corpus
from bionerflow.corpora.new_corpus.choices import CHOICES, Choices
from bionerflow.corpora.new_corpus.words import told
from bionerflow.corpora.normalise import normalise
from bionerflow.data.schema import read_examples
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

MODELS = load(Models, ROOT / "config" / "models.yaml").models
SHARED = ROOT.parent / "shared" / "cases"
SPLITS = ("train", "dev", "test")
#: A sentence as text and its mentions: type, spans, text.
Row = tuple[str, list[tuple[str, list[tuple[int, int]], str]]]


class Made(NamedTuple):
    """A corpus: its entry, its report, and the rows of its training split."""

    entry: CorpusSettings
    report: dict[str, Any]
    rows: list[Row]


def made(folder: Path, language: str = "en", choices: Choices = CHOICES) -> Made:
    """Make a corpus of a folder, and normalise it by its entry as the workflow does."""
    out = folder.parent / "own"
    report = new_corpus(folder, "case", language, "smollm2-135m", MODELS, out, choices)
    entry = load_corpora(out / "corpora.yaml")["case"]
    for name in entry.files:
        fetch(entry.entry(name), out / "raw" / name)
    normalise("case", entry, out / "raw", out / "splits")
    again = read_json(out / "splits" / "report.json")
    assert again == {key: report[key] for key in again}
    assert report["mentions"] == report["entities"] + report["lost"]
    assert told(report)
    return Made(entry, report, rows(out / "splits", ["train"]))


def rows(folder: Path, splits: Iterable[str]) -> list[Row]:
    return [
        (row.text, [(e.type, [tuple(span) for span in e.spans], e.text) for e in row.entities])
        for split in splits
        for row in read_examples(folder / f"{split}.parquet")
    ]


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files of each split, the same ones for all."""
    for split in SPLITS:
        for name, text in files.items():
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


CASES = (SHARED / "corpora.jsonl").read_text("utf-8").splitlines() if SHARED.is_dir() else []
HANDED = [json.loads(case) for case in CASES]


@pytest.mark.parametrize("case", HANDED, ids=lambda case: case["case"])
def test_handed_case_gives_the_right_value(case, tmp_path):
    copies = SPLITS if (SHARED / case["folder"] / "train").is_dir() else ("",)
    for split in copies:
        source = SHARED / case["folder"] / ("train" if split else "")
        shutil.copytree(source, tmp_path / "in" / split, dirs_exist_ok=True)
    found = made(tmp_path / "in", case["language"])
    right = [
        (row["text"], sorted((t, [tuple(s) for s in spans], m) for t, spans, m in row["mentions"]))
        for row in case["right"]
    ]
    read = rows(tmp_path / "own" / "splits", ["train"] if len(copies) > 1 else SPLITS)
    assert sorted((text, sorted(mentions)) for text, mentions in read) == sorted(right)
    assert found.report["lost"] == case["lost"] * len(copies)


TEXT = "Renal failure worsened. Aspirin helped."
DISEASE = ("Disease", [(0, 13)], "Renal failure")
DRUG = ("Drug", [(0, 7)], "Aspirin")
BOTH: list[Row] = [("Renal failure worsened.", [DISEASE]), ("Aspirin helped.", [DRUG])]
TOKENS: list[Row] = [("Renal failure worsened", [DISEASE]), ("Aspirin helped", [DRUG])]
FIRST: list[Row] = [("Renal failure worsened.", [DISEASE]), ("Aspirin helped.", [])]
BY_LABEL = [
    {"start": 0, "end": 13, "label": "Disease"}, {"start": 24, "end": 31, "label": "Drug"},
]  # fmt: skip
LISTS = [[0, 13, "Disease"], [24, 31, "Drug"]]
WORDS = [["Renal", "failure", "worsened"], ["Aspirin", "helped"]]
TAGS = [["B-Disease", "I-Disease", "O"], ["B-Drug", "O"]]
NAMES = ["O", "B-Disease", "I-Disease", "B-Drug"]
NUMBERS = [[NAMES.index(tag) for tag in tags] for tags in TAGS]
INFO = {"features": {"ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}}}}


def jsonl(*records: Any) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def in_form(form: str, text: str, mentions: list[tuple[int, int, str]]) -> dict[str, str]:
    """Write a text with mentions of one type (start, end, string) as BRAT or JSON lines."""
    ann = "".join(f"T{n}\tD {s} {e}\t{m}\n" for n, (s, e, m) in enumerate(mentions, 1))
    own = [{"type": "D", "spans": [{"start": s, "end": e}], "text": m} for s, e, m in mentions]
    return {
        "brat": {"a.txt": text, "a.ann": ann},
        "jsonl": {"a.jsonl": jsonl({"doc_id": "1", "text": text, "entities": own})},
    }[form]


def columns(*places: int, between: str = " ", extra: str = "_") -> str:
    """Write tokens (place 0 of a row) and tags (1) in columns; other columns hold `extra`."""
    blocks = []
    for words, tags in zip(WORDS, TAGS, strict=True):
        pairs = zip(words, tags, strict=True)
        cells = [[(*pair, extra)[place] for place in places] for pair in pairs]
        blocks.append("".join(between.join(row) + "\n" for row in cells))
    return "\n".join(blocks)


def dataset() -> bytes:
    """Write a data set as Hugging Face writes Parquet, with its features in the schema."""
    table = pa.table({"id": ["0", "1"], "tokens": WORDS, "ner_tags": NUMBERS})
    described = table.replace_schema_metadata({"huggingface": json.dumps({"info": INFO})})
    sink = pa.BufferOutputStream()
    pq.write_table(described, sink)
    return sink.getvalue().to_pybytes()


def docbin() -> bytes:
    """Write a `.spacy` file."""
    doc = spacy.blank("en")(TEXT)
    doc.ents = [doc.char_span(*one) for one in LISTS]
    return spacy.tokens.DocBin(docs=[doc]).to_bytes()


def cas() -> cassis.Cas:
    """Return a CAS with sentences, tokens and entities, as INCEpTION exports it."""
    types = cassis.load_dkpro_core_typesystem()
    name = "de.tudarmstadt.ukp.dkpro.core.api.{}"
    found = cassis.Cas(typesystem=types)
    found.sofa_string, found.sofa_mime = TEXT, "text/plain"
    add = lambda kind, **its: found.add(types.get_type(name.format(kind))(**its))  # noqa: E731
    for begin, end in ((0, 23), (24, 39)):
        add("segmentation.type.Sentence", begin=begin, end=end)
    add("segmentation.type.Token", begin=0, end=5)
    add("ner.type.NamedEntity", begin=0, end=13, value="Disease")
    add("ner.type.NamedEntity", begin=24, end=31, value="Drug")
    return found


NER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"
WEBANNO = f"""\
#FORMAT=WebAnno TSV 3.2
#T_SP={NER}
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue


#Text=Renal failure worsened.
1-1\t0-5\tRenal\t_\tDisease[1]|Site[2]\tNN\t
1-2\t6-13\tfailure\t_\tDisease[1]\tNN\t
1-3\t14-22\tworsened\t_\t_\tVB\t

#Text=\U0001f600 Aspirin helped.
2-1\t24-26\t\U0001f600\t_\t_\tX\t
2-2\t27-34\tAspirin\t_\tDrug\\_X\tNN\t
"""
PASSAGE = {
    "offset": 0, "text": TEXT, "annotations": [
        {"infons": {"type": ["Disease"]}, "locations": [{"offset": 0, "length": 13}]},
        {"infons": {"type": "Drug"}, "text": None, "locations": [{"offset": 24, "length": 7}]},
    ],
}  # fmt: skip
BIOC_XML = """<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>PubTator</source><date/><key/><document><id>1</id>
<passage><infon key="type">title</infon><offset>0</offset><text>Renal failure worsened.</text>
<annotation id="1"><infon key="type">Disease</infon><location offset="0" length="13"/>
<text>Renal failure</text></annotation></passage>
<passage><infon key="type">abstract</infon><offset>24</offset><text>Aspirin helped.</text>
<annotation id="2"><infon key="type">Drug</infon><infon key="MESH">D001241</infon>
<location offset="24" length="7"/><text>Aspirin</text></annotation></passage>
</document></collection>"""
GENIA = """<set><article><articleinfo><bibliomisc>M:1</bibliomisc></articleinfo><abstract>
<sentence><cons sem="Disease">Renal failure</cons> worsened.</sentence>
<sentence><cons sem="Drug">Aspirin</cons> helped.</sentence></abstract></article></set>"""
TASK = [
    {"type": "labels", "value": {"start": 0, "end": 13, "labels": ["Disease"]}},
    {"type": "labels", "value": {"start": 24, "end": 31, "labels": ["Drug"]}},
    {"type": "choices", "value": {"choices": ["yes"]}},
]

#: Form, files, reader, rows of a split. Also what the table of forms in the documentation rests on.
FORMS: dict[str, tuple[dict[str, str | bytes], str, list[Row]]] = {
    "BRAT": ({"a.TXT": TEXT, "a.ANN": "T1\tDisease 0 13\tRenal failure\n"}, "brat", FIRST),
    "PubTator": (
        {"a.txt": "1|t|Renal failure worsened.\n1|a|Aspirin helped.\n"
         "1\t0\t13\tRenal failure\tDisease\n1\t24\t31\tAspirin\tDrug\n"}, "pubtator", BOTH),
    "BioC XML": ({"a.xml": BIOC_XML}, "bioc", BOTH),
    "BioC JSON, a document per line": (
        {"a.jsonl": jsonl({"id": 1, "passages": [PASSAGE]})}, "bioc", BOTH),
    "BioC JSON, a list of documents": (
        {"a.json": json.dumps([{"id": 1, "passages": [PASSAGE]}])}, "bioc", BOTH),
    "PubTator3 JSON": (
        {"a.json": json.dumps({"PubTator3": [{"_id": "1|None", "id": 1, "passages": [PASSAGE]}]})},
        "bioc", BOTH),
    "IOB, tabs": ({"a.tsv": columns(0, 1, between="\t")}, "iob", TOKENS),
    "CoNLL, spaces": ({"a.conll": columns(0, 1)}, "iob", TOKENS),
    "CoNLL, the tag first": ({"a.conll": columns(1, 0)}, "iob", TOKENS),
    "CoNLL-2003": ({"a.txt": "-DOCSTART- -X- -X- O\n\n" + columns(0, 2, 2, 1)}, "iob", TOKENS),
    "CoNLL, chunks": ({"a.conll": columns(0, 2, 1, extra="B-NP")}, "iob", TOKENS),
    "MultiCoNER": ({"a.conll": "# id 7\tdomain=train\n" + columns(0, 2, 2, 1)}, "iob", TOKENS),
    "JSON lines": (
        {"a.jsonl": jsonl({"doc_id": 1, "text": TEXT[:23],
                           "entities": [{"type": "Disease", "spans": [{"start": 0, "end": 13}]}]},
                          {"doc_id": 1, "text": TEXT[24:],
                           "entities": [{"type": "Drug", "spans": [{"start": 0, "end": 7}]}]})},
        "jsonl", BOTH),
    "doccano": ({"a.jsonl": jsonl({"id": 1, "text": TEXT, "label": LISTS})}, "doccano", BOTH),
    "doccano, with relations": (
        {"a.jsonl": jsonl({"id": 1, "text": TEXT, "relations": [{}], "entities": [
            {"id": 1, "label": t, "start_offset": s, "end_offset": e} for s, e, t in LISTS]})},
        "doccano", BOTH),
    "Label Studio": (
        {"a.json": json.dumps([{"id": 1, "data": {"note": TEXT},
                                "annotations": [{"result": TASK}, {"result": []}]}])},
        "label_studio", BOTH),
    "Label Studio, JSON-MIN": (
        {"a.json": json.dumps([{"id": 1, "text": TEXT, "label": [
            {"start": s, "end": e, "labels": [t]} for s, e, t in LISTS]}])},
        "label_studio", BOTH),
    "Prodigy": (
        {"a.jsonl": jsonl({"text": TEXT, "_input_hash": 1, "spans": BY_LABEL, "answer": "accept"},
                          {"text": TEXT, "_input_hash": 2, "spans": [], "answer": "reject"})},
        "prodigy", BOTH),
    "spaCy, documents": ({"a.jsonl": jsonl({"text": TEXT, "ents": BY_LABEL})}, "spacy", BOTH),
    "spaCy, offsets": ({"a.json": json.dumps([[TEXT, {"entities": LISTS}]])}, "spacy", BOTH),
    "spaCy 2": (
        {"a.json": json.dumps([{"id": 0, "paragraphs": [{"raw": TEXT, "entities": LISTS}]}])},
        "spacy", BOTH),
    "spaCy 2, tags": (
        {"a.json": json.dumps([{"id": 0, "paragraphs": [{"sentences": [{"tokens": [
            {"orth": word, "ner": tag} for word, tag in zip(WORDS[n], TAGS[n], strict=True)
        ]}]} for n in (0, 1)]}])},
        "spacy", TOKENS),
    "GLiNER": (
        {"a.json": json.dumps([{"tokenized_text": WORDS[0], "ner": [[0, 1, "Disease"]]},
                               {"tokenized_text": WORDS[1], "ner": [[0, 0, "Drug"]]}])},
        "gliner", TOKENS),
    "W2NER": (
        {"a.json": json.dumps([{"sentence": ["skin", "and", "lung", "rash"],
                                "ner": [{"index": [0, 3], "type": "D"}]}])},
        "w2ner", [("skin and lung rash", [("D", [(0, 4), (14, 18)], "skin rash")])]),
    "spaCy, .spacy": ({"a.spacy": docbin()}, "spacy", BOTH),
    "Hugging Face, Parquet": ({"a.parquet": dataset()}, "tokens", TOKENS),
    "Hugging Face, JSON": (
        {"a.jsonl": jsonl(*({"id": str(n), "tokens": WORDS[n], "ner_tags": NUMBERS[n]}
                            for n in (0, 1))),
         "dataset_info.json": json.dumps(INFO)}, "tokens", TOKENS),
    "PubAnnotation": (
        {"a.json": json.dumps({"sourceid": "1", "text": TEXT, "denotations": [
            {"span": {"begin": s, "end": e}, "obj": t} for s, e, t in LISTS]})},
        "pubannotation", BOTH),
    "BigBio": (
        {"a.jsonl": jsonl({"id": "1", "document_id": "1", "events": [], "relations": [],
                           "passages": [{"text": [TEXT], "offsets": [[0, 39]]}], "entities": [
            {"type": t, "text": [TEXT[s:e]], "offsets": [[s, e]]} for s, e, t in LISTS]})},
        "bigbio", BOTH),
    "texts with entities": (
        {"a.jsonl": jsonl({"text": TEXT, "entities": BY_LABEL})}, "spans", BOTH),
    "WebAnno TSV 3": (
        {"a.tsv": WEBANNO}, "webanno",
        [("Renal failure worsened.", [DISEASE, ("Site", [(0, 5)], "Renal")]),
         ("\U0001f600 Aspirin helped.", [("Drug_X", [(2, 9)], "Aspirin")])]),
    "UIMA CAS XMI": (
        {"a.xmi": cas().to_xmi(), "TypeSystem.xml": cas().typesystem.to_xml()}, "cas", BOTH),
    "UIMA CAS JSON": ({"a.json": cas().to_json()}, "cas", BOTH),
    "BC2GM": (
        {"a.in": "P1A0 Renal failure\n", "GENE.eval": "P1A0|0 11|Renal failure\n",
         "ALTGENE.eval": "P1A0|0 4|Renal\n"},
        "bc2gm", [("Renal failure", [("GENE", [(0, 13)], "Renal failure")])]),
    "GENIA": ({"a.xml": GENIA}, "genia", BOTH),
    "CMeEE": (
        {"a.json": json.dumps([{"text": "患者有高血压", "entities": [
            {"start_idx": 3, "end_idx": 5, "type": "dis", "entity": "高血压"}]}])},
        "cmeee", [("患者有高血压", [("dis", [(3, 6)], "高血压")])]),
    "CMeEE 1": ({"a.txt": "患者有高血压|||3    5    dis|||\n"}, "cmeee_v1",
                [("患者有高血压", [("dis", [(3, 6)], "高血压")])]),
    "Yidu-S4K": (
        {"a.json": jsonl({"originalText": "患者有高血压", "entities": [
            {"label_type": "dis", "start_pos": 3, "end_pos": 6}]})},
        "yidu", [("患者有高血压", [("dis", [(3, 6)], "高血压")])]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_told_by_its_content_and_read(form, tmp_path):
    files, reader, right = FORMS[form]
    found = made(write(tmp_path / "in", files))
    assert found.entry.reader == reader
    assert found.rows == right
    assert found.report["lost"] == 0


#: Offsets that count something else, with the settings that were found.
COUNTED = {
    "bytes": ("The TNF-α level in renal failure", [(4, 10, "TNF-α"), (20, 33, "renal failure")],
              ("bytes", 0)),
    "utf16": ("\U0001f600 fever, \U0001f600 ague", [(3, 8, "fever"), (13, 17, "ague")],
              ("utf16", 0)),
    "crlf": ("Fever.\nThen ague.\nThen rash.", [(13, 17, "ague"), (25, 29, "rash")], ("crlf", 0)),
    "counted from 1": (TEXT, [(1, 14, "Renal failure"), (25, 32, "Aspirin")], ("characters", 1)),
    "right": (TEXT, [(0, 13, "Renal failure"), (24, 31, "Aspirin")], ("characters", 0)),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTED)
@pytest.mark.parametrize("form", ["jsonl", "doccano", "brat", "pubtator"])
def test_what_offsets_count_is_found(form, case, tmp_path):
    text, mentions, (unit, shift) = COUNTED[case]
    said = [{"start": s, "end": e, "label": "D", "text": m} for s, e, m in mentions]
    own = [{"type": "D", "spans": [m], "text": m["text"]} for m in said]
    tabs = [f"{s}\t{e}\t{m}\tD\n" for s, e, m in mentions]
    files = {
        "jsonl": {"a.jsonl": jsonl({"doc_id": "1", "text": text, "entities": own})},
        "doccano": {"a.jsonl": jsonl({"text": text, "label": said, "id": 1})},
        "brat": {"a.txt": text, "a.ann": "".join(
            f"T{s}\tD {s} {e}\t{m}\n" for s, e, m in mentions)},
        "pubtator": {"a.txt": f"1|t|{text}\n1|a|\n" + "".join(f"1\t{tab}" for tab in tabs)},
    }[form]  # fmt: skip
    if form == "doccano":
        files = {"a.jsonl": jsonl({"text": text, "spans": said, "_input_hash": 1})}
    if form == "pubtator" and case in ("crlf", "counted from 1"):
        pytest.skip("it has no line ends, and a title that lost a character is another cause")
    found = made(write(tmp_path / "in", files))
    assert (found.entry.offsets, found.entry.shift) == (unit, shift)
    assert found.report["lost"] == 0
    assert [mention for _, its in found.rows for *_, mention in its] == [m for *_, m in mentions]
    assert any("all fit if" in guess for guess in found.report["guesses"]) == (case != "right")


def test_offsets_that_are_named_are_not_guessed(tmp_path):
    ann = "T1\tDisease 1 14\tRenal failure\nT2\tDrug 24 31\tAspirin\n"
    folder = write(tmp_path / "in", {"a.txt": TEXT, "a.ann": ann})
    found = made(folder, choices=Choices(shift=0))
    assert found.report["lost"] == 3
    assert "3 of 3 that miss fit if offsets count code points, counted from 1" in told(found.report)


REFUSED = {
    "not a whole .spacy file": {"a.spacy": "x"}, "an i2b2 record": {"a.xml": "<deIdi2b2><TEXT>"},
    "a GATE document": {"a.xml": "<GateDocument>"}, "an archive": {"a.zip": "PK"},
    "JSON of no known form (foo)": {"a.json": '{"foo": 1}'}, "a table": {"a.csv": "a,b\n"},
    "tags are numbers without names": {
        "a.jsonl": jsonl({"tokens": WORDS[0], "ner_tags": [1, 2, 0]})},
    "of whole texts": {"a.jsonl": jsonl({"text": "a", "label": ["positive"]})},
    "not whole JSON": {"a.json": "[" * 100_000},
    "have the same tag at 9 of 9 tokens": {"a.tsv": columns(0, 1, 1, between="\t")},
    "--joiner": {"a.conll": "患 O\nhas O\nfever B-D\nbad O\n咳 O\n"},
    "--folders text ann": {"text/a.txt": TEXT, "ann/a.ann": "T1\tD 0 5\tRenal\n",
                           "more/a.ann": "T1\tD 0 5\tRenal\n"},
    "6 of 6 mentions are lost (text_differs 6": {"a.txt": TEXT,
                                 "a.ann": "T1\tD 1 2\tx\nT2\tD 3 4\ty\n"},
    "not UTF-8": {"a.tsv": "a\tO\n".encode("utf-16")},
    "declares entities": {"a.xmi": '<!DOCTYPE a [<!ENTITY b "c">]><xmi:XMI/>'},
}  # fmt: skip


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_not_read_is_called_by_its_name(said, tmp_path):
    with pytest.raises(UserError) as error:
        made(write(tmp_path / "in", REFUSED[said]))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_is_passed_over_in_silence(tmp_path):
    ann = " T1\tDisease 0 13\tRenal failure\nT2\tDrug 24 31\tAspirin\nR1\tCause Arg1:T1 Arg2:T2\n"
    files = {"a.txt": TEXT, "a.ann": ann, "LICENSE.txt": "x", "annotation.conf": "x", ".b.txt": "x"}
    said = told(made(write(tmp_path / "in", files)).report)
    assert "3 times, 3 lost: a line looks like a mention and cannot be read" in said
    assert "Not read: 1 file test/LICENSE.txt, 1 file train/LICENSE.txt, 3 relation lines" in (
        said.replace("1 file dev/LICENSE.txt, ", "")
    )
    assert "6 files were not read:\n    dev/.b.txt (hidden)\n    dev/annotation.conf" in said


@pytest.mark.parametrize(("limit", "is_told"), [(0.4, True), (0.5, False)])
def test_the_share_that_may_be_lost_is_set(limit, is_told, tmp_path):
    ann = "T1\tD 0 5\tRenal\nT2\tD 1 3\txx\n"
    folder = write(tmp_path / "in", {"a.txt": TEXT, "a.ann": ann})
    if not is_told:
        assert made(folder, choices=Choices(max_lost=limit)).report["lost"] == 3
        return
    with pytest.raises(UserError, match="3 of 6 mentions are lost"):
        made(folder, choices=Choices(max_lost=limit))


def test_line_ends_are_asked_for_where_they_are_mixed(tmp_path):
    mixed = "".join(f"{'Item' if n % 3 else 'wrapped'} of words\n" for n in range(31))
    folder = write(tmp_path / "in", {"a.txt": mixed, "a.ann": "T1\tD 0 7\twrapped\n"})
    with pytest.raises(UserError, match=r"60 of 90 line ends .* --line-ends or --no-line-ends"):
        made(folder)
    assert len(made(folder, choices=Choices(line_ends=True)).rows) == 31
    assert len(made(folder, choices=Choices(line_ends=False)).rows) < 5


@pytest.mark.parametrize("name", ["a;touch x $(id) %s.pubtator", "-a b\n%d.pubtator", "注释 1.txt"])
def test_any_name_of_a_file_is_a_word_in_the_entry(name, tmp_path):
    found = made(write(tmp_path / "in", {name: FORMS["PubTator"][0]["a.txt"]}))
    assert found.rows == BOTH
    assert all(file.replace(".", "").replace("-", "").isidentifier() for file in found.entry.files)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    folder = write(tmp_path / "in", FORMS["doccano"][0])
    (tmp_path / "secret.jsonl").write_text(FORMS["doccano"][0]["a.jsonl"])
    (folder / "train" / "b.jsonl").symlink_to(tmp_path / "secret.jsonl")
    found = made(folder)
    assert found.rows == BOTH
    assert found.report["files_passed_over"] == ["train/b.jsonl (a link out of the folder)"]


def test_train_and_dev_in_one_and_names_that_only_look_like_splits(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("traindev.tsv", "test_of_blood.tsv")):
        text = "".join(f"Fever{n}{number}\tB-D\nends\tO\n\n" for n in range(20))
        (tmp_path / "in" / name).write_text(text)
    splits = made(tmp_path / "in").report["splits"]
    assert [splits[split]["sentences"] for split in SPLITS] == [18, 2, 20]
    none = made(tmp_path / "in", choices=Choices(by_name=False)).report["splits"]
    assert [none[split]["sentences"] for split in SPLITS] == [32, 4, 4]
    patterns = {"train": ["test*"], "test": ["train*"]}
    named = made(tmp_path / "in", choices=Choices(patterns=patterns)).report
    assert named["files"] == {"test": 1, "train": 1}


def test_the_command_line_says_what_would_be_guessed(tmp_path, monkeypatch, capsys):
    folder = write(tmp_path / "in", {"a.tsv": columns(0, 1, 1, between="\t")})
    monkeypatch.chdir(ROOT)
    out = tmp_path / "own"
    cli.main(["new-corpus", str(folder), "--name", "n", "-o", str(out), "--layers", "2",
              "--joiner", "", "--no-trim", "--max-lost", "0.1", "--language", "de"])  # fmt: skip
    entry = load_corpora(out / "corpora.yaml")["n"]
    assert entry.options == {"token": 0, "layers": [2], "joiner": ""}
    assert (entry.trim, entry.max_lost, entry.language) == (False, 0.1, "de")
    assert "Columns, counted from 0: 0 holds the tokens, 2 tags" in capsys.readouterr().out
