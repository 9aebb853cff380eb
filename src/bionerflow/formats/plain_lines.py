"""Answers without brackets that list mentions: one per line, or separated by commas."""

import re
from collections.abc import Iterable, Iterator

from bionerflow.formats.answers import Line, is_prose, lines, says_nothing
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import TEXT_KEYS, TYPE_KEYS, meant_type, plain

#: A mention and its type. Where the first pattern that fits names no type, the next is tried.
_TYPED = (
    re.compile(r"(?P<text>.{1,300}?)\s+is an?\s+(?P<type>.{1,80})", re.IGNORECASE),
    re.compile(r"(?P<text>.{1,300}?)\s*[(（\[]\s*(?P<type>[^()（）\[\]]{1,80})\s*[)）\]]\.?"),
    re.compile(
        r"(?P<text>.{1,300}?)\s*(?:[;；|,，]\s*is an?\s*[;；|,，]|->|→|=>|\||\t)\s*"
        r"(?P<type>.{1,80})"
    ),
    re.compile(r"(?P<text>.{1,300})\s*(?:[:：]| [-–—] )\s*(?P<type>.{1,80})"),
    re.compile(r"(?P<text>.{1,300}?)\s*(?:[:：(（]| [-–—] )\s*(?P<type>.{1,200})"),
    re.compile(r"(?P<text>.{1,300})\s*[,，]\s*(?P<type>.{1,80})"),
)
_NAMED = re.compile(r"(?P<type>[^:：]{1,80}?)\s*[:：]\s*(?P<rest>.*)")
_COLUMNS = re.compile(r"\s*[,;|\t]\s*")
_COMMAS = re.compile(r"\s*(?:[,，、;；]|<br\s?/?>)\s*")
_AND = re.compile(r"(?:and|or|as well as|和|及|以及|与)\s*(?=\S)", re.IGNORECASE)
#: Where the words on a mention or a type begin that a model adds to it.
_REMARK = re.compile(r"\s*[:：(（]|\s[-–—]+\s|[,;，；]")
_QUOTES = "\"'“‘«「『《"
_QUOTES_END = "\"'”’»」』》"


def plain_lines(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read an answer without brackets: a mention a line, or with commas between.

    A bullet, a heading or the sentence itself says that a line lists mentions; words that do not
    stand in the sentence are not taken for a list.
    """
    said = once(lines(answer))
    headed = any(_heading(line, reading) for line in said)
    heading, found = type, False
    for line in said:
        named = _NAMED.fullmatch(line.said.lstrip("# "))
        if says_nothing(line.said, reading.types):
            found = True
        elif _is_head(line.said):
            continue
        elif named and (meant := meant_type(named["type"], reading.types)):
            heading = meant
            if rest := named["rest"].strip():
                found = True
                yield from _listed(rest, meant, True, reading)
        elif meant := _heading(line, reading):
            heading = meant
        elif headed and _marked(line) and not reading.stands(line.said):
            heading = None  # of another type
        elif typed := said_with_type(line.said, reading):
            found = True
            yield {typed[1]: [typed[0]]}
        elif line.bulleted or not is_prose(line.written):
            found = True
            yield from _listed(line.said, heading, line.bulleted, reading)
        elif heading and (several := _in_prose(line.said, reading)):
            found = True
            yield {heading: several}
    if not found:
        reading.drop("malformed", answer)


def _is_head(words: str) -> bool:
    """Tell whether words are the head of columns, such as "text, type"."""
    parts = _COLUMNS.split(words)
    return len(parts) > 1 and all(plain(part) in (*TYPE_KEYS, *TEXT_KEYS) for part in parts)


def once(said: Iterable[Line]) -> list[Line]:
    """Return the lines of an answer; one that is given twice as a whole counts once."""
    found = list(said)
    half, odd = divmod(len(found), 2)
    words = [line.said for line in found]
    return found[:half] if half > 1 and not odd and words[:half] == words[half:] else found


def _heading(line: Line, reading: Reading) -> str:
    """Return the type that a line names which is the heading of those below it."""
    meant = meant_type(line.said.strip("#:： "), reading.types)
    return meant if meant and (_marked(line) or not reading.stands(line.said)) else ""


def _marked(line: Line) -> bool:
    return line.written.lstrip().startswith(("#", "**")) or line.said.endswith((":", "："))


def said_with_type(line: str, reading: Reading) -> tuple[str, str] | None:
    """Read words that say a mention and its type, in this order."""
    for pattern in _TYPED:
        match = pattern.fullmatch(line)
        if match and (type := _kind(match["type"], reading)):
            text = match["text"].strip(" \"'`“”«»")
            linked = text[:1] == "[" and text[-1:] == "]" and not reading.stands(text)
            text = text[1:-1] if linked else text
            if pattern is not _TYPED[-1] or reading.stands(text):
                return text, type
    return None


def _kind(said: str, reading: Reading) -> str:
    """Find the type that words mean, which may go on with a remark."""
    if type := meant_type(said, reading.types):
        return type
    remark = _REMARK.search(said)
    return meant_type(said[: remark.start()], reading.types) if remark else ""


def named_mention(words: str, reading: Reading) -> tuple[str, str] | None:
    """Read words that say a type and, after a colon, a mention."""
    named = _NAMED.fullmatch(words)
    type = meant_type(named["type"], reading.types) if named else ""
    return (named["rest"], type) if named and type else None


def mentions_in(words: str, reading: Reading) -> list[str]:
    """Return the mentions that words list with commas between, or the words as they are."""
    if reading.stands(words) or not _COMMAS.search(words):
        return [words]
    parts = _parts(words, reading)
    standing = len(parts) > 1 and all(map(reading.stands, parts))
    return parts if standing and not reading.grounds(words) else [words]


def _parts(words: str, reading: Reading) -> list[str]:
    return [_mention(part, reading) for part in _COMMAS.split(words) if part.strip()]


def _in_prose(words: str, reading: Reading) -> list[str]:
    """Return the mentions that a line with a full stop lists, unless the line is the sentence's."""
    said = words.rstrip(".。 ")
    listed = [] if reading.stands(said) else mentions_in(said, reading)
    return listed if len(listed) > 1 else []


def _listed(line: str, type: str | None, marked: bool, reading: Reading) -> Iterator[object]:
    """Read a line of mentions of one type."""
    whole = _mention(line, reading)
    if type is None:
        reading.drop("malformed", line)
    elif reading.stands(whole) and (marked or whole != reading.text.strip()):
        yield {type: [whole]}
    else:
        parts = _parts(line, reading)
        standing = [part for part in parts if reading.stands(part)]
        if (parts and len(standing) == len(parts)) or (marked and len(standing) * 2 >= len(parts)):
            yield {type: parts}
        elif marked:
            remark = _REMARK.search(line)
            head = _mention(line[: remark.start()], reading) if remark else whole
            yield {type: [head if reading.stands(head) else whole]}
        else:
            reading.drop("malformed", line)


def _mention(part: str, reading: Reading) -> str:
    """Take quotation marks, "and" and a full stop off, which the sentence has not there."""
    said = part.strip().strip("`")
    if not reading.stands(said) and (joined := _AND.match(said)):
        said = said[joined.end() :].strip("`")
    if len(said) > 1 and said[0] in _QUOTES and said[-1] in _QUOTES_END:
        said = said[1:-1]
    bare = said.rstrip(".。")
    return bare if bare and "." not in bare and reading.stands(bare) else said
