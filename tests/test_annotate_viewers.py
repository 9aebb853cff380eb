"""What was written, opened by a library that is not this project's: bioc, by NCBI's BioC team."""

from collections.abc import Iterator
from pathlib import Path

import bioc.biocjson
import bioc.biocxml
import bioc.brat
import bioc.pubtator
import pytest
from marking import Marker
from test_annotate import (
    Found,
    bioc_json,
    brat_files,
    chinese_text,
    hard_folder,
    held,
    json_lines,
    pubtator_file,
)

from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate

INPUTS = (hard_folder, chinese_text, brat_files, pubtator_file, bioc_json, json_lines)


def of_brat(out: Path) -> Iterator[tuple[Found, str, str]]:
    for file in out.rglob("*.txt"):
        id = file.relative_to(out).with_suffix("").as_posix()
        with (
            file.open(encoding="utf-8", newline="") as text,
            file.with_suffix(".ann").open(encoding="utf-8", newline="\n") as ann,
        ):
            document = bioc.brat.load(text, ann)
        for one in document.entities:
            spans = tuple(sorted((at.begin, at.end) for at in one.locations))
            covered = " ".join(document.text[a:b] for a, b in spans)
            yield Found(id, one.type.replace("Split_", "Split "), spans), one.text, covered


def of_pubtator(out: Path) -> Iterator[tuple[Found, str, str]]:
    for document in bioc.pubtator.loads(out.read_bytes().decode()):
        for one in document.annotations:
            span = (int(one.start), int(one.end))
            covered = document.text[slice(*span)]
            yield Found(document.pmid, one.type, (span,)), one.text, covered


def of_bioc(out: Path) -> Iterator[tuple[Found, str, str]]:
    with out.open(encoding="utf-8") as file:
        reader = bioc.biocxml if out.suffix == ".xml" else bioc.biocjson
        collection = reader.load(file)
    for document in collection.documents:
        for passage in document.passages:
            for one in passage.annotations:
                spans = tuple((at.offset, at.end) for at in one.locations)
                inside = ((a - passage.offset, b - passage.offset) for a, b in spans)
                covered = " ".join(passage.text[a:b] for a, b in inside)
                yield Found(document.id, one.infons["type"], spans), one.text, covered


OPENED = {"brat": of_brat, "out.pubtator": of_pubtator, "out.json": of_bioc, "out.xml": of_bioc}
FORM = {"brat": "brat", "out.pubtator": "pubtator", "out.json": "bioc", "out.xml": "bioc"}


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.__name__)
@pytest.mark.parametrize("name", OPENED)
def test_another_library_opens_it_and_finds_the_same(name, given, tmp_path, corpora_mirror):
    source = given(tmp_path, corpora_mirror)
    reading = Reading(source.language, column=source.column)
    out = tmp_path / "out" / name
    annotate([str(source.path)], reading, Marker(source.language), FORM[name], out)
    opened = list(OPENED[name](out))
    found = (held(FORM[name], found, source.title(found.id)) for found in source.expected())
    expected = {Found(one.id, one.type.replace("Split_", "Split "), one.spans)
                for one in found if one}  # fmt: skip
    assert {found for found, _, _ in opened} == expected
    assert len(opened) == len(expected) > 20
    assert all(text.split() == covered.split() for _, text, covered in opened)
