"""Inputs of every form as a stream of passages, in constant memory.

Offsets count code points after a byte order mark, line ends as the file has them: those of
`open(path, encoding="utf-8-sig", newline="").read()`.
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from bionerflow.annotate.inputs import STDIN, SUFFIXES, Input
from bionerflow.annotate.passages import Passage, last_space, whole_sentences
from bionerflow.corpora.readers import pubtator
from bionerflow.corpora.readers.bioc import BioCDocument, stream_json, stream_xml
from bionerflow.utils.errors import UserError

#: Characters of a text file that are held at once.
BLOCK = 1 << 16
#: White space between two passages, at most; more is a broken offset.
GAP = 1 << 16
SNIFFED = 1 << 12
TITLE = re.compile(r"[^|\t\n]+\|t\|")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: What a file that is no text begins with, and what to do.
NO_TEXT = {
    b"%PDF-": "a PDF: save its text, for example with `pdftotext`",
    b"PK\x03\x04": "an Office or zip file: save its texts as .txt or .csv",
    b"\xd0\xcf\x11\xe0": "an Office file: save its texts as .txt or .csv",
    b"\x1f\x8b": "packed: unpack it with `gunzip`",
    b"\xff\xfe": "UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`",
    b"\xfe\xff": "UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`",
}


class Piece(NamedTuple):
    """A text of a document; `start` is its offset there, and 0 opens a new document."""

    id: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How inputs are read: a form, or None to tell by name and content; columns of tables."""

    language: str
    form: str | None = None
    column: str = "text"
    id_column: str | None = None


class Counted(io.RawIOBase):
    """A binary file that counts the bytes read."""

    def __init__(self, file: BinaryIO, count: Callable[[int], None]) -> None:
        self.file, self.count = file, count

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read bytes and count them."""
        data = self.file.read(len(buffer))
        self.count(len(data))
        buffer[: len(data)] = data
        return len(data)


def passages(
    files: Iterable[Input], reading: Reading, count_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[Passage]:
    """Yield the passages of all files in their order; `count_bytes` is told of bytes read.

    Raises:
        UserError: a file is not UTF-8, or not of its form; it says where.
    """
    numbers = count()
    for file in files:
        document, id, end = -1, "", 0
        for piece in _pieces(file, reading, count_bytes):
            if document < 0 or piece.id != id or piece.start < max(end, 1):
                document, id, end = next(numbers), piece.id, 0
            if piece.start - end > GAP:
                raise UserError(
                    f"{file.path}: '{piece.id}' has a passage at {piece.start}, the text before it "
                    f"ends at {end}: the offsets are broken."
                )
            if piece.start < 0:
                raise UserError(
                    f"{file.path}: '{piece.id}' has a passage at {piece.start}: the offsets are "
                    "broken."
                )
            if _SURROGATE.search(piece.text) or _SURROGATE.search(piece.id):
                raise UserError(f"{file.path!a}: {piece.id!a} has half a character (a surrogate).")
            yield Passage(document, piece.id, piece.start, piece.text)
            end = piece.start + len(piece.text)


def _pieces(file: Input, reading: Reading, count_bytes: Callable[[int], None]) -> Iterator[Piece]:
    with _opened(file.path, count_bytes) as raw:
        for start, what in NO_TEXT.items():
            if raw.peek(SNIFFED).startswith(start):
                raise UserError(f"{file.path} is {what}.")
        form = reading.form or sniffed(file.path, raw)
        try:
            yield from FORMS[form](file, raw, reading)
        except csv.Error as error:
            raise UserError(
                f"{file.path}: not a table of comma-separated values ({error})."
            ) from None
        except RecursionError:
            raise UserError(f"{file.path}: nested too deeply to be read.") from None
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise UserError(
                f"{file.path}: not UTF-8 (byte {byte:#x}): if it is text, convert it, for example "
                "with `iconv -f LATIN1 -t UTF-8`."
            ) from None


@contextmanager
def _opened(path: str, count_bytes: Callable[[int], None]) -> Iterator[io.BufferedReader]:
    if path == STDIN:
        yield io.BufferedReader(Counted(sys.stdin.buffer, count_bytes), BLOCK)
        return
    with open(path, "rb") as file:
        yield io.BufferedReader(Counted(file, count_bytes), BLOCK)


def sniffed(path: str, raw: io.BufferedReader) -> str:
    """Return the form of a file by its ending and first bytes, which stay unread."""
    start = raw.peek(SNIFFED)[:SNIFFED].decode("utf-8-sig", errors="replace").lstrip("\r\n")
    if TITLE.match(start):
        return "pubtator"
    if start.startswith("<") and "<collection" in start:
        return "bioc"
    return SUFFIXES.get(Path(path).suffix.lower(), "text")


def _text(raw: BinaryIO) -> TextIO:
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


def text_file(file: Input, raw: BinaryIO, reading: Reading) -> Iterator[Piece]:
    """Yield a text file in pieces that end between sentences."""
    source, held, at = _text(raw), "", 0
    while read := source.read(BLOCK):
        held += read
        cut = border(held, reading.language) if len(held) >= BLOCK else 0
        if cut:
            yield Piece(file.id, at, held[:cut])
            held, at = held[cut:], at + cut
    if held or not at:
        yield Piece(file.id, at, held)


def border(held: str, language: str) -> int:
    """Return where the last sentence begins, which may go on; 0 to read on."""
    *_, last = (0, *(span.start for span in whole_sentences(held, language)))
    if last or len(held) < 2 * BLOCK:
        return last
    return last_space(held, BLOCK, len(held)) or len(held)


def pubtator_file(file: Input, raw: BinaryIO, reading: Reading) -> Iterator[Piece]:
    """Yield titles and abstracts; the mentions that are there already are not taken over."""
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="\n")
    rows = ((n, line.rstrip("\n").removesuffix("\r")) for n, line in enumerate(text, start=1))
    for block in pubtator.blocks(file.path, rows):
        yield Piece(block.id, 0, block.title)
        if block.abstract:
            yield Piece(block.id, len(block.title) + 1, block.abstract)


def bioc_file(file: Input, raw: io.BufferedReader, reading: Reading) -> Iterator[Piece]:
    """Yield the passages of BioC XML or JSON; their annotations are not taken over."""
    is_xml = raw.peek(SNIFFED).lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")
    documents = stream_xml(file.path, raw) if is_xml else stream_json(file.path, _text(raw))
    for _, document in documents:
        yield from _passages(document)


def _passages(document: BioCDocument) -> Iterator[Piece]:
    for passage in document.passages:
        for part in [passage] if passage.text else passage.sentences:
            yield Piece(document.id, part.offset, part.text)


def json_lines(file: Input, raw: BinaryIO, reading: Reading) -> Iterator[Piece]:
    """Yield the text of each record; a record is a document."""
    import json

    for number, line in enumerate(_text(raw), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_unrepeated)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file.path}:{number}: not JSON ({error}).") from None
        if not isinstance(record, dict) or not isinstance(record.get(reading.column), str):
            raise _no_column(f"{file.path}:{number}", "column", reading.column, record)
        yield Piece(_record_id(file, reading, record, number), 0, record[reading.column])


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of equal keys all but the last would be lost.

    Raises:
        ValueError: a key stands twice.
    """
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("two values have one key")
    return record


