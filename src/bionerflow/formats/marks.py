"""What formats share that write marks into a copy of the sentence.

An answer is read by aligning it with the sentence, so that marks that belong to the sentence are
never taken for tags, and errors in copying cost only the entities that they touch. A sentence whose
own marks would be misread all the same has them escaped by a backslash, all of them.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bionerflow.data.schema import Entity
from bionerflow.formats.align import (
    Alignment,
    FoldedAlignment,
    Mark,
    Placed,
    Stripped,
    place_marks,
)
from bionerflow.formats.base import NOTHING, PREFIX, Format, by_position
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import in_other_form, read_items
from bionerflow.formats.items import USUAL
from bionerflow.formats.lookalikes import alike, end_of
from bionerflow.formats.other_marks import has_other_marks
from bionerflow.formats.terms import ground_item, only_type

ESCAPE = "\\"
BOLD = "**"
_WORD = re.compile(r"[^\W\d_]")


def mark_of(match: re.Match[str], opens: bool, key: str, content: str | None = None) -> Mark:
    """Make a mark of a match; of an escaped character, only the backslash is the mark."""
    if match[0].startswith(ESCAPE):
        return Mark(match.start(), match.start() + 1, False, ESCAPE)
    return Mark(match.start(), match.end(), opens, key, content)


class TagFormat(Format):
    """Marks around mentions in a copy of the sentence; `special` are the characters of marks."""

    crossing = False
    own_offsets = True
    special = "<"

    @abstractmethod
    def opening(self, entity: Entity) -> str:
        """Write the mark that opens an entity."""

    @abstractmethod
    def closing(self, entity: Entity) -> str:
        """Write the mark that closes an entity."""

    @abstractmethod
    def scan(self, string: str, reading: Reading, escaped: bool) -> Iterator[Mark]:
        """Yield the marks in a string; where it is escaped, the backslashes too."""

    def compose(self, text: str, entities: Sequence[Entity], escaped: bool) -> str:
        """Write the whole answer."""
        return f"{PREFIX} {self.mark_up(text, entities, escaped)}"

    def exact_copies(self, answer: str, reading: Reading) -> list[tuple[str, str]] | None:
        """Return a type and a copy of the sentence each; None of an answer in another form."""
        start = f"{PREFIX} "
        found = answer.startswith(start)
        return [(reading.types[0], answer[len(start) :])] if found else None

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read copies that equal the sentence but for marks and what escapes its own ones."""
        copies = self.exact_copies(answer, reading)
        if copies is None:
            return False
        escaped = _is_escaped(answer, reading.text)
        scan = partial(self.scan, reading=reading, escaped=escaped)
        source = Stripped(reading.text, []) if escaped else Stripped.of(reading.text, scan)
        found = [(type, Stripped.of(copy, scan)) for type, copy in copies]
        if escaped:
            found = [(type, _without_escapes(copy)) for type, copy in found]
        if any(copy.rest != source.rest for _, copy in found):
            return False
        alignment = Alignment.of(source.rest, source.rest)
        for type, copy in found:
            _pair(place_marks(copy, source, alignment), copy.rest, source.rest, reading, type)
        return True

    def read_copies(self, answer: str, reading: Reading) -> None:
        """Read each copy of the sentence in the answer."""
        if answer.strip() != NOTHING or answer in reading.text:
            self.read_copy(answer, reading, reading.types[0])

    def without_unknown(self, copy: str, reading: Reading) -> str:
        """Take out and record what looks like a mark and is none; nothing, in most formats."""
        return copy

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the marks into the sentence."""
        answer = self.compose(text, entities, escaped=False)
        if ESCAPE in text or not any(char in text for char in self.special):
            return answer
        if set(self.parse(answer, text, types).entities) == set(entities):
            return answer
        return self.compose(text, entities, escaped=True)

    def mark_up(self, text: str, entities: Sequence[Entity], escaped: bool) -> str:
        """Insert marks: what ends at an offset closes before what begins there opens."""
        events = []
        if escaped:
            entities = [replace(one, text=self.escape(one.text, True)) for one in entities]
        for i, entity in enumerate(sorted(entities, key=by_position)):
            events.append((entity.start, 1, i, self.opening(entity)))
            events.append((entity.end, 0, -i, self.closing(entity)))
        events.sort()
        pieces, end = [], 0
        for offset, _, _, mark in events:
            pieces += [self.escape(text[end:offset], escaped), mark]
            end = offset
        return "".join([*pieces, self.escape(text[end:], escaped)])

    def escape(self, piece: str, escaped: bool) -> str:
        """Write a piece of the sentence, its own marks behind a backslash if they are escaped."""
        return re.sub(f"([{re.escape(self.special)}])", r"\\\1", piece) if escaped else piece

    def read(self, answer: str, reading: Reading) -> None:
        """Read the marks by aligning the answer with the sentence; JSON without any as such."""
        if in_other_form(answer) and next(iter(self.scan(answer, reading, False)), None) is None:
            for item in read_items(answer, reading, USUAL, only_type(reading.types)):
                ground_item(item, reading)
        else:
            self.read_copies(_once(answer, reading), reading)
            if not (reading.entities or reading.problems) and has_other_marks(answer, reading):
                reading.drop("malformed", answer)

    def read_copy(self, copy: str, reading: Reading, type: str, clean: bool = True) -> None:
        """Read one copy of the sentence; marks without a type of their own are of `type`.

        Marks of no known type are taken out once, if `clean`.
        """
        text = reading.text
        if BOLD in copy and BOLD not in text:
            copy = copy.replace(BOLD, "")
        escaped = _is_escaped(copy, text)
        scan = partial(self.scan, reading=reading, escaped=escaped)
        stripped = Stripped.of(copy, scan)
        if escaped and any(mark.key == ESCAPE for _, mark in stripped.marks):
            stripped, source = _without_escapes(stripped), Stripped(text, [])
        else:
            source = Stripped.of(text, scan)
        plain = Alignment.of(stripped.rest, source.rest)
        if clean and not plain.exact:
            cleaned = self.without_unknown(copy, reading)
            if cleaned != copy:
                return self.read_copy(cleaned, reading, type, clean=False)
        if not plain.exact and (found := _marked_alone(stripped)):
            for key, said in found:
                reading.ground(key if key in reading.types else type, said.strip())
            return None
        if not plain.exact and not source.marks:
            stripped = _tight(stripped)
        by_look = reading.lookalikes and not plain.exact
        alignment = FoldedAlignment.of(stripped.rest, source.rest) if by_look else plain
        if not alignment.complete:
            reading.drop("truncated", copy[-80:])
        placed = place_marks(stripped, source, alignment)
        return _pair(placed, stripped.rest, source.rest, reading, type)


def _is_escaped(copy: str, text: str) -> bool:
    return ESCAPE in copy and ESCAPE not in text


def _without_escapes(copy: Stripped) -> Stripped:
    """Leave out the backslashes among the marks."""
    return Stripped(copy.rest, [(at, mark) for at, mark in copy.marks if mark.key != ESCAPE])


def _once(answer: str, reading: Reading) -> str:
    """Return an answer of lines that are given twice once."""
    said = answer.strip()
    first = said[: len(said) // 2].rstrip()
    twice = "\n" in said and said in (f"{first}\n{first}", f"{first}\n\n{first}")
    return first if twice and "\n" not in reading.text else answer


def _marked_alone(copy: Stripped) -> list[tuple[str, str]]:
    """Return what marks enclose, with their keys, if there are no words outside of marks."""
    found: list[tuple[str, str]] = []
    opened: list[tuple[int, str]] = []
    end, content = 0, ""
    for at, mark in [*copy.marks, (len(copy.rest), None)]:
        between = copy.rest[end:at]
        if not opened and _WORD.search(between) and between.strip() != content:
            return []
        if mark and mark.content is not None:
            content, end = mark.content, at
            found += [(mark.key, content)] if mark.opens else []
        elif mark and mark.opens:
            opened.append((at, mark.key))
        elif mark and opened:
            start, key = opened.pop()
            found.append((key, copy.rest[start:at]))
        end = at if not opened else end
    return found


def _tight(copy: Stripped) -> Stripped:
    """Move marks over white space that they have inside, which a model put there."""
    marks = []
    for at, mark in copy.marks:
        place = at
        while mark.content is None and mark.opens and copy.rest[place : place + 1] == " ":
            place += 1
        while mark.content is None and not mark.opens and copy.rest[place - 1 : place] == " ":
            place -= 1
        marks.append((place, mark))
    return Stripped(copy.rest, marks)


def _pair(
    placed: Iterator[Placed], copied: str, source: str, reading: Reading, default: str
) -> None:
    """Pair opening and closing marks; an entity whose copy differs from the sentence is dropped."""
    pending: dict[str, list[Placed]] = {}
    for here in placed:
        mark = here.mark
        if mark.content is not None:
            _read_content(here, reading)
        elif mark.opens:
            pending.setdefault(mark.key, []).append(here)
        elif not pending.get(mark.key):
            reading.drop("malformed", f"closed, not opened: {copied[: here.copied][-40:]}")
        else:
            start = pending[mark.key].pop()
            said = copied[start.copied : here.copied]
            stands = source[start.aligned : here.aligned] if _placeable(start, here) else ""
            if not said or not (said == stands or _alike(said, stands, reading)):
                reading.drop("not_in_text", said)
            else:
                type = mark.key if mark.key in reading.types else default
                reading.place(type, [(start.offset, here.offset)], alike=said != stands)
    for start in (start for opened in pending.values() for start in opened):
        said = copied[start.copied : start.copied + 40]
        reading.drop("truncated", f"opened, not closed: {said}")


def _placeable(start: Placed, end: Placed) -> bool:
    return start.aligned is not None and end.aligned is not None


def _alike(said: str, stands: str, reading: Reading) -> bool:
    return reading.lookalikes and alike(said, stands)


def _read_content(here: Placed, reading: Reading) -> bool:
    """Read a mark that holds the mention's words; tell if they stand where it opens."""
    mark, start = here.mark, here.offset
    if not mark.opens:
        return False
    for content in (mark.content or "", (mark.content or "").strip()):
        if start is not None and (end := _end(content, start, reading)):
            exact = reading.text[start:end] == content
            return bool(reading.place(mark.key, [(start, end)], alike=not exact))
    reading.drop("not_in_text", mark.content)
    return False


def _end(content: str, start: int, reading: Reading) -> int | None:
    if content and reading.text.startswith(content, start):
        return start + len(content)
    return end_of(content, reading.text, start) if reading.lookalikes else None
