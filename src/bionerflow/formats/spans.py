"""Formats that state offsets: mfner's two span formats and BRAT, unified's JSON with indices.

Where an answer also quotes the mention and the quotation does not stand at the stated offsets, the
quotation is believed: it is grounded at its occurrence nearest to them.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from bionerflow.data.schema import Entity
from bionerflow.formats.answers import is_prose, lines, says_nothing
from bionerflow.formats.base import NOTHING, PREFIX, Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import exact_items, read_items
from bionerflow.formats.items import USUAL, Item, Keys, is_pair
from bionerflow.formats.lookalikes import alike
from bionerflow.formats.names import names_pattern
from bionerflow.formats.terms import only_type, to_json
from bionerflow.formats.triples import one_line

_SPANS = Keys("type", "", ("span",))
_INDICES = Keys("type", "entity", ("start_idx", "end_idx"))


def _pair(entity: Entity) -> list[int]:
    return [entity.start, entity.end]


class SingleSpan(Format):
    """`Answer: [[48, 69], [58, 69]]` for one type (mfner, section 3.2)."""

    name = "single_span"
    own_offsets = True
    per_type = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write pairs of offsets."""
        return f"{PREFIX} {to_json([_pair(entity) for entity in entities])}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read a list of pairs."""
        return place_exact(answer, f"{PREFIX} ", reading, USUAL, reading.types[0])

    def read(self, answer: str, reading: Reading) -> None:
        """Read pairs of offsets."""
        for item in read_items(answer, reading, USUAL, reading.types[0]):
            place_item(item, reading)


def place_item(item: Item, reading: Reading) -> None:
    """Add the entity that an item says, by its offsets, its mention, or both."""
    spans = [cast("list[int]", item.span)] if is_pair(item.span) else []
    if item.type is None or (item.text is None and not spans):
        reading.drop("malformed", item.whole)
    elif type := reading.type_of(item.type):
        place_quoted(reading, type, spans, item.text)


def place_exact(
    answer: str, start: str, reading: Reading, keys: Keys, type: str | None = None
) -> bool:
    """Read the items of an answer in the format's own form; tell whether it has this form."""
    items = None
    if answer.startswith(start):
        items = exact_items(answer[len(start) :], reading, keys, type)
    for item in items or []:
        place_item(item, reading)
    return items is not None


class MultiSpan(Format):
    """`Answer: [{"span": [27, 31], "type": "protein"}]` (mfner, section 3.2)."""

    name = "multi_span"
    own_offsets = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write one object per entity."""
        items = [{"span": _pair(entity), "type": entity.type} for entity in entities]
        return f"{PREFIX} {to_json(items)}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read a list of objects with the format's keys."""
        return place_exact(answer, f"{PREFIX} ", reading, _SPANS)

    def read(self, answer: str, reading: Reading) -> None:
        """Read offsets and types."""
        for item in read_items(answer, reading, _SPANS, only_type(reading.types)):
            place_item(item, reading)


class JsonIndex(Format):
    """`[{"start_idx": 52, "end_idx": 69, "type": "DNA", "entity": "…"}]` (unified, Fig. 3)."""

    name = "json_index"
    prompt = "unified"
    own_offsets = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write an object an entity; ends are exclusive, as in the paper's example."""
        return to_json([_indexed(entity) for entity in entities])

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read a list of objects with the format's keys."""
        return place_exact(answer, "", reading, _INDICES)

    def read(self, answer: str, reading: Reading) -> None:
        """Read offsets, types and mentions."""
        for item in read_items(answer, reading, _INDICES, only_type(reading.types)):
            place_item(item, reading)


def _indexed(entity: Entity) -> dict[str, int | str]:
    return {
        "start_idx": entity.start,
        "end_idx": entity.end,
        "type": entity.type,
        "entity": entity.text,
    }


