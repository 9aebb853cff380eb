"""BioC, XML and JSON: collections of documents of passages with standoff annotations."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from json import JSONDecodeError, JSONDecoder
from typing import Any, BinaryIO, TextIO
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse
from pydantic import BaseModel, ValidationError

from bionerflow.corpora.documents import Document, Reading, parse_json
from bionerflow.corpora.readers.genia import xml_faults
from bionerflow.errors import UserError
from bionerflow.schema import Span

#: Where the list of documents begins; quotes inside a JSON string are escaped.
DOCUMENTS = re.compile(r'(?<!\\)"documents"\s*:\s*\[')
#: Characters that are read at once.
READ = 1 << 16


class Location(BaseModel):
    """A fragment of an annotation; offsets count from the document's start."""

    offset: int
    length: int


class Annotation(BaseModel):
    """A mention; its type is an infon."""

    id: str = ""
    infons: dict[str, str | None] = {}
    text: str | None = None
    locations: list[Location] = []


class Sentence(BaseModel):
    """A text at its place in the document."""

    offset: int
    text: str = ""
    annotations: list[Annotation] = []


class Passage(Sentence):
    """A text that may be given as sentences instead."""

    sentences: list[Sentence] = []


class BioCDocument(BaseModel):
    """A document."""

    id: str
    passages: list[Passage] = []


class Collection(BaseModel):
    """A file."""

    documents: list[BioCDocument] = []


def read(files: Mapping[str, bytes], type: str = "type") -> Reading:
    """Read collections; each passage is a document of the same id.

    `type` names the infon of an annotation that holds its type. Relations are not read.

    Raises:
        UserError: a file is neither BioC XML nor BioC JSON.
    """
    reading = Reading()
    for name, data in files.items():
        is_xml = data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")
        collection = from_xml(name, data) if is_xml else parse_json(name, data, Collection)
        for document in collection.documents:
            for passage in document.passages:
                add(reading, name, document.id, passage, type, None)
                for sentence in passage.sentences:
                    whole = (Span(0, len(sentence.text)),)
                    add(reading, name, document.id, sentence, type, whole)
    return reading


def add(
    reading: Reading,
    name: str,
    id: str,
    passage: Sentence,
    type: str,
    borders: tuple[Span, ...] | None,
) -> None:
    """Add a passage or sentence as a document."""
    entities = []
    for annotation in passage.annotations:
        spans = [
            (at.offset - passage.offset, at.offset - passage.offset + at.length)
            for at in annotation.locations
        ]
        where = f"{name} {id} {annotation.id}"
        raw_type = annotation.infons.get(type) or f"(no {type})"
        entities.append(reading.place(raw_type, spans, passage.text, annotation.text, where))
    if passage.text or entities:
        kept = tuple(entity for entity in entities if entity)
        reading.documents.append(Document(id, passage.text, kept, borders))


def from_xml(name: str, data: bytes) -> Collection:
    """Return the collection of an XML file."""
    return Collection(documents=list(stream_xml(name, BytesIO(data))))


def stream_xml(name: str, file: BinaryIO) -> Iterator[BioCDocument]:
    """Yield the documents of an XML file, one in memory at a time.

    Raises:
        UserError: the file is not XML, declares entities, or is not BioC.
    """
    with xml_faults(name):
        events = iterparse(file, events=("start", "end"))
        _, top = next(events)
        for event, element in events:
            if event == "end" and element.tag == "document":
                yield document_of(name, element)
                top.clear()


def document_of(name: str, element: Element) -> BioCDocument:
    """Return the document of an XML element."""
    try:
        passages = [
            Passage(
                **text_of(passage),
                sentences=[Sentence(**text_of(one)) for one in passage.iter("sentence")],
            )
            for passage in element.iter("passage")
        ]
        return BioCDocument(id=element.findtext("id", ""), passages=passages)
    except (KeyError, ValueError) as error:
        raise UserError(f"{name}: not BioC ({error}).") from error


def stream_json(name: str, file: TextIO) -> Iterator[BioCDocument]:
    """Yield the documents of a JSON file, one in memory at a time.

    Raises:
        UserError: the file is not JSON, or not BioC.
    """
    held = ""
    while not (start := DOCUMENTS.search(held)):
        more = file.read(READ)
        if not more:
            raise UserError(f"{name}: not BioC JSON: it has no list of documents.")
        held += more
    held = held[start.end() :]
    while True:
        value, held = _next_value(name, held.lstrip(" \t\r\n,"), file)
        if value is None:
            return
        try:
            yield BioCDocument.model_validate(value)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise UserError(f"{name}: a document is not BioC: {place}: {fault['msg']}.") from None


def _next_value(name: str, held: str, file: TextIO) -> tuple[Any, str]:
    """Return the next value of a list, or None at its end, and what is read but not used."""
    while True:
        if held.startswith("]"):
            return None, held
        try:
            value, end = JSONDecoder().raw_decode(held)
            return value, held[end:]
        except JSONDecodeError as error:
            more = file.read(max(READ, len(held)))
            if not more:
                raise UserError(f"{name}: not whole JSON ({error.msg}).") from None
            held = (held + more).lstrip(" \t\r\n,")


def text_of(element: Element) -> dict:
    """Return offset, text and annotations of a passage or sentence element."""
    return {
        "offset": int(element.findtext("offset", "")),
        "text": element.findtext("text", ""),
        "annotations": list(annotations(element)),
    }


def annotations(element: Element) -> Iterator[Annotation]:
    """Yield the annotations directly under an element."""
    for found in element.findall("annotation"):
        yield Annotation(
            id=found.get("id", ""),
            infons={infon.get("key", ""): infon.text for infon in found.findall("infon")},
            text=found.findtext("text"),
            locations=[
                Location(offset=int(at.attrib["offset"]), length=int(at.attrib["length"]))
                for at in found.findall("location")
            ],
        )
