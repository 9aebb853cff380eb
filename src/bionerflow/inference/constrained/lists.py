"""Grammars of the formats that list mentions: strings, offsets, BIO tags.

What stands around mentions, offsets and types is read off an answer that the format itself writes.
"""

import re
from collections.abc import Iterator

from bionerflow.data.schema import Entity, Span
from bionerflow.formats import Format
from bionerflow.formats.bio import tokens
from bionerflow.formats.terms import to_json
from bionerflow.formats.triples import one_line
from bionerflow.inference.constrained.grammar import END, Grammar, Move, State

#: Stand-ins for what an item says; private characters and offsets that no sentence has.
SLOTS = {"\ue000": "type", "\ue001": "mention", "900000001": "first", "900000002": "last"}
_SLOT = re.compile("(" + "|".join(SLOTS) + ")")
NUMBERED = "T2\t"


class Listed(Grammar):
    """Items with separators between them, or what the format writes for nothing.

    A discontinuous mention cannot be named: it is no substring of the sentence.
    """

    def __init__(self, text: str, types: tuple[str, ...], format: Format) -> None:
        """Read the format's own words around its items."""
        super().__init__(text, types)
        probe = Entity("\ue000", (Span(900000001, 900000002),), "\ue001")
        self.nothing = format.write(text, [], types)
        one, two = (_SLOT.split(format.write(text, [probe] * n, types)) for n in (1, 2))
        self.slots = [SLOTS[slot] for slot in one[1::2]]
        self.opening, *self.words = one[::2]
        self.between = two[2 * len(self.slots)]
        self.numbered = NUMBERED in self.between
        quoted = '"\ue001"' in "".join(one)
        self.written_as = [to_json(char)[1:-1] if quoted else one_line(char) for char in text]
        self.starts = [at for at in range(len(text)) if self.may_start(at)]

    @property
    def start(self) -> State:
        """Nothing, or the first item."""
        return (self.begin,)

    def begin(self) -> Iterator[Move]:
        """Write the answer without items, or open the first."""
        yield self.nothing, END
        if self.starts:
            yield self.opening, (self.slot, 0, 1, None, None)

    def slot(self, n: int, item: int, first: int | None, last: int | None) -> Iterator[Move]:
        """Fill the n-th slot of an item whose mention lies from `first` to `last`, if known."""
        kind = self.slots[n]
        if kind == "type":
            for type in self.types:
                yield type, (self.after, n, item, first, last)
        elif kind == "first":
            for at in self.starts:
                yield str(at), (self.after, n, item, at, None)
        elif kind == "last":
            for at in range((first or 0) + 1, self.last_end + 1):
                if self.may_end(at):
                    yield str(at), (self.after, n, item, first, at)
        elif last is not None:
            yield self.written(first or 0, last), (self.after, n, item, first, last)
        else:
            for at in self.starts:
                yield self.written_as[at], (self.mention, n, item, at + 1)

    def mention(self, n: int, item: int, at: int) -> Iterator[Move]:
        """End the mention here, or go on with the sentence."""
        if self.may_end(at):
            yield from self.after(n, item, None, None)
        if at < self.last_end:
            yield self.written_as[at], (self.mention, n, item, at + 1)

    def after(self, n: int, item: int, first: int | None, last: int | None) -> Iterator[Move]:
        """Write what follows a slot: the next one's words, the next item, or the end."""
        if n + 1 < len(self.slots):
            yield self.words[n], (self.slot, n + 1, item, first, last)
            return
        yield self.words[n], END
        following = item + 1 if self.numbered else item  # the state is the same if nothing counts
        between = self.between.replace(NUMBERED, f"T{following}\t")
        yield between, (self.slot, 0, following, None, None)

    def written(self, first: int, last: int) -> str:
        """Return a part of the sentence as the format writes it."""
        return "".join(self.written_as[first:last])


class Bio(Grammar):
    """Layers of tags, one for each token; I follows B or I of its type."""

    def __init__(self, text: str, types: tuple[str, ...]) -> None:
        """Count the tokens."""
        super().__init__(text, types)
        self.count = len(tokens(text))

    @property
    def start(self) -> State:
        """The first layer."""
        return (self.layer, 1)

    def layer(self, number: int) -> Iterator[Move]:
        """Open a layer."""
        yield f"Layer {number}: ", (self.tag, number, 0, None)

    def tag(self, number: int, n: int, inside: str | None) -> Iterator[Move]:
        """Tag the n-th token, or end the layer."""
        if n == self.count:
            yield "", END
            if n:
                yield "\n", (self.layer, number + 1)
            return
        space = " " if n else ""
        yield f"{space}O", (self.tag, number, n + 1, None)
        for type in self.types:
            yield f"{space}B-{type}", (self.tag, number, n + 1, type)
        if inside:
            yield f"{space}I-{inside}", (self.tag, number, n + 1, inside)
