"""What Python code adds to a list of entities; the code is read, never executed."""

import re
from collections.abc import Iterator

from bionerflow.formats.grounding import Reading
from bionerflow.formats.repair import argument, decode

#: Comments and strings, where code is none, and what adds entities to the list.
_CODE = re.compile(
    r"[#\"'.=ry](?:(?<=#)[^\n]*"
    r"|(?<=\")(?:\"\"[\s\S]{0,20000}?\"\"\"|(?:[^\"\\\n]|\\.)*+\"?)"
    r"|(?<=')(?:[^'\\\n]|\\.){0,300}+'"
    r"|(?<=\.)(?P<call>\s?(?:append|extend|add|insert)\s?)(?=\()"
    r"|(?<==)(?P<list>\s?)(?=[\[{(])"
    r"|(?<=\br)(?P<returned>eturn\s)(?=[\[{(])|(?<=\by)(?P<yielded>ield\s)(?=[\[{(]))"
)
#: What a list of entities is called, before the sign that assigns it.
_LIST = re.compile(
    r"(?:list|entit\w{1,20}|results?|mentions)\s{0,9}(?::[^=\n]{1,60})?\+?=$", re.IGNORECASE
)
#: The type whose list is added to: `entities["Disease"].append(...)`.
_KEYED = re.compile(r"\[[\"']([^\"'\[\]]{1,80})[\"']\]\s{0,9}\+?$")


def added(answer: str, reading: Reading) -> Iterator[object]:
    """Yield what each call or assignment adds."""
    at = 0
    while match := _CODE.search(answer, at):
        at = match.end()
        if not match.lastgroup or (match.lastgroup == "list" and not _assigns(answer, match)):
            continue
        value, at, broken = argument(answer, at) or decode(answer, at, reading.stands)
        if broken:
            reading.drop(broken, answer[match.start() :])
        if match["call"] == "insert" and isinstance(value, list):
            value = value[1:]
        if value is not None:
            key = _KEYED.search(answer, max(0, match.start() - 100), match.start())
            yield {key[1]: value} if key else value


def _assigns(answer: str, sign: re.Match[str]) -> bool:
    """Tell whether a sign of equality assigns to a list of entities."""
    before = answer[max(0, sign.start() - 100) : sign.start() + 1]
    return bool(_LIST.search(before) or _KEYED.search(before, 0, len(before) - 1))
