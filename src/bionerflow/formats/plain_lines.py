"""Answers without brackets that list mentions: one per line, or separated by commas."""

import re
from collections.abc import Iterator

from bionerflow.formats.answers import Line, is_prose, lines, says_nothing
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import meant_type

_TYPED = (
    re.compile(r"(?P<text>.{1,300}?)\s*[(（\[]\s*(?P<type>[^()（）\[\]]{1,80})\s*[)）\]]\.?"),
    re.compile(
        r"(?P<text>.{1,300}?)\s*(?:[;；|,，]\s*is an?\s*[;；|,，]|->|→|=>|\||\t)\s*"
        r"(?P<type>.{1,80})"
    ),
    re.compile(r"(?P<text>.{1,300})\s*(?:[:：]| [-–—] )\s*(?P<type>.{1,80})"),
)
_NAMED = re.compile(r"(?P<type>[^:：]{1,80}?)\s*[:：]\s*(?P<rest>.*)")
_COMMAS = re.compile(r"\s*[,，、;；]\s*")


def plain_lines(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read an answer without brackets: a mention a line, or with commas between.

    A bullet, a heading or the sentence itself says that a line lists mentions; words that do not
    stand in the sentence are not taken for a list.
    """
    said: list[Line] = list(lines(answer))
    heading, found = type, False
    for line in said:
        named = _NAMED.fullmatch(line.said.lstrip("# "))
        if says_nothing(line.said, reading.types):
            found = True
        elif named and (meant := meant_type(named["type"], reading.types)):
            heading = meant
            if rest := named["rest"].strip():
                found = True
                yield from _listed(rest, meant, True, reading)
        elif typed := _typed(line.said, reading):
            found = True
            yield {typed[1]: [typed[0]]}
        elif line.bulleted or not is_prose(line.written):
            found = True
            yield from _listed(line.said, heading, line.bulleted, reading)
    if not found:
        reading.drop("malformed", answer)


def _typed(line: str, reading: Reading) -> tuple[str, str] | None:
    """Read a line that says a mention and its type."""
    for pattern in _TYPED:
        match = pattern.fullmatch(line)
        if match and (type := meant_type(match["type"], reading.types)):
            return match["text"].strip(" \"'`“”"), type
    return None


def _listed(line: str, type: str | None, marked: bool, reading: Reading) -> Iterator[object]:
    """Read a line of mentions of one type."""
    whole = _mention(line, reading)
    if type is None:
        reading.drop("malformed", line)
    elif reading.stands(whole) and (marked or whole != reading.text.strip()):
        yield {type: [whole]}
    else:
        parts = [_mention(part, reading) for part in _COMMAS.split(line) if part.strip()]
        standing = [part for part in parts if reading.stands(part)]
        if (parts and len(standing) == len(parts)) or (marked and len(standing) * 2 >= len(parts)):
            yield {type: parts}
        elif marked:
            yield {type: [whole]}
        else:
            reading.drop("malformed", line)


def _mention(part: str, reading: Reading) -> str:
    """Take quotation marks and a full stop off, which the sentence has not there."""
    said = part.strip().strip("`")
    if len(said) > 1 and said[0] in "\"'“‘" and said[-1] in "\"'”’":
        said = said[1:-1]
    bare = said.rstrip(".。")
    return bare if bare and "." not in bare and reading.stands(bare) else said
