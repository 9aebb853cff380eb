"""Agreement of two annotations of the same texts: F1 of mentions, Cohen's kappa of tokens.

Kappa needs the number of places where neither marks anything, which mentions do not have, so that
it is computed over tokens (Cohen, 1960). F1 of exact mentions is what it tends to where these
places are many (Hripcsak and Rothschild, 2005, https://doi.org/10.1197/jamia.M1733).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import pandas as pd

from bionerflow.annotate.corrections.texts import Key, Marked, Name, Texts, ink
from bionerflow.evaluate.tokens import TOKEN

BEFORE = "pre-annotation"
#: The row of all types together.
ALL = "all types"
Label = TypeVar("Label", bound=Hashable)
COLUMNS = ["first", "second", "type", "texts", "in_first", "in_second", "in_both", "f1", "kappa"]


class Pair(NamedTuple):
    """A text as two annotators marked it."""

    first: Marked
    second: Marked


def agreement(before: Texts, annotators: Mapping[str, Texts]) -> pd.DataFrame:
    """Return the agreement of the pre-annotation with each annotator, and of these in pairs.

    Returns:
        COLUMNS: who is compared; the type, or ALL; the number of texts that both have, of the
        mentions of each, and of those that are equal in type and spans; `f1` and `kappa` are
        empty where they are not defined.
    """
    sides = {BEFORE: before, **annotators}
    rows = [
        {"first": first, "second": second, "type": type, "texts": len(both), **row(both, type)}
        for first, second in combinations(sides, 2)
        if (both := pairs(sides[first], sides[second]))
        for type in [ALL, *types_of(both)]
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def pairs(first: Texts, second: Texts) -> list[Pair]:
    """Return the texts that both annotated."""
    common = (name for name in first.marked if name in second.marked)
    return [Pair(first.marked[name], second.marked[name]) for name in common]


def types_of(both: Iterable[Pair]) -> list[str]:
    """Return the types that either of two annotators used."""
    return sorted({type for pair in both for side in pair for type, _ in side.mentions})


def row(both: Sequence[Pair], type: str) -> dict[str, float | None]:
    """Return counts, F1 and kappa of one type, or of all."""
    of_type = [tuple(chosen(side.mentions, type) for side in pair) for pair in both]
    first, second, equal = (
        sum(map(len, numbers))
        for numbers in (
            (one for one, _ in of_type),
            (two for _, two in of_type),
            (one & two for one, two in of_type),
        )
    )
    return {
        "in_first": first,
        "in_second": second,
        "in_both": equal,
        "f1": 2 * equal / (first + second) if first + second else None,
        "kappa": kappa(token_labels(both, type)),
    }


def chosen(mentions: Iterable[Key], type: str) -> set[Key]:
    """Return the mentions of a type, or all."""
    return {key for key in mentions if type in (ALL, key[0])}


def token_labels(both: Iterable[Pair], type: str) -> Counter[tuple[frozenset[str], frozenset[str]]]:
    """Count the tokens by what both annotators say of them: the set of types that cover them."""
    labels: Counter[tuple[frozenset[str], frozenset[str]]] = Counter()
    for first, second in both:
        starts = token_starts(first.text)
        sides = [
            covered(chosen(side.mentions, type), len(ink(first.text))) for side in (first, second)
        ]
        labels.update((sides[0][at], sides[1][at]) for at in starts)
    return labels


def token_starts(text: str) -> list[int]:
    """Return where tokens begin, white space not counted."""
    starts, length = [], 0
    for token in TOKEN.finditer(text):
        starts.append(length)
        length += len(ink(token.group()))
    return starts


def covered(mentions: Iterable[Key], length: int) -> list[frozenset[str]]:
    """Return the types that cover each character of a text, white space not counted."""
    found: list[set[str]] = [set() for _ in range(length)]
    for type, spans in mentions:
        for start, end in spans:
            for at in range(start, end):
                found[at].add(type)
    return [frozenset(types) for types in found]


def kappa(labels: Mapping[tuple[Label, Label], int]) -> float | None:
    """Return Cohen's kappa of pairs of labels with their numbers; None where chance is all.

    kappa = (observed - expected) / (1 - expected), where expected is the share of equal labels if
    both chose theirs independently, each with its own frequencies.
    """
    total = sum(labels.values())
    first: Counter[Label] = Counter()
    second: Counter[Label] = Counter()
    for (one, two), number in labels.items():
        first[one] += number
        second[two] += number
    by_chance = sum(first[label] * second[label] for label in first)
    if by_chance == total**2:
        return None
    observed = sum(number for (one, two), number in labels.items() if one == two)
    return (observed * total - by_chance) / (total**2 - by_chance)


def majority(name: Name, annotators: Mapping[str, Texts]) -> frozenset[Key]:
    """Return the mentions of a text that more than half of its annotators marked."""
    sides = [its.marked[name].mentions for its in annotators.values() if name in its.marked]
    votes = Counter(key for side in sides for key in side)
    return frozenset(key for key, number in votes.items() if 2 * number > len(sides))
