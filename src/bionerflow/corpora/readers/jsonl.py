"""JSON lines of this project's own schema: doc_id, text and entities with spans."""

from collections.abc import Mapping

from pydantic import BaseModel

from bionerflow.corpora.documents import Document, Reading, lines, parse_json
from bionerflow.schema import Span


class RawSpan(BaseModel):
    """A fragment, half-open, in code points."""

    start: int
    end: int


class RawEntity(BaseModel):
    """A mention; `text` is its fragments joined by one space."""

    type: str
    spans: list[RawSpan]
    text: str | None = None


class Record(BaseModel):
    """A sentence; the records of one `doc_id` are one document."""

    doc_id: str
    text: str
    entities: list[RawEntity] = []


def read(files: Mapping[str, bytes]) -> Reading:
    """Read one sentence a line.

    Raises:
        UserError: a line is no record.
    """
    reading = Reading()
    for name, data in files.items():
        for number, line in lines(name, data):
            if not line.strip():
                continue
            where = f"{name}:{number}"
            record = parse_json(where, line.encode(), Record)
            entities = [
                reading.place(
                    e.type, [(s.start, s.end) for s in e.spans], record.text, e.text, where
                )
                for e in record.entities
            ]
            kept = tuple(entity for entity in entities if entity)
            whole = (Span(0, len(record.text)),)
            reading.documents.append(Document(record.doc_id, record.text, kept, whole))
    return reading
