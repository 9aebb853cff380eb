"""Characters that look alike, and where a string stands in a sentence but for them.

Two strings look alike if they are equal after compatibility decomposition (NFKD: µ and μ, ﬁ and
fi, composed and decomposed letters), case folding, and with one sign each for all apostrophes,
quotation marks and hyphens. Accents count: "naive" and "naïve" do not look alike.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_SIGNS = {
    "'": "‘’‚‛′ʹʼˈ`´＇",
    '"': "“”„‟″«»＂",
    "-": "‐‑‒–—―−﹣－⁃",
    "": "\u00ad\u200b\u200c\u200d\u2060\ufeff",
}
_SIGN_OF = {char: sign for sign, chars in _SIGNS.items() for char in chars}


@lru_cache(maxsize=65536)
def _folded(char: str) -> str:
    if char in _SIGN_OF:
        return _SIGN_OF[char]
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(_SIGN_OF.get(part, part) for part in parts)


def folded(string: str) -> str:
    """Return what all strings that look like this one have in common."""
    return "".join(map(_folded, string))


def alike(one: str, other: str) -> bool:
    """Tell whether two strings look alike."""
    return one == other or folded(one) == folded(other)


def same_length(string: str) -> str:
    """Fold the characters that a single one stands for; offsets stay as they are."""
    pieces = map(_folded, string)
    return "".join(
        piece if len(piece) == 1 else char for piece, char in zip(pieces, string, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Folded:
    """A sentence, folded; for each character of `string`, the one of the sentence it is from."""

    string: str
    origins: list[int]
    length: int

    @classmethod
    def of(cls, text: str) -> "Folded":
        """Fold a sentence."""
        pieces = [_folded(char) for char in text]
        origins = [at for at, piece in enumerate(pieces) for _ in piece]
        return cls("".join(pieces), origins, len(text))

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the range of the sentence that a range of `string` is from.

        None if the range parts what stands for one character of the sentence.
        """
        if start > 0 and self.origins[start - 1] == self.origins[start]:
            return None
        last = self.origins[end - 1]
        if end < len(self.origins) and self.origins[end] == last:
            return None
        return self.origins[start], last + 1
