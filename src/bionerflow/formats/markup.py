"""Answers in other forms of lists: XML elements, Markdown tables, and lines of `key: value`."""

import csv
import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from bionerflow.formats.answers import is_prose
from bionerflow.formats.grounding import Reading
from bionerflow.formats.items import END_KEYS, SPAN_KEYS, START_KEYS
from bionerflow.formats.names import TEXT_KEYS, TYPE_KEYS, meant_type, names_pattern, plain
from bionerflow.formats.plain_lines import mentions_in

_ATTRIBUTE = re.compile(r"([\w:-]{1,40})\s{0,9}=\s{0,9}[\"'“]([^\"'”<>]{0,300})[\"'”]")
_BETWEEN_FIELDS = re.compile(
    r"[,，|;；]\s{0,9}(?=[*_`\"']{0,3}[^\W\d][\w ]{0,20}[*_`\"']{0,3}\s?[:：=])"
)
#: Elements that hold an item of a list, whatever it is.
_ITEMS = frozenset(("li", "item", "b", "strong", "em", "i", "td", "p", "span", "code", "result"))
_CELL = r"\s{0,9}:?-{1,60}:?\s{0,9}"
_RULE = re.compile(rf"\|?{_CELL}(?:\|{_CELL})*\|?")
_FIELD = re.compile(
    r"\s{0,20}(?P<bullet>(?:[-*•]|\d{1,3}[.)])\s{1,5})?[*_`\"']{0,3}(?P<key>[^\W\d][\w -]{0,30}?)"
    r"[*_`\"']{0,3}\s{0,5}[:：=][*_`]{0,3}\s{0,5}(?P<value>\S.*)"
)
_MARKS = " \t*_`\"'“”"
_NUMBERS = "0123456789"
#: The part of a record that a key holds, beside its type and its mention.
_OFFSETS = {
    **dict.fromkeys(START_KEYS, "start"),
    **dict.fromkeys(END_KEYS, "end"),
    **dict.fromkeys((key for key in SPAN_KEYS if key != "span"), "span"),
}
_KNOWN = {*TYPE_KEYS, *TEXT_KEYS, *_OFFSETS}
#: Names of columns that number rows, or rate them.
_COUNTS = frozenset(("id", "no", "number", "index", "#", "score", "confidence", "序号"))
_DIGITS = re.compile(r"\d{1,9}")


class Field(NamedTuple):
    """A key and its value; whether a record begins with it."""

    begins: bool
    key: str
    value: str


def markup_values(answer: str, reading: Reading, type: str | None) -> list[object]:
    """Return the values of an answer in one of these forms, none of an answer in another one.

    Args:
        answer: The answer, without what stands around it.
        reading: The sentence and the types asked for.
        type: The type of mentions that say none, where only one is asked for.
    """
    for form in (_elements, _table, _csv, _fields):
        if values := list(form(answer, reading, type)):
            return values
    return []


#: A line with offsets of a mention, in records as YAML has them.
_WITH_OFFSETS = re.compile(
    r"^\s{0,20}(?:[-*•]\s{1,5})?(?:span|offsets?|start|begin|end)(?:_?\w{0,8})\s{0,5}[:=]",
    re.MULTILINE | re.IGNORECASE,
)


def offset_records(answer: str, reading: Reading, type: str | None) -> list[object]:
    """Return the mentions of lines such as `- span: [12, 22]` and `  type: Disease`."""
    if "{" in answer or not _WITH_OFFSETS.search(answer):
        return []
    return list(_fields(answer, reading, type))


