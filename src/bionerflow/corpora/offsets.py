"""What the offsets of a raw file count, and what they would have to count to fit the mentions.

An offset of a raw file is the number of units before a character, plus a constant shift. Units are
code points, as in this project, or those of other tools: bytes (C, Perl, Python 2), UTF-16 code
units (Java, JavaScript), a text whose line ends have another length, or another normal form.
"""

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

from bionerflow.config.corpora import UNITS, Unit

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
}
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
    """Say whether two texts differ in spelling alone; Greek letters may be spelled out."""
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
    else:
        yield from _normal_widths(text, "NFC" if unit == "nfc" else "NFD")


def _as_characters(text: str, unit: Unit) -> bool:
    """Say at once whether each code point of a text surely counts one unit."""
    if unit == "crlf":
        return "\n" not in text
    if unit == "lf":
        return "\r" not in text
    return unit in ("characters", "inclusive") or text.isascii()


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
def _edges(text: str, unit: Unit) -> list[int]:
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
        if self.unit in ("characters", "inclusive"):
            last = self.shift - (self.unit == "inclusive")
            return [(start - self.shift, end - last) for start, end in spans]
        edges = _edges(text, self.unit)

        def at(offset: int) -> int:
            found = bisect_left(edges, offset - self.shift)
            return found if found < len(edges) and edges[found] == offset - self.shift else -1

        return [(at(start), at(end)) for start, end in spans]

    def counted(self, at: int, text: str) -> int:
        """Return the offset that the raw file has for a code point of the text."""
        return self.shift + (
            at if self.unit in ("characters", "inclusive") else _edges(text, self.unit)[at]
        )

    def __str__(self) -> str:
        """Return it in words."""
        shifted = f", counted from {self.shift}" if self.shift else ""
        return f"offsets count {MEANING[self.unit]}{shifted}"

    def settings(self) -> dict[str, Any]:
        """Return the settings of a corpus that say so."""
        unit: dict[str, Any] = {} if self.unit == "characters" else {"offsets": self.unit}
        return unit | ({"shift": self.shift} if self.shift else {})


CODE_POINTS = Counting()


class Try(NamedTuple):
    """A mention as a raw file gives it: the text, its spans there, and the mention's string."""

    text: str
    spans: RawSpans
    mention: str


class Shift(NamedTuple):
    """That `fit` of the `missed` mentions would fit; `unharmed` if none would miss that fits now.

    `exact` counts the mentions that would fit with all white space.
    """

    counting: Counting
    fit: int
    missed: int
    unharmed: bool
    exact: int

    @property
    def certain(self) -> bool:
        """Whether all mentions fit so."""
        return self.fit == self.missed and self.unharmed

    def __str__(self) -> str:
        """Return it in words, with the options that apply it."""
        which = "all fit" if self.certain else f"{self.fit} of {self.missed} that miss fit"
        options = " ".join(f"--{key} {value}" for key, value in self.counting.settings().items())
        only = "" if self.unharmed else "; in part of the texts alone, as others would miss then"
        return f"{which} if {self.counting} ({options}{only})"


def shifts(missed: Sequence[Try], fitted: Sequence[Try], now: Counting) -> Shift | None:
    """Return what the offsets seem to count, or None where nothing explains most of the misses."""
    found = []
    for unit in UNITS:
        for shift in (0, *_common_shifts(missed, unit)):
            counting = Counting(unit, shift)
            fit = sum(fits(one, counting) for one in missed)
            if counting != now and 2 * fit >= len(missed) > 0:
                unharmed = all(fits(one, counting) for one in fitted)
                exact = sum(covers(one, counting) == one.mention for one in (*missed, *fitted))
                found.append(Shift(counting, fit, len(missed), unharmed, exact))
    by_fit = lambda one: (one.certain, one.fit, one.unharmed, one.exact)  # noqa: E731
    return max(found, key=by_fit, default=None)


def fits(one: Try, counting: Counting) -> bool:
    """Say whether a mention's string is the text at its offsets, white space and form apart.

    Offsets of last characters must fit to the character: with a shift, they would only widen each
    mention by the white space before it.
    """
    found = covers(one, counting)
    if counting.unit == "inclusive":
        return found == one.mention
    return inked(found) == inked(one.mention)


def covers(one: Try, counting: Counting) -> str:
    """Return the text at a mention's offsets; nothing where they are outside of it."""
    spans = counting.located(one.spans, one.text)
    if any(start < 0 for start, _ in spans):
        return ""
    return " ".join(one.text[start:end] for start, end in spans)


def inked(text: str) -> str:
    """Return the text in normal form C without white space."""
    return "".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def _common_shifts(missed: Sequence[Try], unit: Unit) -> list[int]:
    """Return the shifts by which most mentions miss the nearest place of their string."""
    found: Counter[int] = Counter()
    for text, spans, mention in missed:
        edges = _edges(text, unit)
        start = min(start for start, _ in spans) if spans else 0
        places = [start - edges[at] for at in occurrences(text, mention.strip())]
        found.update([min(places, key=abs)] if places else [])
    return [shift for shift, _ in found.most_common(2) if shift]


def occurrences(text: str, mention: str) -> Iterator[int]:
    """Yield where a string begins in the text; the first 100."""
    at = text.find(mention) if mention else -1
    for _ in range(100):
        if at < 0:
            return
        yield at
        at = text.find(mention, at + 1)
