"""Why mentions miss their text: what their offsets would have to count for all of them to fit."""

import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from bionerflow.config.corpora import UNITS, Unit
from bionerflow.corpora.offsets import CODE_POINTS, NO_WIDTH, Counting, RawSpans, edges_of

#: Shifts of a text of its own are believed where so many of its mentions agree.
AGREEING = 2


class Try(NamedTuple):
    """A mention as a raw file gives it: the text, its spans there, and the mention's string.

    `passage` is what has to be added to the spans where they begin anew in the mention's passage.
    """

    text: str
    spans: RawSpans
    mention: str
    passage: int = 0


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


def shifts(
    missed: Sequence[Try], fitted: Sequence[Try], now: Counting, mixed: Container[str] = ()
) -> Shift | None:
    """Return what the offsets seem to count, or None where nothing explains most of the misses.

    Of the texts in `mixed` some mentions fit, so that a shift of the whole text is none.
    """
    found = []
    own = own_shifts(one for one in (*missed, *fitted) if one.text not in mixed)
    for unit in UNITS:
        for shift in (0, *(_common_shifts(missed, unit) if unit != "own" else ())):
            counting = Counting(unit, shift)
            tries, others = missed, fitted
            if unit == "own":
                tries, others = (
                    [moved(one, own.get(one.text) or 0) for one in part]
                    for part in (missed, fitted)
                )
            fit = sum(fits(one, counting) for one in tries)
            if counting != now and 2 * fit >= len(missed) > 0:
                unharmed = all(fits(one, counting) for one in others)
                exact = sum(covers(one, counting) == one.mention for one in (*tries, *others))
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
    spans = counting.located(begun(one, counting.unit).spans, one.text)
    if any(start < 0 for start, _ in spans):
        return ""
    return " ".join(one.text[start:end] for start, end in spans)


def moved(one: Try, shift: int) -> Try:
    """Return a mention with spans that are by `shift` smaller."""
    return one._replace(spans=[(start - shift, end - shift) for start, end in one.spans])


def begun(one: Try, unit: Unit) -> Try:
    """Return a mention with spans from the start of the text, if they begin anew in passages."""
    return moved(one, -one.passage) if unit == "passages" and one.passage else one


def own_shifts(tries: Iterable[Try]) -> dict[str, int | None]:
    """Return the shift of each text, as `own_shift` does."""
    by_text: dict[str, list[Try]] = {}
    for one in tries:
        by_text.setdefault(one.text, []).append(one)
    return {text: own_shift(its) for text, its in by_text.items()}


def own_shift(tries: Sequence[Try]) -> int | None:
    """Return the only shift with which all mentions of a text stand in it.

    None where there is no such shift, or several, or where too few mentions tell it.
    """
    if all(covers(one, CODE_POINTS) == one.mention for one in tries):
        return 0
    told = [one for one in tries if one.mention and one.spans]
    if len({(*one.spans[0], one.mention) for one in told}) < AGREEING:
        return None
    possible: set[int] = set()
    for number, one in enumerate(told):
        length = one.spans[0][1] - one.spans[0][0]
        piece = one.mention[:length]
        shifts = {one.spans[0][0] - at for at in occurrences(one.text, piece)}
        possible = possible & shifts if number else shifts
    fitting = [
        shift
        for shift in possible
        if all(covers(moved(one, shift), CODE_POINTS) == one.mention for one in told)
    ]
    return fitting[0] if len(fitting) == 1 else None


def inked(text: str) -> str:
    """Return the text in normal form C without white space and characters of no width."""
    if text.isascii():
        return "".join(text.split())
    return "".join(unicodedata.normalize("NFC", text.translate(NO_WIDTH)).split())


def _common_shifts(missed: Sequence[Try], unit: Unit) -> list[int]:
    """Return the shifts by which most mentions miss the nearest place of their string."""
    found: Counter[int] = Counter()
    for text, spans, mention, _ in (begun(one, unit) for one in missed):
        edges = edges_of(text, unit)
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
