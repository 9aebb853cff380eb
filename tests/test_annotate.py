"""Any form to any form: offsets exact in the original file, nothing lost that a form can hold."""

import csv
import gzip
import html
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from marking import Marker, marks
from reading import read

from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate
from bionerflow.errors import UserError
from bionerflow.files import read_json

#: A mention as tests compare it: document, type, offsets in the document.
Found = tuple[str, str, tuple[tuple[int, int], ...]]
HARD = (
    "Tabs\tand  spaces: naïve cafe\u0301s, e\u0301levated 🧬protein🧬 𝛼-synuclein.\r\n\r\n"
    "Second\u2028paragraph\x0c of סרטן and <b>markup</b> & \"quotes\", 'single'|pipes.\r\n"
    "1\t2\t3\tcolumns\r\nLast line without end: Größenordnung"
)


class Given(NamedTuple):
    """An input, and the texts that stand in it by document, each with its offset."""

    path: Path
    form: str
    texts: dict[str, list[tuple[int, str]]]
    language: str = "en"
    column: str = "text"

    def expected(self) -> set[Found]:
        return {
            (id, m.entity.type, tuple((start + a, start + b) for a, b in m.entity.spans))
            for id, parts in self.texts.items()
            for start, text in parts
            for m in marks(text)
        }


def text_given(folder: Path, texts: dict[str, str], form: str, language: str = "en") -> Given:
    for id, text in texts.items():
        (folder / f"{id}.txt").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{id}.txt").write_bytes(text.encode("utf-8-sig"))
    return Given(folder, form, {id: [(0, text)] for id, text in texts.items()}, language)


def hard(tmp_path: Path, mirror: Path) -> Given:
    return text_given(tmp_path / "hard", {"a/hard": HARD, "b": HARD[::-1], "empty": ""}, "text")


def chinese_text(tmp_path: Path, mirror: Path) -> Given:
    texts = chinese(mirror)
    joined = "\r\n".join(texts)
    return text_given(tmp_path / "zh", {"zh": joined}, "text", "zh")


def chinese(mirror: Path) -> list[str]:
    lines = (mirror / "cmeee" / "v1_chip2020" / "dev.txt").read_text("utf-8").splitlines()
    return [line.split("|||")[0] for line in lines[:40]]


def brat_files(tmp_path: Path, mirror: Path) -> Given:
    """Real documents with .ann files, which are not taken over."""
    folder, texts = tmp_path / "brat", {}
    folder.mkdir()
    with tarfile.open(mirror / "anatem" / "brat.tar.gz") as archive:
        names = sorted(n for n in archive.getnames() if n.endswith(".txt"))[1:4]
        for name in names:
            stem = Path(name).stem
            for suffix in (".txt", ".ann"):
                data = archive.extractfile(str(Path(name).with_suffix(suffix))).read()
                (folder / f"{stem}{suffix}").write_bytes(data)
            texts[stem] = [(0, (folder / f"{stem}.txt").read_bytes().decode())]
    return Given(folder, "brat", texts)


def pubtator_file(tmp_path: Path, mirror: Path) -> Given:
    file = mirror / "ncbi_disease" / "pubtator" / "NCBItestset_corpus.txt"
    blocks = file.read_bytes().decode().strip().split("\n\n")[:4]
    texts = {}
    for block in blocks:
        title, abstract = (line.split("|", 2)[2] for line in block.strip().split("\n")[:2])
        texts[block.strip().split("|")[0]] = [(0, title), (len(title) + 1, abstract)]
    path = tmp_path / "given.txt"
    path.write_bytes(("\n\n".join(blocks) + "\n").encode())
    return Given(path, "pubtator", texts)


def bioc_documents(mirror: Path) -> dict[str, Any]:
    value = read_json(mirror / "biored" / "Dev.BioC.JSON")
    return value | {"documents": value["documents"][:2]}


def bioc_texts(value: dict[str, Any]) -> dict[str, list[tuple[int, str]]]:
    return {d["id"]: [(p["offset"], p["text"]) for p in d["passages"]] for d in value["documents"]}


def bioc_json(tmp_path: Path, mirror: Path) -> Given:
    value = bioc_documents(mirror)
    path = tmp_path / "given.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8-sig")
    return Given(path, "bioc", bioc_texts(value))


def bioc_xml(tmp_path: Path, mirror: Path) -> Given:
    with gzip.open(mirror / "biored" / "Dev.BioC.XML.gz") as file:
        tree = ElementTree.parse(file)
    for document in tree.getroot().findall("document")[2:]:
        tree.getroot().remove(document)
    path = tmp_path / "given.xml"
    tree.write(path, encoding="utf-8")
    texts = {
        d.findtext("id", ""): [
            (int(p.findtext("offset", "")), p.findtext("text", "")) for p in d.iter("passage")
        ]
        for d in tree.iter("document")
    }
    return Given(path, "bioc", texts)


