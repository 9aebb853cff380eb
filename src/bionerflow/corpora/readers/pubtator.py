"""PubTator: blocks of a title line, an abstract line, mentions and relations, by tabs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import bad_line, lines
from bionerflow.schema import Entity

TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
NUMBER = re.compile(r"-?\d{1,9}")


class Mention(NamedTuple):
    """A mention line; offsets count from the title's first character."""

    line: int
    start: int
    end: int
    text: str
    type: str


class Block(NamedTuple):
    """A title and abstract with their mentions."""

    id: str
    title: str
    abstract: str
    mentions: list[Mention]


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the titles and abstracts of blocks, documents of one id.

    Offsets count as if title and abstract were joined by one space. One id may have many blocks
    (full text). Lines of five or more columns whose second and third are numbers are mentions;
    further columns (identifiers, parts of a composite mention) are not read. Other lines of tabs
    are relations.

    Raises:
        UserError: a line is none of these, or is not of its block's document.
    """
    for name, data in files.items():
        for block in blocks(name, lines(name, data)):
            border = len(block.title) + 1
            title = [mention for mention in block.mentions if mention.start < border]
            abstract = [mention for mention in block.mentions if mention.start >= border]
            for text, start, mentions in (
                (block.title, 0, title),
                (block.abstract, border, abstract),
            ):
                if text or mentions:
                    entities = placed(reading, f"{name}:%d", text, start, mentions)
                    yield Document(block.id, text, tuple(entities))


def blocks(name: str, rows: Iterable[tuple[int, str]]) -> Iterator[Block]:
    """Yield the blocks of a file's numbered lines; an empty line or a title ends a block."""
    block: Block | None = None
    for number, line in rows:
        match = TEXT.match(line)
        if (match and match[2] == "t") or not line.strip():
            if block:
                yield block
            block = Block(match[1], match[3], "", []) if match else None
        elif not block or not line.startswith((f"{block.id}|", f"{block.id}\t")):
            raise bad_line(name, number, "a line of the document above", line)
        elif match:
            if block.abstract:
                raise bad_line(name, number, "one abstract for each title", line)
            block = block._replace(abstract=match[3])
        else:
            mention = mention_of(name, number, line)
            if mention:
                block.mentions.append(mention)
    if block:
        yield block


def mention_of(name: str, number: int, line: str) -> Mention | None:
    """Return the mention of a line, or None for a relation."""
    row = line.split("\t")
    if len(row) < 4:
        raise bad_line(name, number, "a mention or relation with tabs", line)
    if not NUMBER.fullmatch(row[1]):
        return None
    if len(row) < 5 or not NUMBER.fullmatch(row[2]) or not row[4].strip():
        raise bad_line(name, number, "id, start, end, mention and type", line)
    return Mention(number, int(row[1]), int(row[2]), row[3], row[4].strip())


def placed(
    reading: Reading, where: str, text: str, start: int, mentions: list[Mention]
) -> Iterator[Entity]:
    """Yield the mentions of a passage that begins at `start`."""
    for mention in mentions:
        span = (mention.start - start, mention.end - start)
        entity = reading.place(mention.type, [span], text, mention.text, where % mention.line)
        if entity:
            yield entity
