"""JSON as models write it: with prose around, cut off, doubled, in the wrong quotes or brackets."""

import json
import re

import json_repair

from bionerflow.formats.base import NOTHING, body
from bionerflow.schema import Problem

#: json_repair takes quadratic time on some inputs: what lies beyond so many characters, or so many
#: opening brackets, is not repaired.
REPAIRABLE, OPENINGS = 2000, 200
_OPENINGS = re.compile(rf"(?:[^\[{{［【｛]*[\[{{［【｛]){{,{OPENINGS}}}[^\[{{［【｛]*")
_START = re.compile(r"[\[［【]\s*(?=[\"'“‘{\[\d［【｛\]］】]|$)|\{\s*[\"'“‘]")
_OPENING = re.compile(r"[\[［【]")
_SEPARATORS = re.compile(r"[\s,，、]*")
_FULL_WIDTH = str.maketrans("［］【】｛｝“”‘’＂", '[][]{}""\'\'"')
_DECODER = json.JSONDecoder()
_CLOSING: dict[type, str] = {str: "\"'", dict: "}", list: "]"}


def json_items(answer: str) -> tuple[list[object], list[Problem]]:
    """Return the items of the answer's JSON array, and what could not be read."""
    text = body(answer).strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _salvage(text)
    if isinstance(value, list):
        return value, []
    if isinstance(value, dict):
        return [value], []
    return [], [Problem("malformed", text[:80])]


def _salvage(text: str) -> tuple[list[object], list[Problem]]:
    """Decode item by item as long as it is JSON, then repair what is left."""
    items: list[object] = []
    problems: list[Problem] = []
    start = _START.search(text) or _OPENING.match(text)
    if start is None:
        found_none = text.strip("\"'`. ").casefold() == NOTHING.casefold()
        return [], [] if found_none else [Problem("malformed", text[:80])]
    seen: list[list[object]] = []
    while start is not None:
        array, end, broken = _array(text, start.start())
        if broken:
            array += _repair(text[end:], problems)
            end = len(text)
        if array not in seen:
            items += array
            seen = [*seen[-3:], array]
        start = _START.search(text, max(end, start.end()))
    return items, problems


def _array(text: str, start: int) -> tuple[list[object], int, bool]:
    """Decode the items from `start`; return them, where they end, and whether they break off."""
    items: list[object] = []
    at = start + (text[start] != "{")
    while True:
        at = _SEPARATORS.match(text, at).end()  # type: ignore[union-attr]
        if at == len(text) or text[at] in "]］】":
            return items, at + 1, at == len(text) and text[start] != "{"
        try:
            item, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return items, at, True
        items.append(item)


def _repair(rest: str, problems: list[Problem]) -> list[object]:
    """Repair the rest of an array; an item that was being written at the end is dropped."""
    part = _OPENINGS.match(rest, 0, REPAIRABLE)[0]  # type: ignore[index]
    if len(rest) > len(part):
        problems.append(Problem("malformed", f"{len(rest) - len(part)} characters left unread"))
    part = part.translate(_FULL_WIDTH)
    part = re.sub(r"(?<=[\"'\]}\d])(\s*)([，：])", _narrow, part)
    closing = max(part.rfind("]"), part.rfind("}"))
    try:
        value = json_repair.loads("[" + part)
    except (ValueError, RecursionError):
        problems.append(Problem("malformed", rest[:80]))
        return []
    items = value if isinstance(value, list) else [value]
    if closing < 0 or not part[closing:].startswith("]"):
        problems.append(Problem("truncated", part[-80:]))
        tail = part.rstrip(", \n\t")
        if items and not tail.endswith(tuple(_CLOSING.get(items[-1].__class__, "]"))):
            items.pop()
    return items


def _narrow(match: re.Match[str]) -> str:
    return match[1] + {"，": ",", "：": ":"}[match[2]]
