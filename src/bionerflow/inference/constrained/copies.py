"""Grammars of the formats that mark mentions in a copy of the sentence.

Characters of the sentence that look like marks are escaped, or left as they are: then no mark may
stand where it would be read together with them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from bionerflow.data.schema import Entity, Span
from bionerflow.formats.base import NOTHING, PREFIX
from bionerflow.formats.marks import ESCAPE, TagFormat
from bionerflow.formats.tags import LONGEST_TAG
from bionerflow.inference.constrained.grammar import END, Grammar, Move, State

#: So many mentions may be open at once.
DEPTH = 8

Mention = tuple[str, int, int]
Open = tuple[Mention, ...]
#: The types that marks may have, those whose copies are begun, whether the copy is escaped.
Rest = tuple[tuple[str, ...], tuple[str, ...], bool]


class Copied(Grammar):
    """One copy of the sentence; a mark opens or closes wherever a mention may begin or end."""

    def __init__(self, text: str, types: tuple[str, ...], format: TagFormat) -> None:
        """Keep the format, which writes the marks."""
        super().__init__(text, types)
        self.format = format
        self.special = frozenset(format.special) & frozenset(text)
        self.closable = [
            [at for at in range(1, len(text) + 1) if self.may_close(at, escaped)]
            for escaped in (False, True)
        ]
        self.marks = {type: self.marks_of(type) for type in types}

    @property
    def start(self) -> State:
        """Before the copy."""
        return (self.begin, f"{PREFIX} ", self.types, ())

    def begin(self, words: str, types: tuple[str, ...], done: tuple[str, ...]) -> Iterator[Move]:
        """Write what precedes the copy; escape the sentence's special characters or not."""
        yield words, (self.copy, 0, (), (types, done, False))
        if self.special and ESCAPE not in self.text:
            yield words, (self.copy, 0, (), (types, done, True))

    def copy(self, at: int, opened: Open, rest: Rest) -> Iterator[Move]:
        """Close a mention, go on with the sentence, or open a mention."""
        _, done, escaped = rest
        for n in self.closing(at, opened, escaped):
            mark = self.closing_mark(opened[n])
            left = opened[:n] + opened[n + 1 :]
            yield mark, (self.copy, at, self.closed_here(opened[n], left, at), rest)
        if at == len(self.text):
            if not opened:
                yield from self.after(done)
        elif self.may_go_on(at, opened, escaped):
            char = self.format.escape(self.text[at], escaped)
            yield char, (self.copy, at + 1, opened, rest)
        if len(opened) < DEPTH and self.may_start(at) and self.may_open(at, escaped):
            yield from self.opening(at, opened, rest)

    def rest(self, state: State) -> str | None:
        """Return what is left of the copy, where no mention is open."""
        if state[0] != self.copy or state[2]:
            return None
        return self.format.escape(self.text[state[1] :], state[3][2])

    def after(self, done: tuple[str, ...]) -> Iterator[Move]:
        """Follow a whole copy."""
        yield "", END

    def marks_of(self, type: str, first: int = 0, last: int = 0) -> tuple[str, str]:
        """Return the marks that the format writes around a mention."""
        entity = Entity(type, (Span(first, last),), self.text[first:last])
        return self.format.opening(entity), self.format.closing(entity)

    def closing_mark(self, mention: Mention) -> str:
        """Return the mark that closes a mention."""
        return self.marks[mention[0]][1]

    def opening(self, at: int, opened: Open, rest: Rest) -> Iterator[Move]:
        """Open a mention of a type, if it can be closed; where it ends is not yet said."""
        for type in rest[0]:
            if self.can_close((*opened, (type, at, at)), at, rest[2]):
                yield self.marks[type][0], (self.copy, at, (*opened, (type, at, at)), rest)

    def closing(self, at: int, opened: Open, escaped: bool) -> list[int]:
        """Return which mentions may close here: of each type the last; none where one opened.

        A mention whose twin, of the same type and start, closed here may not: it would be the same.
        """
        if not opened or opened[-1][1] == at or not self.may_close(at, escaped):
            return []
        last = {type: n for n, (type, _, _) in enumerate(opened)}.values()
        return sorted(
            (
                n
                for n in last
                if opened[n][2] < at and self.can_close_without(n, at, opened, escaped)
            ),
            reverse=True,
        )

    def can_close_without(self, n: int, at: int, opened: Open, escaped: bool) -> bool:
        """Tell whether all others can still be closed if one is closed here."""
        left = opened[:n] + opened[n + 1 :]
        return self.can_close(self.closed_here(opened[n], left, at), at, escaped)

    def closed_here(self, closed: Mention, opened: Open, at: int) -> Open:
        """Note at the twins of a mention that closes here that they may not close here, too."""
        return tuple((t, s, at) if (t, s) == closed[:2] else (t, s, e) for t, s, e in opened)

    def can_close(self, opened: Open, at: int, escaped: bool) -> bool:
        """Tell whether all open mentions find an end, twins each its own.

        Mentions of a type close in turn, the last opened first: all at one place, but for twins.
        """
        starts = Counter(type for type, _, _ in {(type, start, 0) for type, start, _ in opened})
        counts = Counter(type for type, _, _ in opened)
        last = {type: closed for type, _, closed in opened}
        places = self.closable[escaped]
        return all(
            1 + counts[type] - starts[type]
            <= len(places) - bisect_left(places, at + (closed == at or opened[-1][1] == at))
            for type, closed in last.items()
        )

    def may_go_on(self, at: int, opened: Open, escaped: bool) -> bool:
        """Tell whether the copy may go on: an open mention must find its end."""
        return not opened or self.can_close(
            tuple((type, start, at) for type, start, _ in opened), at, escaped
        )

    def may_close(self, at: int, escaped: bool) -> bool:
        """Tell whether a mark may close here: after no white space, and read as no other."""
        before, after = self.text[at - 1], self.text[at : at + 1]
        if not self.may_end(at) or escaped:
            return self.may_end(at)
        held = before in self.special and before not in "]］】"
        return not held and (after not in self.special or after in "#@<")

    def may_open(self, at: int, escaped: bool) -> bool:
        """Tell whether a mark may open here: it would be read as no other."""
        before, after = self.text[at - 1 : at], self.text[at]
        if escaped:
            return True
        return before not in self.special and (after not in self.special or after in "[［【@<")


