"""Copies of the sentence with marks of other kinds than the format's, written with the format's.

Models mark mentions as Markdown does, with brackets, or with tags where none were asked for.
"""

import html
import re
from functools import lru_cache

from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import meant_type, names_pattern

#: What marks mentions in some format, and ordinary sentences have not.
_ANY = re.compile(r"\*\*|@@|##|[\[\]{}<>＜＞＠＃【】［］]")
_WORDS = r"(?P<{0}>[^*\[\](){{}}|\n]{{1,300}})"


def has_other_marks(answer: str, reading: Reading) -> bool:
    """Tell whether an answer has marks that the sentence has not."""
    return any(mark[0] not in reading.text for mark in _ANY.finditer(answer))


@lru_cache(maxsize=256)
def _typed(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile `[x](Type)`, `**x** (Type)`, `[x|Type]` and `[Type: x]`."""
    name = names_pattern(types)
    return re.compile(
        rf"\[{_WORDS.format('a')}\]\s?[({{]\s?(?P<ta>{name})\s?[)}}]"
        rf"|\*\*{_WORDS.format('b')}\*\*\s?[(\[]\s?(?P<tb>{name})\s?[)\]]"
        rf"|\[{_WORDS.format('c')}\|\s?(?P<tc>{name})\]"
        rf"|[\[{{](?P<td>{name})\s?[:|]\s?{_WORDS.format('d')}[\]}}]",
        re.IGNORECASE,
    )


def with_tags(answer: str, reading: Reading) -> str:
    """Write marks that say a type as tags: `[gout](Disease)`, `{Disease}gout{/Disease}`."""
    text, types = reading.text, reading.types
    if "&lt;" in answer and "&lt;" not in text:
        answer = html.unescape(answer)
    if "\\<" in answer and "\\" not in text:
        answer = re.sub(r"\\([<>/])", r"\1", answer)
    for opened, closed in ("[]", "{}"):
        if f"{opened}/" in answer and f"{opened}/" not in text:
            tag = rf"\{opened}(/?)({names_pattern(types)})\{closed}"
            answer = re.sub(tag, r"<\1\2>", answer, flags=re.IGNORECASE)
    prefixed = rf"(</?)[BIES]-(?={names_pattern(types)}>)"
    answer = re.sub(prefixed, r"\1", answer, flags=re.IGNORECASE)
    return answer if "<" in answer else _typed(types).sub(lambda m: _tagged(m, reading), answer)


def _tagged(match: re.Match[str], reading: Reading) -> str:
    if match[0] in reading.text:
        return match[0]
    words, name = next((match[key], match[f"t{key}"]) for key in "abcd" if match[key])
    type = meant_type(name, reading.types)
    return f"<{type}>{words}</{type}>"


def with_signs(answer: str, reading: Reading) -> str:
    """Write marks of one type as `@@` and `##`: tags, brackets, bold, or `@@` at both ends."""
    answer = answer.translate({ord("＠"): "@", ord("＃"): "#"})
    if "@@" in answer:
        paired = answer.count("@@") % 2 == 0 and "##" not in answer and "@@" not in reading.text
        return re.sub(r"@@([^@\n]{1,300})@@", r"@@\1##", answer) if paired else answer
    name = names_pattern(reading.types)
    tags = rf"[<＜]({name})[>＞]([^<>＜＞\n]{{1,300}})[<＜]/({name})[>＞]"
    answer = re.sub(tags, r"@@\2##", answer, flags=re.IGNORECASE)
    for marks, opened in ((r"\*\*([^*\n]{1,300})\*\*", "**"), (r"\[([^\[\]\n]{1,300})\]", "[")):
        if "@@" not in answer and opened in answer and opened not in reading.text:
            answer = re.sub(marks, r"@@\1##", answer)
    return answer


def with_brackets(copy: str, reading: Reading) -> str:
    """Write bold words as words in brackets."""
    if "**" not in copy or "**" in reading.text or any(mark in copy for mark in "[［【"):
        return copy
    return re.sub(r"\*\*([^*\n]{1,300})\*\*", r"[\1]", copy)
