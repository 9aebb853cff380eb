"""CMeEE, Chinese: V2 as CBLUE JSON, v1 as CHIP-2020 text lines; the end index is inclusive."""

import re
from collections.abc import Mapping

from pydantic import BaseModel

from bionerflow.corpora.documents import Document, Reading, bad_line, lines, parse_json
from bionerflow.schema import Span

FIELD = re.compile(r"(\d{1,9})\s+(\d{1,9})\s+(\S+)")

#: Raw type, first and last character, and mention where it is given.
Mention = tuple[str, int, int, str | None]


class RawEntity(BaseModel):
    """An entity of the V2 form."""

    type: str
    start_idx: int
    end_idx: int
    entity: str | None = None


class Record(BaseModel):
    """A sentence of the V2 form; the test file has no entities."""

    text: str
    entities: list[RawEntity] = []


def read(files: Mapping[str, bytes]) -> Reading:
    """Read JSON lists of records; each is a document of one sentence."""
    reading = Reading()
    for name, data in files.items():
        for number, record in enumerate(parse_json(name, data, list[Record])):
            mentions = [(e.type, e.start_idx, e.end_idx, e.entity) for e in record.entities]
            add(reading, f"{name.split('.')[0]}-{number}", record.text, mentions)
    return reading


def read_v1(files: Mapping[str, bytes]) -> Reading:
    """Read lines `text|||start    end    type|||…`; mention strings are not given.

    Raises:
        UserError: a field has another form.
    """
    reading = Reading()
    for name, data in files.items():
        for number, line in lines(name, data):
            text, *fields = line.split("|||")
            mentions: list[Mention] = []
            for field in filter(str.strip, fields):
                match = FIELD.fullmatch(field.strip())
                if not match:
                    raise bad_line(name, number, "'start    end    type'", field)
                mentions.append((match[3], int(match[1]), int(match[2]), None))
            if text or mentions:
                add(reading, f"{name.split('.')[0]}-{number}", text, mentions)
    return reading


def add(reading: Reading, id: str, text: str, mentions: list[Mention]) -> None:
    """Add a record as a document of one sentence."""
    entities = [
        reading.place(type, [(first, last + 1)], text, mention, id)
        for type, first, last, mention in mentions
    ]
    kept = tuple(entity for entity in entities if entity)
    reading.documents.append(Document(id, text, kept, (Span(0, len(text)),)))
