"""Answers without brackets that list mentions: one per line, or separated by commas."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from bionerflow.formats.answers import Line, is_prose, lines, says_nothing
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import TEXT_KEYS, TYPE_KEYS, meant_type, names_pattern, plain

#: A mention and its type. Where the first pattern that fits names no type, the next is tried.
_TYPED = (
    re.compile(r"(?P<text>.{1,300}?)\s{1,9}is an?\s{1,9}(?P<type>.{1,80})", re.IGNORECASE),
    re.compile(
        r"(?P<text>.{1,300}?)\s{0,9}[(（\[]\s{0,9}(?P<type>[^()（）\[\]]{1,80})\s{0,9}[)）\]]\.?"
    ),
    re.compile(
        r"(?P<text>.{1,300}?)\s{0,9}"
        r"(?:[;；|,，]\s{0,9}is an?\s{0,9}[;；|,，]|->|→|=>|[—–]{2}|--|\||\t)"
        r"\s{0,9}(?P<type>.{1,80})"
    ),
    re.compile(r"(?P<text>.{1,300}?)\s{0,9}(?:是|属于)(?:一[种个类])?\s{0,9}(?P<type>.{1,80})"),
    re.compile(r"(?P<text>.{1,300})\s{0,9}(?:[:：]| [-–—] )\s{0,9}(?P<type>.{1,80})"),
    re.compile(r"(?P<text>.{1,300}?)\s{0,9}(?:[:：(（]| [-–—] )\s{0,9}(?P<type>.{1,200})"),
    re.compile(r"(?P<text>.{1,300})\s{0,9}[,，;；]\s{0,9}(?P<type>.{1,80})"),
)
#: One of these stands in all words that one of the patterns fits.
_LINKS = re.compile(r"[(（\[;；|,，>→\t:：是]|属于| [-–—] |[—–]{2}|--|\sis an?\s", re.IGNORECASE)
#: So many lines, and so many mentions of a line, are read of an answer.
MOST_LINES = MOST_PARTS = 2000
_NAMED = re.compile(r"(?P<type>[^:：\t]{1,80})[:：\t](?P<rest>.*)")
_COLUMNS = re.compile(r"[,;|\t]")
#: Commas with a space behind, as a name such as 2,4-D has none; and all of them.
_SPACED_COMMAS = re.compile(r"[,;]\s|[，、；①-⑳]|(?<=[」』》”])\s?(?=[「『《“])|<br\s?/?>")
_COMMAS = re.compile(r"[,，、;；①-⑳]|(?<=[」』》”])\s?(?=[「『《“])|<br\s?/?>")
#: What is between mentions that have their types in brackets.
_BETWEEN_TYPED = re.compile(rf"{_COMMAS.pattern}|(?<=[)）])\s{{1,9}}and\s", re.IGNORECASE)
#: What is between words that name a type, and what they list.
_VERB = re.compile(
    r"^[A-Za-z][A-Za-z ]{0,60}\s(?:are|is|were|was|includes?)(?:\sthe\sfollowing)?\s",
    re.IGNORECASE,
)
#: What else is between mentions.
_OTHERS = re.compile(r"\s[/|&]\s|\t|\.\s|\s(?:and|or)\s", re.IGNORECASE)
#: A line of a table that has only rules, and the marks that end a document of YAML.
_RULE = re.compile(r"[ \t|:+=-]{0,200}(?:-{2}|={2})[ \t|:+=-]{0,200}|\.{3}")
#: What is between headings with their mentions in one line.
_BETWEEN_HEADINGS = re.compile(r"[;；。|]\s{0,9}")
#: What marks a mention within words.
_MARKED = re.compile(
    r"\*\*([^*]{1,300})\*\*|\"([^\"]{1,300})\"|“([^“”]{1,300})”|[「『《]([^」』》]{1,300})[」』》]"
    r"|`([^`]{1,300})`|(?<![^\W_])'([^']{1,300})'(?![^\W_])"
)
_AND = re.compile(r"(?:and|or|as well as|和|及|以及|与)\s*(?=\S)", re.IGNORECASE)
#: Where the words on a mention or a type begin that a model adds to it.
_REMARK = re.compile(r"[:：(（]|\s[-–—]{1,9}\s|[,;，；]")
_GLOSSED = re.compile(r"([^()（）]{1,80}?)\s{0,9}[(（]([^()（）]{1,80})[)）]")
_IN_BRACKETS = re.compile(r"\s?[(（][^()（）]{0,200}[)）]")
#: A remark that says that words are no mention after all.
_DENIAL = re.compile(r"\b(?:not|no|excluded?|isn't|aren't|non)\b|不是|并非|排除", re.IGNORECASE)
_QUOTES = "\"'“‘«「『《"
_EDGES = " \t[]*_`\"'"
_QUOTES_END = "\"'”’»」』》"


def plain_lines(answer: str, reading: Reading, type: str | None) -> Iterator[object]:
    """Read an answer without brackets: a mention a line, or with commas between.

    A bullet, a heading or the sentence itself says that a line lists mentions; words that do not
    stand in the sentence are not taken for a list.
    """
    said = [part for line in once(lines(answer)) for part in _by_heading(line, reading)]
    if len(said) > MOST_LINES:
        reading.drop("malformed", said[MOST_LINES].written)
        said = said[:MOST_LINES]
    headed = any(_heading(line, reading) for line in said)
    typed = [_pairs(line.said, reading) for line in said]
    heading, found = type, False
    for line, its in zip(said, typed, strict=True):
        named = _NAMED.fullmatch(line.said.lstrip("# "))
        if says_nothing(line.said, reading.types):
            found = True
        elif _is_head(line.said) or _RULE.fullmatch(line.written):
            continue
        elif named and (meant := _in_heading(named["type"].strip(), reading)):
            heading = meant
            if rest := named["rest"].strip():
                found = True
                yield from _listed(rest, meant, True, reading)
        elif (meant := _heading(line, reading)) or (headed and _is_heading(line, reading)):
            heading = meant or None  # None: of another type
        elif its:
            found = True
            yield from ({kind: [text]} for text, kind in its)
        elif told := _in_words(line, reading):
            found = True
            yield told
        elif line.bulleted or not is_prose(line.written):
            found = True
            other = type and any(typed) and _has_remark(line.said, reading)
            yield from _listed(line.said, None if other else heading, line.bulleted, reading)
        elif heading and (several := _in_prose(line.said, reading)):
            found = True
            yield {heading: several}
    if not found:
        reading.drop("malformed", answer)


def _is_head(words: str) -> bool:
    """Tell whether words are the head of columns, such as "text, type"."""
    parts = _COLUMNS.split(words)
    return len(parts) > 1 and all(plain(p.strip(_EDGES)) in (*TYPE_KEYS, *TEXT_KEYS) for p in parts)


def _by_heading(line: Line, reading: Reading) -> list[Line]:
    """Part a line of several headings with their mentions: "Disease: gout; Chemical: naproxen."."""
    for between in (_BETWEEN_HEADINGS, _before_headings(reading.types)):
        parts = [part for part in between.split(line.said, MOST_PARTS) if part.strip()]
        named = [_NAMED.fullmatch(part) for part in parts]
        known = all(one and _in_heading(one["type"].strip(), reading) for one in named)
        if len(parts) > 1 and known:
            return [Line(part, part, line.bulleted) for part in parts]
    return [line]


@lru_cache(maxsize=256)
def _before_headings(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of what is before a heading in its line: "Chemical: x, Disease: y"."""
    name = rf"{names_pattern(types)}[*_]{{0,3}}\s{{0,3}}[:：]"
    return re.compile(rf"[,，、.]\s{{0,9}}(?:and\s|[和及])?(?={name})", re.IGNORECASE)