def place_quoted(
    reading: Reading, type: str, spans: Sequence[Sequence[int]], quoted: object
) -> None:
    """Add an entity with offsets and a quotation; the quotation decides if they disagree."""
    if quoted is None and spans:
        if not reading.place(type, spans):
            reading.drop("not_in_text", spans)
        return
    said = " ".join([reading.text[max(a, 0) : max(b, 0)] for a, b in spans])
    if isinstance(quoted, str) and quoted.rstrip(".。 ") == said:
        quoted = said
    exact = _same(said, quoted)
    near = exact or (reading.lookalikes and isinstance(quoted, str) and alike(said, quoted))
    if spans and near:
        if not reading.place(type, spans, alike=not exact):
            reading.drop("not_in_text", spans)
    elif isinstance(quoted, str) and quoted.strip():
        reading.ground_near(type, quoted, spans[0][0] if spans else 0)
    else:
        reading.drop("malformed", quoted)


def _same(said: str, quoted: object) -> bool:
    return quoted == said or (isinstance(quoted, str) and quoted.split() == said.split())


_OFFSETS = r"(\d{1,9}[ ,\-]\d{1,9}(?: ?; ?\d{1,9}[ ,\-]\d{1,9})*)(?: (.*))?"
_NUMBER = re.compile(r"[TR]\d{1,9}[ :.]+")
_LINE = re.compile(r"T\d{1,9}\t(\S.*) (\d{1,9}) (\d{1,9})\t([^\t]*\S[^\t]*)")
_ANY_TYPE = re.compile(rf"(\S.*?) {_OFFSETS}")


class MultiBrat(Format):
    """`T1<TAB>cell_type 48 69<TAB>activated lymphocytes`, one line per entity (mfner, 3.2)."""

    name = "multi_brat"
    discontinuous = True
    own_offsets = True
    marks_in_types = "\t\r\n"

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write standoff lines; fragments in text order."""
        rows = [_standoff(n, entity) for n, entity in enumerate(entities, start=1)]
        return "\n".join([PREFIX, *rows]) if rows else f"{PREFIX} {NOTHING}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read lines of mentions in one piece that stand at their offsets."""
        head, *rows = answer.split("\n")
        if head != PREFIX:
            return answer == f"{PREFIX} {NOTHING}"
        found = []
        for row in rows:
            match = _LINE.fullmatch(row)
            if match is None or match[1] not in reading.types:
                return False
            span = [int(match[2]), int(match[3])]
            if span[0] >= span[1] or reading.text[slice(*span)] != match[4]:
                return False
            found.append((match[1], span))
        for type, span in found:
            reading.place(type, [span])
        return bool(found)

    def read(self, answer: str, reading: Reading) -> None:
        """Read standoff lines, with tabs or spaces between their fields."""
        said = list(lines(answer))
        if not said and NOTHING not in answer:
            reading.drop("malformed", answer)
        for line in said:
            flat = _NUMBER.sub("", " ".join(line.said.split()), count=1)
            match = _known_type(reading.types).fullmatch(flat) or _ANY_TYPE.fullmatch(flat)
            if match is None:
                if not is_prose(line.written) and not says_nothing(line.said, reading.types):
                    reading.drop("malformed", line.written)
            elif type := reading.type_of(match[1]):
                fields = line.said.split("\t", 2)
                quoted = fields[2] if len(fields) > 2 else match[3]
                _read_standoff(reading, type, match[2], quoted)


@lru_cache(maxsize=256)
def _known_type(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of a line with a known type, whose name may end in numbers."""
    return re.compile(rf"({names_pattern(types)}) {_OFFSETS}", re.IGNORECASE)


def _standoff(n: int, entity: Entity) -> str:
    offsets = ";".join(f"{span.start} {span.end}" for span in entity.spans)
    return f"T{n}\t{entity.type} {offsets}\t{one_line(entity.text)}"


def _read_standoff(reading: Reading, type: str, offsets: str, quoted: str | None) -> None:
    numbers = [int(number) for number in re.findall(r"\d+", offsets)]
    spans = list(zip(numbers[::2], numbers[1::2], strict=True))
    if quoted and sorted(spans) != spans:
        said = [reading.text[start:end] for start, end in spans]
        quoted = None if " ".join(said).split() == quoted.split() else quoted
    place_quoted(reading, type, sorted(spans), quoted or None)
