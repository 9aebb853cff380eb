"""Sentence borders: those of the raw file or a splitter's, and never through an entity."""

import re
from collections.abc import Iterable, Iterator

from sentencex import get_sentence_boundaries

from bionerflow.corpora.documents import Document
from bionerflow.data.schema import Entity, Span
from bionerflow.utils.errors import UserError

#: What is between two line ends.
LINE = re.compile(r"[^\r\n]+")


def sentences(document: Document, language: str, line_ends: bool = False) -> list[Span]:
    """Return the sentences that are not blank, as given or as the splitter finds them.

    With `line_ends` the sentences that the splitter finds end at line ends, too.
    """
    if document.sentences is None:
        found = split(document.text, language)
        return list(at_line_ends(document.text, found) if line_ends else found)
    return [span for span in document.sentences if document.text[span.start : span.end].strip()]


def split(text: str, language: str) -> Iterator[Span]:
    """Yield the sentences of a text, without the space around them."""
    end = 0
    for sentence in get_sentence_boundaries(language, text):
        start, end = sentence["start_index"], sentence["end_index"]
        piece = text[start:end]
        if piece != sentence["text"]:
            raise UserError(f"The sentence splitter lost its place at {piece[:80]!r}.")
        if piece.strip():
            lead = len(piece) - len(piece.lstrip())
            yield Span(start + lead, start + len(piece.rstrip()))


def at_line_ends(text: str, found: Iterable[Span]) -> Iterator[Span]:
    """Yield the lines of sentences, without the space around them."""
    for start, end in found:
        for line in LINE.finditer(text, start, end):
            piece = line.group()
            if piece.strip():
                begin = line.start() + len(piece) - len(piece.lstrip())
                yield Span(begin, begin + len(piece.strip()))


def joined(found: Iterable[Span], entities: Iterable[Entity]) -> Iterator[Span]:
    """Yield the union of the sentences and of the entities' extents, apart where they are apart."""
    extents = (Span(entity.start, entity.end) for entity in entities)
    start = end = -1
    for span in sorted([*found, *extents]):
        if span.start < end:
            end = max(end, span.end)
            continue
        if start < end:
            yield Span(start, end)
        start, end = span
    if start < end:
        yield Span(start, end)
