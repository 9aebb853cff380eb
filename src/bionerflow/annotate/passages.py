"""What goes through annotation: passages of documents, and mentions in them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bionerflow.corpora.documents import moved
from bionerflow.corpora.sentences import split
from bionerflow.data.schema import Entity, Problem, Span, gold_row

#: Characters of a sentence that is asked in one piece, at most.
LONGEST = 1000

#: The end of a text in an abbreviation after which a sentence goes on, though the splitter ends it.
ABBREVIATED = re.compile(
    r"(?<![^\W_])(?:approx|avg|conc|dil|est|excl|incl|max|mol|resp|subsp|spp?|temp|vol|wt"
    r"|eqs?|figs?|gr|tabs?)\.$",
    re.IGNORECASE,
)

#: Says whether a sentence can be asked in one piece.
Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, at `start` in the document's offsets.

    `document` counts documents from 0: two of them may have one id.
    """

    document: int
    id: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity; `confidence` is the model's own, `probability` the selector's, where known."""

    entity: Entity
    confidence: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What an annotator says of one sentence.

    `lookalikes` counts what was found but for characters that look alike, before any selector.
    """

    mentions: Sequence[Mention] = ()
    problems: Sequence[Problem] = ()
    lookalikes: int = 0


@dataclass(slots=True)
class Annotated:
    """A passage with its mentions and the sentences that were asked, at its own offsets."""

    passage: Passage
    mentions: list[Mention] = field(default_factory=list)
    sentences: list[Span] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lookalikes: int = 0

    def in_document(self) -> Iterator[Mention]:
        """Yield the mentions at the document's offsets."""
        return map(self.placed, self.mentions)

    def placed(self, mention: Mention) -> Mention:
        """Return a mention at the document's offsets."""
        entity = moved(mention.entity, self.passage.start)
        return Mention(entity, mention.confidence, mention.probability)


class Annotator(Protocol):
    """Finds mentions in sentences; `key` names all that its answers rest on."""

    language: str
    key: str

    def fits(self, sentence: str) -> bool:
        """Say whether a sentence can be asked in one piece."""

    def __call__(self, sentences: Sequence[str]) -> Sequence[Answered]:
        """Return what is said of each sentence, at its own offsets."""


def sentences(text: str, language: str, fits: Fits = lambda _: True) -> Iterator[Span]:
    """Yield the sentences of a text; one that is too long, or does not fit, comes in pieces."""
    for span in whole_sentences(text, language):
        yield from _pieces(text, span, fits)


def whole_sentences(text: str, language: str) -> Iterator[Span]:
    """Yield the sentences of a text; an abbreviation such as "approx. 4 °C" ends none.

    The splitter knows many abbreviations, but not all that stand before numbers in biomedical
    texts. A capital letter or a line break after one of them begins a sentence all the same.
    """
    found = split(text, language)
    return _unparted(text, found) if language == "en" else found


def _unparted(text: str, found: Iterator[Span]) -> Iterator[Span]:
    """Yield sentences, those made one that are parted after an abbreviation."""
    held: Span | None = None
    for span in found:
        if held:
            if not text[span[0]].isupper() and _goes_on(text, held, span):
                held = Span(held.start, span.end)
                continue
            yield held
        held = span
    if held:
        yield held


def _goes_on(text: str, before: Span, after: Span) -> bool:
    if text[before.end - 1] != "." or text[before.end : after.start].strip(" \u00a0"):
        return False
    return bool(ABBREVIATED.search(text, max(before.start, before.end - 12), before.end))


def _pieces(text: str, span: Span, fits: Fits) -> Iterator[Span]:
    """Yield a span, or in its place two halves, cut at white space where there is any."""
    start, end = span
    if end - start <= LONGEST and (end - start == 1 or fits(text[start:end])):
        yield span
        return
    middle = (start + end) // 2
    cut = last_space(text, start + 1, middle) or middle
    left, right = text[start:cut].rstrip(), text[cut:end].lstrip()
    yield from _pieces(text, Span(start, start + len(left)), fits)
    yield from _pieces(text, Span(end - len(right), end), fits)


def last_space(text: str, start: int, end: int) -> int:
    """Return where the last white space within `start` and `end` is, or 0."""
    return next((at for at in range(end - 1, start - 1, -1) if text[at].isspace()), 0)


def mention_row(mention: Mention) -> dict[str, Any]:
    """Return a mention as JSON has it."""
    return {
        **gold_row(mention.entity),
        "confidence": mention.confidence,
        "probability": mention.probability,
    }
