"""What every reader yields, documents, and what it notes: odd mentions, and how many were read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from bionerflow.schema import Entity, Span

#: Starts and ends as a raw file gives them, in its own order.
RawSpans = Sequence[tuple[int, int]]
#: A raw type, the spans, and the mention's own string where the file gives it.
Mention = tuple[str, RawSpans, str | None]


class Finding(NamedTuple):
    """A mention that is odd; `lost` says whether it had to be left out."""

    reason: str
    where: str
    detail: str
    lost: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A text with entities at its own offsets; `sentences` is None where a splitter must find them.

    Several documents of one id are parts of one source document.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    sentences: tuple[Span, ...] | None = None


@dataclass(slots=True)
class Reading:
    """What a reader notes beside its documents; `mentions` counts the raw mentions by raw type.

    Once all documents are taken, the mentions equal their entities and the findings that are lost.
    """

    findings: list[Finding] = field(default_factory=list)
    mentions: Counter[str] = field(default_factory=Counter)

    def note(self, reason: str, where: str, detail: str, lost: bool = False) -> None:
        """List an odd mention."""
        self.findings.append(Finding(reason, where, detail, lost))

    def place(
        self,
        type: str,
        spans: RawSpans,
        text: str,
        mention: str | None,
        where: str,
    ) -> Entity | None:
        """Return the mention as an entity, or list why `spans` of `text` cannot be it.

        `spans` stay in the order of the raw file, as the mention is written in that order.
        """
        self.mentions[type] += 1
        fault = span_fault(spans, len(text))
        if fault:
            self.note(fault, where, f"{spans} {mention!r}", lost=True)
            return None
        covered = " ".join([text[start:end] for start, end in spans])
        if mention is not None and covered != mention:
            if covered.split() != mention.split():
                self.note("text_differs", where, f"{mention!r}, text {covered!r}", lost=True)
                return None
            self.note("white_space_differs", where, f"{mention!r}, text {covered!r}")
        if len(spans) == 1:
            return Entity(type, (Span(*spans[0]),), covered)
        if list(spans) != sorted(spans):
            self.note("fragments_out_of_order", where, f"{mention!r}")
        return Entity.at(type, spans, text)

    def piece(self, id: str, text: str, mentions: Iterable[Mention], where: str) -> Document:
        """Return a document of one sentence with those of its mentions that can be placed."""
        placed = (
            self.place(type, spans, text, mention, where) for type, spans, mention in mentions
        )
        kept = tuple(entity for entity in placed if entity)
        return Document(id, text, kept, (Span(0, len(text)),))


def span_fault(spans: RawSpans, length: int) -> str | None:
    """Return why the spans cannot be in a text of `length` code points, or None."""
    if not spans:
        return "empty_span"
    for start, end in spans:
        if start >= end:
            return "empty_span"
    for start, end in spans:
        if start < 0 or end > length:
            return "outside_text"
    if len(spans) == 1:
        return None
    ordered = sorted(spans)
    if any(left[1] > right[0] for left, right in pairwise(ordered)):
        return "fragments_overlap"
    return None


def joined(id: str, sentences: Iterable[tuple[str, Iterable[Entity]]]) -> Document:
    """Return the document made of sentences with their entities, line feeds between."""
    texts: list[str] = []
    entities: list[Entity] = []
    borders: list[Span] = []
    start = 0
    for text, found in sentences:
        texts.append(text)
        borders.append(Span(start, start + len(text)))
        entities.extend(moved(entity, start) for entity in found)
        start += len(text) + 1
    return Document(id, "\n".join(texts), tuple(entities), tuple(borders))


def moved(entity: Entity, by: int) -> Entity:
    """Return the entity with all spans moved by `by` code points."""
    if not by:
        return entity
    spans = tuple(Span(start + by, end + by) for start, end in entity.spans)
    return Entity(entity.type, spans, entity.text)
