"""Any form to any form: offsets exact in the original file, nothing lost that a form can hold."""

import csv
import gzip
import html
import io
import json
import os
import re
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from marking import WORD, Marker, marks
from reading import read

from bionerflow.annotate.inputs import inputs
from bionerflow.annotate.passages import sentences
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

HARD = (
    "Tabs\tand  spaces: naïve cafe\u0301s, e\u0301levated 🧬protein🧬 𝛼-synuclein.\r\n\r\n"
    "Second\u2028paragraph\x0c of סרטן and <b>markup</b> & \"quotes\", 'single'|pipes.\r\n"
    "1\t2\t3\tlong\tcolumns\r\nLast line without end: Größenordnung"
)


#: Texts by document, each with its offset there.
Texts = dict[str, list[tuple[int, str]]]


class Found(NamedTuple):
    """A mention as a form has it, at its document's offsets."""

    id: str
    type: str
    spans: tuple[tuple[int, int], ...]
    text: str = ""
    confidence: float | None = None
    probability: float | None = None


class Given(NamedTuple):
    """An input, the texts that stand in it, and how it is read; `piped` is standard input."""

    path: Path
    texts: Texts
    language: str = "en"
    column: str = "text"
    piped: bytes = b""

    def expected(self) -> set[Found]:
        """What the stand-in for a model marks in each sentence."""
        return {
            Found(id, m.entity.type,
                  tuple((start + at.start + a, start + at.start + b) for a, b in m.entity.spans),
                  m.entity.text, m.confidence, m.probability)
            for id, parts in self.texts.items()
            for start, text in parts
            for at in sentences(text, self.language)
            for m in marks(text[at.start : at.end])
        }  # fmt: skip

    def title(self, id: str) -> int:
        """Where the first line of a document ends, without white space at its end."""
        text = self.texts[id][0][1]
        return len(re.split(r"[\r\n]", text, maxsplit=1)[0].rstrip())

    def words(self) -> int:
        """Count the long words, without regard to sentences."""
        return sum(len(WORD.findall(text)) for its in self.texts.values() for _, text in its)


def text_given(folder: Path, texts: dict[str, str], language: str = "en") -> Given:
    for id, text in texts.items():
        (folder / f"{id}.txt").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{id}.txt").write_bytes(text.encode("utf-8-sig"))
    return Given(folder, {id: [(0, text)] for id, text in texts.items()}, language)


def hard_folder(tmp_path: Path, mirror: Path) -> Given:
    return text_given(tmp_path / "hard", {"a/hard": HARD, "b": HARD[::-1], "empty": ""})


def text_file(tmp_path: Path, mirror: Path) -> Given:
    """A file of real abstracts, with the hard text after them."""
    text = "\r\n".join([*abstracts(mirror), HARD])
    return text_given(tmp_path, {"one": text})._replace(path=tmp_path / "one.txt")


def standard_input(tmp_path: Path, mirror: Path) -> Given:
    text = "\n".join([*abstracts(mirror), HARD])
    return Given(Path("-"), {"stdin": [(0, text)]}, piped=text.encode())


def abstracts(mirror: Path) -> list[str]:
    file = mirror / "bc5cdr" / "pubtator" / "CDR_TestSet.PubTator.txt"
    lines = file.read_text("utf-8").split("\n")
    return [line.split("|a|", 1)[1] for line in lines if "|a|" in line][:3]


def chinese_text(tmp_path: Path, mirror: Path) -> Given:
    texts = chinese(mirror)
    joined = "\r\n".join(texts)
    return text_given(tmp_path / "zh", {"zh": joined}, "zh")


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
    return Given(folder, texts)


def pubtator_file(tmp_path: Path, mirror: Path) -> Given:
    file = mirror / "ncbi_disease" / "pubtator" / "NCBItestset_corpus.txt"
    blocks = file.read_bytes().decode().strip().split("\n\n")[:4]
    texts = {}
    for block in blocks:
        title, abstract = (line.split("|", 2)[2] for line in block.strip().split("\n")[:2])
        texts[block.strip().split("|")[0]] = [(0, title), (len(title) + 1, abstract)]
    path = tmp_path / "given.txt"
    path.write_bytes(("\n\n".join(blocks) + "\n").encode())
    return Given(path, texts)


def bioc_documents(mirror: Path) -> dict[str, Any]:
    value = read_json(mirror / "biored" / "Dev.BioC.JSON")
    return value | {"documents": value["documents"][:2]}


def bioc_texts(value: dict[str, Any]) -> Texts:
    return {d["id"]: [(p["offset"], p["text"]) for p in d["passages"]] for d in value["documents"]}


def bioc_json(tmp_path: Path, mirror: Path) -> Given:
    value = bioc_documents(mirror)
    path = tmp_path / "given.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8-sig")
    return Given(path, bioc_texts(value))


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
    return Given(path, texts)


