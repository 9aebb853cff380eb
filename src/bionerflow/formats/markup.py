"""Answers in other forms of lists: XML elements, Markdown tables, and lines of `key: value`."""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from bionerflow.formats.answers import is_prose
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import TEXT_KEYS, TYPE_KEYS, meant_type, names_pattern, plain
from bionerflow.formats.plain_lines import mentions_in

_ATTRIBUTE = re.compile(r"([\w:-]{1,40})\s{0,9}=\s{0,9}[\"'“]([^\"'”<>]{0,300})[\"'”]")
_RULE = re.compile(r"\s*\|?(?:\s{0,9}:?-{2,60}:?\s{0,9}\|?)+\s*")
_FIELD = re.compile(
    r"\s{0,20}(?P<bullet>(?:[-*•]|\d{1,3}[.)])\s{1,5})?[*_`\"']{0,3}(?P<key>[^\W\d][\w -]{0,30}?)"
    r"[*_`\"']{0,3}\s{0,5}[:：][*_`]{0,3}\s{0,5}(?P<value>\S.*)"
)
_MARKS = " \t*_`\"'“”"


def markup_values(answer: str, reading: Reading, type: str | None) -> list[object]:
    """Return the values of an answer in one of these forms, none of an answer in another one.

    Args:
        answer: The answer, without what stands around it.
        reading: The sentence and the types asked for.
        type: The type of mentions that say none, where only one is asked for.
    """
    for form in (_elements, _table, _fields):
        if values := list(form(answer, reading, type)):
            return values
    return []


@lru_cache(maxsize=256)
def _element(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of an element that holds words alone, or nothing."""
    return re.compile(
        rf"<(?P<name>{names_pattern(types)}|[A-Za-z][\w.-]{{0,40}})(?P<attributes>(?:\s[^<>]{{0,300}}?)?)"
        r"\s{0,9}(?:/>|>(?P<words>[^<]{0,500})</\s{0,9}(?P=name)\s{0,9}>)",
        re.IGNORECASE,
    )


def _elements(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read `<Disease>gout</Disease>`, `<entity type="Disease" text="gout"/>` and the like."""
    if "</" not in answer and "/>" not in answer:
        return
    record: dict[str, str] = {}
    for match in _element(reading.types).finditer(answer):
        if match[0] in reading.text:
            continue
        attributes = dict(_ATTRIBUTE.findall(match["attributes"]))
        words = _unescaped((match["words"] or "").strip(), reading)
        named = meant_type(match["name"], reading.types)
        kinds = [kind for one in attributes.values() if (kind := meant_type(one, reading.types))]
        if not words:
            yield from [attributes] if attributes else []
        elif named or kinds:
            yield {named or kinds[0]: [words]}
        elif plain(match["name"]) in (*TYPE_KEYS, *TEXT_KEYS):
            yield from _add(record, words, reading, type)
        elif type and reading.stands(words):
            yield {type: [words]}


def _unescaped(words: str, reading: Reading) -> str:
    return html.unescape(words) if "&" in words and not reading.stands(words) else words


def _add(
    record: dict[str, str], value: str, reading: Reading, type: str | None
) -> Iterator[object]:
    """Add a type or a mention to a record; yield the record once it has both."""
    kind = meant_type(value, reading.types)
    if kind and not (type and reading.stands(value)):
        record["type"] = kind
    elif type:
        yield {type: mentions_in(value, reading)}
        return
    else:
        record["text"] = value
    if len(record) == 2:
        yield {record["type"]: mentions_in(record["text"], reading)}
        record.clear()


def _table(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read a table with a row per mention, or a column per type."""
    lines = answer.split("\n")
    rows = [n for n, line in enumerate(lines) if line.count("|") > 1 or _is_rule(line)]
    rules = [n for n in rows if _is_rule(lines[n])]
    if not rules:
        return
    head = _cells(lines[rules[0] - 1]) if rules[0] else []
    columns = [meant_type(cell, reading.types) for cell in head]
    for n in rows:
        if n > rules[0] and n not in rules:
            yield from _row(_cells(lines[n]), columns, reading, type)


def has_table(answer: str) -> bool:
    """Tell whether an answer has a table."""
    return "--" in answer and any(map(_is_rule, answer.split("\n")))


def _is_rule(line: str) -> bool:
    return "|" in line and "--" in line and bool(_RULE.fullmatch(line))


def _cells(line: str) -> list[str]:
    return [cell.strip(_MARKS) for cell in line.strip().strip("|").split("|")]


def _row(
    cells: list[str], columns: list[str], reading: Reading, type: str | None
) -> Iterator[object]:
    """Read the cells of a row: those under a type, or the one beside a type."""
    if any(columns):
        for column, cell in zip(columns, cells, strict=False):
            if column and cell.strip("-–—"):
                yield {column: mentions_in(cell, reading)}
        return
    kinds = [kind for cell in cells if (kind := meant_type(cell, reading.types))]
    rest = [cell for cell in cells if cell and not meant_type(cell, reading.types)]
    kind = kinds[0] if len(kinds) == 1 else None if kinds else type
    listed = [mentions_in(cell, reading) for cell in rest if not cell.strip(".").isdigit()]
    standing = [parts for parts in listed if all(map(reading.stands, parts))]
    if kind and listed:
        yield {kind: (standing or listed)[0]}
    else:
        reading.drop("malformed", " | ".join(cells))


def _fields(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read lines such as `- text: gout` and `  type: Disease`, as YAML has them."""
    fields = []
    others = []
    for line in filter(str.strip, answer.split("\n")):
        match = _FIELD.fullmatch(line.rstrip())
        if match and plain(match["key"]) in (*TYPE_KEYS, *TEXT_KEYS):
            fields.append((bool(match["bullet"]), match["value"].strip(_MARKS)))
        else:
            others.append(line)
    if not fields or (type is None and not _has_both(fields, reading)):
        return
    record: dict[str, str] = {}
    for bulleted, value in fields:
        if bulleted:
            record.clear()
        yield from _add(record, value, reading, type)
    for line in others:
        if not is_prose(line):
            reading.drop("malformed", line)


def _has_both(fields: list[tuple[bool, str]], reading: Reading) -> bool:
    kinds = sum(bool(meant_type(value, reading.types)) for _, value in fields)
    return 0 < kinds < len(fields)
