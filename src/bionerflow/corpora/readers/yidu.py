"""Yidu-S4K (CCKS 2019 task 1): JSON lines of clinical records, as distributed."""

from collections.abc import Mapping

from pydantic import BaseModel

from bionerflow.corpora.documents import Document, Reading, lines, parse_json
from bionerflow.schema import Span


class RawEntity(BaseModel):
    """A mention; `end_pos` is exclusive."""

    label_type: str
    start_pos: int
    end_pos: int


class Record(BaseModel):
    """A record of a patient."""

    originalText: str  # noqa: N815 (the file's own name)
    entities: list[RawEntity] = []


def read(files: Mapping[str, bytes]) -> Reading:
    """Read one record a line; each is a document of one piece, as the papers count them.

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
            text = record.originalText
            entities = [
                reading.place(e.label_type, [(e.start_pos, e.end_pos)], text, None, where)
                for e in record.entities
            ]
            kept = tuple(entity for entity in entities if entity)
            id = f"{name.split('.')[0]}-{number - 1}"
            reading.documents.append(Document(id, text, kept, (Span(0, len(text)),)))
    return reading
