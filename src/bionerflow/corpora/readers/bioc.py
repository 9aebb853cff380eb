"""BioC, XML and JSON: collections of documents of passages with standoff annotations."""

import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, BinaryIO, TextIO
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict, Field, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic takes those of `typing` from Python 3.12 on

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.elements import elements
from bionerflow.corpora.identifiers import of_record
from bionerflow.corpora.raw import items, record_faults, text_file, utf8_faults, values
from bionerflow.data.schema import Span
from bionerflow.utils.errors import UserError

#: Where the list of documents begins, in BioC, PubTator3's exports, and a file that is a list.
#: Quotes inside a JSON string are escaped.
DOCUMENTS = re.compile(r'(?<!\\)"(?:documents|PubTator3)"\s*:\s*\[|\A\s*\[')


#: Tools write numbers for strings in BioC JSON.
LENIENT = ConfigDict(coerce_numbers_to_str=True)


class Lenient(BaseModel):
    """A part of BioC JSON. Lists come from a factory: pydantic copies other defaults, slowly."""

    model_config = LENIENT


class Location(TypedDict):
    """A fragment of an annotation; offsets count from the document's start."""

    offset: int
    length: int


@with_config(LENIENT)
class Annotation(TypedDict, total=False):
    """A mention; its type is an infon, and infons have values of any kind.

    There are many of them: dictionaries are made in a third of the time of models.
    """

    id: str
    infons: dict[str, Any]
    text: str | None
    locations: list[Location]


class Sentence(Lenient):
    """A text at its place in the document."""

    offset: int
    text: str = ""
    annotations: list[Annotation] = Field(default_factory=list)
    relations: list[Any] = Field(default_factory=list)


class Passage(Sentence):
    """A text that may be given as sentences instead."""

    sentences: list[Sentence] = Field(default_factory=list)


class BioCDocument(Lenient):
    """A document; annotations may stand outside of its passages."""

    id: str = ""
    passages: list[Passage] = Field(default_factory=list)
    annotations: list[Annotation] = Field(default_factory=list)
    relations: list[Any] = Field(default_factory=list)

    def parts(self) -> list[Sentence]:
        """Return the texts: passages, and the sentences of those given as sentences."""
        return [part for passage in self.passages for part in (passage, *passage.sentences)]


def read(reading: Reading, files: Mapping[str, bytes], type: str = "type") -> Iterator[Document]:
    """Yield the passages of collections, documents of the same id.

    `type` names the infon of an annotation that holds its type. Relations are not read.

    Raises:
        UserError: a file is neither BioC XML nor BioC JSON.
    """
    for name, data in files.items():
        for line, document in stream(name, data):
            where = f"{name}:{line}: {document.id}"
            settle(reading, where, document, type)
            reading.passed_over["relations"] += len(document.relations)
            reading.passed_over["relations"] += sum(
                len(part.relations) for part in document.parts()
            )
            for passage in document.passages:
                yield from placed(reading, where, document.id, passage, type, None)
                for sentence in passage.sentences:
                    whole = (Span(0, len(sentence.text)),)
                    yield from placed(reading, where, document.id, sentence, type, whole)


def settle(reading: Reading, where: str, document: BioCDocument, type: str) -> None:
    """Move annotations that stand above their text into the passage or sentence they are in.

    These are the annotations of a document, and those of a passage whose text is its sentences'.
    """
    homeless = list(document.annotations)
    for passage in document.passages:
        if passage.annotations and not passage.text and passage.sentences:
            homeless += passage.annotations
            passage.annotations = []
    for annotation in homeless:
        home = next((part for part in document.parts() if holds(part, annotation)), None)
        if home:
            home.annotations.append(annotation)
        else:
            place = f"{where} {annotation.get('id', '')}"
            detail = f"{spans_of(annotation)} {annotation.get('text')!r}"
            for raw_type in types_of(annotation, type):
                reading.lose(raw_type, "outside_passages", place, detail)


def holds(part: Sentence, annotation: Annotation) -> bool:
    """Say whether all locations of an annotation are in a text that is not empty."""
    spans = spans_of(annotation)
    return bool(spans and part.text) and all(
        part.offset <= start < part.offset + len(part.text) for start, _ in spans
    )


def spans_of(annotation: Annotation, origin: int = 0) -> list[tuple[int, int]]:
    """Return the starts and ends of an annotation's fragments, counted from `origin`."""
    return [
        (at["offset"] - origin, at["offset"] - origin + at["length"])
        for at in annotation.get("locations", ())
    ]


