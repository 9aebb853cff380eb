"""Yidu-S4K (CCKS 2019 task 1): JSON lines of clinical records, as distributed."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import records


class RawEntity(BaseModel):
    """A mention; `end_pos` is exclusive."""

    label_type: str
    start_pos: int
    end_pos: int


class Record(BaseModel):
    """A record of a patient."""

    originalText: str  # noqa: N815 (the file's own name)
    entities: list[RawEntity] = []


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the record of each line, a document of one piece, as the papers count them.

    Raises:
        UserError: a line is no record.
    """
    for name, data in files.items():
        for line, record in records(name, data, Record):
            mentions = [(e.label_type, [(e.start_pos, e.end_pos)], None) for e in record.entities]
            id = f"{name.split('.')[0]}-{line - 1}"
            yield reading.piece(id, record.originalText, mentions, f"{name}:{line}")
