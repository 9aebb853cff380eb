"""Forms for annotation tools: read back by the tool's own code, or as its documentation says."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import cassis
import pandas as pd
import pytest
import spacy
from conftest import ROOT
from marking import Marker, marks
from pydantic import BaseModel, ConfigDict
from seqeval.metrics.sequence_labeling import get_entities
from spacy.tokens import Doc, DocBin
from test_annotate import HARD, read_csv, text_given

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.names import FILES, FOLDERS, INPUTS, OUTPUTS
from bionerflow.annotate.passages import sentences
from bionerflow.annotate.sources import FORMS as READ
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate

TEXTS = {
    "a": HARD,
    "b": "IL-2_[x]|y;z->w* raised\tfe\\ver.\n  Second: 🧬gene-therapy, TNF‑α (x).  \n",
    "c": "nothing",
    "d": "",
}
#: Place of a mention: document, type, start, end.
Place = tuple[str, str, int, int]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Callable[[str], tuple[Path, dict]]:
    """Return the output in a form, and its card."""
    folder = tmp_path_factory.mktemp("forms")
    given = text_given(folder / "in", TEXTS)

    def make(form: str) -> tuple[Path, dict]:
        out = folder / f"out.{form}"
        if not out.exists():
            annotate([str(given.path)], Reading("en"), Marker(), form, out)
        return out, json.loads(Path(f"{out}.json").read_text("utf-8"))

    return make


def places() -> dict[Place, str]:
    """What the stand-in marks in one piece, with the text."""
    return {
        (id, m.entity.type, at.start + m.entity.start, at.start + m.entity.end): m.entity.text
        for id, text in TEXTS.items()
        for at in sentences(text, "en")
        for m in marks(text[at.start : at.end])
        if len(m.entity.spans) == 1
    }


def rows(out: Path) -> Iterator[dict]:
    for line in out.read_text("utf-8").split("\n")[:-1]:
        yield json.loads(line)


def of_xmi(out: Path) -> Iterator[tuple[Place, str]]:
    with (out / "TypeSystem.xml").open("rb") as file:
        types = cassis.load_typesystem(file)
    for path in sorted(out.glob("*.xmi")):
        with path.open("rb") as file:
            cas = cassis.load_cas_from_xmi(file, typesystem=types)
        expected = TEXTS[path.stem].replace("\x0c", " ")
        assert (cas.sofa_string or "") == expected
        for one in cas.select("de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"):
            yield (path.stem, one.value, one.begin, one.end), one.get_covered_text()


def of_spacy(out: Path) -> Iterator[tuple[Place, str]]:
    nlp, docs = spacy.blank("en"), []
    for row in rows(out):
        doc = Doc(nlp.vocab).from_json(row, validate=False)
        assert doc.text == TEXTS[row["doc_id"]]
        taken = [(span.start_char, span.end_char) for span in doc.ents]
        assert [a for a, _ in taken] == sorted(a for a, _ in taken)
        assert len(taken) == len(row["ents"])
        for span in doc.spans["sc"]:
            yield (row["doc_id"], span.label_, span.start_char, span.end_char), span.text
        docs.append(doc)
    assert len(list(DocBin().from_bytes(DocBin(docs=docs).to_bytes()).get_docs(nlp.vocab))) == 4


def of_prodigy(out: Path) -> Iterator[tuple[Place, str]]:
    """As Prodigy does it: a Doc of the task's tokens, whose spans are those of the task."""
    vocab = spacy.blank("en").vocab
    for row in rows(out):
        tokens = row["tokens"]
        doc = Doc(vocab, [t["text"] for t in tokens], [t["ws"] for t in tokens])
        assert doc.text == row["text"] == TEXTS[row["meta"]["doc_id"]]
        assert [(t.i, t.idx) for t in doc] == [(t["id"], t["start"]) for t in tokens]
        for one in row["spans"]:
            span = doc.char_span(one["start"], one["end"], label=one["label"])
            assert (span.start, span.end - 1) == (one["token_start"], one["token_end"])
            place = (row["meta"]["doc_id"], span.label_, span.start_char, span.end_char)
            yield place, span.text


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Value(Strict):
    start: int
    end: int
    text: str
    labels: list[str]


