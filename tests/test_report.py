"""The report: complete, one file, and corpus text is shown, never run."""

import json
import re
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from bionerflow.files import write_json, write_text
from bionerflow.report.browser import sentences
from bionerflow.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)

ROOT = Path(__file__).parent.parent
ATTACK = "</script><script>alert('x')</script> IL-2 & 𝛼-syn"
IL2 = Entity.at("<b>gene", [(37, 41)], ATTACK)
SYN = Entity.at("<b>gene", [(44, 45), (46, 49)], ATTACK)
RUN = "demo.mini.conv_term.draw1"


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0\0")
    parts = ((b"IHDR", head), (b"IDAT", pixel), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what the stages before leave: gold, predictions, a table, metrics, a figure."""
    tmp_path = tmp_path_factory.mktemp("results")
    write_examples(
        tmp_path / "gold" / "flat" / "test.parquet",
        [Example("d:0", "d", "en", ATTACK, (IL2, SYN)), Example("e:0", "e", "en", "rats", ())],
    )
    gene = Entity.at("<b>gene", [(37, 45)], ATTACK)
    rows = [
        {"corpus": "flat", "format": "conv_term", "id": id, "answers": [], "problems": []}
        | {"entities": [entity_row(entity) for entity in entities]}
        for id, entities in (("d:0", [IL2, gene]), ("e:0", []))
    ]
    write_rows(tmp_path / "predict" / f"{RUN}.parquet", rows, PREDICTIONS)
    write_rows(tmp_path / "train.parquet", [], CONVERSATIONS)
    write_text(tmp_path / "mfner" / "table5.csv", ",7best,published UIE\nFlat <i>,0.52,\n")
    write_json(tmp_path / "train" / RUN / "metrics.json", {"dev_f1": 0.61, "note": "<script>"})
    (tmp_path / "training_curve.png").write_bytes(png())
    corpus = {
        "title": "Flat <i>", "language": "en", "dataset": "flat", "types": ["gene"],
        "licence": "Apache-2.0 <u>", "citation": "Nobody & <i>", "reader": "sample",
        "generator": "sample", "files": {"a": {"local": "a"}},
        "splits": [{"files": ["a"], "into": "test"}],
    }  # fmt: skip
    write_text(tmp_path / "corpora.yaml", yaml.safe_dump({"corpora": {"flat": corpus}}))
    return tmp_path


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    """Evaluate and write the report through the scripts."""
    predictions = results / "predict" / f"{RUN}.parquet"
    script("evaluate", results, predictions=predictions, train=results / "train.parquet",
           gold=results / "gold", out=results / "evaluate.json")  # fmt: skip
    script("report", results, tables=results / "mfner" / "table5.csv", predictions=predictions,
           definitions=ROOT / "config" / "tables.yaml", corpora=results / "corpora.yaml",
           evaluations=results / "evaluate.json", figures=results / "training_curve.png",
           metrics=results / "train" / RUN / "metrics.json", gold=results / "gold",
           out=results / "report.html")  # fmt: skip
    return (results / "report.html").read_text(encoding="utf-8")


def script(name: str, folder: Path, **arguments: Path) -> None:
    words = [str(word) for key, value in arguments.items() for word in (f"--{key}", value)]
    path = ROOT / "workflow" / "scripts" / f"{name}.py"
    subprocess.run([sys.executable, "-P", path, *words], check=True, cwd=folder)


class Elements(HTMLParser):
    """Counts elements and gathers what they load and what text they hold."""

    def __init__(self, page: str):
        super().__init__()
        self.names: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        where = {"img": "src", "script": "src", "link": "href"}.get(tag)
        self.loaded += [value for key, value in attrs if key == where]

    def handle_data(self, data):
        self.text += data


def test_corpus_text_is_shown_and_never_run(page):
    elements = Elements(page)
    assert elements.names.count("script") == 2
    assert not {"b", "i", "u"} & set(re.findall(r"<(\w+)>gene|Flat <(\w+)>|2.0 <(\w+)>", page))
    assert "Flat <i>" in elements.text
    assert "Apache-2.0 <u>" in elements.text
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    assert [sentence["text"] for sentence in json.loads(data[1])] == [ATTACK, "rats"]


def test_the_page_is_whole_and_loads_nothing(page):
    elements = Elements(page)
    assert all(address.startswith("data:") for address in elements.loaded)
    assert sum(address.startswith("data:image/png") for address in elements.loaded) == 1
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    for words in (
        "mfner/table5",
        "published UIE",
        "0.52",
        "synthetic",
        RUN,
        "0.610",
        "Nobody & <i>",
    ):
        assert words in elements.text


def test_the_browser_draws_what_became_of_each_mention(results):
    [wrong, right] = sentences([results / "predict" / f"{RUN}.parquet"], results / "gold", 10)
    assert wrong["mentions"] == [
        ["correct", "<b>gene", [[37, 41]]],
        ["span", "<b>gene", [[37, 45]]],
        ["inexact", "<b>gene", [[44, 45], [46, 49]]],
    ]
    assert right["mentions"] == []


def test_the_browser_is_bounded_and_shows_errors_first(results):
    [shown] = sentences([results / "predict" / f"{RUN}.parquet"], results / "gold", 1)
    assert shown["id"] == "d:0"