def json_lines(tmp_path: Path, mirror: Path) -> Given:
    texts = [HARD, *chinese(mirror)]
    path = tmp_path / "given.jsonl"
    path.write_text(
        "".join(json.dumps({"id": n, "note": text}) + "\n" for n, text in enumerate(texts))
    )
    by_id = {str(n): [(0, text)] for n, text in enumerate(texts)}
    return Given(path, by_id, "zh", column="note")


def table(tmp_path: Path, mirror: Path) -> Given:
    texts = [HARD, *chinese(mirror)[:5], ""]
    path = tmp_path / "given.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["patient", "report"])
        rows.writerows([f"p{n}", text] for n, text in enumerate(texts))
    texts_by_id = {f"given-{n}": [(0, text)] for n, text in enumerate(texts, start=1)}
    return Given(path, texts_by_id, "zh", column="report")


INPUTS: dict[str, Callable[[Path, Path], Given]] = {
    made.__name__: made
    for made in (
        hard_folder, text_file, standard_input, chinese_text, brat_files, pubtator_file,
        bioc_json, bioc_xml, json_lines, table,
    )
}  # fmt: skip
OUTPUTS = {
    "brat": "out", "pubtator": "out.PubTator", "bioc": "out.json", "bioc_xml": "out.xml",
    "jsonl": "out.jsonl", "csv": "out.csv", "html": "out.html",
}  # fmt: skip


def on_one_line(text: str) -> str:
    return "".join(" " if c == "\t" or len(f"a{c}a".splitlines()) > 1 else c for c in text)


def fragments(found: Found) -> tuple[tuple[int, int], ...]:
    """Where BRAT has a mention: in pieces, where a line ends in it or it has a tab."""
    joined, at, spans = found.text, 0, []
    for start, end in found.spans:
        piece = on_one_line(joined[at : at + end - start])
        breaks = [joined[at + n] != piece[n] for n in range(len(piece))]
        at += len(piece) + 1
        words = [m.span() for m in re.finditer(r"\S+", piece)]
        for (a, b), before in zip(words, [None, *words], strict=False):
            if before is None or any(breaks[before[1] : a]):
                spans.append((start + a, start + b))
            else:
                spans[-1] = (spans[-1][0], start + b)
    return tuple(spans)


def in_xml(text: str) -> str:
    return text.replace("\x0c", " ")


def held(form: str, found: Found, title: int) -> Found | None:
    """What a form can hold of a mention, or None; `title` is where the first line ends."""
    if form == "pubtator" and (len(found.spans) > 1 or over(found, title)):
        return None
    if form == "pubtator":
        key = re.sub(r"[\s|]", "_", found.id)
        return found._replace(id=key, text=on_one_line(found.text), probability=None)
    if form == "brat":
        type = found.type.replace(" ", "_")
        words = " ".join(brat_pieces(found))
        return found._replace(spans=fragments(found), text=words, type=type)
    if form == "html":
        return found._replace(text="")
    return found._replace(text=in_xml(found.text)) if form == "bioc_xml" else found


def brat_pieces(found: Found) -> Iterator[str]:
    """The text of each fragment that BRAT has; those of a mention's spans are parted by a space."""
    start, end = found.spans[0][0], found.spans[-1][1]
    letters, at = {}, 0
    for a, b in found.spans:
        letters |= dict(zip(range(a, b), found.text[at : at + b - a], strict=True))
        at += b - a + 1
    assert {start, end - 1} <= letters.keys()
    for a, b in fragments(found):
        yield "".join(letters[n] for n in range(a, b))


def over(found: Found, title: int) -> bool:
    return found.spans[0][0] <= title < found.spans[-1][1]


def score(value: str | None) -> float | None:
    return float(value) if value else None


def read_brat(out: Path) -> Iterator[Found]:
    for file in out.rglob("*.ann"):
        id = file.relative_to(out).with_suffix("").as_posix()
        rows = [line.split("\t") for line in file.read_text("utf-8").split("\n")]
        notes = {row[1].split()[1]: row[2] for row in rows if row[0].startswith("#")}
        for row in rows:
            if row[0].startswith("T"):
                type, _, spans = row[1].partition(" ")
                pairs = tuple(tuple(map(int, pair.split())) for pair in spans.split(";"))
                known = dict(re.findall(r"(\w+) ([\d.]+)", notes.get(row[0], "")))
                scores = (score(known.get(name)) for name in ("confidence", "probability"))
                yield Found(id, type, pairs, row[2], *scores)


def read_pubtator(out: Path) -> Iterator[Found]:
    for line in out.read_text("utf-8").split("\n"):
        row = [*line.split("\t"), ""]
        if len(row) > 6:
            span = (int(row[1]), int(row[2]))
            yield Found(row[0], row[4], (span,), row[3], score(row[6]))