def _pairs(line: str, reading: Reading) -> list[tuple[str, str]]:
    """Read a line that says mentions with their types: one, or several with commas between."""
    parts = [part for part in _BETWEEN_TYPED.split(line.strip(" .。"), MOST_PARTS) if part.strip()]
    if len(parts) > 1:
        parts[0] = _VERB.split(parts[0], maxsplit=1)[-1]
        typed = [said_with_type(_AND.sub("", part.strip(), count=1), reading) for part in parts]
        found = [pair for pair in typed if pair and reading.stands(pair[0])]
        if len(found) == len(parts):
            return found
    one = said_with_type(line, reading)
    return [one] if one else []


@lru_cache(maxsize=256)
def _named_within(type: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z]){names_pattern((type,))}(?![A-Za-z])", re.IGNORECASE)


def _in_words(line: Line, reading: Reading) -> dict[str, list[str]] | None:
    """Read words that name a type and then list its mentions, behind a colon or marked.

    All that is listed has to stand in the sentence, and the words before it must not.
    """
    if _DENIAL.search(line.written):
        return None
    head, colon, rest = re.sub("：", ":", line.said[:2000]).partition(":")
    if not colon and (verb := _VERB.match(line.said[:2000])):
        head, colon, rest = verb[0], verb[0], line.said[verb.end() : 2000]
    if colon:
        found = mentions_in(rest.strip(" .。"), reading)
        found = [_mention(part, reading) for part in found]
    else:
        head = _MARKED.split(line.written[:2000], 1)[0]
        found = ["".join(filter(None, one)) for one in _MARKED.findall(line.written[:2000])]
    kinds = [type for type in reading.types if _named_within(type).search(head)]
    standing = bool(found) and all(map(reading.stands, found))
    return {kinds[0]: found} if standing and len(kinds) == 1 and not reading.stands(head) else None


