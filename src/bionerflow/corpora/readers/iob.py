"""IOB, IOB2 and IOBES: one token a line, tab, one tag a layer; an empty line ends a sentence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from bionerflow.corpora.documents import Document, Reading, joined
from bionerflow.corpora.raw import bad_line, paragraphs
from bionerflow.schema import Entity

DOCUMENT_MARK = "-DOCSTART-"
OUTSIDE = "O"
BEGIN, INSIDE, LAST, SINGLE = "B", "IM", "EL", "SUW"
KNOWN = frozenset((BEGIN, *INSIDE, *LAST, *SINGLE))


class Block(NamedTuple):
    """The lines of one sentence, each split at tabs; `line` is the number of the first."""

    line: int
    rows: list[list[str]]


class Chunk(NamedTuple):
    """Tokens `first` to `last` (inclusive) of one type; `begun` unless it opens with I or E."""

    type: str
    first: int
    last: int
    begun: bool


def read(
    reading: Reading,
    files: Mapping[str, bytes],
    joiner: str = " ",
    layers: Sequence[int] = (1,),
) -> Iterator[Document]:
    """Yield documents of token lines.

    The text is the tokens with `joiner` between ("" for character files).
    `layers` are the columns of the tags, counted from 0. In a file without document marks each
    sentence is its own document.

    Raises:
        UserError: a line lacks its columns or has a tag of no known scheme.
    """
    for name, data in files.items():
        stem = name.split(".")[0]
        marked = DOCUMENT_MARK.encode() in data
        for number, blocks in enumerate(documents(split(name, data, max(layers)), marked)):
            sentences = [sentence(reading, name, block, joiner, layers) for block in blocks]
            yield joined(f"{stem}-{number}", sentences)


def split(name: str, data: bytes, last_column: int) -> Iterator[Block]:
    """Yield the blocks of lines between empty lines, and an empty block for a document mark."""
    marked = DOCUMENT_MARK.encode() in data
    for number, paragraph in paragraphs(name, data):
        rows = [line.split("\t") for line in paragraph]
        if min(map(len, rows)) > last_column and not marked:
            yield Block(number, rows)
        else:
            yield from by_line(name, number, paragraph, last_column)


def by_line(name: str, first: int, paragraph: Iterable[str], last_column: int) -> Iterator[Block]:
    """Yield the blocks of lines in which there are document marks, or blank ones."""
    rows: list[list[str]] = []
    for number, line in enumerate(paragraph, start=first):
        is_mark = line.startswith(DOCUMENT_MARK)
        if rows and (is_mark or not line.strip()):
            yield Block(number - len(rows), rows)
            rows = []
        row = line.split("\t")
        if is_mark:
            yield Block(number, [])
        elif len(row) > last_column:
            rows.append(row)
        elif line.strip():
            raise bad_line(name, number, "a token, a tab and a tag", line)
    if rows:
        yield Block(number - len(rows) + 1, rows)


def documents(blocks: Iterable[Block], marked: bool) -> Iterator[list[Block]]:
    """Yield the sentences of each document; without document marks each sentence is one."""
    found: list[Block] = []
    for block in blocks:
        if found and not (marked and block.rows):
            yield found
            found = []
        if block.rows:
            found.append(block)
    if found:
        yield found


def sentence(
    reading: Reading, name: str, block: Block, joiner: str, layers: Iterable[int]
) -> tuple[str, list[Entity]]:
    """Return the text of a block and its entities, the layers one after the other."""
    tokens = [row[0] for row in block.rows]
    starts = [0, *accumulate([len(token) + len(joiner) for token in tokens])]
    text, entities = joiner.join(tokens), []
    for layer in layers:
        tags = [row[layer] for row in block.rows]
        for type, first, last, begun in chunks(tags, name, block.line):
            span = (starts[first], starts[last] + len(tokens[last]))
            where = f"{name}:{block.line + first}"
            if not begun:
                reading.note("inside_without_begin", where, f"{tags[first]} {text[slice(*span)]!r}")
            entity = reading.place(type, [span], text, None, where)
            if entity:
                entities.append(entity)
    return text, entities


def chunks(tags: Sequence[str], name: str = "", line: int = 1) -> Iterator[Chunk]:
    """Yield the chunks of one layer, as conlleval reads them (IOB1, IOB2, IOBES, BILOU)."""
    if set(tags) == {OUTSIDE}:
        return
    chunk: Chunk | None = None
    for at, tag in enumerate(tags):
        if tag == OUTSIDE:
            if chunk:
                yield chunk
            chunk = None
            continue
        prefix, _, type = tag.partition("-")
        if prefix not in KNOWN or not type:
            raise bad_line(name, line + at, "a tag such as B-Gene, I-Gene or O", tag)
        continues = chunk and prefix in (*INSIDE, *LAST) and chunk.type == type
        if chunk and continues:
            chunk = chunk._replace(last=at)
        else:
            if chunk:
                yield chunk
            chunk = Chunk(type, at, at, prefix in (BEGIN, *SINGLE))
        if chunk and prefix in (*LAST, *SINGLE):
            yield chunk
            chunk = None
    if chunk:
        yield chunk