class Lines(Copied):
    """A copy for each type that occurs, under its name."""

    @property
    def start(self) -> State:
        """Nothing, or the first copy."""
        return (self.heading, "", ())

    def heading(self, words: str, done: tuple[str, ...]) -> Iterator[Move]:
        """Open a copy for a type that has none yet."""
        if not done:
            yield NOTHING, END
        for type in self.types:
            if type not in done:
                yield from self.begin(f"{words}{type}: ", (type,), (*done, type))

    def after(self, done: tuple[str, ...]) -> Iterator[Move]:
        """End, or go on with another type."""
        yield "", END
        if len(done) < len(self.types):
            yield "", (self.heading, "\n", done)


class Named(Copied):
    """A copy whose opening marks say the mention, and so where they close."""

    @property
    def start(self) -> State:
        """Before the copy, which has no prefix."""
        return (self.begin, "", self.types, ())

    def opening(self, at: int, opened: Open, rest: Rest) -> Iterator[Move]:
        """Open with a type; its mention follows."""
        for type in rest[0]:
            if self.free(type, at, at + 1, opened):
                yield f"<{type}:{self.text[at]}", (self.name, type, at, at + 1, opened, rest)

    def name(self, type: str, first: int, at: int, opened: Open, rest: Rest) -> Iterator[Move]:
        """End the mention here, or go on with it."""
        mention = (type, first, at)
        if self.may_end(at) and mention not in opened:
            yield ">", (self.copy, first, (*opened, mention), rest)
        if self.free(type, first, at + 1, opened):
            yield self.text[at], (self.name, type, first, at + 1, opened, rest)

    def free(self, type: str, first: int, at: int, opened: Open) -> bool:
        """Tell whether a mention from `first` may end at `at` or later, and is not open already."""
        ends = range(at, min(self.last_end, first + LONGEST_TAG - 1) + 1)
        return any(self.may_end(end) and (type, first, end) not in opened for end in ends)

    def closing_mark(self, mention: Mention) -> str:
        """Return the mark that closes a mention; it says the mention."""
        return self.marks_of(*mention)[1]

    def closing(self, at: int, opened: Open, escaped: bool) -> list[int]:
        """Return the mentions that end here, the last opened first."""
        return [n for n in reversed(range(len(opened))) if opened[n][2] == at]

    def may_go_on(self, at: int, opened: Open, escaped: bool) -> bool:
        """Tell whether all that ends here is closed."""
        return all(last != at for _, _, last in opened)
