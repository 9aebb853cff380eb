"""CHEMDNER: abstracts, annotations and sentence borders as three tsv files, without quoting."""

import re
from collections.abc import Iterable, Iterator, Mapping

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import bad_line, lines
from bionerflow.data.schema import Entity, Span
from bionerflow.utils.errors import UserError

NUMBER = re.compile(r"\d{1,9}")
BORDER = re.compile(r"(\d{1,9}):(\d{1,9})")

#: An article's id and T (title) or A (abstract).
Field = tuple[str, str]
Borders = dict[Field, tuple[Span, ...]]


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the fields of `*.abstracts.txt`, `*.annotations.txt` and, where given, `*.borders.tsv`.

    Offsets are per field: title and abstract are documents of one id.

    Raises:
        UserError: a file has another name, or a line has another number of columns.
    """
    texts: dict[Field, str] = {}
    entities: dict[Field, list[Entity]] = {}
    borders: Borders = {}
    for name, data in sorted(files.items()):
        if ".abstracts." in name:
            for _, (id, title, abstract) in rows(name, data, 3):
                texts |= {(id, "T"): title, (id, "A"): abstract}
        elif ".annotations." in name:
            add_mentions(reading, name, data, texts, entities)
        elif ".borders." in name:
            borders |= read_borders(name, data, texts)
        else:
            raise UserError(f"{name} is no abstracts, annotations or borders file of CHEMDNER.")
    for place, text in texts.items():
        found = tuple(entities.get(place, ()))
        yield Document(place[0], text, found, borders.get(place))


def read_borders(name: str, data: bytes, texts: Mapping[Field, str]) -> Borders:
    """Return the sentences of each field; raises UserError where they do not cover its text."""
    borders: dict[Field, list[Span]] = {}
    begun: dict[Field, int] = {}
    for number, (id, field, border) in rows(name, data, 3):
        match = BORDER.fullmatch(border)
        if not match:
            raise bad_line(name, number, "a border start:end", border)
        begun.setdefault((id, field), number)
        borders.setdefault((id, field), []).append(Span(*map(int, match.groups())))
    for place, cuts in borders.items():
        if not covered(texts.get(place, ""), cuts):
            raise UserError(
                f"{name}:{begun[place]}: the sentences of {' '.join(place)} do not cover its text."
            )
    return {place: tuple(cuts) for place, cuts in borders.items()}


def covered(text: str, cuts: Iterable[Span]) -> bool:
    """Say whether nothing but white space lies outside the sentences."""
    at = 0
    for start, end in sorted(cuts):
        if text[at:start].strip():
            return False
        at = max(at, end)
    return at <= len(text) and not text[at:].strip()


def add_mentions(
    reading: Reading,
    name: str,
    data: bytes,
    texts: Mapping[Field, str],
    entities: dict[Field, list[Entity]],
) -> None:
    """Add the mentions of a file to the entities of their fields."""
    for number, (id, field, start, end, mention, type) in rows(name, data, 6):
        where = f"{name}:{number}"
        if not (NUMBER.fullmatch(start) and NUMBER.fullmatch(end)):
            raise bad_line(name, number, "offsets", f"{start} {end}")
        if (id, field) not in texts:
            reading.mentions[type] += 1
            reading.note("no_text", where, f"{id} {field} {mention!r}", lost=True)
            continue
        text = texts[id, field]
        entity = reading.place(type, [(int(start), int(end))], text, mention, where)
        if entity:
            entities.setdefault((id, field), []).append(entity)


def rows(name: str, data: bytes, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a tsv file with their numbers."""
    for number, line in lines(name, data):
        if line:
            row = line.split("\t")
            if len(row) != columns:
                raise bad_line(name, number, f"{columns} columns", line)
            yield number, row