def csv_table(file: Input, raw: BinaryIO, reading: Reading) -> Iterator[Piece]:
    """Yield the cells of a column; a row is a document.

    Raises:
        UserError: no such column or two of its name, or a row of more or fewer cells: a text lost
            its quotes.
    """
    csv.field_size_limit(sys.maxsize)
    source = _text(raw)
    first = source.readline()
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(chain([first], source), delimiter=delimiter, strict=True)
    header = next(rows, [])
    if reading.column not in header:
        raise _no_column(f"{file.path}:1", "column", reading.column, header)
    for name in {reading.column, *_id_keys(reading)}:
        if header.count(name) > 1:
            raise UserError(
                f"{file.path}:1: {header.count(name)} columns are named '{name}': rename all but "
                "one, or name another by --column or --id."
            )
    for number, row in enumerate(filter(None, rows), start=1):
        if len(row) != len(header):
            raise UserError(
                f"{file.path}:{rows.line_num}: {len(row)} cells under a header of {len(header)}: "
                "put double quotes around texts, or correct the row."
            )
        record = dict(zip(header, row, strict=True))
        yield Piece(_record_id(file, reading, record, number), 0, record[reading.column])


def _id_keys(reading: Reading) -> list[str]:
    """Return the keys or columns that may hold a document's id, the first that does counts."""
    return [reading.id_column] if reading.id_column else ["doc_id", "id"]


def _record_id(file: Input, reading: Reading, record: dict, number: int) -> str:
    for key in _id_keys(reading):
        if record.get(key) not in (None, ""):
            return str(record[key])
    if reading.id_column:
        raise _no_column(f"{file.path}:{number}", "id", reading.id_column, record)
    return f"{file.id}-{number}"


def _no_column(where: str, option: str, column: str, record: object) -> UserError:
    names = f" Known: {', '.join(map(str, record))}." if isinstance(record, dict | list) else ""
    return UserError(f"{where}: there is no text under '{column}': name it by --{option}.{names}")


FORMS: dict[str, Callable[..., Iterator[Piece]]] = {
    "text": text_file,
    "brat": text_file,
    "pubtator": pubtator_file,
    "bioc": bioc_file,
    "jsonl": json_lines,
    "csv": csv_table,
}
