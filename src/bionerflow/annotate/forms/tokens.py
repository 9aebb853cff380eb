"""Tokens for the forms that need them: words and single marks, cut where mentions begin or end."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.data.schema import Span
from bionerflow.evaluate.tokens import TOKEN


class Sentence(NamedTuple):
    """A sentence, its tokens, and the mentions in it, each with its first and last token."""

    span: Span
    tokens: list[Span]
    mentions: list[tuple[Mention, int, int]]


def tokens(text: str, span: Span, mentions: Iterable[Mention]) -> list[Span]:
    """Return the tokens within `span` of a text; none reaches over an edge of a mention."""
    edges = sorted({edge for one in mentions for at in one.entity.spans for edge in at})
    found: list[Span] = []
    for match in TOKEN.finditer(text, *span):
        start, end = match.span()
        cuts = edges[bisect_right(edges, start) : bisect_left(edges, end)]
        found += map(Span, [start, *cuts], [*cuts, end])
    return found


def covered(found: Sequence[Span], mention: Mention) -> tuple[int, int] | None:
    """Return the first and last of the tokens in a mention, or None if there is none in it."""
    first = bisect_left(found, mention.entity.start, key=lambda token: token.start)
    after = bisect_right(found, mention.entity.end, key=lambda token: token.end)
    return (first, after - 1) if first < after else None


def from_left(mentions: Iterable[Mention]) -> list[Mention]:
    """Return mentions from left to right, the longer first."""
    return sorted(mentions, key=lambda m: (m.entity.start, -m.entity.end, m.entity.type))


def sentences(one: Annotated, mentions: Sequence[Mention]) -> Iterator[Sentence]:
    """Yield the sentences of a passage with tokens and contiguous mentions, from left to right."""
    ordered = from_left(mentions)
    starts = [mention.entity.start for mention in ordered]
    for span in one.sentences:
        inside = ordered[bisect_left(starts, span.start) : bisect_left(starts, span.end)]
        its = tokens(one.passage.text, span, inside)
        placed = ((mention, covered(its, mention)) for mention in inside)
        yield Sentence(span, its, [(mention, *at) for mention, at in placed if at])
