"""JSON lines of this project's own schema: doc_id, text and entities with spans."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from pydantic import BaseModel, ConfigDict

from bionerflow.corpora.documents import Document, Mention, Reading
from bionerflow.corpora.raw import records
from bionerflow.data.schema import Span
from bionerflow.utils.errors import UserError


class RawSpan(BaseModel):
    """A fragment, half-open, in code points."""

    start: int
    end: int


class RawEntity(BaseModel):
    """A mention; `text` is its fragments joined by one space."""

    type: str
    spans: list[RawSpan]
    text: str | None = None
    identifiers: list[str] | None = None


class Record(BaseModel):
    """A text, one sentence unless it says its `sentences`; those of one `doc_id` are a document."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    doc_id: str
    text: str
    entities: list[RawEntity] = []
    sentences: list[RawSpan] = []


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the text of each line.

    Raises:
        UserError: a line is no record, or its sentences are not parts of its text in order.
    """
    for name, data in files.items():
        for line, record in records(name, data, Record):
            where = f"{name}:{line}"
            mentions = [
                Mention(e.type, spans_of(e), e.text, tuple(e.identifiers))
                if e.identifiers
                else (e.type, spans_of(e), e.text)
                for e in record.entities
            ]
            piece = reading.piece(record.doc_id, record.text, mentions, where)
            yield replace(piece, sentences=borders(record, where)) if record.sentences else piece


def spans_of(entity: RawEntity) -> list[tuple[int, int]]:
    """Return the starts and ends of a mention."""
    return [(span.start, span.end) for span in entity.spans]


def borders(record: Record, where: str) -> tuple[Span, ...]:
    """Return the sentences of a record.

    Raises:
        UserError: they overlap, are not in order, or do not lie in the text.
    """
    found = tuple(Span(one.start, one.end) for one in record.sentences)
    ends = [0, *chain.from_iterable(found), len(record.text)]
    if ends != sorted(ends):
        raise UserError(f"{where}: sentences must be parts of the text, in order: {found[:3]}.")
    return found
