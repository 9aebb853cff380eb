"""Marks in a copy of the sentence: which are the answer's, and where in the sentence they are.

Both the copy and the sentence are split into marks and the characters between them ("rest"). The
rests are aligned; where the sentence has marks of its own, the copy's surplus is the answer's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein, Prefix

from bionerflow.formats.lookalikes import Folded

#: Beyond this many comparisons a copy with errors is read up to its first error only.
ALIGNABLE = 2_000_000_000


class Mark(NamedTuple):
    """A mark in a string: its range, whether it opens, what it must be paired by, its content."""

    start: int
    end: int
    opens: bool
    key: str
    content: str | None = None


class Placed(NamedTuple):
    """A mark of the answer: its offsets in the copy's rest, the sentence's rest, the sentence.

    The last two are None where the copy is not the sentence's.
    """

    mark: Mark
    copied: int
    aligned: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class Stripped:
    """A string without its marks, and each mark with its offset in what is left."""

    rest: str
    marks: list[tuple[int, Mark]]

    @classmethod
    def of(cls, string: str, scan: Callable[[str], Iterable[Mark]]) -> "Stripped":
        """Take the marks out of a string."""
        pieces, marks, end, removed = [], [], 0, 0
        for mark in scan(string):
            pieces.append(string[end : mark.start])
            marks.append((mark.start - removed, mark))
            end = mark.end
            removed += end - mark.start
        pieces.append(string[end:])
        return cls("".join(pieces), marks)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Ranges of a copy that equal ranges of its source: (copy start, source start, length)."""

    blocks: list[tuple[int, int, int]]
    complete: bool
    exact: bool = False

    @classmethod
    def of(cls, copy: str, source: str) -> "Alignment":
        """Align a copy, which may have text around it, be cut off, or have errors."""
        at = 0 if copy == source else copy.find(source) if source else -1
        if at >= 0:
            return cls([(at, 0, len(source))], True, True)
        if source.startswith(copy):
            return cls([(0, 0, len(copy))], not source[len(copy) :].strip())
        if len(copy) * len(source) > ALIGNABLE:
            return cls([(0, 0, Prefix.similarity(copy, source))], False)
        found = Levenshtein.opcodes(copy, source).as_matching_blocks()
        blocks = [(block.a, block.b, block.size) for block in found if block.size]
        end = blocks[-1][1] + blocks[-1][2] if blocks else 0
        return cls(blocks, not source[end:].strip())

    def source_offset(self, offset: int, before: bool) -> int | None:
        """Map an offset by the character before it, or by the one that follows it."""
        probe = offset - before
        i = len(self.blocks) - 1
        if i > 0:
            i = bisect_right(self.blocks, probe, key=itemgetter(0)) - 1
        start, source, size = self.blocks[i] if i >= 0 else (0, 0, 0)
        return source + offset - start if start <= probe < start + size else None


@dataclass(frozen=True, slots=True)
class FoldedAlignment:
    """An alignment but for characters that look alike, of which some stand for several others."""

    copy: Folded
    source: Folded
    alignment: Alignment

    @classmethod
    def of(cls, copy: str, source: str) -> "FoldedAlignment":
        """Align a copy with its source, both folded."""
        one, other = Folded.of(copy), Folded.of(source)
        return cls(one, other, Alignment.of(one.string, other.string))

    @property
    def complete(self) -> bool:
        """Whether the copy goes on to the end of the source."""
        return self.alignment.complete

    def source_offset(self, offset: int, before: bool) -> int | None:
        """Map an offset as `Alignment` does."""
        found = self.alignment.source_offset(self.copy.place(offset), before)
        return None if found is None else self.source.original(found, before)


def place_marks(
    copy: Stripped, source: Stripped, alignment: Alignment | FoldedAlignment
) -> Iterator[Placed]:
    """Yield the copy's marks that are not the sentence's own, with their places in the sentence."""
    if not source.marks:
        for copied, mark in copy.marks:
            at = alignment.source_offset(copied, not mark.opens)
            yield Placed(mark, copied, at, at)
        return
    own = {at: [mark for _, mark in group] for at, group in groupby(source.marks, itemgetter(0))}
    offsets = [at for at, _ in source.marks]
    lengths = [0, *accumulate(mark.end - mark.start for _, mark in source.marks)]
    for copied, group in groupby(copy.marks, itemgetter(0)):
        marks = [mark for _, mark in group]
        after, before = (alignment.source_offset(copied, side) for side in (False, True))
        there = own.get(after if before is None else before, [])
        passed = 0
        for mark, is_own in zip(marks, _own_marks(marks, there), strict=True):
            if is_own:
                passed += mark.end - mark.start
                continue
            at = after if mark.opens else before
            shift = passed if at is None else passed + lengths[bisect_left(offsets, at)]
            yield Placed(mark, copied, at, None if at is None else at + shift)


def _own_marks(marks: Sequence[Mark], there: Sequence[Mark]) -> list[bool]:
    """Tell which of the marks at one place are the sentence's own, given those it has there.

    In a run of equal marks a tag encloses them: it opens before and closes after the sentence's.
    """
    found: list[bool] = []
    taken = 0
    for kind, run in groupby(marks, key=itemgetter(slice(2, None))):
        count = len(list(run))
        own = 0
        while own < count and taken < len(there) and there[taken][2:] == kind:
            own += 1
            taken += 1
        tags = [False] * (count - own)
        found += tags + [True] * own if kind[0] else [True] * own + tags
    return found
