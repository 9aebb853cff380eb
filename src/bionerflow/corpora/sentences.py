"""Sentence borders: those of the raw file or a splitter's, and never through an entity."""

from collections.abc import Iterable, Iterator

from sentencex import get_sentence_boundaries

from bionerflow.corpora.documents import Document
from bionerflow.errors import UserError
from bionerflow.schema import Entity, Span


def sentences(document: Document, language: str) -> list[Span]:
    """Return the sentences that are not blank, as given or as the splitter finds them."""
    if document.sentences is None:
        return list(split(document.text, language))
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
