"""Formats that state offsets: mfner's two span formats, unified's JSON with indices.

Where an answer also quotes the mention and the quotation does not stand at the stated offsets, the
quotation is believed: it is grounded at its occurrence nearest to them.
"""

import re
from collections.abc import Sequence
from typing import cast

from bionerflow.data.schema import Entity
from bionerflow.formats.base import PREFIX, Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import exact_items, read_items
from bionerflow.formats.items import USUAL, Item, Keys, is_pair
from bionerflow.formats.lookalikes import alike
from bionerflow.formats.names import meant_type
from bionerflow.formats.terms import only_type, to_json

_TWO_NUMBERS = re.compile(
    r"[\[(（]?\s{0,9}(\d{1,9})\s{0,9}(?:[-–—:,，;~]|to|到|至|\s)\s{0,9}(\d{1,9})\s{0,9}[\])）]?[.。]?"
)
_WHOLE = re.compile(r"\d{1,9}")
#: Pairs of offsets with commas between.
_PAIRS = re.compile(rf"(?:{_TWO_NUMBERS.pattern}(?:\s{{0,9}}[,，;；、]\s{{0,9}}|$)){{2,}}")
_SPANS = Keys("type", "", ("span",))
INDICES = Keys("type", "entity", ("start_idx", "end_idx"))


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
        answer = _bracketed(answer)
        for item in read_items(answer, reading, USUAL, reading.types[0]):
            place_item(item, reading)


def place_item(item: Item, reading: Reading) -> None:
    """Add the entity that an item says, by its offsets, its mention, or both."""
    span = item.span if is_pair(item.span) else offsets_in(item.span)
    text = item.text
    if span is None and isinstance(text, str) and (said := offsets_in(text)):
        span, text = (None, text) if reading.stands(text) else (said, None)
    spans = [cast("list[int]", span)] if span else []
    if item.type is None or (text is None and not spans):
        reading.drop("malformed", item.whole)
    elif type := reading.type_of(item.type):
        if spans or not isinstance(text, str):
            place_quoted(reading, type, spans, text)
        else:
            reading.ground(type, text)


def offsets_in(value: object) -> list[int] | None:
    """Return the two offsets that a value says, if it does: "12-22", ["12", "22"], {"start": …}."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        match = _TWO_NUMBERS.fullmatch(value)
        return [int(match[1]), int(match[2])] if match else None
    if not isinstance(value, list) or len(value) != 2:
        return None
    numbers = [int(part) for part in map(str, value) if _WHOLE.fullmatch(part)]
    return numbers if len(numbers) == 2 else None


def place_exact(
    answer: str, start: str, reading: Reading, keys: Keys, type: str | None = None
) -> bool:
    """Read the items of an answer in the format's own form; tell whether it has this form."""
    items = None
    if answer.startswith(start):
        items = exact_items(answer[len(start) :], reading, keys, type)
    for item in items or []:
        if item.span is None:
            place_item(item, reading)
        else:
            span = cast("list[int]", item.span)
            place_quoted(reading, cast("str", item.type), [span], item.text)
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
        if not _read_lines(answer, reading):
            for item in read_items(answer, reading, _SPANS, only_type(reading.types)):
                place_item(item, reading)


def _bracketed(answer: str) -> str:
    """Write pairs of offsets that stand in lines without brackets in brackets."""
    if "[" in answer or "{" in answer or "(" in answer:
        return answer
    if len(answer) < 10_000 and _PAIRS.fullmatch(answer.strip().rstrip(".。")):
        answer = "\n".join(match[0] for match in _TWO_NUMBERS.finditer(answer))
    rows = [row.strip(" \t-*•") for row in answer.split("\n")]
    return "\n".join(f"[{m[1]}, {m[2]}]" if (m := _TWO_NUMBERS.fullmatch(r)) else r for r in rows)


def _read_lines(answer: str, reading: Reading) -> bool:
    """Read lines that say two offsets and a type in any order; tell whether there were any."""
    if "{" in answer:
        return False
    found = []
    for line in answer.split("\n"):
        numbers = re.findall(r"\d{1,9}", line)
        words = re.sub(r"[\d\[\](){}|,，:：;\-–—>\"'.*]+", " ", line)
        named = meant_type(words, reading.types)
        quoted = None if named or len(numbers) != 2 else _quoted(line, reading)
        if len(numbers) == 2 and (named or quoted):
            type, text = quoted or (named, None)
            found.append((type, [int(numbers[0]), int(numbers[1])], text))
    for type, span, text in found:
        place_quoted(reading, type, [span], text)
    return bool(found)


def _quoted(line: str, reading: Reading) -> tuple[str, str] | None:
    """Read `Disease: 12-22 (acute gout)`: the type, and the mention that stands behind it."""
    match = _LISTED.match(line[:400])
    type = meant_type(match[1], reading.types) if match else ""
    text = match[4].strip(" \t\"'`“”.") if match else ""
    return (type, text) if type and reading.stands(text) else None


_LISTED = re.compile(
    r"\s{0,9}(?:[-*•]\s{1,9}|\d{1,3}[.)]\s{1,9})?([^\d:：(\[]{1,80}?)\s{0,9}[:：]?\s{0,9}"
    rf"{_TWO_NUMBERS.pattern}\s{{0,9}}[:：(（\"“–-]{{0,3}}\s{{0,9}}(.{{1,200}}?)[)）\"”]?\s*$"
)


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
        return place_exact(answer, "", reading, INDICES)

    def read(self, answer: str, reading: Reading) -> None:
        """Read offsets, types and mentions."""
        for item in read_items(answer, reading, INDICES, only_type(reading.types)):
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
