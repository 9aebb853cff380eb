"""PubTator: blocks of a title line, an abstract line, mentions and relations, by tabs."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.identifiers import parted
from bionerflow.corpora.raw import bad_line, lines
from bionerflow.corpora.shifts import Try, covers
from bionerflow.data.schema import Entity, Span

TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
NUMBER = re.compile(r"\s*-?\d{1,9}\s*")
#: What an offset looks like that cannot be read: it has a digit, and no relation's name has one.
LIKE_A_NUMBER = re.compile(r".*\d")
#: How many spaces at a title's end offsets may count though the file lost them, beside the one
#: that is always counted.
LOST_BETWEEN = (0, 1, 2)


class Mention(NamedTuple):
    """A mention line; offsets count from the title's first character."""

    line: int
    start: int
    end: int
    text: str
    type: str
    identifiers: tuple[str, ...] = ()


class Block(NamedTuple):
    """A title and abstract with their mentions."""

    id: str
    title: str
    abstract: str
    mentions: list[Mention]
    relations: list[int]
    unreadable: list[tuple[int, str]]


class Layout(NamedTuple):
    """The text that offsets count in, where the title begins and where the abstract does."""

    text: str
    title: int
    abstract: int

    def parts(self, block: Block) -> tuple[Span, Span]:
        """Return the extents of title and abstract."""
        return (
            Span(self.title, self.title + len(block.title)),
            Span(self.abstract, self.abstract + len(block.abstract)),
        )


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the titles and abstracts of blocks, documents of one id.

    Offsets count as if title and abstract were joined by one space, or by the spaces that the
    title lost at its end. One id may have many blocks (full text). Lines of five or more columns
    whose second and third are numbers are mentions; the sixth has identifiers. Further columns
    (parts of a composite mention) are not read. Other lines of tabs are relations.

    Raises:
        UserError: a line is none of these, or is not of its block's document.
    """
    for name, data in files.items():
        with_mark = data.startswith(BOM_UTF8)
        for block in map(unpadded, blocks(name, lines(name, data))):
            reading.passed_over["relation lines"] += len(block.relations)
            for number, line in block.unreadable:
                reading.unreadable(f"{name}:{number}", line)
            layout = layout_of(reading, block, (0, 1) if with_mark else (0,))
            is_plain = (layout.title, layout.abstract) == (0, len(block.title) + 1)
            with_mark, fitted = False, len(reading.fitted)
            if not is_plain:
                where = f"{name}:{block.mentions[0].line}: {block.id}"
                reading.note("characters_lost", where, f"{layout.title}, {layout.abstract}")
            title, abstract = placed(reading, name, layout, block)
            if not is_plain:  # its offsets tell nothing of other documents'
                del reading.fitted[fitted:]
            if block.title:
                yield Document(block.id, block.title, tuple(title))
            if block.abstract:
                yield Document(block.id, block.abstract, tuple(abstract))


def plain(block: Block) -> Layout:
    """Return the layout in which nothing was lost."""
    return Layout(f"{block.title} {block.abstract}", 0, len(block.title) + 1)


def unpadded(block: Block) -> Block:
    """Return a block without spaces before its title and abstract, where offsets do not count them.

    Some files have a space after each `|t|` and `|a|`.
    """
    if not (block.title.startswith(" ") or block.abstract.startswith(" ")):
        return block
    bare = block._replace(title=block.title.lstrip(" "), abstract=block.abstract.lstrip(" "))
    counts = (
        sum(plain(one).text[m.start : m.end] == m.text for m in one.mentions)
        for one in (block, bare)
    )
    as_it_is, without = counts
    return bare if without > as_it_is else block


def layout_of(reading: Reading, block: Block, lost_before: Sequence[int]) -> Layout:
    """Return the layout that all mentions fit, or the plain one.

    The text is padded with spaces for the characters that the file lost: `lost_before` the title (a
    byte order mark) and between title and abstract.
    """
    best = plain(block)
    text = best.text
    if all(text[start:end] == mention for _, start, end, mention, *_ in block.mentions):
        return best
    tries = [(m.text, [(m.start, m.end)]) for m in block.mentions if m.text]

    def all_fit(text: str) -> bool:
        fitting = (covers(Try(text, spans, m), reading.counting) == m for m, spans in tries)
        return all(fitting)

    for before, between in product(lost_before, LOST_BETWEEN):
        text = " " * before + block.title + " " * (between + 1) + block.abstract
        if all_fit(text):
            return Layout(text, before, before + len(block.title) + between + 1)
    return best


def blocks(name: str, rows: Iterable[tuple[int, str]]) -> Iterator[Block]:
    """Yield the blocks of a file's numbered lines; an empty line or a title ends a block."""
    block: Block | None = None
    for number, line in rows:
        if block and line.startswith(f"{block.id}\t"):
            add_row(name, number, line, block)
            continue
        match = TEXT.match(line)
        if (match and match[2] == "t") or not line.strip():
            if block:
                yield block
            block = Block(match[1], match[3], "", [], [], []) if match else None
        elif not block or not line.startswith(f"{block.id}|"):
            raise bad_line(name, number, "a line of the document above", line)
        elif not match:
            add_row(name, number, line, block)
        elif block.abstract:
            raise bad_line(name, number, "one abstract for each title", line)
        else:
            block = block._replace(abstract=match[3])
    if block:
        yield block


