"""JSON and Python values as models write them: cut off, in the wrong quotes or brackets.

One pass over the characters, with a stack of what is open: linear time, no recursion. Values are
strings, numbers, None, lists (of brackets, parentheses or braces) and dictionaries (of objects and
of calls such as `dict(text="BCL6")`). What is not finished at the end is left out.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

#: Values nested more deeply are not read.
DEPTH = 64
#: So many quotation marks inside a string are looked at to find the one that ends it.
INNER_QUOTES = 16
#: Numbers with more digits are no offsets.
DIGITS = 15

_OPEN = {"[": "[", "［": "[", "【": "[", "{": "{", "｛": "{", "(": "(", "（": "("}
_CLOSE = {"]": "[", "］": "[", "】": "[", "}": "{", "｝": "{", ")": "(", "）": "("}
_QUOTES = {'"': '"', "'": "'", "“": '“”"', "”": '“”"', "＂": '＂"', "‘": "‘’'", "’": "‘’'"}
_QUOTES |= {"«": "»", "「": "」", "『": "』"}
_ENDS = {char: re.compile(rf"\\[\s\S]|[{ends}]") for char, ends in _QUOTES.items()}
_TRIPLE = re.compile(r"\"\"\"|'''")
_SPACE = re.compile(r"(?:[\s,，、;；]|(?:#|//) [^\n]*|/\*[^*]{0,200}\*/)*")
_AFTER_KEY = re.compile(r"\s*[:：=]\s*")
_BARE_KEY = re.compile(r"([^\W\d][\w .-]{0,60})\s*[:：=]\s*")
_CALL = re.compile(r"[A-Za-z_][\w.]{0,60}\((?=\s*(?:[\"'“{\[)]|[A-Za-z_]\w{0,30}\s*=|$))")
_PREFIXED = re.compile(r"[rRbBfFuU]{1,2}(?=[\"'])")
_BARE = re.compile(r"[^,，\[\]【】［］{}｛｝()（）\n]+|[(（)）]")
_NUMBER = re.compile(rf"-?\d{{1,{DIGITS}}}")
_WORDS = {"none": None, "null": None, "true": True, "false": False}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}

#: What may follow the quotation mark that ends a string, by what is open around it.
_NEXT = (
    r"[\"'“‘＂«「『{\[(（［【｛\d\-\]}】］｝]|(?:None|null|true|false)\b"
    r"|[A-Za-z_]\w{0,30}(?:\s?=|\()"
)
_IN_LIST = re.compile(
    rf"\s{{0,200}}(?:$|(?://|\#)\s|[\]}}】］｝]|[,，、;；]\s{{0,200}}(?:$|{_NEXT}))"
)
_KEY = r"[\"'“‘＂]?[^\W\d][\w .-]{0,40}[\"'”’“‘＂]?\s{0,9}[:：=]"
_IN_OBJECT = re.compile(
    rf"\s{{0,200}}(?:$|(?://|\#)\s|[\]}}】］｝]|[,，、;；]?\s{{0,200}}(?:/\*[^*\n]{{0,200}}\*/\s{{0,9}})?(?:{_KEY}|[}}｝])|[,，、;；]\s{{0,200}}$)"
)
_IN_CALL = re.compile(rf"\s{{0,200}}(?:[)）]|{_IN_LIST.pattern})")
_KEY_END = re.compile(r"\s{0,200}(?:$|[:：=,，\]}】］｝])")
_NEW_STRING = re.compile(r"\s+[\"'“‘«「『]")

Stands = Callable[[str], bool]


class Word(str):
    """A string without quotation marks: in code, a name."""


class Decoded(NamedTuple):
    """A value, where it ends, and whether it was cut off or nested too deeply ("": neither)."""

    value: object
    end: int
    broken: str


@dataclass(slots=True)
class _Frame:
    """A bracket that is open, with what it holds so far."""

    bracket: str
    items: list[object] = field(default_factory=list)
    pairs: list[tuple[str, object]] = field(default_factory=list)
    key: str | None = None

    def put(self, value: object) -> None:
        if self.key is None:
            self.items.append(value)
        else:
            self.pairs.append((self.key, value))
            self.key = None

    def value(self) -> object:
        """Return the value; an object that repeats a key is several."""
        found: list[dict[str, object]] = []
        for key, value in self.pairs:
            if not found or key in found[-1]:
                found.append({})
            found[-1][key] = value
        if self.items or not found:
            empty: object = {} if self.bracket == "{" and not self.items else self.items
            return [*self.items, *found] if found else empty
        return found[0] if len(found) == 1 else found


def objects(pairs: list[tuple[str, object]]) -> object:
    """Make a dictionary of an object; several, if it repeats a key (an `object_pairs_hook`)."""
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Frame("{", pairs=pairs).value()


def argument(string: str, start: int) -> Decoded | None:
    """Decode the only argument of a call whose parenthesis stands at `start`, if it is JSON."""
    try:
        value, end = _JSON.raw_decode(string, start + 1)
    except (ValueError, RecursionError):
        return None
    return Decoded([value], end + 1, "") if string.startswith(")", end) else None


def decode(string: str, start: int, stands: Stands) -> Decoded:
    """Decode the value whose bracket stands at `start`.

    Args:
        string: The answer.
        start: Where the opening bracket is.
        stands: Tells whether a string stands in the sentence. It decides where a string ends that
            has quotation marks inside which nothing escapes.
    """
    return _Decoder(string, stands).run(start)


class _Decoder:
    def __init__(self, string: str, stands: Stands) -> None:
        self.string, self.stands = string, stands
        self.stack: list[_Frame] = []
        self.done: object = None

    def run(self, start: int) -> Decoded:
        at = start
        while True:
            at = _SPACE.match(self.string, at).end()  # type: ignore[union-attr]
            if at >= len(self.string):
                return self._cut(at)
            char = self.string[at]
            if char in _CLOSE:
                at += 1
                if self._close(_CLOSE[char]):
                    return Decoded(self.done, at, "")
            elif char in _OPEN:
                if len(self.stack) == DEPTH:
                    return Decoded(None, len(self.string), "malformed")
                self.stack.append(_Frame(_OPEN[char]))
                at += 1
            else:
                at = self._scalar(at, char)
                if at < 0:
                    return self._cut(len(self.string))

    def _close(self, bracket: str) -> bool:
        """Close the innermost bracket of this kind and what is open in it; tell if all is closed.

        A bracket that closes nothing is passed over.
        """
        if not any(frame.bracket == bracket for frame in self.stack):
            return False
        while True:
            frame = self.stack.pop()
            if not self.stack:
                self.done = frame.value()
                return True
            self.stack[-1].put(frame.value())
            if frame.bracket == bracket:
                return False

    def _cut(self, end: int) -> Decoded:
        """Keep the whole values of what is still open: items of lists, lists in objects."""
        kept: object = None
        while self.stack:
            frame = self.stack.pop()
            if kept not in (None, [], {}):
                frame.put(kept)
            elif frame.bracket != "[":
                frame.items = [item for item in frame.items if _holds_strings(item)]
                frame.pairs = [pair for pair in frame.pairs if _holds_strings(pair[1])]
            if self.stack and all(isinstance(item, int) for item in frame.items):
                frame.items = []
            kept = frame.value()
        return Decoded(kept, end, "truncated")

    def _scalar(self, at: int, char: str) -> int:
        """Read a string, a number, a word, a key or the opening of a call; -1 if cut off."""
        frame = self.stack[-1]
        if prefix := _PREFIXED.match(self.string, at):
            at, char = prefix.end(), self.string[prefix.end()]
        if char in _QUOTES:
            return self._quoted(at, char, frame)
        if call := _CALL.match(self.string, at):
            if len(self.stack) == DEPTH:
                return -1
            self.stack.append(_Frame("("))
            return call.end()
        keyed = frame.bracket != "[" and frame.key is None
        if keyed and (key := _BARE_KEY.match(self.string, at)):
            frame.key = key[1].strip()
            return key.end()
        return self._bare(at, frame)

    def _bare(self, at: int, frame: _Frame) -> int:
        """Read a number or words without quotation marks."""
        match = _BARE.match(self.string, at)
        if match is None:
            return at + 1
        if match.end() == len(self.string):
            return -1
        word = match[0].strip()
        if _NUMBER.fullmatch(word):
            frame.put(int(word))
        elif word.casefold() in _WORDS:
            frame.put(_WORDS[word.casefold()])
        elif word not in ("(", ")", "（", "）", ":", "：", "="):
            frame.put(Word(word))
        return match.end()

    def _quoted(self, at: int, char: str, frame: _Frame) -> int:
        """Read a string; it is a key if a colon follows."""
        end, after = self._end(at, char, frame)
        if end < 0:
            return -1
        start = at + (3 if after - end == 3 else 1)
        value = unescaped(self.string[start:end])
        colon = _AFTER_KEY.match(self.string, after)
        if colon and frame.key is None and frame.bracket != "[":
            frame.key = value
            return colon.end()
        frame.put(value)
        return after

    def _end(self, at: int, char: str, frame: _Frame) -> tuple[int, int]:
        """Find the end of a string and what follows it; (-1, -1) if it has none."""
        if _TRIPLE.match(self.string, at):
            end = self.string.find(char * 3, at + 3)
            if end >= 0:
                return end, end + 3
        is_key = frame.bracket == "{" and frame.key is None
        follows = _FOLLOWS[frame.bracket]
        chosen = first = -1
        inner = 0
        for match in _ENDS[char].finditer(self.string, at + 1):
            if match[0][0] == "\\":
                continue
            end = match.start()
            ends = follows.match(self.string, end + 1) or (
                is_key and _KEY_END.match(self.string, end + 1)
            )
            if not inner and (ends or _NEW_STRING.match(self.string, end + 1)):
                return end, end + 1
            if ends:
                stands = self.stands(unescaped(self.string[at + 1 : end]))
                if stands and inner % 2 == 0:
                    return end, end + 1
                chosen = end if stands and chosen < 0 else chosen
                first = end if first < 0 else first
            inner += 1
            if inner > INNER_QUOTES:
                break
        end = chosen if chosen >= 0 else first
        return end, end + 1 if end >= 0 else -1


def _holds_strings(value: object) -> bool:
    held = isinstance(value, list | dict)
    return held and not all(isinstance(item, int) for item in value)  # type: ignore[attr-defined]


_FOLLOWS = {"[": _IN_LIST, "{": _IN_OBJECT, "(": _IN_CALL}


def unescaped(string: str) -> str:
    """Replace the escapes of JSON and Python; those of neither stay as they are."""
    if "\\" not in string:
        return string
    plain = _ESCAPE.sub(_meant, string)
    try:
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return plain


def _meant(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code if code in "\"'\\/" else match[0])


def loads(string: str) -> object:
    """Decode a string that is JSON; raises ValueError where it is not, or is nested too deeply."""
    try:
        return _JSON.decode(string)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


_JSON = json.JSONDecoder(object_pairs_hook=objects, strict=False)
