"""Examples as people write them: mentions in brackets, each with its type behind it.

    We saw [breast cancer](Disease) after [tamoxifen](Chemical).

Mentions may be nested: `[[breast](Organ) cancer](Disease)`. Brackets without a type are text.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bionerflow.data.schema import Entity
from bionerflow.utils.errors import UserError, nearest

_BRACKET = re.compile(r"\[|\]\((?P<type>[^()\[\]\n]*)\)|\]")


class MarkedText(NamedTuple):
    """A text and its entities."""

    text: str
    entities: tuple[Entity, ...]


class _Mark(NamedTuple):
    """A mention in a written example: its opening bracket, and where its closing mark is."""

    opening: int
    closing: int
    end: int
    type: str


def read_examples(written: Iterable[str], types: Sequence[str]) -> tuple[MarkedText, ...]:
    """Read examples, one each; empty lines are left out.

    Raises:
        UserError: a mention has no text, or a type that is not one of `types`.
    """
    lines = [line.strip() for line in written if line.strip()]
    return tuple(_read(line, types, f"Example {n}") for n, line in enumerate(lines, start=1))


def _read(line: str, types: Sequence[str], where: str) -> MarkedText:
    marked = list(_marked(line, types, where))
    cuts = sorted(
        cut for one in marked for cut in ((one.opening, one.opening + 1), (one.closing, one.end))
    )
    text, places = _without(line, cuts)
    spans = [(one.type, places[one.opening], places[one.closing]) for one in marked]
    if any(start == end for _, start, end in spans):
        raise UserError(f"{where}: a mention has no text between its brackets.")
    return MarkedText(text, tuple(Entity.at(type, [(a, b)], text) for type, a, b in sorted(spans)))


def _marked(line: str, types: Sequence[str], where: str) -> Iterable[_Mark]:
    opened: list[int] = []
    for mark in _BRACKET.finditer(line):
        type = mark["type"]
        if mark[0] == "[":
            opened.append(mark.start())
        elif type is None:
            del opened[-1:]
        elif not opened:
            raise UserError(f"{where}: '{mark[0][:100]}' has no opening bracket before it.")
        elif type not in types:
            raise UserError(f"{where}: '{type[:100]}' is not a type to find.{nearest(type, types)}")
        else:
            yield _Mark(opened.pop(), mark.start(), mark.end(), type)


def _without(line: str, cuts: Sequence[tuple[int, int]]) -> tuple[str, dict[int, int]]:
    """Return the line without its cuts, and where in it each cut was."""
    text, places, end = "", {}, 0
    for start, after in cuts:
        text += line[end:start]
        places[start] = len(text)
        end = after
    return text + line[end:], places