def types_of(annotation: Annotation, infon: str) -> Sequence[str]:
    """Return the value of the infon that names the type, or its values if it is a list."""
    value = annotation.get("infons", {}).get(infon)
    if isinstance(value, str) and value:
        return (value,)
    several = value if isinstance(value, list) and value else [value]
    return [str(one) if one not in (None, "", []) else f"(no {infon})" for one in several]


def stream(name: str, data: bytes) -> Iterator[tuple[int, BioCDocument]]:
    """Yield the documents of a file with their lines."""
    if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        yield from stream_xml(name, BytesIO(data))
        return
    if not first_of(data, b'"passages"', b'"documents"', b'"PubTator3"'):
        with utf8_faults(name, data):
            yield from stream_json(name, text_file(data, ""))
        return
    for line, value in values(name, data):
        yield line, document_in(f"{name}:{line}", value)


def first_of(data: bytes, name: bytes, *others: bytes) -> bool:
    """Say whether a name is in the data, and before the others."""
    at = data.find(name)
    return at >= 0 and not any(data.find(other, 0, at) >= 0 for other in others)


def placed(
    reading: Reading,
    where: str,
    id: str,
    passage: Sentence,
    type: str,
    borders: tuple[Span, ...] | None,
) -> Iterator[Document]:
    """Yield a passage or sentence as a document, unless there is nothing in it."""
    entities = []
    begins = 0 if reading.counting.unit == "passages" else passage.offset
    told = ((spans_of(one, begins), one.get("text")) for one in passage.annotations)
    reading.begin(passage.text, told)
    for annotation in passage.annotations:
        spans = spans_of(annotation, begins)
        place = f"{where} {annotation.get('id', '')}"
        known = of_record(annotation.get("infons", {}))
        mention = annotation.get("text")
        for raw_type in types_of(annotation, type):
            entity = reading.place(
                raw_type, spans, passage.text, mention, place, known, passage=begins
            )
            entities.append(entity)
    if passage.text or entities:
        kept = tuple(entity for entity in entities if entity)
        yield Document(id, passage.text, kept, borders)


def stream_xml(name: str, file: BinaryIO) -> Iterator[tuple[int, BioCDocument]]:
    """Yield the documents of an XML file with their lines, one in memory at a time.

    Raises:
        UserError: the file is not XML, declares entities, or is not BioC.
    """
    for line, element in elements(name, file, "document"):
        yield line, document_of(f"{name}:{line}", element)


def document_of(where: str, element: Element) -> BioCDocument:
    """Return the document of an XML element."""
    try:
        return BioCDocument.model_validate(
            {
                "id": element.findtext("id", ""),
                "passages": [
                    {**text_of(one), "sentences": [text_of(s) for s in one.iter("sentence")]}
                    for one in element.iter("passage")
                ],
                "annotations": annotations(element),
                "relations": element.findall("relation"),
            }
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"{where}: not BioC ({error}).") from error


def stream_json(name: str, file: TextIO) -> Iterator[tuple[int, BioCDocument]]:
    """Yield the documents of a JSON file with their lines, one in memory at a time.

    Raises:
        UserError: the file is not JSON, or not BioC.
    """
    for line, value in items(name, file, DOCUMENTS, "documents"):
        yield line, document_in(f"{name}:{line}", value)


def document_in(where: str, value: Any) -> BioCDocument:
    """Return the document of a JSON value, in which null stands for what is absent."""
    try:
        return BioCDocument.model_validate(value)
    except ValidationError:
        drop_nulls(value)
    with record_faults(f"{where}: a document is not BioC: "):
        return BioCDocument.model_validate(value)


def drop_nulls(value: Any) -> None:
    """Drop all keys of null from a JSON value but infons."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            for key in [key for key, given in one.items() if given is None]:
                del one[key]
            left += [given for key, given in one.items() if key != "infons"]


def text_of(element: Element) -> dict[str, Any]:
    """Return offset, text and annotations of a passage or sentence element."""
    return {
        "offset": int(element.findtext("offset", "")),
        "text": element.findtext("text", ""),
        "annotations": annotations(element),
        "relations": element.findall("relation"),
    }


def annotations(element: Element) -> list[dict[str, Any]]:
    """Return the annotations directly under an element."""
    return [
        {
            "id": found.get("id", ""),
            "infons": {infon.get("key", ""): infon.text for infon in found.findall("infon")},
            "text": found.findtext("text"),
            "locations": [
                {"offset": int(at.attrib["offset"]), "length": int(at.attrib["length"])}
                for at in found.findall("location")
            ],
        }
        for found in element.findall("annotation")
    ]
