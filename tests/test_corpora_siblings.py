"""Corpora as other tools and other people write them: each is read, or refused in words."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from test_corpora_cases import (
    BOTH,
    DISEASE,
    LISTS,
    TAGS,
    TEXT,
    TOKENS,
    WORDS,
    columns,
    docbin,
    in_form,
    jsonl,
    made,
    write,
)

from bionerflow.corpora.documents import Reading
from bionerflow.corpora.new_corpus.folder import split_of
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers import READERS
from bionerflow.utils.errors import UserError

IOB = columns(0, 1, between="\t")
ANN = "T1\tDisease 0 13\tRenal failure\nT2\tDrug 24 31\tAspirin\n"
PUBTATOR = (
    "1|t|Renal failure worsened.\n1|a|Aspirin helped.\n"
    "1\t0\t13\tRenal failure\tDisease\tD051437\n1\t24\t31\tAspirin\tDrug\tD001241\n"
)
BY_NAMES = [{"start": s, "end": e, "label": t} for s, e, t in LISTS]
BIGBIO = {
    "id": "1", "document_id": "1",
    "passages": [{"id": "p", "type": "title", "text": [TEXT[:23]], "offsets": [[0, 23]]},
                 {"id": "q", "type": "abstract", "text": [TEXT[24:]], "offsets": [[24, 39]]}],
    "entities": [{"id": t, "type": t, "text": [TEXT[s:e]], "offsets": [[s, e]],
                  "normalized": [{"db_name": "MESH", "db_id": f"D{s}"}]} for s, e, t in LISTS],
    "events": [], "relations": [{}], "coreferences": [],
}  # fmt: skip


def numbered(row):
    """Write a row per token: `row` takes the sentence's number, the token's, token and tag."""
    return "\n".join(
        "".join(row(n, m, word, tag) for m, (word, tag) in enumerate(zip(*pair, strict=True), 1))
        for n, pair in enumerate(zip(WORDS, TAGS, strict=True), 1)
    )


TOKEN_FILES = {
    **{f"a.{ending}": IOB for ending in ("conllu", "ner", "col", "tags", "out")},
    "no line end.tsv": IOB.rstrip("\n"),
    "crlf.tsv": "\ufeff" + IOB.replace("\n", "\r\n"),
    "spaces at line ends.tsv": IOB.replace("\n", " \n"),
    "blank lines of spaces.tsv": IOB.replace("\n\n", "\n  \n"),
    "blank lines of a tab.tsv": IOB.replace("\n\n", "\n\t\n"),
    "spaces around tabs.conll": columns(0, 1, between=" \t "),
    "named columns.tsv": f"token\tner_tag\n{IOB}",
    "named columns apart.tsv": f"Word\tLabel\n\n{IOB}",
    "named columns.conll": f"word pos ner\n{columns(0, 2, 1, extra='NN')}",
    "numbers.conll": numbered(lambda n, m, word, tag: f"{m} {word} {tag}\n"),
    "numbers of sentences.conll": numbered(
        lambda n, m, word, tag: f"{n}\t{m}\t{word}\tNN\t{tag}\n"
    ),
    "comments.conll": f"# sent_id = 1\n# text = x\n{columns(0, 1)}",
    "comments.conllu": numbered(
        lambda n, m, word, tag: (
            f"{'# sent_id = 1' * (m == 1)}{chr(10) * (m == 1)}"
            f"{m}\t{word}\t{word}\tN\t_\t_\t0\troot\t_\t{tag}\n"
        )
    ),
    **{
        f"{''.join(map(str, order))}{extra}.conll": columns(*order, extra=extra)
        for order in permutations((0, 1, 2))
        for extra in ("NN", "B-NP")
    },
}


@pytest.mark.parametrize("name", TOKEN_FILES)
def test_token_files(name, tmp_path):
    found = made(write(tmp_path / "in", {name.replace(" ", "_"): TOKEN_FILES[name]}))
    assert (found.entry.reader, found.rows, found.report["lost"]) == ("iob", TOKENS, 0)


def test_a_line_that_names_columns_is_told():
    reading = Reading()
    [one] = READERS["iob"](reading, {"a.tsv": b"token\ttag\nfever\tB-D\n"})
    assert (one.text, reading.passed_over["lines that name columns"]) == ("fever", 1)
    [one] = READERS["iob"](Reading(), {"a.tsv": b"token\tO\nfever\tB-D\n"})
    assert one.text == "token fever"


def test_a_token_of_white_space_stays():
    [one] = READERS["iob"](Reading(), {"a.tsv": b"a \tO\n \tO\nb\tB-D \n"}, joiner="")
    assert (one.text, [e.text for e in one.entities]) == ("a b", ["b"])


def by(**names):
    """Write a mention with offsets under other names."""
    return [
        {key: place(start, end) for key, place in names.items()} | {"type": type}
        for start, end, type in LISTS
    ]


def start_of(start, _):
    return start


def end_of(_, end):
    return end


def pair_of(start, end):
    return [start, end]


RECORDS = {
    "pairs in lines": f'{json.dumps([TEXT, {"entities": LISTS}])}\n' * 2,
    "one pair in a line": json.dumps([TEXT, {"entities": LISTS}]),
    "under data": json.dumps({"data": [{"content": TEXT, "entities": BY_NAMES}]}),
    "under examples (LightTag)": json.dumps(
        {"examples": [{"content": TEXT, "annotations": [
            {"start": s, "end": e, "tag": t, "value": TEXT[s:e]} for s, e, t in LISTS]}]}),
    "tokens under data": json.dumps(
        {"data": [{"tokens": w, "ner_tags": t} for w, t in zip(WORDS, TAGS, strict=True)]}),
    "pairs of offsets": jsonl({"text": TEXT, "entities": by(offsets=pair_of)}),
    "lists of pairs": jsonl({"text": TEXT, "entities": by(offsets=lambda s, e: [[s, e]])}),
    "span": jsonl({"text": TEXT, "entities": by(span=pair_of)}),
    "offset and length": jsonl(
        {"text": TEXT, "entities": by(offset=start_of, length=lambda s, e: e - s)}),
    "begin and end": jsonl({"text": TEXT, "annotations": by(begin=start_of, end=end_of)}),
    "UBIAI's export": json.dumps([{"documentName": "a.txt", "document": TEXT, "tokens": [
        {"text": TEXT[s:e], "start": s, "end": e, "token_start": 0, "token_end": 1,
         "entityLabel": t} for s, e, t in LISTS], "relations": []}]),
    "Argilla": jsonl({"text": TEXT, "tokens": TEXT.split(), "prediction": None, "id": "x",
                      "annotation": [[t, s, e] for s, e, t in LISTS], "metadata": {}}),
    "tokens of a data set as columns": json.dumps({"tokens": WORDS, "ner_tags": TAGS}),
    "UBIAI": json.dumps([{"documentName": "a.txt", "document": TEXT, "annotation": BY_NAMES}]),
    "Dataturks": jsonl({"content": TEXT, "extras": None, "annotation": [
        {"label": [t], "points": [{"start": s, "end": e - 1, "text": TEXT[s:e]}]}
        for s, e, t in LISTS]}),
    "BigBio": jsonl(BIGBIO),
    "BigBio, a list": json.dumps([BIGBIO]),
}  # fmt: skip


@pytest.mark.parametrize("case", RECORDS)
def test_records(case, tmp_path):
    starts = ("[{", '{"data', '{"ex', '{"tokens')
    name = "a.json" if RECORDS[case].startswith(starts) else "a.jsonl"
    found = made(write(tmp_path / "in", {name: RECORDS[case]}))
    right = TOKENS if case.startswith("tokens") else BOTH
    assert found.rows == right * (2 if case == "pairs in lines" else 1)
    assert found.report["lost"] == 0


def test_bigbio_has_concepts():
    documents = list(READERS["bigbio"](Reading(), {"a.jsonl": jsonl(BIGBIO).encode()}))
    assert [e.identifiers for one in documents for e in one.entities] == [
        ("MESH:D0",), ("MESH:D24",),
    ]  # fmt: skip


def test_what_values_are_records():
    def read(text):
        return [value for _, value in values("a.json", text.encode())]

    assert read('{"data": [{"a": 1}, {"a": 2}]}') == [{"a": 1}, {"a": 2}]
    assert read('{"data": [1, 2]}') == [{"data": [1, 2]}]
    assert read('{"text": "x", "data": [{"a": 1}]}') == [{"text": "x", "data": [{"a": 1}]}]
    assert read('["x", {}]\n["y", {}]') == [["x", {}], ["y", {}]]
    assert read('[["x", {}], ["y", {}]]') == [["x", {}], ["y", {}]]


STANDOFF = {
    "spaces after the bars": {"a.txt": PUBTATOR.replace("|t|", "|t| ").replace("|a|", "|a| ")},
    "PubTator with the ending tsv": {"a.tsv": PUBTATOR},
    "PubTator without blank lines before": {"a.txt": f"\n\n{PUBTATOR}"},
    "PubTator with a byte order mark": {"a.txt": f"\ufeff{PUBTATOR}".replace("\n", "\r\n")},
    "BRAT with all kinds of lines": {
        "a.txt": TEXT,
        "a.ann": f"{ANN}N1\tReference T1 MESH:D1\tx\nA1\tNeg T1\nR1\tTreats Arg1:T2 Arg2:T1\n"
        "E1\tDrug:T2 Theme:T1\n#1\tAnnotatorNotes T1\thi\n*\tEquiv T1 T2\n",
        "annotation.conf": "[entities]\nDisease\n",
    },
    "BRAT, counted with line ends of two": {
        "a.txt": TEXT.replace(". A", ".\r\nA"), "a.ann": ANN.replace("24 31", "25 32")
    },
}  # fmt: skip


@pytest.mark.parametrize("case", STANDOFF)
def test_standoff(case, tmp_path):
    found = made(write(tmp_path / "in", STANDOFF[case]))
    assert found.rows == BOTH
    assert found.report["lost"] == 0


def test_spaces_that_offsets_count_stay(tmp_path):
    text = "1|t| Renal failure\n1|a|\n1\t1\t14\tRenal failure\tDisease\n"
    found = made(write(tmp_path / "in", {"a.txt": text}))
    assert (found.rows[0][1][0][2], found.report["lost"]) == (DISEASE[2], 0)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("files", [{"a.tsv": IOB}, {"a.txt": TEXT, "a.ann": ANN}])
def test_another_encoding_is_called_so(files, encoding, tmp_path):
    odd = {name: text.replace("e", "é").encode(encoding) for name, text in files.items()}
    with pytest.raises(UserError, match=r"not UTF-8 .*: convert the file"):
        made(write(tmp_path / "in", odd))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("eng.train", "train"), ("eng.testa", "dev"), ("eng.testb", "test"),
        ("CDR.train.PubTator.txt", "train"), ("a.test.conll", "test"), ("testosterone.txt", "all"),
        ("x.testable.txt", "all"), ("ner.valid.iob", "dev"), ("10.1016.txt", "all"),
    ],
)  # fmt: skip
def test_names_of_splits_may_stand_between_dots(name, split):

    assert split_of(Path(name)) == split


def test_damaged_and_endless_files_of_spacy_are_refused(monkeypatch):
    with pytest.raises(UserError, match=r"a\.spacy: not a whole \.spacy file"):
        list(READERS["spacy"](Reading(), {"a.spacy": docbin()[:-9]}))
    monkeypatch.setattr("bionerflow.corpora.readers.docbin.MAX_BYTES", 50)
    with pytest.raises(UserError, match="unpacks to more than 50 bytes"):
        list(READERS["spacy"](Reading(), {"a.spacy": docbin()}))


#: Offsets that count their last character: a text, its mentions, and what is found.
INCLUSIVE = {
    "alone": (TEXT, [(0, 12, "Renal failure"), (24, 30, "Aspirin")], 0),
    "counted from 1": (TEXT, [(1, 13, "Renal failure"), (25, 31, "Aspirin")], 1),
    "of one character": ("K and Na fell.", [(0, 0, "K"), (6, 7, "Na")], 0),
}


@pytest.mark.parametrize("case", INCLUSIVE)
@pytest.mark.parametrize("form", ["brat", "jsonl"])
def test_ends_that_are_last_characters(form, case, tmp_path):
    text, mentions, shift = INCLUSIVE[case]
    found = made(write(tmp_path / "in", in_form(form, text, mentions)))
    assert (found.entry.offsets, found.entry.shift, found.report["lost"]) == ("inclusive", shift, 0)
    assert [m for _, its in found.rows for *_, m in its] == [m for *_, m in mentions]
    assert any("--offsets inclusive" in guess for guess in found.report["guesses"])


def test_greek_letters_may_be_spelled_out(tmp_path):
    ann = "T1\tG 0 5\tTNF-alpha\nT2\tG 10 15\tIL-1Beta\nT3\tG 17 21\trose\n"
    found = made(write(tmp_path / "in", {"a.txt": "TNF-α and IL-1β, rose", "a.ann": ann}))
    assert [m for _, its in found.rows for *_, m in its] == ["TNF-α", "IL-1β", "rose"]
    assert found.report["findings"]["spelled_otherwise"]["count"] == 6


def regions(*labels):
    value = {"start": 0, "end": 13, "text": "Renal failure", "labels": list(labels)}
    return [{"from_name": "l", "to_name": "t", "type": "labels", "value": value}]


SEVERAL = {"start": 0, "end": 13, "label": ["D", "E"], "labels": ["D", "E"]}
SEVERAL_TYPES = {
    "label_studio": [{"data": {"text": TEXT}, "annotations": [{"result": regions("D", "E")}]}],
    "spans": [{"text": TEXT, "entities": [SEVERAL]}],
    "prodigy": [{"text": TEXT, "spans": [SEVERAL], "_input_hash": 1}],
    "doccano": [{"text": TEXT, "label": [[0, 13, ["D", "E"]]]}],
    "bioc": [{"id": "1", "passages": [{"offset": 0, "text": TEXT, "annotations": [
        {"infons": {"type": ["D", "E"]}, "locations": [{"offset": 0, "length": 13}]}]}]}],
}  # fmt: skip


@pytest.mark.parametrize("form", SEVERAL_TYPES)
def test_a_mention_of_several_types_is_one_of_each(form):
    reading = Reading()
    data = json.dumps(SEVERAL_TYPES[form]).encode()
    [document] = READERS[form](reading, {"a.json": data})
    assert {entity.type for entity in document.entities} == {"D", "E"}
    assert reading.mentions.total() == 2


OTHER_TOOLS = {
    "a project of Azure Language": {"assets": {"projectKind": "CustomEntityRecognition"}},
    "an annotation file of tagtog": {"annotatable": {"parts": ["s1"]}, "entities": []},
    "a data set of Google AutoML": {"annotations": [{"text_extraction": {}}]},
    "a data set of Vertex AI": {"textSegmentAnnotations": [], "textContent": "x"},
    "an annotation file of Amazon Comprehend": {"Entities": [{"BeginOffset": 0}]},
    "a manifest of SageMaker": {"source": "x", "ner": {}, "ner-metadata": {}},
    "training data of Rasa": {"rasa_nlu_data": {"common_examples": []}},
    "an export of MedCATtrainer": {"projects": [{"documents": [{"meta_anns": {}}]}]},
    "annotations of Europe PMC": {"source": "MED", "extId": "1", "annotations": []},
    "data of MRC-NER": {"qas_id": "0.1", "context": "x"},
    "data of DyGIE or PURE": {"doc_key": "1", "sentences": [["x"]], "ner": [[]]},
    "data of SpERT": {"tokens": ["x"], "entities": [{"type": "D"}], "orig_id": 1},
}


@pytest.mark.parametrize("said", OTHER_TOOLS)
def test_other_tools_are_called_by_their_names(said, tmp_path):
    with pytest.raises(UserError, match=f"a.json is {said}.*: convert it to BRAT"):
        made(write(tmp_path / "in", {"a.json": json.dumps([OTHER_TOOLS[said]])}))


def test_types_without_prefixes_are_called_so(tmp_path):
    files = {"a.tsv": "Renal\tDisease\nfailure\tDisease\nfell\tO\n"}
    with pytest.raises(UserError, match=r"column 1 has types without a prefix \(Disease\)"):
        made(write(tmp_path / "in", files))


def test_a_value_that_looks_like_another_tool_s_key_is_a_value(tmp_path):
    record = {"id": "my-metadata", "text": "Renal failure", "entities": [[0, 13, "Disease"]]}
    record |= {"kind": "CustomEntityRecognition", "tags": ["extId", "doc_key"]}
    found = made(write(tmp_path / "in", {"a.json": json.dumps([record])}))
    assert [m for _, its in found.rows for *_, m in its] == ["Renal failure"]
