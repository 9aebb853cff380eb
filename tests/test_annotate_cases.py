"""Odd inputs and outputs of annotate, one kind per test, and the cases handed in from outside."""

import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path

import bioc.pubtator
import pytest
from conftest import ROOT
from marking import Marker
from work import counted_calls

from bionerflow.annotate.chunks import kept
from bionerflow.annotate.forms.brat import fragments
from bionerflow.annotate.inputs import inputs
from bionerflow.annotate.passages import Answered, Mention, sentences
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate, annotate_share
from bionerflow.data.schema import Entity
from bionerflow.utils.errors import UserError

SHARED = ROOT.parent / "shared" / "cases"


class Finder:
    """A stand-in for a model: it finds given words in sentences."""

    key = "finder"

    def __init__(self, *words: str, language: str = "en") -> None:
        self.words, self.language = words, language
        self.asked: list[str] = []

    def fits(self, sentence: str) -> bool:
        return True

    def __call__(self, asked: Sequence[str]) -> list[Answered]:
        self.asked += asked
        return [Answered([self.mention(text, word) for word in self.words if word in text])
                for text in asked]  # fmt: skip

    def mention(self, text: str, word: str) -> Mention:
        at = text.index(word)
        return Mention(Entity.at("Finding", [(at, at + len(word))], text))


def found(text: bytes, form: str, *words: str, folder: Path, name: str = "a.txt") -> Path:
    """Annotate one file by given words; return the output."""
    (folder / name).write_bytes(text)
    out = folder / f"out.{form}"
    annotate([str(folder / name)], Reading("en"), Finder(*words), form, out)
    return out


def brat_lines(out: Path) -> list[str]:
    lines = (out / "a.ann").read_bytes().decode().split("\n")
    return [line for line in lines if line.startswith("T")]


@pytest.mark.parametrize("mark", ["\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x1d",
                                  "\x1e", "\x85", "\u2028", "\u2029", " \n ", "\n\t"])  # fmt: skip
def test_brat_has_a_mention_over_a_line_break_as_fragments(mark, tmp_path):
    text = f"Has renal{mark}failure now."
    entity = Entity.at("X", [(4, 16 + len(mark))], text)
    spans, words = fragments(entity)
    assert words == "renal failure"
    assert [text[a:b] for a, b in spans] == ["renal", "failure"]
    assert len(f"{words}".splitlines()) == 1


def test_brat_fragments_of_a_discontinuous_mention():
    text = "left\nor right\u2028upper arm, \n"
    entity = Entity.at("X", [(0, 4), (8, 19), (24, 26)], text)
    spans, words = fragments(entity)
    assert [text[a:b] for a, b in spans] == ["left", "right", "upper"]
    assert words == "left right upper"
    assert fragments(Entity.at("X", [(24, 26)], text)) == ([], "")


@pytest.mark.parametrize("text", [
    "Renal failure after. \r\nTwo days of fever.", "Renal failure after\t\x0c\n\n  fever.",
    "Renal failure after\u2028fever.  \n", " \n Renal failure\r\rfever", "Renal failure, fever \t",
    "Renal failure \x85 fever\x0b and\x1cso", "\nRenal failure\n\n\nfever\n\n",
])  # fmt: skip
def test_pubtator_is_read_by_bioc_with_each_mention_at_its_place(text, tmp_path):
    out = found(text.encode(), "pubtator", "Renal failure", "fever", folder=tmp_path)
    (document,) = bioc.pubtator.loads(out.read_bytes().decode())
    placed = [document.text[int(a.start) : int(a.end)] for a in document.annotations]
    assert placed == ["Renal failure", "fever"] == [a.text for a in document.annotations]


