"""unified's symbols: a copy of the sentence for each type, its mentions in brackets."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from bionerflow.data.schema import Entity
from bionerflow.formats.align import Mark
from bionerflow.formats.answers import is_prose, says_nothing
from bionerflow.formats.base import NOTHING
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import read_items
from bionerflow.formats.items import USUAL
from bionerflow.formats.marks import TagFormat, mark_of
from bionerflow.formats.names import meant_type, names_pattern
from bionerflow.formats.other_marks import with_brackets
from bionerflow.formats.plain_lines import mentions_in
from bionerflow.formats.terms import ground_item

#: A model that runs on repeats itself; what a type's further copies say is dropped.
MOST_COPIES = 2


class Symbolic(TagFormat):
    """`DNA: the [peri-kappa B site] is seen in monocytes`, one line per type (unified, Fig. 3)."""

    name = "symbolic"
    prompt = "unified"
    special = "[]［］【】"
    marks_in_types = ":：\n\r"

    def opening(self, entity: Entity) -> str:
        """Open."""
        return "["

    def closing(self, entity: Entity) -> str:
        """Close."""
        return "]"

    def compose(self, text: str, entities: Sequence[Entity], escaped: bool) -> str:
        """Write a copy of the sentence for each type that occurs, types by first mention."""
        of_type: dict[str, list[Entity]] = {}
        for entity in entities:
            of_type.setdefault(entity.type, []).append(entity)
        copies = [f"{type}: {self.mark_up(text, of_type[type], escaped)}" for type in of_type]
        return "\n".join(copies) or NOTHING

    def exact_copies(self, answer: str, reading: Reading) -> list[tuple[str, str]] | None:
        """Return the types and copies, which have the lines of the sentence, each another type."""
        if answer == NOTHING:
            return []
        lines, size = answer.split("\n"), reading.text.count("\n") + 1
        if size > 1:
            lines = ["\n".join(lines[at : at + size]) for at in range(0, len(lines), size)]
        copies = [line.partition(": ") for line in lines]
        types = [type for type, _, _ in copies if type in reading.types]
        whole = len(types) == len(copies) == len(set(types))
        return [(type, copy) for type, _, copy in copies] if whole else None

    def read_copies(self, answer: str, reading: Reading) -> None:
        """Cut the answer at the types' names, and read a copy for each."""
        answer = _headings(_of_object(answer, reading), reading)
        starts = list(_heading_pattern(reading.types).finditer(answer))
        before = (answer[: starts[0].start()] if starts else answer).strip()
        if before and before != NOTHING:
            self._drop_lines(before, reading)
        ends = [start.start() for start in starts[1:]] + [len(answer)]
        times = Counter[str]()
        for start, end in zip(starts, ends, strict=False):
            type = meant_type(start[1], reading.types)
            times[type] += 1
            if times[type] > MOST_COPIES:
                reading.drop("malformed", answer[start.start() : end])
                continue
            copy = answer[start.end() : end].removesuffix("\n")
            copy = copy if reading.text.startswith("\n") else copy.lstrip("\n")
            if "\n" not in reading.text:
                copy, _, rest = copy.partition("\n")
                self._drop_lines(rest, reading)
            said = copy.strip()
            if says_nothing(said) and not reading.stands(said):
                continue
            if not self._read_list(said, reading, type):
                self.read_copy(with_brackets(copy, reading), reading, type)

    def _read_list(self, words: str, reading: Reading, type: str) -> bool:
        """Read a list of mentions in place of a copy; tell whether there is one."""
        if words[:2] in ('["', "['") and not _is_copy(words, reading.text):
            for item in read_items(words, reading, USUAL, type):
                ground_item(item, reading)
            return True
        if not words or any(mark in words for mark in self.special):
            return False
        found = [] if reading.text.startswith(words) else mentions_in(words, reading)
        listed = bool(found) and all(map(reading.stands, found))
        for mention in found if listed else []:
            reading.ground(type, mention)
        return listed

    def _drop_lines(self, lines: str, reading: Reading) -> None:
        for line in filter(str.strip, lines.split("\n")):
            named = re.match(r"\s*([\w -]{1,40})[:：]\s*\S", line)
            marked = any(mark in line and mark not in reading.text for mark in self.special)
            if not named and is_prose(line) and not marked:
                continue
            reading.drop("unknown_type" if named else "malformed", named[1] if named else line)

    def scan(self, string: str, reading: Reading, escaped: bool) -> Iterator[Mark]:
        """Yield brackets of the three kinds that models write."""
        for match in _BRACKETS[escaped].finditer(string):
            yield mark_of(match, match[0] in "[［【", _PAIRS.get(match[0], ""))


def _of_object(answer: str, reading: Reading) -> str:
    """Write an object from types to copies as lines."""
    if answer.lstrip()[:1] != "{":
        return answer
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return answer
    lines = [f"{key}: {copy}" for key, copy in value.items() if isinstance(copy, str)]
    return "\n".join(lines) if len(lines) == len(value) else answer


def _headings(answer: str, reading: Reading) -> str:
    """Write a colon after headings that have none."""
    if "#" not in answer:
        return answer
    names = rf"[*_]{{0,3}}{names_pattern(reading.types)}[*_]{{0,3}}"
    heading = rf"^([ \t]{{0,9}}#{{1,6}}[ \t]{{1,9}}{names})[ \t]{{0,9}}$"
    return re.sub(heading, r"\1:", answer, flags=re.IGNORECASE | re.MULTILINE)


def _is_copy(words: str, text: str) -> bool:
    """Tell whether words are the sentence, brackets apart."""
    said, stands = (_BRACKETS[True].sub("", string).strip() for string in (words, text))
    return said == stands


_BRACKETS = [re.compile(r"[\[\]［］【】]"), re.compile(r"\\?[\[\]［］【】]")]
_PAIRS = {"[": "[]", "]": "[]", "［": "［］", "］": "［］", "【": "【】", "】": "【】"}


@lru_cache(maxsize=256)
def _heading_pattern(types: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"^[ \t]{{0,9}}(?:[-*•#]{{1,6}}[ \t]{{1,9}}|\d{{1,3}}[.)][ \t]{{1,9}})?[*_`]{{0,3}}"
        rf"[(（]?({names_pattern(types)})[)）]?[*_`]{{0,3}}[ \t]{{0,9}}[:：][*_`]{{0,3}} ?",
        re.IGNORECASE | re.MULTILINE,
    )
