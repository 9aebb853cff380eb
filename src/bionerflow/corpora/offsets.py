"""What the offsets of a raw file count, and what they would have to count to fit the mentions.

An offset of a raw file is the number of units before a character, plus a constant shift. Units are
code points, as in this project, or those of other tools: bytes (C, Perl, Python 2), UTF-16 code
units (Java, JavaScript), a text whose line ends have another length, or another normal form, or
one that was written as HTML, or that lost the characters of no width. They may begin anew in each
passage, or have a shift in each text.
"""

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

from bionerflow.config.corpora import Unit

#: Starts and ends as a raw file gives them, in its own order.
RawSpans = Sequence[tuple[int, int]]
MEANING: dict[Unit, str] = {
    "characters": "code points",
    "inclusive": "code points, and ends are those of last characters",
    "bytes": "UTF-8 bytes",
    "utf16": "UTF-16 code units",
    "crlf": "two characters per line end",
    "lf": "one character per line end",
    "nfc": "the text in Unicode normal form C",
    "nfd": "the text in Unicode normal form D",
    "visible": "code points but soft hyphens and others of no width",
    "html": "&, < and > as they are written in HTML",
    "html_quotes": "&, <, > and quotes as they are written in HTML",
    "unescaped": "HTML's character references in the text as one character each",
    "passages": "code points from the start of each passage",
    "own": "code points with a shift of its own in each text",
}
#: Units in which a code point counts one.
PLAIN: frozenset[Unit] = frozenset(("characters", "inclusive", "passages", "own"))
#: Soft hyphens, zero-width spaces and joiners, marks of direction, byte order marks.
NO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
#: How many characters HTML has for one.
HTML = {"&": 5, "<": 4, ">": 4}
HTML_QUOTES = HTML | {'"': 6, "'": 6}
REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,7});")
#: Characters that are typed for one another, beyond what NFKC makes equal.
LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−­", "-"),
        **dict.fromkeys("‘’‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        "α": "a", "β": "b", "γ": "g", "δ": "d", "κ": "k", "μ": "u", "ß": "ss",
        "\ufeff": "", "\u200b": "",
    }
)  # fmt: skip


def folded(text: str) -> str:
    """Return the text without what look-alikes, normal forms, case and white space differ in."""
    spelled = unicodedata.normalize("NFKC", text).casefold().translate(LOOK_ALIKES)
    return "".join(spelled.split())


#: Names of Greek letters as texts spell them.
GREEK = str.maketrans(
    {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
        "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "σ": "sigma", "ς": "sigma",
        "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    }
)  # fmt: skip


def alike(text: str, other: str) -> bool:
    """Say whether two texts differ in spelling alone; Greek letters may be spelled out.

    Characters of no width may be missing.
    """
    if text.translate(NO_WIDTH) == other.translate(NO_WIDTH):
        return True
    if folded(text) == folded(other):
        return True
    return folded(text.casefold().translate(GREEK)) == folded(other.casefold().translate(GREEK))


def _widths(text: str, unit: Unit) -> Iterator[int]:
    """Yield how many units each code point counts; a cluster's count stands at its last one."""
    if unit == "bytes":
        yield from (len(c.encode("utf-8", "surrogatepass")) for c in text)
    elif unit == "utf16":
        yield from (1 + (c > "\uffff") for c in text)
    elif unit == "crlf":
        before = ""
        for c in text:
            yield 1 + (c == "\n" and before != "\r")
            before = c
    elif unit == "lf":
        yield from (not (c == "\r" and after == "\n") for c, after in pairwise(f"{text} "))
    elif unit == "visible":
        yield from (ord(c) not in NO_WIDTH for c in text)
    elif unit in ("html", "html_quotes"):
        written = HTML if unit == "html" else HTML_QUOTES
        yield from (written.get(c, 1) for c in text)
    elif unit == "unescaped":
        yield from _unescaped_widths(text)
    else:
        yield from _normal_widths(text, "NFC" if unit == "nfc" else "NFD")


def _as_characters(text: str, unit: Unit) -> bool:
    """Say at once whether each code point of a text surely counts one unit."""
    if unit == "crlf":
        return "\n" not in text
    if unit == "lf":
        return "\r" not in text
    if unit in ("html", "html_quotes", "unescaped"):
        return not any(c in text for c in HTML_QUOTES)
    return unit in PLAIN or text.isascii()


def _unescaped_widths(text: str) -> Iterator[int]:
    end = 0
    for match in REFERENCE.finditer(text):
        yield from [1] * (match.start() - end)
        end = match.start() if len(html.unescape(match[0])) > 1 else match.end()
        yield from [0] * (end - match.start() - 1) + [1] * (end > match.start())
    yield from [1] * (len(text) - end)


def _normal_widths(text: str, form: Literal["NFC", "NFD"]) -> Iterator[int]:
    cluster = ""
    for c, after in pairwise(f"{text} "):
        cluster += c
        if unicodedata.combining(after):
            yield 0
        else:
            yield len(unicodedata.normalize(form, cluster))
            cluster = ""


@lru_cache(maxsize=64)
def edges_of(text: str, unit: Unit) -> list[int]:
    """Return how many units are before each code point, and before the end."""
    if _as_characters(text, unit):
        return list(range(len(text) + 1))
    return [0, *accumulate(_widths(text, unit))]


class Counting(NamedTuple):
    """What the offsets of a raw file count: a unit, and `shift` more than stand before."""

    unit: Unit = "characters"
    shift: int = 0

    def located(self, spans: RawSpans, text: str) -> RawSpans:
        """Return the spans in code points of the text; -1 for what is no border of a character."""
        if self.unit in PLAIN:
            last = self.shift - (self.unit == "inclusive")
            return [(start - self.shift, end - last) for start, end in spans]
        edges = edges_of(text, self.unit)

        def at(offset: int) -> int:
            found = bisect_left(edges, offset - self.shift)
            return found if found < len(edges) and edges[found] == offset - self.shift else -1

        def after(offset: int) -> int:
            """Return the offset behind characters of no width."""
            found = at(offset)
            return found if found < 0 else bisect_right(edges, offset - self.shift) - 1

        first = after if self.unit == "visible" else at
        return [(first(start), at(end)) for start, end in spans]

    def counted(self, at: int, text: str) -> int:
        """Return the offset that the raw file has for a code point of the text."""
        return self.shift + (at if self.unit in PLAIN else edges_of(text, self.unit)[at])

    def __str__(self) -> str:
        """Return it in words."""
        shifted = f", counted from {self.shift}" if self.shift else ""
        return f"offsets count {MEANING[self.unit]}{shifted}"

    def settings(self) -> dict[str, Any]:
        """Return the settings of a corpus that say so."""
        unit: dict[str, Any] = {} if self.unit == "characters" else {"offsets": self.unit}
        return unit | ({"shift": self.shift} if self.shift else {})


CODE_POINTS = Counting()
