"""Characters that look alike, and where a string stands in a sentence but for them.

Two strings look alike if they are equal after compatibility decomposition (NFKD: µ and μ, ﬁ and
fi, full-width forms, composed and decomposed letters), case folding, with one sign each for all
apostrophes, quotation marks, hyphens, dots and slashes, with the Latin letter for Greek and
Cyrillic ones of its shape (α and a), and without characters of no width. Accents count: "naive" and
"naïve" do not look alike. Nor do μ and m, which tell doses apart.
"""

import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

_SIGNS = {
    "'": "‘’‚‛′ʹʼˈ`´＇‹›",
    '"': "“”„‟″«»＂",
    "-": "‐‑‒–—―−﹣－⁃",
    ".": "。",
    "·": "•∙⋅・‧",
    "~": "∼∿",
    "/": "⁄∕",
    "°": "º˚",
    "δ": "∆",
    "σ": "∑",
    "π": "∏",
    "γ": "ɣ",
    **{"a": "αаɑ", "b": "βßẞв", "c": "с", "e": "εеɛ", "h": "н", "i": "ιі", "j": "ј", "k": "κк"},
    **{"o": "οо", "p": "ρр", "s": "ѕ", "t": "τт", "x": "χх×✕", "y": "у"},
}
_SIGN_OF = {char: sign for sign, chars in _SIGNS.items() for char in chars}
#: Characters that choose between forms of the character before them: they have no width.
_SELECTORS = range(0xFE00, 0xFE10)


@lru_cache(maxsize=65536)
def _folded(char: str) -> str:
    if char in _SIGN_OF:
        return _SIGN_OF[char]
    if unicodedata.category(char) == "Cf" or ord(char) in _SELECTORS:
        return ""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(_SIGN_OF.get(part, part) for part in parts)


def folded(string: str) -> str:
    """Return what all strings that look like this one have in common."""
    return "".join(map(_folded, string))


def alike(one: str, other: str) -> bool:
    """Tell whether two strings look alike."""
    return one == other or folded(one) == folded(other)


def end_of(string: str, text: str, start: int) -> int | None:
    """Return where what stands at `start` of a text and looks like `string` ends, if it does."""
    wanted = folded(string)
    at, found = start, 0
    while found < len(wanted) and at < len(text) and wanted.startswith(_folded(text[at]), found):
        found += len(_folded(text[at]))
        at += 1
    inside = at < len(text) and unicodedata.combining(text[at])
    return at if 0 < found == len(wanted) and not inside else None


@dataclass(frozen=True, slots=True)
class Folded:
    """A text, folded; for each character of `string`, the one of the text that it is from."""

    string: str
    origins: list[int]
    length: int

    @classmethod
    def of(cls, text: str) -> "Folded":
        """Fold a text."""
        pieces = [_folded(char) for char in text]
        origins = [at for at, piece in enumerate(pieces) for _ in piece]
        return cls("".join(pieces), origins, len(text))

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the range of the text that a range of `string` is from.

        None if the range parts what stands for one character of the text.
        """
        first, last = self.original(start, before=False), self.original(end, before=True)
        return None if first is None or last is None else (first, last)

    def place(self, offset: int) -> int:
        """Return where in `string` an offset of the text is."""
        return bisect_left(self.origins, offset)

    def original(self, place: int, before: bool) -> int | None:
        """Return the offset of the text after the character before a place, or before the next.

        None if the place parts what stands for one character of the text.
        """
        last = self.origins[place - 1] if place else -1
        following = self.origins[place] if place < len(self.origins) else self.length
        if last == following:
            return None
        return last + 1 if before else following