def add_row(name: str, number: int, line: str, block: Block) -> None:
    """Add a line of tabs to its block: a mention, a relation, or what looks like a mention."""
    row = line.split("\t")
    if len(row) < 4:
        raise bad_line(name, number, "a mention or relation with tabs", line)
    start, end = row[1], row[2]
    if not NUMBER.fullmatch(start):
        looks_so = len(row) > 4 and LIKE_A_NUMBER.match(start)
        if looks_so:
            block.unreadable.append((number, line))
        else:
            block.relations.append(number)
        return
    type = row[4].strip() if len(row) > 4 else ""
    if not (type and NUMBER.fullmatch(end)):
        raise bad_line(name, number, "id, start, end, mention and type", line)
    said = parted(row[5]) if len(row) > 5 else ()
    block.mentions.append(Mention(number, int(start), int(end), row[3], type, said))


def placed(
    reading: Reading, name: str, layout: Layout, block: Block
) -> tuple[list[Entity], list[Entity]]:
    """Return the mentions that can be placed in the title, and those in the abstract."""
    title, abstract = layout.parts(block)
    border = reading.counting.counted(abstract.start, layout.text)
    found: tuple[list[Entity], list[Entity]] = ([], [])
    reading.begin(layout.text, (([(m.start, m.end)], m.text) for m in block.mentions))
    border += reading.own
    mentions = block.mentions
    if reading.counting.unit == "passages":
        mentions = from_title(layout.text, title, abstract, mentions)
    for line, start, end, text, type, known in mentions:
        part, its = (title, found[0]) if start < border else (abstract, found[1])
        where = f"{name}:{line}"
        spans = [(start, end)]
        in_title = end <= title.end and layout.text[start:end] == text
        passage = 0 if in_title or mentions is not block.mentions else abstract.start
        entity = reading.place(
            type, spans, layout.text, text, where, known, part=part, passage=passage
        )
        if entity:
            its.append(entity)
    return found


def from_title(
    text: str, title: Span, abstract: Span, mentions: Iterable[Mention]
) -> list[Mention]:
    """Return mentions whose offsets begin anew in the abstract with offsets from the title on.

    What stands at its offsets in the title is there; what is said a second time, in the abstract.
    """
    found: list[Mention] = []
    said: set[Mention] = set()
    for mention in mentions:
        start, end, plain = mention.start, mention.end, mention._replace(line=0)
        if end > title.end or text[start:end] != mention.text or plain in said:
            start, end = start + abstract.start, end + abstract.start
        said.add(plain)
        found.append(mention._replace(start=start, end=end))
    return found
