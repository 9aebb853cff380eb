"""Annotated passages as BioC, JSON or XML; passages stay passages, offsets are the document's."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from bionerflow.annotate.output import documents, number, scores, text_file
from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.writers import infons, xml

#: Characters that XML 1.0 has no way to write.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def bioc(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write BioC JSON, or XML where the file's name ends so; passages stay passages."""
    write = _bioc_xml if out.suffix.lower() == ".xml" else _bioc_json
    with text_file(out) as file:
        for piece in write(annotated):
            file.write(piece)


def _bioc_json(annotated: Iterable[Annotated]) -> Iterator[str]:
    yield '{"source": "bionerflow", "date": "", "key": "", "infons": {}, "documents": ['
    ids, comma = count(1), ""
    for id, passages in documents(annotated):
        yield f'{comma}\n{{"id": {json.dumps(id)}, "infons": {{}}, "passages": ['
        inner = ""
        for one in passages:
            mentions = [
                {
                    "id": str(next(ids)),
                    "infons": _infons(mention),
                    "text": mention.entity.text,
                    "locations": [{"offset": s, "length": e - s} for s, e in mention.entity.spans],
                }
                for mention in one.in_document()
            ]
            passage = {
                "offset": one.passage.start,
                "infons": {},
                "text": one.passage.text,
                "sentences": [],
                "annotations": mentions,
                "relations": [],
            }
            yield inner + json.dumps(passage, ensure_ascii=False)
            inner = ",\n"
        yield '], "annotations": [], "relations": []}'
        comma = ","
    yield "\n]}\n"


def _bioc_xml(annotated: Iterable[Annotated]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
    ids = count(1)
    yield "<collection><source>bionerflow</source><date></date><key></key>\n"
    for id, passages in documents(annotated):
        yield f"<document><id>{_in_xml(id)}</id>\n"
        for one in passages:
            text = _in_xml(one.passage.text)
            yield f"<passage><offset>{one.passage.start}</offset><text>{text}</text>"
            for mention in one.in_document():
                yield _annotation(next(ids), mention)
            yield "</passage>\n"
        yield "</document>\n"
    yield "</collection>\n"


def _annotation(id: int, mention: Mention) -> str:
    infons = "".join(
        f'<infon key="{name}">{_in_xml(value)}</infon>' for name, value in _infons(mention).items()
    )
    places = "".join(f'<location offset="{s}" length="{e - s}"/>' for s, e in mention.entity.spans)
    text = _in_xml(mention.entity.text)
    return f'<annotation id="{id}">{infons}{places}<text>{text}</text></annotation>'


def _in_xml(text: str) -> str:
    """Return text for XML; what XML cannot write becomes a space, so that offsets stay."""
    return xml(NOT_XML.sub(" ", text))


def _infons(mention: Mention) -> dict[str, str]:
    known = {name: number(value) for name, value in scores(mention).items()}
    return {**infons(mention.entity), **known}