class Region(Strict):
    id: str
    from_name: str
    to_name: str
    type: str
    value: Value
    score: float | None = None


class Prediction(Strict):
    model_version: str
    result: list[Region]


class Task(Strict):
    id: int
    data: dict[str, str | int]
    predictions: list[Prediction]


def of_label_studio(out: Path) -> Iterator[tuple[Place, str]]:
    """By the schema of "Import pre-annotated data" in Label Studio's documentation."""
    tasks = [Task(**task) for task in json.loads(out.read_text("utf-8"))]
    regions = [region for task in tasks for region in task.predictions[0].result]
    assert len({region.id for region in regions}) == len(regions)
    for task in tasks:
        for region in task.predictions[0].result:
            value = region.value
            assert (region.from_name, region.to_name, region.type) == ("label", "text", "labels")
            assert task.data["text"][value.start : value.end] == value.text
            yield (task.data["doc_id"], value.labels[0], value.start, value.end), value.text


class Labelled(Strict):
    id: int
    text: str
    label: list[tuple[int, int, str]]
    doc_id: str
    start: int


def of_doccano(out: Path) -> Iterator[tuple[Place, str]]:
    """By the JSONL schema of doccano's import page for sequence labelling."""
    for row in rows(out):
        one = Labelled.model_validate_json(json.dumps(row))
        for start, end, type in one.label:
            yield (one.doc_id, type, start, end), one.text[start:end]


UNIT = re.compile(r"(\d+)-(\d+)\t(\d+)-(\d+)\t(.*)\t(.*)\t(.*)\t")


