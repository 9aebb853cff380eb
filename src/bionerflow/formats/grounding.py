"""From what an answer says to entities of the text: types, offsets, and strings without offsets.

Strings are grounded with an ordered cursor: each takes its next free occurrence, so that repeated
strings are repeated mentions (ruling, docs/papers.md), and leaves room for those that follow it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import cast

from bionerflow.data.schema import Entity, Problem, Span
from bionerflow.formats.answers import problem
from bionerflow.formats.lookalikes import Folded, folded
from bionerflow.formats.names import meant_type
from bionerflow.formats.occurrences import (
    Place,
    Spans,
    around,
    fragments,
    is_boundary,
    loose_occurrences,
    nearest_first,
    occurrences,
    place_of,
)

#: Longer strings are looked for as they are written only.
MOST_WORDS = 60
#: How many free occurrences are tried for one that no other entity of the type covers.
LOOK_AHEAD = 100
#: What models put around a mention: bold marks, quotation marks, a full stop.
_AROUND = re.compile(r"(\*{1,2}|_{1,2}|[`\"']|)(\w[\s\S]+\w[)\]]?)\1[.。]?\s*(?<=[^\w\s)\]])")
#: So many starts of a discontinuous mention are tried, for so many strings of an answer.
MOST_STARTS, MOST_SEARCHES = 200, 300

FIRST: Place = (-1, 0)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Entities of an answer in text order, and what in it could not be used.

    `lookalikes` counts the entities that stand in the sentence only but for characters that look
    alike (`lookalikes`).
    """

    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]
    lookalikes: int = 0


def by_position(entity: Entity) -> tuple[int, int, str, Spans]:
    """Order by start, longer first: the order of the text."""
    return entity.spans[0][0], -entity.spans[-1][1], entity.type, entity.spans


