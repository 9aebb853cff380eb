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
from bionerflow.formats.item_lists import exact_items, in_other_form, read_items
from bionerflow.formats.items import USUAL, Item, Keys, is_pair
from bionerflow.formats.lookalikes import alike
from bionerflow.formats.names import meant_type, names_pattern
from bionerflow.formats.plain_lines import once
from bionerflow.formats.terms import only_type, to_json
from bionerflow.formats.triples import one_line

_TWO_NUMBERS = re.compile(
    r"[\[(（]?\s{0,9}(\d{1,9})\s{0,9}(?:[-–—:,，;~]|to|到|至|\s)\s{0,9}(\d{1,9})\s{0,9}[\])）]?[.。]?"
)
_WHOLE = re.compile(r"\d{1,9}")
#: Pairs of offsets with commas between.
_PAIRS = re.compile(rf"(?:{_TWO_NUMBERS.pattern}(?:\s{{0,9}}[,，;；、]\s{{0,9}}|$)){{2,}}")
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
_OFFSETS_LAST = re.compile(r"\d[ ,\-]\d{1,9}$")
_NUMBER = re.compile(r"[TR]\d{1,9}[ :.]+")
_LINE = re.compile(r"T\d{1,9}\t([^\t]+) (\d{1,9}) (\d{1,9})((?:;\d{1,9} \d{1,9})*)\t(.*)")
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
        """Read lines of mentions that stand at their offsets, as `write` writes them."""
        head, *rows = answer.split("\n")
        if head != PREFIX:
            return answer == f"{PREFIX} {NOTHING}"
        found = []
        for row in rows:
            match = _LINE.fullmatch(row)
            if match is None or match[1] not in reading.types:
                return False
            spans = [[int(match[2]), int(match[3])]]
            if match[4]:
                pairs = [pair.split(" ") for pair in match[4][1:].split(";")]
                spans += [[int(start), int(end)] for start, end in pairs]
            pieces = [reading.text[start:end] for start, end in spans]
            said = " ".join(pieces)
            if "" in pieces or (said != match[5] and one_line(said) != match[5]):
                return False
            found.append((match[1], spans))
        for type, spans in found:
            place_quoted(reading, type, spans, None)
        return bool(found)

    def read(self, answer: str, reading: Reading) -> None:
        """Read standoff lines, with tabs or spaces between their fields."""
        if in_other_form(answer):
            for item in read_items(answer, reading, _INDICES, only_type(reading.types)):
                place_item(item, reading)
            return
        said = once(lines(_with_tabs(answer, reading.text)))
        if not said and NOTHING not in answer:
            reading.drop("malformed", answer)
        for line in said:
            flat = _NUMBER.sub("", " ".join(line.said.split()), count=1)
            match = _known_type(reading.types).fullmatch(flat) or _ANY_TYPE.fullmatch(flat)
            if match is None:
                if named := _no_offsets(reading.types).fullmatch(flat):
                    _ground_named(named, reading)
                elif not is_prose(line.written) and not says_nothing(line.said, reading.types):
                    reading.drop("malformed", line.written)
            elif type := reading.type_of(match[1]):
                fields = line.said.split("\t", 2)
                with_offsets = len(fields) > 2 and _OFFSETS_LAST.search(fields[1])
                quoted = fields[2] if with_offsets else match[3]
                _read_standoff(reading, type, match[2], quoted)


@lru_cache(maxsize=256)
def _known_type(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of a line with a known type, whose name may end in numbers."""
    return re.compile(rf"({names_pattern(types)}) {_OFFSETS}", re.IGNORECASE)


#: What stands for a tab in answers: the name of the key, its escape, bars.
_TABS = re.compile(r"<TAB>|\\t|⇥|[ \t]{0,9}\|[ \t]{0,9}", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(（](\d{1,9})[ ,\-:]{1,3}(\d{1,9})[\])）]")
_WITH_COMMAS = re.compile(
    r"^[ \t]{0,9}(T\d{1,9})[,;][ \t]?([^\n,;]{1,80})[,;][ \t]?(\d{1,9})[,;][ \t]?(\d{1,9})[,;]"
    r"[ \t]?(?=\S)([^\n]{1,1000})",
    re.MULTILINE,
)
_TYPE_LAST = re.compile(r"^(T\d{1,9}[\t ]+)?(\d{1,9} \d{1,9})\t([^\t\d]+)\t", re.MULTILINE)


def _with_tabs(answer: str, text: str) -> str:
    """Write an answer with tabs for what stands for them, offsets without brackets and last."""
    if "\\n" in answer and "\n" not in answer and "\\n" not in text:
        answer = answer.replace("\\n", "\n")
    answer = _WITH_COMMAS.sub(r"\1\t\2 \3 \4\t\5", answer)
    if not any(match[0] in text for match in _TABS.finditer(answer)):
        rows = [_TABS.sub("\t", row.strip().strip("|").strip(" ")) for row in answer.split("\n")]
        answer = "\n".join(rows)
    return _TYPE_LAST.sub(r"\1\3 \2\t", _BRACKETED.sub(r"\1 \2", answer))


@lru_cache(maxsize=256)
def _no_offsets(types: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"({names_pattern(types)})[ :]+(?=.*[^\W\d])(.*\S)", re.IGNORECASE)


def _ground_named(named: re.Match[str], reading: Reading) -> None:
    if type := reading.type_of(named[1]):
        reading.ground(type, named[2].strip('"“”'))


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
