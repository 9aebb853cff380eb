"""CMeEE, Chinese: V2 as CBLUE JSON, v1 as CHIP-2020 text lines; the end index is inclusive."""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from bionerflow.corpora.documents import Document, Given, Reading
from bionerflow.corpora.raw import bad_line, lines, record_faults, values

FIELD = re.compile(r"(\d{1,9})\s+(\d{1,9})\s+(\S+)")


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


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the records of JSON lists, each a document of one sentence.

    Raises:
        UserError: a file is not JSON, or a value no record.
    """
    for name, data in files.items():
        for number, (line, value) in enumerate(values(name, data)):
            where = f"{name}:{line}"
            with record_faults(f"{where}: "):
                record = Record.model_validate(value)
            mentions = [(e.type, [(e.start_idx, e.end_idx + 1)], e.entity) for e in record.entities]
            yield reading.piece(f"{name.split('.')[0]}-{number}", record.text, mentions, where)


def read_v1(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the sentences of lines `text|||start    end    type|||…`, without mention strings.

    Raises:
        UserError: a field has another form.
    """
    for name, data in files.items():
        for number, line in lines(name, data):
            text, *fields = line.split("|||")
            mentions: list[Given] = []
            for field in filter(str.strip, fields):
                match = FIELD.fullmatch(field.strip())
                if not match:
                    raise bad_line(name, number, "'start    end    type'", field)
                mentions.append((match[3], [(int(match[1]), int(match[2]) + 1)], None))
            if text or mentions:
                id = f"{name.split('.')[0]}-{number}"
                yield reading.piece(id, text, mentions, f"{name}:{number}")
