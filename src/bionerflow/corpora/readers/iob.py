"""IOB, IOB2 and IOBES: one token per line, in columns; an empty line ends a sentence.

Columns are separated by tabs, or by any white space where the first line has no tab.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from bionerflow.corpora.documents import Document, Reading, joined
from bionerflow.corpora.raw import bad_line, lines, paragraphs
from bionerflow.data.schema import Entity

DOCUMENT_MARK = "-DOCSTART-"
OUTSIDE = "O"
OUT = ("", "")  # prefix and type of a tag outside of mentions
#: Prefixes of tags that begin a mention, go on with one, and end one; S is its only token's.
BEGINNING, CONTINUING, ENDING = frozenset("BSUW"), frozenset("IMEL"), frozenset("ELSUW")
#: The type of tags that have none, such as B and I alone (BioBERT's files).
UNTYPED = "entity"


#: White space around cells, or on lines of nothing else: with spaces, and of tabs alone.
PADDING_SPACES = (b" \t", b"\t ", b" \n", b" \r")
PADDING_TABS = (b"\t\n", b"\t\r")
#: A comment in a file of columns with tabs.
COMMENT = re.compile(rb"^#[^\t\n]*$", re.MULTILINE)
BLANK = re.compile(rb"^[ \t]+\r?$", re.MULTILINE)
#: What the columns of tokens and of tags are called where the first line names columns.
TOKEN_HEADS = frozenset(("token", "tokens", "word", "words", "text", "form"))
TAG_HEADS = frozenset(
    ("tag", "tags", "label", "labels", "ner", "nertag", "nertags", "iob", "bio", "entity", "ne")
)


class Block(NamedTuple):
    """The lines of one sentence, each split into columns; `line` is the number of the first."""

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
    token: int = 0,
) -> Iterator[Document]:
    """Yield documents of token lines.

    The text is the tokens with `joiner` between ("" for character files). `token` is the column of
    the tokens, `layers` are those of the tags, counted from 0. In a file without document marks
    each sentence is its own document. Lines that begin with # and have no tag are comments.

    Raises:
        UserError: a line lacks its columns or has a tag of no known scheme.
    """
    for name, data in files.items():
        stem = name.split(".")[0]
        marked = DOCUMENT_MARK.encode() in data
        blocks_of_file = split(reading, name, data, (token, *layers))
        for number, blocks in enumerate(documents(blocks_of_file, marked)):
            sentences = [sentence(reading, name, b, joiner, layers, token) for b in blocks]
            yield joined(f"{stem}-{number}", sentences)


def separator(name: str, data: bytes) -> str | None:
    """Return what separates the columns of a file: a tab, or None for any white space."""
    for _, line in lines(name, data):
        if line.strip() and not line.startswith((DOCUMENT_MARK, "#")):
            return "\t" if "\t" in line else None
    return "\t"


def split(reading: Reading, name: str, data: bytes, columns: Sequence[int]) -> Iterator[Block]:
    """Yield the blocks of lines between empty lines, and an empty block for a document mark.

    `columns` are those that every line has to have, first the tokens', then the tags'.
    """
    marked = DOCUMENT_MARK.encode() in data
    between, last_column = separator(name, data), max(columns)
    padded = between is not None and is_padded(data)
    by_hand = marked or (between is None and b"#" in data) or COMMENT.search(data) is not None
    by_hand = by_hand or (padded and BLANK.search(data) is not None)
    for number, paragraph in without_head(reading, paragraphs(name, data), between):
        rows = [line.split(between) for line in paragraph]
        if padded:
            rows = [[cell.strip() or cell for cell in row] for row in rows]
        if min(map(len, rows)) > last_column and not by_hand:
            yield Block(number, rows)
        else:
            yield from by_line(
                reading, name, number, list(zip(paragraph, rows, strict=True)), columns
            )


def is_padded(data: bytes) -> bool:
    """Say whether a file has white space around cells, or on lines of nothing else."""
    marks = (*PADDING_SPACES, *PADDING_TABS) if b" " in data else PADDING_TABS
    return any(mark in data for mark in marks)


def without_head(
    reading: Reading, found: Iterable[tuple[int, list[str]]], between: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield paragraphs without the line that names columns, if the first one begins with it."""
    for at, (number, paragraph) in enumerate(found):
        headed = at == 0 and names_columns(paragraph[0].split(between))
        if headed:
            reading.passed_over["lines that name columns"] += 1
        if len(paragraph) > headed:
            yield number + headed, paragraph[headed:]


