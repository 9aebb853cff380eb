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
    "UBIAI": json.dumps([{"documentName": "a.txt", "document": TEXT, "annotation": BY_NAMES}]),
    "Dataturks": jsonl({"content": TEXT, "extras": None, "annotation": [
        {"label": [t], "points": [{"start": s, "end": e - 1, "text": TEXT[s:e]}]}
        for s, e, t in LISTS]}),
    "BigBio": jsonl(BIGBIO),
    "BigBio, a list": json.dumps([BIGBIO]),
}  # fmt: skip


@pytest.mark.parametrize("case", RECORDS)
def test_records(case, tmp_path):
    name = "a.json" if RECORDS[case].startswith(("[{", '{"data', '{"ex')) else "a.jsonl"
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