class Reading:
    """The entities and problems of one answer while it is read.

    Args:
        text: The sentence.
        types: The types asked for.
        discontinuous: Whether a string may stand in fragments.
        lookalikes: Whether a string that does not stand in the sentence is looked for but for
            characters that look alike.
    """

    def __init__(
        self,
        text: str,
        types: tuple[str, ...],
        discontinuous: bool = False,
        lookalikes: bool = True,
    ):
        self.text = text
        self.types = types
        self.discontinuous = discontinuous
        self.lookalikes = lookalikes
        self.alike: set[tuple[str, Spans]] = set()
        #: Strings that stand in the sentence only by look-alikes.
        self._by_folding: set[str] = set()
        self._searches = 0
        self.entities: dict[tuple[str, Spans], Entity] = {}
        self.problems: list[Problem | None] = []
        self._strings: list[tuple[str, str, int]] = []
        self._free: dict[tuple[str, str], list[list[Spans]]] = {}
        self._found: dict[str, list[list[Spans]]] = {}
        self._covered: dict[str, bytearray] = {}
        self._cursor = FIRST

    def drop(self, kind: str, detail: object) -> None:
        """Record what could not be used."""
        self.problems.append(problem(kind, detail))

    @cached_property
    def folded(self) -> Folded:
        """The sentence without what tells look-alike characters apart."""
        return Folded.of(self.text)

    def stands(self, string: str) -> bool:
        """Tell whether a string stands in the sentence in one piece."""
        if string in self.text:
            return bool(string.strip())
        if len(string) > 2 * len(self.text):
            return False
        words = string.split()
        if len(words) > 1 and " ".join(words) in self._spaced:
            return True
        if not self.lookalikes or not words:
            return False
        return (said := folded(string.strip())) != "" and said in self.folded.string

    def grounds(self, string: str) -> bool:
        """Tell whether a string stands in the sentence, in one piece or in fragments."""
        return any(self._known_places(string))

    @cached_property
    def _spaced(self) -> str:
        return " ".join(self.text.split())

    def type_of(self, name: object) -> str | None:
        """Find the type that the answer means, or record an unknown one."""
        if name in self.types:
            return cast("str", name)
        found = meant_type(name, self.types)
        if not found:
            self.drop("unknown_type", name)
        return found or None

    def place(self, type: str, spans: Iterable[Sequence[object]], alike: bool = False) -> bool:
        """Add the entity at stated offsets if they lie in the text; tell whether they do."""
        spans = list(spans)
        if not spans or not all(_is_span(span, len(self.text)) for span in spans):
            return False
        placed = tuple(sorted([Span(*span) for span in spans]))  # type: ignore[arg-type]
        if len(placed) > 1 and any(one.end > other.start for one, other in pairwise(placed)):
            return False
        self.add(type, placed, alike)
        return True

    def add(self, type: str, spans: Spans, alike: bool = False) -> None:
        """Add the entity at spans that are known to lie in the text, once."""
        if (type, spans) in self.entities:
            self.drop("ambiguous", f"stated twice: {type} {spans}")
        else:
            mention = " ".join([self.text[start:end] for start, end in spans])
            self.entities[type, spans] = Entity(type, spans, mention)
            if alike:
                self.alike.add((type, spans))

    def ground(self, type: str, string: object) -> None:
        """Keep a mention's string: it gets its place once all that follow it are known."""
        if not isinstance(string, str) or not string.strip():
            return self.drop("malformed", string)
        self._strings.append((type, string, len(self.problems)))
        return self.problems.append(None)

    def _ground_all(self) -> None:
        """Add the entities at the next free occurrences of their strings."""
        if self._only_occurrences():
            return
        latest = self._latest()
        for (type, string, at), last in zip(self._strings, latest, strict=True):
            spans = self._take(type, string, last)
            if spans is None:
                kind = "ambiguous" if any(self._known_places(string)) else "not_in_text"
                self.problems[at] = problem(kind, string)
                continue
            self._cursor = place_of(spans)
            self._cover(type, spans)
            self.add(type, spans, string in self._by_folding)
        self._strings = []

    def _only_occurrences(self) -> bool:
        """Add the entities, fast, where each string stands once in the sentence; tell if so.

        There is then nothing to choose: whatever its order, a string takes its only place.
        """
        text = self.text
        found: dict[tuple[str, Spans], Entity] = {}
        for type, string, _ in self._strings:
            start = text.find(string)
            if start < 0 or text.find(string, start + 1) >= 0:
                return False
            spans: Spans = (Span(start, start + len(string)),)
            found[type, spans] = Entity(type, spans, string)
        if len(found) < len(self._strings) or self.entities:
            return False
        self.entities = found
        self._strings = []
        return True

    def _latest(self) -> list[Place]:
        """Return how late each mention may stand, that those after it can stand behind it.

        A mention that stands nowhere before the one after it is out of order: it sets a new limit.
        """
        limit, limits = (len(self.text), 0), []
        for _, string, _ in reversed(self._strings):
            groups = self._known_places(string)
            ends = [(group, bisect_right(group, limit, key=place_of)) for group in groups if group]
            before = [place_of(group[end - 1]) for group, end in ends if end]
            if before:
                limit = max(before)
            elif ends:
                limit = max(place_of(group[-1]) for group, _ in ends)
            limits.append(limit)
        return limits[::-1]

    def _take(self, type: str, string: str, last: Place) -> Spans | None:
        """Take a free occurrence: in order, after the cursor, or anywhere; words before parts."""
        groups = self._free_places(type, string)
        end = (len(self.text), 0)
        for low, high in ((self._cursor, last), (self._cursor, end), (FIRST, end)):
            for free in filter(None, groups):
                here = bisect_left(free, low, key=place_of)
                there = bisect_right(free, high, lo=here, key=place_of) if high >= low else here
                if here < there:
                    return free.pop(self._next(type, free, here, there))
        return None

    def _next(self, type: str, free: list[Spans], here: int, there: int) -> int:
        """Choose the first of some places that no entity of the type covers, or else the first.

        On gold entities this loses fewest, in flat and in nested corpora (docs/formats.md).
        """
        covered = self._covered.get(type)
        if covered is not None:
            for i in range(here, min(there, here + LOOK_AHEAD)):
                if all(covered.find(1, start, end) < 0 for start, end in free[i]):
                    return i
        return here

    def _cover(self, type: str, spans: Spans) -> None:
        if type not in self._covered:
            self._covered[type] = bytearray(len(self.text))
        for start, end in spans:
            self._covered[type][start:end] = b"\1" * (end - start)

    def ground_near(self, type: str, string: object, start: int) -> None:
        """Add the entity at the occurrence of its string nearest to a wrongly counted start."""
        places = self._known_places(string) if isinstance(string, str) and string.strip() else []
        near = [spans for group in places for spans in around(group, start)]
        if near:
            best = min(near, key=lambda spans: abs(spans[0].start - start))
            self.add(type, best, string in self._by_folding)
        else:
            self.drop("not_in_text", string)

    def parsed(self) -> Parsed:
        """Return what was read, entities in text order."""
        if self._strings:
            self._ground_all()
        entities = list(self.entities.values())
        if len(entities) > 1:
            entities.sort(key=by_position)
        return Parsed(tuple(entities), tuple(filter(None, self.problems)), len(self.alike))

    def _free_places(self, type: str, string: str) -> list[list[Spans]]:
        if (type, string) not in self._free:
            self._free[type, string] = [list(places) for places in self._known_places(string)]
        return self._free[type, string]

    def _known_places(self, string: str) -> list[list[Spans]]:
        if string not in self._found:
            self._found[string] = self._places(string)
        return self._found[string]

    def _places(self, string: str) -> list[list[Spans]]:
        """Find where a string stands: at word boundaries, inside words.

        What stands nowhere as it is written is looked for with other white space, but for
        characters that look alike, without marks around it, and in fragments: each a step of its
        own.
        """
        if exact := self._parted(occurrences(self.text, string)):
            return exact
        words = string.split()
        if not words or len(words) > MOST_WORDS or len(string) > 2 * len(self.text):
            return []
        if loose := loose_occurrences(self.text, words):
            return [loose]
        if self.lookalikes and (alike := self._alike(string)):
            self._by_folding.add(string)
            return alike
        bare = _AROUND.fullmatch(string)
        return self._bare(bare[2], string) if bare else self._in_fragments(words)

    def _bare(self, bare: str, string: str) -> list[list[Spans]]:
        """Find where a string stands without what stands around it in the answer."""
        found = self._places(bare)
        if bare in self._by_folding:
            self._by_folding.add(string)
        return found

    def _in_fragments(self, words: list[str]) -> list[list[Spans]]:
        """Find where words stand with gaps, as long as an answer has not asked for too many."""
        if not self.discontinuous or words[0] not in self.text:
            return []
        self._searches += 1
        if self._searches > MOST_SEARCHES:
            return []
        return nearest_first(list(islice(fragments(self.text, words), MOST_STARTS)))

    def _alike(self, string: str) -> list[list[Spans]]:
        """Find where a string stands but for characters that look alike."""
        words = folded(string).split()
        if not words:
            return []
        found = [spans[0] for spans in loose_occurrences(self.folded.string, words)]
        return self._parted([span for at in found if (span := self.folded.span(*at))])

    def _parted(self, found: Iterable[tuple[int, int]]) -> list[list[Spans]]:
        """Part what begins and ends where words may from what lies inside of words."""
        whole: list[Spans] = []
        inner: list[Spans] = []
        for start, end in found:
            edges = is_boundary(self.text, start) and is_boundary(self.text, end)
            (whole if edges else inner).append((Span(start, end),))
        return [whole, inner] if whole or inner else []


def _is_span(span: Sequence[object], length: int) -> bool:
    return (
        isinstance(span, list | tuple)
        and len(span) == 2
        and type(span[0]) is int
        and type(span[1]) is int
        and 0 <= span[0] < span[1] <= length
    )