def once(said: Iterable[Line]) -> list[Line]:
    """Return the lines of an answer; one that is given twice as a whole counts once."""
    found = list(said)
    half, odd = divmod(len(found), 2)
    words = [line.said for line in found]
    return found[:half] if half > 1 and not odd and words[:half] == words[half:] else found


def _heading(line: Line, reading: Reading) -> str:
    """Return the type that a line names which is the heading of those below it."""
    meant = _in_heading(line.said.strip("#:： "), reading)
    return meant if meant and (_marked(line) or not reading.stands(line.said)) else ""


def _in_heading(words: str, reading: Reading) -> str:
    """Find the type that a heading means; it may have another name beside it: "疾病 (Disease)"."""
    if type := meant_type(words, reading.types):
        return type
    glossed = _GLOSSED.fullmatch(words.strip("#*_ "))
    if not glossed or any(reading.stands(part.strip(_EDGES)) for part in glossed.groups()):
        return ""
    return meant_type(glossed[1], reading.types) or meant_type(glossed[2], reading.types)


def _is_heading(line: Line, reading: Reading) -> bool:
    return _marked(line) and not reading.stands(line.said)


def _has_remark(words: str, reading: Reading) -> bool:
    return bool(_REMARK.search(words)) and not reading.stands(words)


def _marked(line: Line) -> bool:
    return line.written.lstrip().startswith(("#", "**")) or line.said.endswith((":", "："))


def said_with_type(line: str, reading: Reading) -> tuple[str, str] | None:
    """Read words that say a mention and its type, in this order."""
    if not _LINKS.search(line):
        return None
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
    return (named["rest"].strip(), type) if named and type else None


def mentions_in(words: str, reading: Reading) -> list[str]:
    """Return the mentions that words list with commas between, or the words as they are."""
    if reading.stands(words) or not _COMMAS.search(words):
        return [words]
    parts = _parts(words, reading)
    standing = len(parts) > 1 and all(map(reading.stands, parts))
    return parts if standing and not reading.grounds(words) else [words]


def _parts(words: str, reading: Reading) -> list[str]:
    """Part words at commas; at those inside of words only where this leaves no mention."""
    tried: list[list[str]] = []
    for commas in (_SPACED_COMMAS, _COMMAS, _OTHERS):
        found = [_mention(one, reading) for one in commas.split(words, MOST_PARTS) if one.strip()]
        found = [piece for part in found for piece in _both(part, reading)]
        if all(map(reading.stands, found)):
            return found
        tried.append(found)
    return tried[1]


def _both(part: str, reading: Reading) -> list[str]:
    """Part the last two mentions of a list that only "and" separates."""
    if reading.stands(part):
        return [part]
    pieces = [_mention(piece, reading) for piece in _OTHERS.split(part, 1)]
    return pieces if all(map(reading.stands, pieces)) else [part]


def _in_prose(words: str, reading: Reading) -> list[str]:
    """Return the mentions that a line with a full stop lists, unless the line is the sentence's."""
    said = words.rstrip(".。 ")
    listed = [] if reading.stands(said) else mentions_in(said, reading)
    return listed if len(listed) > 1 else []


def _listed(line: str, type: str | None, marked: bool, reading: Reading) -> Iterator[object]:
    """Read a line of mentions of one type."""
    if line[:1] == "[" and line[-1:] == "]" and not reading.stands(line):
        line = line[1:-1]
    whole = _mention(line, reading)
    if type is None or (not marked and _begins(whole, reading)):
        reading.drop("malformed", line)
    elif reading.stands(whole):
        yield {type: [whole]}
    else:
        parts = _parts(line, reading)
        if not all(map(reading.stands, parts)) and _IN_BRACKETS.search(line):
            parts = _parts(_IN_BRACKETS.sub("", line), reading)
        standing = [part for part in parts if reading.stands(part)]
        if (parts and len(standing) == len(parts)) or (marked and len(standing) * 2 >= len(parts)):
            yield {type: parts}
        elif marked:
            remark = _REMARK.search(line)
            head = _mention(line[: remark.start()], reading) if remark else whole
            kept = reading.stands(head) and not _DENIAL.search(line[len(head) :])
            yield {type: [head if kept else whole]}
        else:
            reading.drop("malformed", line)


def _begins(words: str, reading: Reading) -> bool:
    """Tell whether words are the sentence, or its beginning: a copy that was cut off."""
    text = reading.text.strip()
    return words == text or (text.startswith(words) and words.count(" ") > 3)


def _mention(part: str, reading: Reading) -> str:
    """Take quotation marks, "and" and a full stop off, which the sentence has not there."""
    said = part.strip().strip("`")
    if not reading.stands(said) and (joined := _AND.match(said)):
        said = said[joined.end() :].strip("`")
    while len(said) > 1 and said[0] in _QUOTES and said[-1] in _QUOTES_END:
        said = said[1:-1]
    bare = said.rstrip(".。")
    return bare if bare and "." not in bare and reading.stands(bare) else said
