"""Formats that state offsets: mfner's two span formats and BRAT, unified's JSON with indices.

Where an answer also quotes the mention and the quotation does not stand at the stated offsets, the
quotation is believed: it is grounded at its occurrence nearest to them.
"""

import re
from collections.abc import Sequence

from bionerflow.formats.base import NOTHING, PREFIX, Format, Parsed
from bionerflow.formats.grounding import Reading
from bionerflow.formats.repair import json_items
from bionerflow.formats.terms import to_json
from bionerflow.formats.triples import lines, one_line
from bionerflow.schema import Entity

_FRAGMENTS = re.compile(r"(\S.*?)\s+(\d+\s+\d+(?:\s*;\s*\d+\s+\d+)*)(?:\s+(.*))?")


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

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read pairs of offsets."""
        items, problems = json_items(answer)
        reading = Reading(text, types)
        reading.problems += problems
        for item in items:
            _place(reading, types[0], item)
        return reading.parsed()


def _place(reading: Reading, type: str, span: object) -> None:
    if not isinstance(span, list) or [*map(_kind, span)] != [int, int]:
        reading.drop("malformed", span)
    elif not reading.place(type, [span]):
        reading.drop("not_in_text", span)


def _kind(value: object) -> type:
    return value.__class__


class MultiSpan(Format):
    """`Answer: [{"span": [27, 31], "type": "protein"}]` (mfner, section 3.2)."""

    name = "multi_span"
    own_offsets = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write an object an entity."""
        items = [{"span": _pair(entity), "type": entity.type} for entity in entities]
        return f"{PREFIX} {to_json(items)}"

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read offsets and types."""
        items, problems = json_items(answer)
        reading = Reading(text, types)
        reading.problems += problems
        for item in items:
            if not isinstance(item, dict) or not {"span", "type"} <= item.keys():
                reading.drop("malformed", item)
            elif type := reading.type_of(item["type"]):
                _place(reading, type, item["span"])
        return reading.parsed()


class JsonIndex(Format):
    """`[{"start_idx": 52, "end_idx": 69, "type": "DNA", "entity": "…"}]` (unified, Fig. 3)."""

    name = "json_index"
    prompt = "unified"
    own_offsets = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write an object an entity; ends are exclusive, as in the paper's example."""
        return to_json([_indexed(entity) for entity in entities])

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read offsets, types and mentions."""
        items, problems = json_items(answer)
        reading = Reading(text, types)
        reading.problems += problems
        for item in items:
            if not isinstance(item, dict) or "type" not in item:
                reading.drop("malformed", item)
            elif type := reading.type_of(item["type"]):
                span = (item.get("start_idx"), item.get("end_idx"))
                place_quoted(reading, type, [span], item.get("entity"))
        return reading.parsed()


def _indexed(entity: Entity) -> dict[str, int | str]:
    return {
        "start_idx": entity.start,
        "end_idx": entity.end,
        "type": entity.type,
        "entity": entity.text,
    }


def place_quoted(
    reading: Reading, type: str, spans: Sequence[Sequence[object]], quoted: object
) -> None:
    """Add an entity with offsets and a quotation; the quotation decides if they disagree."""
    valid = all(_kind(offset) is int for span in spans for offset in span)
    pairs = [(int(str(a)), int(str(b))) for a, b in spans] if valid else []
    said = " ".join(reading.text[max(a, 0) : max(b, 0)] for a, b in pairs)
    if valid and (quoted is None or _same(said, quoted)):
        if not reading.place(type, pairs):
            reading.drop("not_in_text", pairs)
    elif isinstance(quoted, str) and quoted.strip():
        reading.ground_near(type, quoted, pairs[0][0] if pairs else 0)
    else:
        reading.drop("malformed", quoted)


def _same(said: str, quoted: object) -> bool:
    return quoted == said or (isinstance(quoted, str) and quoted.split() == said.split())


class MultiBrat(Format):
    """`T1<TAB>cell_type 48 69<TAB>activated lymphocytes`, a line an entity (mfner, section 3.2)."""

    name = "multi_brat"
    discontinuous = True
    own_offsets = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write standoff lines; fragments in text order."""
        rows = [_standoff(n, entity) for n, entity in enumerate(entities, start=1)]
        return "\n".join([PREFIX, *rows]) if rows else f"{PREFIX} {NOTHING}"

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read standoff lines, with tabs or spaces between their fields."""
        reading = Reading(text, types, discontinuous=True)
        for line in lines(answer):
            match = _FRAGMENTS.fullmatch(" ".join(line.split()))
            if not match:
                reading.drop("malformed", line)
            elif type := reading.type_of(re.sub(r"^T\d+ ", "", match[1])):
                _read_standoff(reading, type, match[2], line)
        return reading.parsed()


def _standoff(n: int, entity: Entity) -> str:
    offsets = ";".join(f"{span.start} {span.end}" for span in entity.spans)
    return f"T{n}\t{entity.type} {offsets}\t{one_line(entity.text)}"


def _read_standoff(reading: Reading, type: str, offsets: str, line: str) -> None:
    numbers = [number[:9] for number in re.findall(r"\d+", offsets)]
    spans = list(zip(*[map(int, numbers)] * 2, strict=True))
    fields = line.split("\t", 2)
    match = None if len(fields) > 2 else _FRAGMENTS.fullmatch(" ".join(line.split()))
    quoted = fields[2] if len(fields) > 2 else match and match[3]
    if quoted and sorted(spans) != spans:
        said = [reading.text[start:end] for start, end in spans]
        quoted = None if " ".join(said).split() == quoted.split() else quoted
    place_quoted(reading, type, sorted(spans), quoted or None)