def names_columns(row: Sequence[str]) -> bool:
    """Say whether a row names columns, as "token" and "ner_tag", in place of a token and tags."""
    names = {re.sub(r"[\W_]", "", cell).casefold() for cell in row}
    return bool(names & TOKEN_HEADS and names & TAG_HEADS)


def by_line(
    reading: Reading,
    name: str,
    first: int,
    paragraph: Sequence[tuple[str, list[str]]],
    columns: Sequence[int],
) -> Iterator[Block]:
    """Yield the blocks of lines in which there are document marks, comments, or blank ones."""
    rows: list[list[str]] = []
    for number, (line, row) in enumerate(paragraph, start=first):
        is_mark = line.startswith(DOCUMENT_MARK)
        is_comment = not is_mark and line.startswith("#") and not tagged(row, columns[1:])
        if rows and (is_mark or is_comment or not line.strip()):
            yield Block(number - len(rows), rows)
            rows = []
        if is_mark:
            yield Block(number, [])
        elif is_comment:
            reading.passed_over["comment lines"] += 1
        elif line.strip() and len(row) > max(columns):
            rows.append(row)
        elif line.strip():
            raise bad_line(name, number, "a token, a tab and a tag", line)
    if rows:
        yield Block(number - len(rows) + 1, rows)


def tagged(row: Sequence[str], layers: Sequence[int]) -> bool:
    """Say whether a line has a tag in each layer."""
    return len(row) > max(layers) and all(parsed(row[layer]) is not None for layer in layers)


@lru_cache(maxsize=4096)
def parsed(tag: str) -> tuple[str, str] | None:
    """Return prefix and type of a tag, empty ones outside of mentions, or None if it is no tag.

    The prefix stands before the type (B-Gene, B_Gene) or after it (Gene-B), or alone. I-O is
    outside, too.
    """
    if tag in (OUTSIDE, "o"):
        return OUT
    for mark in "-_":
        for prefix, found, type in (tag.partition(mark), tag.rpartition(mark)[::-1]):
            if found and type and prefix.upper() in BEGINNING | CONTINUING:
                return OUT if type in (OUTSIDE, "o") else (prefix.upper(), type)
    return (tag, UNTYPED) if tag in ("B", "I", "E", "S") else None


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
    reading: Reading, name: str, block: Block, joiner: str, layers: Iterable[int], token: int
) -> tuple[str, list[Entity]]:
    """Return the text of a block and its entities, the layers one after the other."""
    tokens = [row[token] for row in block.rows]
    text, entities = joiner.join(tokens), []
    gap, starts = len(joiner), list[int]()
    for layer in layers:
        tags = [row[layer] for row in block.rows]
        marked = set(tags) - {OUTSIDE}
        if not marked:
            continue
        for tag in sorted(marked):
            if parsed(tag) == OUT:
                reading.note("tag_of_outside", f"{name}:{block.line}", tag)
        starts = starts or [0, *accumulate([len(token) + gap for token in tokens])]
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
    chunk: Chunk | None = None
    for at in [at for at, tag in enumerate(tags) if tag != OUTSIDE]:
        found = parsed(tags[at])
        if found is None:
            raise bad_line(name, line + at, "a tag such as B-Gene, I-Gene or O", tags[at])
        prefix, type = found
        goes_on = chunk and chunk.last == at - 1 and chunk.type == type
        if chunk and goes_on and prefix in CONTINUING:
            chunk = chunk._replace(last=at)
        else:
            if chunk:
                yield chunk
            chunk = Chunk(type, at, at, prefix in BEGINNING) if prefix else None
        if chunk and prefix in ENDING:
            yield chunk
            chunk = None
    if chunk:
        yield chunk