def in_tsv(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t")


def plain(value: str) -> str:
    return re.sub(r"\\(->|.)", r"\1", value)


def of_webanno(out: Path) -> Iterator[tuple[Place, str]]:
    """By the grammar in WebAnno's user guide; offsets are of UTF-16."""
    for path in sorted(out.glob("*.tsv")):
        wide = TEXTS[path.stem].encode("utf-16-le")
        head, *blocks = path.read_text("utf-8").split("\n\n")
        assert head.split("\n")[0] == "#FORMAT=WebAnno TSV 3.3"
        found: dict[tuple[str, str], tuple[int, int]] = {}
        said = [line.removeprefix("#Text=") for line in "\n".join(blocks).split("\n")
                if line.startswith("#Text=")]  # fmt: skip
        asked = [TEXTS[path.stem][s.start : s.end] for s in sentences(TEXTS[path.stem], "en")]
        tabbed = (re.sub("[\r\x0c\u2028]", " ", in_tsv(text)) for text in asked)
        assert said == [line for text in tabbed for line in text.split("\n")]
        for line in "\n".join(blocks).split("\n"):
            unit = UNIT.fullmatch(line)
            assert unit or not line or line.startswith("#Text=")
            if not unit:
                continue
            start, end = int(unit[3]), int(unit[4])
            assert wide[2 * start : 2 * end].decode("utf-16-le") == plain(unit[5])
            for value in unit[7].split("|") if unit[7] != "_" else []:
                type, _, number = value.removesuffix("]").partition("[")
                key = (type, number or f"alone {start}")
                found[key] = (found.get(key, (start, end))[0], end)
        for (type, _), (start, end) in found.items():
            text = wide[2 * start : 2 * end].decode("utf-16-le")
            begin = len(wide[: 2 * start].decode("utf-16-le"))
            yield (path.stem, plain(type), begin, begin + len(text)), text


TOOLS = {
    "doccano": of_doccano, "label_studio": of_label_studio, "prodigy": of_prodigy,
    "spacy": of_spacy, "webanno": of_webanno, "xmi": of_xmi,
}  # fmt: skip


@pytest.mark.parametrize("form", TOOLS)
def test_a_tool_finds_each_mention_at_its_place(form, written):
    out, card = written(form)
    found = list(TOOLS[form](out))
    expected = places()
    assert len(found) == len(expected) > 40
    if form == "xmi":
        expected = {place: text.replace("\x0c", " ") for place, text in expected.items()}
    assert dict(found) == expected
    assert card["mentions"] == len(expected) + sum(card["left_out"].values())
    assert all("discontinuous" in why for why in card["left_out"])


def test_conll_has_the_first_and_longest_of_what_overlaps(written):
    out, card = written("conll")
    blocks = [
        [line.split("\t") for line in block.split("\n")]
        for block in out.read_text("utf-8").strip("\n").split("\n\n")
    ]
    assert sum(block == [["-DOCSTART-", "O"]] for block in blocks) == len(TEXTS)
    assert all(len(row) == 2 and row[0].split() == [row[0]] for block in blocks for row in block)
    said = ["".join(word for word, _ in block) for block in blocks if block[0][0] != "-DOCSTART-"]
    asked = [text[s.start : s.end] for text in TEXTS.values() for s in sentences(text, "en")]
    assert said == ["".join(sentence.split()) for sentence in asked]
    found = [
        (type, "".join(word for word, _ in block[first : last + 1]))
        for block in blocks
        for type, first, last in get_entities([tag for _, tag in block])
    ]
    kept, end = [], ("", 0)
    for (id, type, start, stop), text in sorted(
        places().items(), key=lambda one: (one[0][0], one[0][2], -one[0][3], one[0][1])
    ):
        if (id, start) >= end:
            kept.append((type, "".join(text.split())))
            end = (id, stop)
    assert found == kept
    assert card["mentions"] == len(kept) + sum(card["left_out"].values())


def test_a_table_is_what_pandas_reads(written):
    out, _ = written("csv")
    table = pd.read_csv(out, keep_default_na=False)
    assert set(zip(table["document"], table["start"], table["text"], strict=True)) == {
        (found.id, found.spans[0][0], found.text) for found in read_csv(out)
    }


def test_each_form_is_known_by_all_and_checked_somewhere():
    assert sorted(FORMS) == sorted(OUTPUTS) == sorted({*FILES, *FOLDERS})
    assert sorted(READ) == sorted(INPUTS)
    checked = {"bioc", "brat", "pubtator"}  # test_annotate_viewers
    checked |= {"html", "jsonl"}  # test_annotate_page, test_annotate
    assert {*TOOLS, "conll", "csv", *checked} == set(FORMS)


def example(language: str) -> str:
    """Return the block of docs/annotate.md in a language."""
    page = (ROOT / "docs/annotate.md").read_text("utf-8")
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return block


def test_the_page_s_code_makes_a_training_file_for_spacy(written, tmp_path, monkeypatch):
    shutil.copy(written("spacy")[0], tmp_path / "notes.spacy")
    monkeypatch.chdir(tmp_path)
    exec(example("python"), {})
    vocab = spacy.blank("en").vocab
    found = {doc.text: doc for doc in DocBin().from_disk("train.spacy").get_docs(vocab)}
    assert found.keys() == set(TEXTS.values())
    assert sum(len(doc.spans["sc"]) for doc in found.values()) == len(places())


def test_the_page_s_interface_of_label_studio_has_the_names_of_the_tasks(written):
    view = {one.tag: one.attrib for one in ElementTree.fromstring(example("xml"))}
    tasks = json.loads(written("label_studio")[0].read_text("utf-8"))
    [(label, text)] = {
        (one["from_name"], one["to_name"])
        for task in tasks for given in task["predictions"] for one in given["result"]
    }  # fmt: skip
    assert (view["Labels"]["name"], view["Labels"]["toName"]) == (label, text)
    assert view["Text"]["name"] == text
    assert all(view["Text"]["value"].removeprefix("$") in task["data"] for task in tasks)
