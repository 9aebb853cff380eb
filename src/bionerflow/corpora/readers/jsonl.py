"""JSON lines of this project's own schema: doc_id, text and entities with spans."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import records


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

    model_config = ConfigDict(coerce_numbers_to_str=True)
    doc_id: str
    text: str
    entities: list[RawEntity] = []


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the sentence of each line.

    Raises:
        UserError: a line is no record.
    """
    for name, data in files.items():
        for line, record in records(name, data, Record):
            mentions = [
                (e.type, [(span.start, span.end) for span in e.spans], e.text)
                for e in record.entities
            ]
            yield reading.piece(record.doc_id, record.text, mentions, f"{name}:{line}")
