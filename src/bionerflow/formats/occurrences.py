"""Where a string stands in a text: as it is written, with other white space, or in fragments."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from bionerflow.data.schema import Span

Spans = tuple[Span, ...]
#: A place in the order of an answer: by start, longer first.
Place = tuple[int, int]


def occurrences(text: str, string: str) -> list[tuple[int, int]]:
    """Find a string as it is written; occurrences may overlap."""
    found, start = [], text.find(string)
    while start >= 0:
        found.append((start, start + len(string)))
        start = text.find(string, start + 1)
    return found


def is_boundary(text: str, at: int) -> bool:
    """Tell whether a word may begin or end here; by CJK characters and circled numbers always.

    A combining mark belongs to the letter before it.
    """
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if before < "\u0300" > after:
        return not (before.isalnum() and after.isalnum())
    if unicodedata.category(after)[0] == "M":
        return False
    while before > "\u02ff" and at > 1 and unicodedata.category(before)[0] == "M":
        at -= 1
        before = text[at - 1]
    return not (before.isalnum() and after.isalnum() and max(before, after) < "\u2460")


def loose_occurrences(text: str, words: list[str]) -> list[Spans]:
    """Find words in sequence, whatever white space is between them."""
    if not all(word in text for word in words):
        return []
    if len(words) > 1:
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        return [(Span(*match.span()),) for match in pattern.finditer(text)]
    return [(Span(*found),) for found in occurrences(text, words[0])]


def fragments(text: str, words: list[str]) -> Iterator[Spans]:
    """Find the words in text order with gaps, as few fragments as each start allows.

    A fragment begins and ends where a word may; each start of the first fragment is tried.
    """
    start = _find_word(text, words[0], 0)
    while start >= 0:
        spans = _complete(text, words, start)
        if spans is None:
            return
        yield spans
        start = _find_word(text, words[0], start + 1)


def _find_word(text: str, word: str, start: int) -> int:
    at = text.find(word, start)
    while at >= 0 and not (is_boundary(text, at) and is_boundary(text, at + len(word))):
        at = text.find(word, at + 1)
    return at


def _complete(text: str, words: list[str], start: int) -> Spans | None:
    """Place each word: right after the one before, or else at its next occurrence."""
    spans = [Span(start, start + len(words[0]))]
    for word in words[1:]:
        last = spans[-1]
        if text.startswith(" " + word, last.end) and is_boundary(text, last.end + 1 + len(word)):
            spans[-1] = Span(last.start, last.end + 1 + len(word))
            continue
        at = _find_word(text, word, last.end)
        if at < 0:
            return None
        spans.append(Span(at, at + len(word)))
    return tuple(spans)


def nearest_first(found: list[Spans]) -> list[list[Spans]]:
    """Return the occurrences in fragments in two groups: near ones, and those that begin too early.

    Of occurrences that end at the same place, the last one to begin is the near one.
    """
    if not found:
        return []
    near = [spans for spans, after in pairwise([*found, ()]) if spans[-1:] != after[-1:]]
    known = set(near)
    return [near, [spans for spans in found if spans not in known]]


def around(group: list[Spans], start: int) -> list[Spans]:
    """Return the places just before and after a start, of some in the order of the text."""
    at = bisect_left(group, start, key=_first)
    before = bisect_left(group, _first(group[at - 1]), key=_first) if at else 0
    return [*group[before : before + 1], *group[at : at + 1]]


def _first(spans: Spans) -> int:
    return spans[0][0]


def place_of(spans: Spans) -> Place:
    """Return the place of spans in the order of an answer."""
    return spans[0][0], -spans[-1][1]