def read_bioc(out: Path) -> Iterator[Found]:
    for document in read_json(out)["documents"]:
        for passage in document["passages"]:
            for one in passage["annotations"]:
                spans = tuple(
                    (at["offset"], at["offset"] + at["length"]) for at in one["locations"]
                )
                yield of_bioc(document["id"], spans, one["text"], one["infons"])


def read_bioc_xml(out: Path) -> Iterator[Found]:
    for document in ElementTree.parse(out).iter("document"):
        for one in document.iter("annotation"):
            places = [(int(a.get("offset")), int(a.get("length"))) for a in one.iter("location")]
            infons = {infon.get("key"): infon.text for infon in one.iter("infon")}
            spans = tuple((offset, offset + length) for offset, length in places)
            yield of_bioc(document.findtext("id"), spans, one.findtext("text"), infons)


def of_bioc(id: str, spans: Any, text: str, infons: dict[str, str]) -> Found:
    scores = (score(infons.get(name)) for name in ("confidence", "probability"))
    return Found(id, infons["type"], spans, text, *scores)


def rows_of(out: Path) -> list[Any]:
    return [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]]


def read_jsonl(out: Path) -> Iterator[Found]:
    for row in rows_of(out):
        for one in row["entities"]:
            spans = ((row["start"] + s["start"], row["start"] + s["end"]) for s in one["spans"])
            scores = (one["confidence"], one["probability"])
            yield Found(row["doc_id"], one["type"], tuple(spans), one["text"], *scores)


def read_csv(out: Path) -> Iterator[Found]:
    with out.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            spans = tuple(tuple(map(int, span.split("-"))) for span in row["spans"].split(";"))
            scores = (score(row["confidence"]), score(row["probability"]))
            yield Found(row["document"], row["type"], spans, row["text"], *scores)


def page_data(out: Path) -> Any:
    data = re.search(r'id="data">(.*?)</script>', out.read_text("utf-8"), re.DOTALL)
    return json.loads(html.unescape(data[1]))


def read_html(out: Path) -> Iterator[Found]:
    for id, start, _, mentions in page_data(out):
        for type, spans, *scores in mentions:
            yield Found(id, type, tuple((start + a, start + b) for a, b in spans), "", *scores)


READ: dict[str, Callable[[Path], Iterator[Found]]] = {
    "brat": read_brat, "pubtator": read_pubtator, "bioc": read_bioc, "bioc_xml": read_bioc_xml,
    "jsonl": read_jsonl, "csv": read_csv, "html": read_html,
}  # fmt: skip


@pytest.mark.parametrize("given", INPUTS)
def test_each_form_to_each_form_on_real_documents(given, tmp_path, corpora_mirror, monkeypatch):
    source = INPUTS[given](tmp_path, corpora_mirror)
    expected = source.expected()
    assert len(expected) > 20
    assert sum(found.type == "Word" for found in expected) == source.words()
    reading = Reading(source.language, column=source.column)
    for form, name in OUTPUTS.items():
        out = tmp_path / name
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(source.piped)))
        summary = annotate([str(source.path)], reading, Marker(source.language),
                           form.partition("_")[0], out)  # fmt: skip
        kept = {one for f in expected if (one := held(form, f, source.title(f.id)))}
        read = list(READ[form](out))
        assert len(read) == len(set(read))
        assert set(read) == kept
        assert summary.counts["mentions"] == len(expected)
        assert sum(summary.left_out.values()) == len(expected) - len(kept)
        assert not list(tmp_path.glob("*.parts"))
        check_texts(form, out, source.texts)
        if form not in ("csv", "html"):
            check_read_back(form, out, source, len(kept))


def test_what_is_marked_has_every_hard_character(tmp_path):
    covered = "".join(mention.text for mention in hard_folder(tmp_path, tmp_path).expected())
    assert set("\t\r\n🧬\u0301") <= set(covered)


def check_texts(form: str, out: Path, texts: Texts) -> None:
    """Each text stands at its offset, but for what the form cannot hold."""
    if form == "brat":
        for id, parts in texts.items():
            check_parts((out / f"{id}.txt").read_bytes().decode(), parts)
    elif form == "pubtator":
        blocks = (block.split("\n") for block in out.read_bytes().decode().split("\n\n") if block)
        joined = {lines[0].split("|t|")[0]: " ".join(line.split("|", 2)[2] for line in lines[:2])
                  for lines in blocks}  # fmt: skip
        for id, parts in texts.items():
            check_parts(joined[id], [(start, on_one_line(text)) for start, text in parts])
    elif form == "bioc_xml":
        found = ElementTree.parse(out).iter("passage")
        expected = [in_xml(text) for parts in texts.values() for _, text in parts]
        assert [passage.findtext("text") for passage in found] == expected
    elif form in ("html", "jsonl", "bioc"):
        expected = [(s, text) for parts in texts.values() for s, text in parts]
        assert list(passages_of(form, out)) == expected


