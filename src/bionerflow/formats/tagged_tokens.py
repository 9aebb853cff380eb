"""BIO tags that an answer gives together with their tokens, in any of many layouts.

Such tokens need not be the format's: they are found in the sentence one after another.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from bionerflow.formats.grounding import Reading
from bionerflow.formats.repair import loads

_TAG = r"(?:[BIES][-_][^\s()\[\]{}|,;\"']{1,80}|O)"
_A_TAG = re.compile(_TAG)
_ROW = re.compile(
    rf"(?:\d{{1,4}}[.):]\s{{1,9}}|[-*•]\s{{1,9}})?[`\"']?(\S{{1,200}}?)[`\"']?"
    rf"\s{{0,9}}(?:\s|->|→|=>|[:：/|,\t])\s{{0,9}}[-–—(\[]?\s?[`\"']?({_TAG})[`\"']?[)\]]?,?"
)
_INLINE = re.compile(rf"(?<!\S)(\S{{1,200}}?)\s?[(\[]({_TAG})[)\]]")


class Tagged(NamedTuple):
    """A token and its tag."""

    token: str
    tag: str


def tagged_tokens(answer: str) -> list[Tagged]:
    """Return the tokens of an answer that says each with its tag; none of another answer."""
    for form in (_json, _rows, _inline):
        if found := form(answer):
            return found
    return []


def _json(answer: str) -> list[Tagged]:
    """Read a list of pairs, or of objects with a token and a tag."""
    if answer.lstrip()[:1] != "[":
        return []
    try:
        value = loads(answer.strip())
    except ValueError:
        return []
    found = []
    for one in value if isinstance(value, list) else []:
        said = list(one.values()) if isinstance(one, dict) else one
        said = said[-2:] if isinstance(said, list) else []
        if len(said) != 2 or not all(isinstance(word, str) for word in said):
            return []
        found.append(Tagged(*said))
    return found if all(_A_TAG.fullmatch(one.tag) for one in found) else []


def _rows(answer: str) -> list[Tagged]:
    """Read a token and its tag per line, as in a table, too."""
    found, others = [], 0
    for line in filter(str.strip, answer.strip(" \n`").split("\n")):
        row = line.strip()
        cells = [cell.strip() for cell in row.strip("|").split("|")] if row[0] == "|" else []
        match = _ROW.fullmatch(row)
        if len(cells) > 1 and _A_TAG.fullmatch(cells[-1]):
            found.append(Tagged(cells[-2], cells[-1]))
        elif match:
            found.append(Tagged(match[1], match[2]))
        else:
            others += 1
    return found if len(found) > max(1, 2 * others) else []


def _inline(answer: str) -> list[Tagged]:
    """Read `acute (B-Disease) gout (I-Disease)`."""
    found = [Tagged(*match.groups()) for match in _INLINE.finditer(answer)]
    return found if len(found) > 1 and 2 * len(found) >= len(answer.split()) // 2 else []


def place_tagged(found: list[Tagged], reading: Reading) -> Iterator[tuple[str, int, int]]:
    """Yield type, start and end of mentions; tokens that the sentence has not are problems."""
    at, name, start, end = 0, "", 0, 0
    for token, tag in [*found, Tagged("", "O")]:
        place = reading.text.find(token, at)
        if place < 0:
            reading.drop("not_in_text", token)
            continue
        prefix, its = tag[:1], tag[2:]
        if name and not (prefix in "IE" and its == name):
            yield name, start, end
            name = ""
        if prefix != "O":
            name, start = (name, start) if name else (its, place)
        at = end = place + len(token) if token else end