def json_lines(tmp_path: Path, mirror: Path) -> Given:
    texts = [HARD, *chinese(mirror)]
    path = tmp_path / "given.jsonl"
    path.write_text(
        "".join(json.dumps({"id": n, "note": text}) + "\n" for n, text in enumerate(texts))
    )
    return Given(
        path, "jsonl", {str(n): [(0, text)] for n, text in enumerate(texts)}, "zh", column="note"
    )


def table(tmp_path: Path, mirror: Path) -> Given:
    texts = [HARD, *chinese(mirror)[:5], ""]
    path = tmp_path / "given.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["patient", "report"])
        rows.writerows([f"p{n}", text] for n, text in enumerate(texts))
    texts_by_id = {f"given-{n}": [(0, text)] for n, text in enumerate(texts, start=1)}
    return Given(path, "csv", texts_by_id, "zh", column="report")


INPUTS: dict[str, Callable[[Path, Path], Given]] = {
    made.__name__: made
    for made in (
        hard, chinese_text, brat_files, pubtator_file, bioc_json, bioc_xml, json_lines, table
    )
}  # fmt: skip
CONTINUOUS = ("pubtator",)
OUTPUTS = {
    "brat": "out", "pubtator": "out.PubTator", "bioc": "out.json", "bioc_xml": "out.xml",
    "jsonl": "out.jsonl", "csv": "out.csv", "html": "out.html",
}  # fmt: skip


def read_brat(out: Path) -> Iterator[Found]:
    for file in out.rglob("*.ann"):
        id = file.relative_to(out).with_suffix("").as_posix()
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("T"):
                type, _, spans = line.split("\t")[1].partition(" ")
                pairs = tuple(tuple(map(int, pair.split())) for pair in spans.split(";"))
                yield id, type.replace("_", " "), pairs


def read_pubtator(out: Path) -> Iterator[Found]:
    for line in out.read_text("utf-8").split("\n"):
        row = line.split("\t")
        if len(row) > 5:
            yield row[0].replace("a_hard", "a/hard"), row[4], ((int(row[1]), int(row[2])),)


def read_bioc(out: Path) -> Iterator[Found]:
    for document in read_json(out)["documents"]:
        for passage in document["passages"]:
            for one in passage["annotations"]:
                spans = [(at["offset"], at["offset"] + at["length"]) for at in one["locations"]]
                yield document["id"], one["infons"]["type"], tuple(spans)


def read_bioc_xml(out: Path) -> Iterator[Found]:
    for document in ElementTree.parse(out).iter("document"):
        for one in document.iter("annotation"):
            places = [(int(a.get("offset")), int(a.get("length"))) for a in one.iter("location")]
            type = next(i.text for i in one.iter("infon") if i.get("key") == "type")
            yield document.findtext("id"), type, tuple((o, o + n) for o, n in places)


def read_jsonl(out: Path) -> Iterator[Found]:
    for line in out.read_text("utf-8").split("\n")[:-1]:
        row = json.loads(line)
        for one in row["entities"]:
            spans = ((row["start"] + s["start"], row["start"] + s["end"]) for s in one["spans"])
            yield row["doc_id"], one["type"], tuple(spans)


def read_csv(out: Path) -> Iterator[Found]:
    with out.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            spans = (tuple(map(int, span.split("-"))) for span in row["spans"].split(";"))
            yield row["document"], row["type"], tuple(spans)


def page_data(out: Path) -> Any:
    data = re.search(r'id="data">(.*?)</script>', out.read_text("utf-8"), re.DOTALL)
    return json.loads(html.unescape(data[1]))


def read_html(out: Path) -> Iterator[Found]:
    for id, start, _, mentions in page_data(out):
        for type, spans, *_ in mentions:
            yield id, type, tuple((start + a, start + b) for a, b in spans)


READ: dict[str, Callable[[Path], Iterator[Found]]] = {
    "brat": read_brat, "pubtator": read_pubtator, "bioc": read_bioc, "bioc_xml": read_bioc_xml,
    "jsonl": read_jsonl, "csv": read_csv, "html": read_html,
}  # fmt: skip


@pytest.mark.parametrize("given", INPUTS)
def test_each_form_to_each_form_on_real_documents(given, tmp_path, corpora_mirror):
    source = INPUTS[given](tmp_path, corpora_mirror)
    expected = source.expected()
    assert len(expected) > 20
    reading = Reading(source.language, column=source.column)
    for form, name in OUTPUTS.items():
        out = tmp_path / name
        summary = annotate([str(source.path)], reading, Marker(source.language),
                           form.partition("_")[0], out)  # fmt: skip
        kept = {f for f in expected if form not in CONTINUOUS or len(f[2]) == 1}
        read = list(READ[form](out))
        assert len(read) == len(set(read))
        assert set(read) == kept
        assert summary.counts["mentions"] == len(expected)
        assert sum(summary.left_out.values()) == len(expected) - len(kept)
        assert not list(tmp_path.glob("*.parts"))
        if form not in ("csv", "html"):
            check_read_back(form, out, source, len(kept))


