"""What every reader returns: documents, findings about odd mentions, and how many were read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from itertools import pairwise
from typing import NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from bionerflow.errors import UserError
from bionerflow.schema import Entity, Span

T = TypeVar("T")

#: Starts and ends as a raw file gives them, in its own order.
RawSpans = Sequence[tuple[int, int]]


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
    """What a reader found; `mentions` counts the raw mentions of each raw type.

    The mentions equal the entities of all documents and the findings that are lost.
    """

    documents: list[Document] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    mentions: Counter[str] = field(default_factory=Counter)

    def note(self, reason: str, where: str, detail: str, lost: bool = False) -> None:
        """List an odd mention."""
        self.findings.append(Finding(reason, where, detail, lost))

    def place(
        self,
        type: str,
        spans: Sequence[tuple[int, int]],
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
        if len(spans) > 1 and list(spans) != sorted(spans):
            self.note("fragments_out_of_order", where, f"{mention!r}")
        return Entity.at(type, spans, text)


def span_fault(spans: RawSpans, length: int) -> str | None:
    """Return why the spans cannot be in a text of `length` code points, or None."""
    if not spans or any(start >= end for start, end in spans):
        return "empty_span"
    if any(start < 0 or end > length for start, end in spans):
        return "outside_text"
    ordered = sorted(spans)
    if any(left[1] > right[0] for left, right in pairwise(ordered)):
        return "fragments_overlap"
    return None


def decode(name: str, data: bytes) -> str:
    """Return the UTF-8 text of a raw file without its byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{name}:{line}: not UTF-8 (byte {data[error.start]:#x}): convert the file."
        ) from error


def lines(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a raw file with their numbers; only \n and \r\n end a line."""
    text = TextIOWrapper(BytesIO(data), encoding="utf-8-sig", newline="\n")
    try:
        for number, line in enumerate(text, start=1):
            yield number, line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        decode(name, data)
        raise


def parse_json(name: str, data: bytes, kind: type[T]) -> T:
    """Return the JSON of a raw file as `kind`, or raise UserError with the place of the fault."""
    try:
        return TypeAdapter(kind).validate_json(decode(name, data))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise UserError(f"{name}: {place and f'at {place}: '}{fault['msg']}.") from None


def joined(id: str, sentences: Iterable[tuple[str, Iterable[Entity]]]) -> Document:
    """Return the document made of sentences with their entities, line feeds between."""
    texts: list[str] = []
    entities: list[Entity] = []
    borders: list[Span] = []
    start = 0
    for text, found in sentences:
        texts.append(text)
        borders.append(Span(start, start + len(text)))
        entities.extend(moved(entity, start) if start else entity for entity in found)
        start += len(text) + 1
    return Document(id, "\n".join(texts), tuple(entities), tuple(borders))


def moved(entity: Entity, by: int) -> Entity:
    """Return the entity with all spans moved by `by` code points."""
    spans = tuple(Span(start + by, end + by) for start, end in entity.spans)
    return Entity(entity.type, spans, entity.text)


def bad_line(name: str, number: int, expected: str, line: str) -> UserError:
    """Return the error for a line that has not the form of its file."""
    return UserError(f"{name}:{number}: expected {expected}, found {line[:80]!r}.")
