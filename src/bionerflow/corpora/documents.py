"""What every reader yields, documents, and what it notes: odd mentions, and how many were read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from bionerflow.corpora.offsets import CODE_POINTS, Counting, RawSpans, alike
from bionerflow.corpora.shifts import Shift, Try, own_shift, shifts
from bionerflow.data.schema import Entity, Span

#: How many mentions that fit, and that do not, are held to find what the offsets count.
SAMPLE = 300
#: The type of what looks like a mention and cannot be read.
UNREADABLE = "(unreadable)"


class Mention(NamedTuple):
    """A raw mention: `text` is its own string, where the file gives it."""

    type: str
    spans: RawSpans
    text: str | None = None
    identifiers: tuple[str, ...] = ()


#: What readers may give for a mention: its first three fields are enough.
Given = Mention | tuple[str, RawSpans, str | None]


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
    """How mentions are placed, and what a reader notes beside its documents.

    `counting` is what offsets count, and `own` the shift of the text where each has one; `trim` and
    `join_wrapped` say whether white space at the edges of a mention is cut off, and whether
    fragments parted by white space alone become one span.

    `mentions` counts the raw mentions by raw type, `passed_over` what was not read, by kind. Once
    all documents are taken, the mentions equal their entities and the findings that are lost.
    """

    counting: Counting = CODE_POINTS
    trim: bool = True
    join_wrapped: bool = True
    findings: list[Finding] = field(default_factory=list)
    mentions: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    fitted: list[Try] = field(default_factory=list)
    missed: list[Try] = field(default_factory=list)
    by_code_points: bool = field(init=False)
    own: int = 0
    #: Hash values of the texts in which a mention fits, and the last of them.
    fitting: set[int] = field(default_factory=set)
    last_fit: str = ""

    def __post_init__(self) -> None:
        """Compare once what is asked per mention."""
        self.by_code_points = self.counting == CODE_POINTS

    def note(self, reason: str, where: str, detail: str, lost: bool = False) -> None:
        """List an odd mention."""
        self.findings.append(Finding(reason, where, detail, lost))

    def lose(self, type: str, reason: str, where: str, detail: str) -> None:
        """Count and list a mention that cannot be read."""
        self.mentions[type] += 1
        self.note(reason, where, detail, lost=True)

    def unreadable(self, where: str, line: str) -> None:
        """Count and list a line that looks like a mention and cannot be read."""
        self.lose(UNREADABLE, "unreadable", where, repr(line[:80]))

    def place(
        self,
        type: str,
        spans: RawSpans,
        text: str,
        mention: str | None,
        where: str,
        identifiers: tuple[str, ...] = (),
        *,
        part: Span | None = None,
        passage: int = 0,
    ) -> Entity | None:
        """Return the mention as an entity, or list why `spans` of `text` cannot be it.

        `spans` stay in the order of the raw file, as the mention is written in that order. Where
        `part` of the text is given, the mention has to be inside of it, and the entity's offsets
        count from its start. `passage` is what would have to be
        added to the spans if they began anew in the mention's passage.
        """
        self.mentions[type] += 1
        first, last = part or (0, len(text))
        if len(spans) == 1 and self.by_code_points:
            [(start, end)] = spans
            covered = text[start:end]
            as_said = mention is None or mention == covered
            if as_said and first <= start < end <= last and covered == covered.strip():
                if len(self.fitted) < SAMPLE and mention is not None:
                    self.fitted.append(Try(text, spans, mention, passage))
                if self.last_fit is not text:
                    self.fits_in(text)
                return Entity(type, (Span(start - first, end - first),), covered, identifiers)
        there = (first, last)
        return self.compared(type, spans, text, mention, where, identifiers, there, passage)

    def compared(
        self,
        type: str,
        raw: RawSpans,
        text: str,
        mention: str | None,
        where: str,
        identifiers: tuple[str, ...],
        part: tuple[int, int],
        passage: int = 0,
    ) -> Entity | None:
        """Return what `place` returns, for any mention: odd, or of several spans, too."""
        spans = raw if self.by_code_points else self.located(raw, text)
        first, last = part
        fault = span_fault(spans, last, first)
        covered = text_at(spans, text)
        if mention is not None and covered != mention:
            differs = difference(covered, mention)
            if (fault or differs == "text_differs") and len(self.missed) < SAMPLE:
                self.missed.append(Try(text, raw, mention, passage))
            if not fault and differs == "text_differs":
                fault = differs
            elif not fault:
                self.note(differs, where, f"{mention!r}, text {covered!r}")
        if fault:
            said = f"{mention!r}, text {covered!r}" if fault == "text_differs" else ""
            self.note(fault, where, said or f"{raw} {mention!r}", lost=True)
            return None
        if mention is not None and len(self.fitted) < SAMPLE:
            self.fitted.append(Try(text, raw, mention, passage))
        self.fits_in(text)
        tidy = self.tidied(spans, text, covered, where)
        if tidy != spans:
            covered = text_at(tidy, text)
        moved = tuple([Span(start - first, end - first) for start, end in tidy])
        return Entity(type, moved, covered, identifiers) if moved else None

    def fits_in(self, text: str) -> None:
        """Note that a mention fits in a text."""
        self.last_fit = text
        self.fitting.add(hash(text))

    def explained(self) -> Shift | None:
        """Return what the offsets seem to count, of mentions that miss their text."""
        missed = Counter(one.text for one in self.missed)
        mixed = {text for text in missed if hash(text) in self.fitting}
        return shifts(self.missed, self.fitted, self.counting, mixed)

    def located(self, spans: RawSpans, text: str) -> RawSpans:
        """Return the spans in code points of the text."""
        return self.counting._replace(shift=self.counting.shift + self.own).located(spans, text)

    def begin(self, text: str, mentions: Iterable[tuple[RawSpans, str | None]]) -> None:
        """Tell all mentions of a text before they are placed; its own shift is theirs to tell."""
        if self.counting.unit == "own":
            tries = [Try(text, spans, said) for spans, said in mentions if said is not None]
            self.own = own_shift(tries) or 0

    def tidied(self, spans: RawSpans, text: str, covered: str, where: str) -> RawSpans:
        """Return the spans in order, joined, and without space at their edges.

        There are none where nothing but white space is covered.
        """
        ordered = sorted(spans)
        if list(spans) != ordered:
            self.note("fragments_out_of_order", where, f"{covered!r}")
        whole = unwrapped(ordered, text) if self.join_wrapped else ordered
        if len(whole) < len(spans):
            self.note("fragments_joined", where, f"{covered!r}")
        if not any(text[start].isspace() or text[end - 1].isspace() for start, end in whole):
            return whole
        inked = [span for span in (stripped(span, text) for span in whole) if span]
        if not inked:
            self.note("white_space_alone", where, f"{whole} {covered!r}", lost=True)
        elif self.trim:
            self.note("white_space_at_edge", where, f"{covered!r}")
        else:
            return whole
        return inked

    def piece(self, id: str, text: str, mentions: Iterable[Given], where: str) -> Document:
        """Return a document of one sentence with those of its mentions that can be placed."""
        return Document(id, text, self.placed(mentions, text, where), (Span(0, len(text)),))

    def placed(self, mentions: Iterable[Given], text: str, where: str) -> tuple[Entity, ...]:
        """Return those of the mentions that can be placed, with their identifiers."""
        if self.counting.unit == "own":
            mentions = list(mentions)
            self.begin(text, [(one[1], one[2]) for one in mentions])
        found = [
            self.place(one[0], one[1], text, one[2], where, one[3] if len(one) > 3 else ())
            for one in mentions
        ]
        return tuple([entity for entity in found if entity])


def span_fault(spans: RawSpans, end: int, start: int = 0) -> str | None:
    """Return why the spans cannot be in the part of a text from `start` to `end`, or None."""
    if not spans:
        return "empty_span"
    for first, last in spans:
        if first >= last:
            return "empty_span"
    for first, last in spans:
        if first < start or last > end:
            return "outside_text"
    if len(spans) > 1 and any(left[1] > right[0] for left, right in pairwise(sorted(spans))):
        return "fragments_overlap"
    return None


def text_at(spans: RawSpans, text: str) -> str:
    """Return the characters that the spans cover, a space between fragments."""
    return " ".join([text[start:end] for start, end in spans])


def difference(covered: str, mention: str) -> str:
    """Return in what a mention's string and the text at its offsets differ."""
    if covered.split() == mention.split():
        return "white_space_differs"
    return "spelled_otherwise" if alike(covered, mention) else "text_differs"


def unwrapped(spans: RawSpans, text: str) -> RawSpans:
    """Return spans in text order with those made one that only white space parts."""
    whole = [spans[0]]
    for start, end in spans[1:]:
        if text[whole[-1][1] : start].strip():
            whole.append((start, end))
        else:
            whole[-1] = (whole[-1][0], end)
    return whole


def stripped(span: tuple[int, int], text: str) -> tuple[int, int] | None:
    """Return the span without white space at its edges, or None where there is nothing else."""
    start, end = span
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return (start, start + len(piece.strip())) if piece.strip() else None


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
    if len(entity.spans) == 1:
        [(start, end)] = entity.spans
        spans: tuple[Span, ...] = (Span(start + by, end + by),)
    else:
        spans = tuple([Span(start + by, end + by) for start, end in entity.spans])
    return Entity(entity.type, spans, entity.text, entity.identifiers)
