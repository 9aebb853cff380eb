"""The JSON lists and objects of an answer: alone, within words, in a string, or damaged."""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bionerflow.formats.answers import CORRECTING
from bionerflow.formats.grounding import Reading
from bionerflow.formats.markup import markup_values, offset_records
from bionerflow.formats.names import meant_type, names_pattern
from bionerflow.formats.plain_lines import plain_lines
from bionerflow.formats.repair import decode, loads, unescaped

#: JSON in a string in a string: deeper ones are not read.
STRINGS = 3

_START = re.compile(
    r"[\[［【]\s{0,200}(?=[\"'“‘{\[(\d［【｛（\]］】]|None\b|dict\(|$)|[{｛]\s{0,200}[\"'“‘]"
    r"|[{｛]\s{0,9}(?=(?:text|type|entity|name|label|mention|span)\s?[:=])"
)
#: The line of TOML before a record.
_RECORD = re.compile(r"^\[\[[A-Za-z_]\w{0,40}\]\][ \t]*$", re.MULTILINE)
#: A number in brackets before a mention.
_NUMBERED = re.compile(r"^[ \t]{0,9}\[\d{1,3}\][ \t]{1,9}(?=[^\W\d])", re.MULTILINE)
_QUOTE = re.compile(r"(?<!\\)\"")
_OPENING = re.compile(r"[\[［【({｛]")
_ALONE = re.compile(r"(?:^|\n|[:：=>])[\s`*\-•·–+\d.)(]*$")
_HEADING = re.compile(r"([^\n:：=\[\]{}]{1,80})[:：=][\s*_`]*$")
_BEFORE, _BETWEEN = 100, " \t,，、;；"
_CLAUSES = re.compile(r"[.!?。！？]\s|\n\s*(?=\S)")
#: What is said before a list that does not count.
_DENYING = re.compile(
    r"\b(?:not|no|exclud\w*|reject\w*|ignor\w*|remov\w*|others?|draft|initial\w*|wrong|incorrect"
    r"|example|format|schema)\b|不是|排除|例如|示例",
    re.IGNORECASE,
)


def json_values(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Yield the lists and objects of an answer, or its lines where it has none."""
    stripped = answer.strip().strip("`").strip()
    for _ in range(STRINGS):
        try:
            value = loads(stripped)
        except ValueError:
            break
        if isinstance(value, list | dict):
            yield value
            return
        if not isinstance(value, str):
            reading.drop("malformed", stripped)
            return
        stripped = value.strip()
    if '\\"' in stripped and not _QUOTE.search(stripped):
        stripped = unescaped(stripped)
    if "&quot;" in stripped and "&" not in reading.text:
        stripped = html.unescape(stripped)
    if "`" in stripped and '"' not in stripped and "`" not in reading.text:
        stripped = stripped.replace("`", '"')
    if "[[" in stripped and "=" in stripped:
        stripped = _RECORD.sub("", stripped)
    if stripped[:1] in "[(【（":
        stripped = _type_first(reading.types).sub(r"\1: ", _NUMBERED.sub("- ", stripped))
    found = offset_records(stripped, reading, type) or list(_lists(stripped, reading))
    found = found or markup_values(stripped, reading, type)
    if found:
        yield from found
    else:
        yield from plain_lines(stripped, reading, type)


@lru_cache(maxsize=256)
def _type_first(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile `[Disease]` and `(Disease)` before a mention in its line."""
    name = rf"[\[(【（]({names_pattern(types)})[\])】）]"
    return re.compile(rf"^[ \t]{{0,9}}{name}[ \t]?[:：-]?[ \t]{{1,9}}(?=\S)", re.MULTILINE | re.I)


class _List(NamedTuple):
    """A value; whether it stands alone, and whether the words before it name an asked type."""

    value: object
    alone: bool
    start: int
    headed: bool | None


def _lists(answer: str, reading: Reading) -> Iterator[object]:
    """Yield the lists and objects in words, but none twice.

    One within a sentence counts only if none stands by itself: in a line of its own, after a colon,
    or right after another. One of another type counts only if none is of a type asked for.
    """
    found = _found(answer, reading)
    any_alone, any_headed = any(one.alone for one in found), any(one.headed for one in found)
    for one in found:
        if any_alone and not one.alone:
            reading.drop("malformed", f"a list within words: {answer[one.start :][:40]}")
        elif any_headed and one.headed is False and _without_types(one.value):
            reading.drop("unknown_type", f"a list of another type: {answer[one.start :][:40]}")
        else:
            yield one.value


def _found(answer: str, reading: Reading) -> list[_List]:
    """Return the lists and objects in words, without those that the answer corrects later."""
    found: list[_List] = []
    heading: str | None = None
    start = _START.search(answer) or _OPENING.match(answer)
    end = 0
    while start is not None:
        at = start.start()
        value, after, broken = decode(answer, at, reading.stands)
        if broken:
            reading.drop(broken, answer[max(at, len(answer) - 80) :])
        if not any(_same(value, other.value) for other in found[-4:]):
            before = answer[max(end, at - _BEFORE) : at]
            if found and _corrects(before):
                for one in found:
                    reading.drop("malformed", f"corrected later: {answer[one.start :][:40]}")
                found = []
            if found and before.strip(_BETWEEN) in ("", "and", "&", "和"):
                alone = found[-1].alone
            else:
                alone = bool(_ALONE.search(before if len(before) == at - end else f"x{before}"))
                said = _HEADING.search(before)
                heading = said[1] if said else None
            found.append(_list(value, alone, at, heading, reading))
        end = after
        start = _START.search(answer, end)
    return found


def _list(value: object, alone: bool, at: int, heading: str | None, reading: Reading) -> _List:
    """Return a value with what the words before it say of it."""
    named = _headed(value, heading, reading)
    headed = None if not (alone and heading) else named is not value
    denied = headed is False and heading and _DENYING.search(_CLAUSES.split(heading)[-1])
    return _List(named, alone and not denied, at, headed)


def _corrects(before: str) -> bool:
    """Tell whether words say that what follows takes the place of what was said."""
    clause = ([""] + [one for one in _CLAUSES.split(before) if one.strip()])[-1]
    return bool(CORRECTING.search(clause) and not _DENYING.search(clause))


def _without_types(value: object) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _same(value: object, other: object) -> bool:
    """Tell whether two values say the same, in whatever order."""
    if not (isinstance(value, list) and isinstance(other, list) and len(value) == len(other)):
        return value == other
    return value == other or sorted(map(repr, value)) == sorted(map(repr, other))


def _headed(value: object, heading: str | None, reading: Reading) -> object:
    """Give a list the type that the words before it name."""
    named = meant_type(re.sub(r"^[\s\d.)*#-]*", "", heading), reading.types) if heading else ""
    if named and isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return {named: value}
    return value