def check_read_back(form: str, out: Path, source: Given, mentions: int) -> None:
    """The project's own reader finds the same, and the same texts where passages stay passages."""
    files = [out] if out.is_file() else out.rglob("*.*")
    found = read(
        form.partition("_")[0], {str(f.relative_to(out.parent)): f.read_bytes() for f in files}
    )
    assert not found.findings
    assert sum(len(document.entities) for document in found.documents) == mentions
    if form in ("bioc", "jsonl"):
        texts = [text for parts in source.texts.values() for _, text in parts if text]
        assert [document.text for document in found.documents if document.text] == texts


@pytest.mark.parametrize("form", ["brat", "pubtator", "bioc", "bioc_xml", "jsonl"])
def test_what_was_written_is_annotated_again_alike(form, tmp_path, corpora_mirror):
    source = pubtator_file(tmp_path, corpora_mirror)
    first, again = tmp_path / OUTPUTS[form], tmp_path / "again.csv"
    annotate([str(source.path)], Reading("en"), Marker(), form.partition("_")[0], first)
    annotate([str(first)], Reading("en"), Marker(), "csv", again)
    if form == "jsonl":  # a record is a document: its offsets are the record's own
        found = {(id, type) for id, type, _ in read_csv(again)}
        assert found == {(id, type) for id, type, _ in source.expected()}
    else:
        assert set(read_csv(again)) == source.expected()


def test_offsets_count_in_the_file_as_it_is(tmp_path):
    path = tmp_path / "hard.txt"
    path.write_bytes(HARD.encode("utf-8-sig"))
    annotate([str(path)], Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["text"] for row in rows if row["type"] == "Word"} == set(
        re.findall(r"\w{6,}", HARD)
    )
    for row in rows:
        spans = [tuple(map(int, span.split("-"))) for span in row["spans"].split(";")]
        assert " ".join(text[a:b] for a, b in spans) == row["text"]


def test_brat_texts_are_the_given_ones(tmp_path):
    given = text_given(tmp_path / "in", {"x/hard": HARD}, "text")
    annotate([str(given.path)], Reading("en"), Marker(), "brat", tmp_path / "out")
    assert (tmp_path / "out" / "x" / "hard.txt").read_bytes() == HARD.encode()
    assert "Split_type" in (tmp_path / "out" / "annotation.conf").read_text()
    notes = (tmp_path / "out" / "x" / "hard.ann").read_text("utf-8")
    assert "\tAnnotatorNotes T1\tconfidence " in notes


def test_documents_of_one_id_and_of_hostile_ids_stay_apart_and_inside(tmp_path):
    rows = [{"id": id, "text": "nothing"} for id in ("../../up", "d", "d", "/etc/x", "..", "a\0b")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "deep" / "out"
    annotate([str(tmp_path / "in.jsonl")], Reading("en"), Marker(), "brat", out)
    assert len(list(out.rglob("*.txt"))) == len(rows)
    assert {"d.txt", "d-2.txt"} <= {file.name for file in out.iterdir()}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "in.jsonl"]


BROKEN = {
    "latin.txt": ("Größe".encode("latin-1"), "not UTF-8 .byte 0xf6"),
    "no.jsonl": (b'{"txt": "x"}\n', "no text under 'text'.*Known: txt"),
    "bad.jsonl": (b'{"text": \n', "bad.jsonl:1: not JSON"),
    "half.jsonl": (b'{"text": "\\ud800 x"}\n', "surrogate"),
    "no.csv": (b"a;b\n1;2\n", "no.csv:1.*Known: a, b"),
    "cut.json": (b'{"documents": [{"id": "1", "passages": [', "not whole JSON"),
    "other.json": (b'{"id": "1"}', "no list of documents"),
    "odd.json": (b'{"documents": [{"passages": 3}]}', "a document is not BioC"),
    "gap.json": (
        b'{"documents": [{"id": "1", "passages": [{"offset": 9000000, "text": "x"}]}]}',
        "offsets are broken",
    ),
    "cut.xml": (b"<collection><document><id>1</id>", "not XML"),
    "bomb.xml": (b'<!DOCTYPE c [<!ENTITY a "b">]><collection>&a;</collection>', "entities"),
    "odd.pubtator": (b"1|t|x\n2\tq\n", "odd.pubtator:2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_input_is_one_line_that_says_where(name, tmp_path):
    data, message = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message) as error:
        annotate([str(tmp_path / name)], Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("form", ["brat", "jsonl"])
def test_a_folder_that_is_there_is_not_written_over(form, tmp_path):
    (tmp_path / "in.txt").write_text("nothing")
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    with pytest.raises((UserError, OSError)):
        annotate([str(tmp_path / "in.txt")], Reading("en"), Marker(), form, out)
    assert [file.name for file in out.iterdir()] == ["mine"]