def check_parts(whole: str, parts: list[tuple[int, str]]) -> None:
    for start, text in parts:
        assert whole[start : start + len(text)] == text


def passages_of(form: str, out: Path) -> Iterator[tuple[int, str]]:
    if form == "html":
        yield from ((start, text) for _, start, text, _ in page_data(out))
    elif form == "jsonl":
        yield from ((row["start"], row["text"]) for row in rows_of(out))
    else:
        for document in read_json(out)["documents"]:
            yield from ((passage["offset"], passage["text"]) for passage in document["passages"])


def check_read_back(form: str, out: Path, source: Given, mentions: int) -> None:
    """The project's own reader places as many mentions; on one line tabs and line ends differ."""
    files = [out] if out.is_file() else out.rglob("*.*")
    found = read(
        form.partition("_")[0], {str(f.relative_to(out.parent)): f.read_bytes() for f in files}
    )
    odd = {finding.reason for finding in found.findings}
    on_lines = {"white_space_differs", "fragments_joined"}
    assert odd <= (on_lines if form in ("brat", "pubtator") else set())
    assert sum(len(document.entities) for document in found.documents) == mentions


@pytest.mark.parametrize("form", ["brat", "pubtator", "bioc", "bioc_xml", "jsonl"])
def test_what_was_written_is_annotated_again_alike(form, tmp_path, corpora_mirror):
    source = pubtator_file(tmp_path, corpora_mirror)
    first, again = tmp_path / OUTPUTS[form], tmp_path / "again.csv"
    annotate([str(source.path)], Reading("en"), Marker(), form.partition("_")[0], first)
    annotate([str(first)], Reading("en"), Marker(), "csv", again)
    expected = source.expected()
    if form == "jsonl":  # a record is a document: its offsets are the record's own
        moved = {found._replace(spans=()) for found in expected}
        assert {found._replace(spans=()) for found in read_csv(again)} == moved
    else:
        assert set(read_csv(again)) == expected


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
    given = text_given(tmp_path / "in", {"x/hard": HARD})
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
    "ragged.csv": (b"text,b\n1,2\nno, quotes,2\n", "ragged.csv:3: 3 cells .* header of 2"),
    "open.csv": (b'text,b\n"no end,2\n', "open.csv: not a table"),
    "note.pdf": (b"%PDF-1.4 x", "a PDF: save its text"),
    "note.docx": (b"PK\x03\x04 x", "an Office or zip file"),
    "note.txt.gz": (gzip.compress(b"x"), "packed: unpack it"),
    "wide.txt": ("x".encode("utf-16"), "UTF-16: convert it with `iconv -f UTF-16"),
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
    out, marker = tmp_path / "out", Marker()
    (out / "mine").mkdir(parents=True)
    with pytest.raises(UserError, match=r"is there already|is a folder"):
        annotate([str(tmp_path / "in.txt")], Reading("en"), marker, form, out)
    assert [file.name for file in out.iterdir()] == ["mine"]
    assert marker.asked == []


@pytest.mark.parametrize("given", ["notes", "notes/a.csv"])
def test_what_is_read_is_not_written_over(given, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.csv").write_text("text\nnothing\n")
    with pytest.raises(UserError, match="which is read: give -o a place outside"):
        annotate([str(tmp_path / given)], Reading("en"), Marker(), "csv", tmp_path / "notes/a.csv")
    assert (tmp_path / "notes" / "a.csv").read_text() == "text\nnothing\n"


def test_files_of_one_name_are_told_apart_and_others_are_told_of(tmp_path, capsys):
    for name in ("a/x.txt", "b/x.txt", "b/y.TXT", "b/y.ann", "b/z.md", "b/.hidden.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("protein")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    ids = [file.id for file in inputs(folders)]
    assert ids == [f"{folders[0]}/x.txt", f"{folders[1]}/x.txt", "y"]
    annotate(folders, Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    assert {found.id for found in read_csv(tmp_path / "out.csv")} == set(ids)
    assert f"{folders[1]}: 1 files are passed over, {folders[1]}/z.md" in capsys.readouterr().err
    with pytest.raises(UserError, match="annotations hold no texts"):
        inputs([str(tmp_path / "b" / "y.ann")])


def test_a_pipe_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("A protein.",))
    writer.start()
    annotate([str(tmp_path / "pipe")], Reading("en"), Marker(), "csv", tmp_path / "out.csv")
    writer.join()
    assert {found.id for found in read_csv(tmp_path / "out.csv")} == {"pipe"}