@lru_cache(maxsize=256)
def _element(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of an element that holds words alone, or nothing."""
    return re.compile(
        rf"<(?P<name>{names_pattern(types)}|[A-Za-z][\w.-]{{0,40}})(?P<attributes>(?:\s[^<>]{{0,300}}?)?)"
        r"\s{0,9}(?:/>|>(?P<words>[^<]{0,500})</\s{0,9}(?P=name)\s{0,9}>)"
        rf"|<(?P<end>/?)\s{{0,9}}(?P<group>{names_pattern(types)})\s{{0,9}}>",
        re.IGNORECASE,
    )


def _elements(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read `<Disease>gout</Disease>`, `<entity type="Disease" text="gout"/>` and the like."""
    if "</" not in answer and "/>" not in answer:
        return
    fields: list[Field] = []
    group = ""  # the type of the element that others stand in
    for match in _element(reading.types).finditer(answer):
        if match[0] in reading.text:
            continue
        if match["group"]:
            group = "" if match["end"] else meant_type(match["group"], reading.types)
            continue
        attributes = dict(_ATTRIBUTE.findall(match["attributes"]))
        words = _unescaped((match["words"] or "").strip(), reading)
        named = meant_type(match["name"], reading.types)
        said = [one for key, one in attributes.items() if plain(key) in (*TYPE_KEYS, "name")]
        kinds = [kind for one in attributes.values() if (kind := meant_type(one, reading.types))]
        if not words:
            yield from [attributes] if attributes else []
        elif named or kinds:
            yield {named or kinds[0]: [words]}
        elif said:
            reading.drop("unknown_type", said[0])
        elif group and (match["name"].casefold() in _ITEMS or plain(match["name"]) in TEXT_KEYS):
            yield {group: mentions_in(words, reading)}
        elif plain(match["name"]) in (*TYPE_KEYS, *TEXT_KEYS):
            fields.append(Field(False, plain(match["name"]), words))
        elif type and match["name"].casefold() in _ITEMS:
            yield {type: mentions_in(words, reading)}
        elif type:
            reading.drop("unknown_type", match["name"])
    yield from _records(fields, reading, type)


def _unescaped(words: str, reading: Reading) -> str:
    return html.unescape(words) if "&" in words and not reading.stands(words) else words


def _records(
    fields: Iterable[Field], reading: Reading, type: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the mentions of records; one begins where a part of it would be said again."""
    record: dict[str, str] = {}
    for begins, key, value in fields:
        is_type = meant_type(value, reading.types) or (key in TYPE_KEYS and key not in TEXT_KEYS)
        part = "type" if is_type and not (key in TEXT_KEYS and reading.stands(value)) else "text"
        if key in _OFFSETS or (key == "span" and len(_DIGITS.findall(value)) == 2):
            part = _OFFSETS.get(key, "span")
        if begins or part in record:
            yield from _mention_of(record, reading, type)
            record = {}
        record[part] = value
    yield from _mention_of(record, reading, type)


def _mention_of(
    record: dict[str, str], reading: Reading, type: str | None
) -> Iterator[dict[str, Any]]:
    numbers = [
        n for part in ("span", "start", "end") for n in _DIGITS.findall(record.get(part, ""))
    ]
    if len(numbers) == 2:
        kind = reading.type_of(record["type"]) if "type" in record else type
        text = {"text": record["text"]} if "text" in record else {}
        if kind:
            yield {"type": kind, **text, "span": list(map(int, numbers))}
    elif "text" in record:
        kind = reading.type_of(record["type"]) if "type" in record else type
        if kind:
            yield {kind: mentions_in(record["text"], reading)}
        elif "type" not in record:
            reading.drop("malformed", record["text"])


def _table(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read a table with a row per mention, or a column per type."""
    lines = answer.split("\n")
    rules = [n for n, line in enumerate(lines) if _is_rule(line)]
    if not rules:
        return
    least = 1 if lines[rules[0]].count("|") == 1 else 2
    rows = [n for n, line in enumerate(lines) if line.count("|") >= least or n in rules]
    head = _cells(lines[rules[0] - 1]) if rules[0] else []
    columns = [_column(cell, reading) for cell in head]
    for n in rows:
        if n > rules[0] and n not in rules:
            yield from _row(_cells(lines[n]), columns, reading, type)


def _csv(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read rows with commas, semicolons or tabs below the names of their columns."""
    head, *lines = answer.strip().split("\n")
    for mark in (separator for separator in ",;\t" if separator in head):
        names = [cell.strip(_MARKS) for cell in head.split(mark)]
        known = [name for name in names if plain(name) in _KNOWN]
        others = [name for name in names if plain(name) not in (*_KNOWN, *_COUNTS)]
        if known and not others and len(names) > 1:
            columns = [_column(name, reading) for name in names]
            for line in filter(str.strip, lines):
                yield from _row(_csv_cells(line, mark), columns, reading, type)
            return


def _csv_cells(line: str, mark: str) -> list[str]:
    """Return the cells of a row, in quotes or not; one that is no CSV is parted at each mark."""
    try:
        row = next(csv.reader([line], delimiter=mark))
    except csv.Error:  # a carriage return inside, or a cell that is too long
        row = line.split(mark)
    return [cell.strip(_MARKS) for cell in row]


def _column(head: str, reading: Reading) -> str:
    """Return the type that a column holds, or "type" where it names types."""
    key = plain(head)
    is_type = key in TYPE_KEYS and key not in TEXT_KEYS
    return meant_type(head, reading.types) or ("type" if is_type else "")


def has_table(answer: str) -> bool:
    """Tell whether an answer has a table."""
    return "|" in answer and "-" in answer and any(map(_is_rule, answer.split("\n")))


def _is_rule(line: str) -> bool:
    return "|" in line and "-" in line and bool(_RULE.fullmatch(line.strip()))


def _cells(line: str) -> list[str]:
    return [cell.strip(_MARKS) for cell in line.strip().strip("|").split("|")]


def _row(
    cells: list[str], columns: list[str], reading: Reading, type: str | None
) -> Iterator[object]:
    """Read the cells of a row: those under a type, or the one beside a type."""
    if any(column in reading.types for column in columns):
        for column, cell in zip(columns, cells, strict=False):
            if column in reading.types and cell.strip("-–—"):
                yield {column: mentions_in(cell, reading)}
        return
    kinds = [kind for cell in cells if (kind := meant_type(cell, reading.types))]
    of_type = dict(zip(columns, cells, strict=False)).get("type", "")
    if not kinds and of_type:
        return reading.drop("unknown_type", of_type)
    rest = [cell for cell in cells if cell and not meant_type(cell, reading.types)]
    named = kinds[0] if len(kinds) == 1 else None if kinds else type
    listed = [mentions_in(cell, reading) for cell in rest if not cell.strip(".").isdigit()]
    standing = [parts for parts in listed if all(map(reading.stands, parts))]
    if named and listed:
        yield {named: (standing or listed)[0]}
    else:
        reading.drop("malformed", " | ".join(cells))
    return None


def _fields(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read lines such as `- text: gout` and `  type: Disease`, as YAML has them."""
    fields: list[Field] = []
    others = []
    for line in filter(str.strip, answer.split("\n")):
        found = [_FIELD.fullmatch(part.strip()) for part in _BETWEEN_FIELDS.split(line)]
        if all(one and plain(one["key"]).rstrip(_NUMBERS) in _KNOWN for one in found):
            fields += [
                Field(
                    bool(one["bullet"]),
                    plain(one["key"]).rstrip(_NUMBERS),
                    one["value"].strip(_MARKS),
                )
                for one in found
                if one
            ]
        else:
            others.append(line)
    kinds = sum(bool(meant_type(field.value, reading.types)) for field in fields)
    if not fields or (type is None and not 0 < kinds < len(fields)):
        return
    yield from _records(fields, reading, type)
    for line in others:
        if not is_prose(line):
            reading.drop("malformed", line)