def test_pubtator_titles_are_stripped_alike_when_they_come_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("bionerflow.annotate.sources.BLOCK", 20)
    text = "A first. A second.  And a third.   \r\n  A fourth with fever. A fifth."
    out = found(text.encode(), "pubtator", "fever", "third", folder=tmp_path)
    (document,) = bioc.pubtator.loads(out.read_bytes().decode())
    placed = [document.text[int(a.start) : int(a.end)] for a in document.annotations]
    assert sorted(placed) == ["fever", "third"]


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "＝"])
def test_a_spreadsheet_runs_no_formula(mark, tmp_path):
    (tmp_path / "in.jsonl").write_text(
        json.dumps({"id": f"{mark}cmd", "text": f"x {mark}HYPERLINK(1) y"}) + "\n"
    )
    finder = Finder(f"{mark}HYPERLINK(1)")
    annotate([str(tmp_path / "in.jsonl")], Reading("en"), finder, "csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["document"], row["text"]) == (f"'{mark}cmd", f"'{mark}HYPERLINK(1)")
    assert row["start"] == "2"


def test_links_that_lead_out_of_a_folder_are_told_and_not_followed(tmp_path, capsys):
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    for file in (tmp_path / "secret/s.txt", folder / "own.txt"):
        file.write_text("A protein.")
    (folder / "file.txt").symlink_to(tmp_path / "secret/s.txt")
    (folder / "sub/folder").symlink_to(tmp_path / "secret")
    (folder / "sub/inside.txt").symlink_to(folder / "own.txt")
    assert {file.id for file in inputs([str(folder)])} == {"own", "sub/inside"}
    annotate([str(folder)], Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    assert "2 links lead out of it and are passed over" in capsys.readouterr().err
    assert {file.id for file in inputs([str(tmp_path / "secret")])} == {"s"}


REFUSED = {
    "negative.json": (
        b'{"documents": [{"id": "d", "passages": [{"offset": -5, "text": "fever"}]}]}',
        "negative.json: 'd' has a passage at -5: the offsets are broken"),
    "negative.xml": (
        b"<collection><document><id>d</id><passage><offset>-5</offset><text>fever</text></passage>"
        b"</document></collection>", "negative.xml: 'd' has a passage at -5"),
    "two.csv": (b"text,b,text\n1,2,3\n", "two.csv:1: 2 columns are named 'text'"),
    "two_ids.tsv": (b"id\ttext\tid\n1\t2\t3\n", "two_ids.tsv:1: 2 columns are named 'id'"),
    "keys.jsonl": (b'{"text": "a"}\n{"text": "a", "text": "b"}\n', "keys.jsonl:2: .*one key"),
    "deep.jsonl": (b'{"text": "a"}\n' + b"[" * 200_000, "deep.jsonl:2: not JSON"),
    "deeper.jsonl": (b'{"text":' * 200_000, "deeper.jsonl:1: not JSON"),
    "half_id.jsonl": (b'{"id": "\\ud800", "text": "a"}\n', "half_id.jsonl.*half a character"),
    "deep.json": (b'{"documents": [' + b"[" * 200_000, "deep.json"),
    "deep.xml": (b"<collection>" + b"<document>" * 100_000, "deep.xml"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_input_is_refused_in_one_line_at_once(name, tmp_path):
    data, message = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    with counted_calls() as calls, pytest.raises(UserError, match=message) as error:
        annotate([str(tmp_path / name)], Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    assert calls() < 20_000 + len(data)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 500
    assert not (tmp_path / "out.csv").exists()


def test_a_column_twice_matters_only_where_it_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("text,b,b\nprotein,2,3\n")
    annotate([str(tmp_path / "a.csv")], Reading("en"), Marker(), "csv", tmp_path / "out.csv")


WHOLE = [
    "The sample was kept at approx. 4 °C.", "Streptococcus spp. were found.", "Given max. 10 mg.",
    "At conc. 3 mM of it.", "Loss (resp. 3 cells).", "A rash gr. 2 was seen.", "See Figs. 1 and 2.",
    "E. coli and S. aureus grew.", "With mol. wt. 30 kDa.",
]  # fmt: skip
PARTED = {
    "Found Salmonella spp. They grew.": 2, "Given approx.\n4 cells.": 2,
    "In the group. 12 died.": 2,
    "It was wet. 3 died.": 2, "No syngr. 2 seen.": 2,
}  # fmt: skip


@pytest.mark.parametrize("text", WHOLE)
def test_no_sentence_ends_in_an_abbreviation(text):
    assert [text[a:b] for a, b in sentences(text, "en")] == [text]


@pytest.mark.parametrize("text", PARTED)
def test_a_sentence_that_ends_is_not_joined_to_the_next(text):
    assert len(list(sentences(text, "en"))) == PARTED[text]


def test_a_damaged_or_emptied_chunk_is_made_again(tmp_path):
    (tmp_path / "a.txt").write_text("A protein, naïvely. " * 10, encoding="utf-8")
    arguments = ([str(tmp_path / "a.txt")], Reading("en"))
    (file,) = annotate_share(*arguments, Marker(), tmp_path / "parts")
    whole = file.read_bytes()
    place = whole.index(b"protein")
    damaged = [b"", whole[:-20], whole[:30], whole[:place] + b"q" + whole[place + 1 :]]
    for data in damaged:
        file.write_bytes(data)
        with pytest.raises(UserError, match="is damaged: remove it and run again"):
            list(kept([file]))
        marker = Marker()
        list(annotate_share(*arguments, marker, tmp_path / "parts"))
        assert marker.asked
        assert file.read_bytes() == whole


def bioc_texts(value: dict, folder: Path) -> list[str]:
    """Annotate a BioC JSON file; return the texts that were asked."""
    (folder / "a.json").write_text(json.dumps(value), encoding="utf-8")
    finder = Finder("fever")
    annotate([str(folder / "a.json")], Reading("en"), finder, "bioc", folder / "out.json")
    return finder.asked


INFONS = {"valid": True, "score": 0.5, "number": 7, "list": ["a"], "none": None, "type": "Gene"}
PASSAGE = {
    "offset": 0,
    "text": "A fever.",
    "infons": INFONS,
    "annotations": [
        {"id": 3, "infons": INFONS, "text": "fever", "locations": [{"offset": 2, "length": 5}]}
    ],
}
BIOC = {
    "PubTator3's list": {"PubTator3": [{"id": "1", "passages": [PASSAGE]}]},
    "infons that are no strings": {"documents": [{"id": "1", "passages": [PASSAGE]}]},
    "ids that are numbers": {"documents": [{"id": 1, "passages": [PASSAGE]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", BIOC)
def test_bioc_as_tools_export_it_is_read(name, tmp_path):
    assert bioc_texts(BIOC[name], tmp_path) == ["A fever."]


handed = pytest.mark.skipif(not SHARED.is_dir(), reason="the handed cases are not here")


def cases() -> dict[str, dict]:
    lines = (SHARED / "annotate.jsonl").read_text("utf-8").splitlines() if SHARED.is_dir() else []
    return {case["case"]: case for case in map(json.loads, lines)}


@handed
@pytest.mark.parametrize("name", [name for name, case in cases().items() if case["to"] == "brat"])
def test_handed_line_breaks(name, tmp_path):
    case = cases()[name]
    ((_, _, word),) = case["mentions"]
    out = found((SHARED / case["file"]).read_bytes(), "brat", word, folder=tmp_path)
    assert brat_lines(out) == [case["right"]]


@handed
@pytest.mark.parametrize("name", ["cut_abbreviation", "guard_species"])
def test_handed_abbreviations(name, tmp_path):
    case = cases()[name]
    ((_, ((start, end),), word),) = case["mentions"]
    out = found((SHARED / case["file"]).read_bytes(), "csv", word, folder=tmp_path)
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["spans"], row["text"]) == (f"{start}-{end}", word)
    card = json.loads(Path(f"{out}.json").read_text())
    assert card["sentences"] == 1


@handed
def test_handed_title(tmp_path):
    case = cases()["crlf_title"]
    words = [word for *_, word in case["mentions"]]
    data = (SHARED / case["file"]).read_bytes()
    out = found(data, "pubtator", *words, folder=tmp_path)
    (document,) = bioc.pubtator.loads(out.read_bytes().decode())
    placed = {document.text[int(a.start) : int(a.end)] for a in document.annotations}
    card = json.loads(Path(f"{out}.json").read_text())
    assert placed | {one["text"] for one in card["left_out_listed"]} == set(words)
    assert placed == set(words)


@handed
def test_handed_depth(tmp_path):
    case = cases()["nested_arrays"]
    (tmp_path / case["as"]).write_text("[" * 200_000)
    start = time.process_time()
    with pytest.raises(UserError, match=r"a\.jsonl:1"):
        annotate([str(tmp_path / case["as"])], Reading("en"), Marker(), "csv", tmp_path / "o.csv")
    assert time.process_time() - start < case["within_s"]


@handed
def test_every_handed_case_has_a_test():
    lines = {name for name, case in cases().items() if case["to"] == "brat"}
    others = {"cut_abbreviation", "guard_species", "crlf_title", "negative_offset", "two_columns"}
    assert set(cases()) == lines | others | {"nested_arrays"}


@handed
@pytest.mark.parametrize(("name", "message"), [
    ("annotate/negative_offset.json", "offsets are broken"),
    ("annotate/two_columns.csv", "2 columns are named 'text'"),
])  # fmt: skip
def test_handed_refusals(name, message, tmp_path):
    for form in ("brat", "pubtator", "bioc", "csv"):
        with pytest.raises(UserError, match=message):
            annotate([str(SHARED / name)], Reading("en"), Marker(), form, tmp_path / form)
