"""What a corpus's report counts, so that its totals add up to the raw files'."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any

from bionerflow.corpora.documents import Finding
from bionerflow.data.schema import Entity, Example

NUMBERS = (
    "sentences",
    "sentences_with_entities",
    "nested",
    "overlapping",
    "same_extent",
    "discontinuous",
)


class Tally:
    """Counts a split as its examples come: sentences, documents, entities by type and kind."""

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.documents: set[str] = set()
        self.lengths: Counter[int] = Counter()

    def add(self, example: Example) -> None:
        """Count one example."""
        entities = example.entities
        self.documents.add(example.doc_id)
        self.types.update(entity.type for entity in entities)
        self.lengths[len(example.text)] += 1
        self.numbers["sentences"] += 1
        self.numbers["sentences_with_entities"] += bool(entities)
        self.numbers["discontinuous"] += sum(len(entity.spans) > 1 for entity in entities)
        if len(entities) > 1 and not apart(entities):
            self.numbers.update(overlaps(entities))

    def counts(self) -> dict[str, Any]:
        """Return what was counted."""
        return {
            "documents": len(self.documents),
            "entities": self.types.total(),
            "types": dict(sorted(self.types.items())),
            **{name: self.numbers[name] for name in NUMBERS},
        }


def lengths(tallies: Iterable[Tally]) -> dict[str, int]:
    """Return the median, the 99th percentile and the maximum of the sentences' characters."""
    counted = sum((tally.lengths for tally in tallies), Counter[int]())
    ordered = sorted(counted)
    below = list(accumulate(counted[length] for length in ordered))
    shares = {"median": 0.5, "percentile_99": 0.99, "longest": 1.0}
    if not below:
        return dict.fromkeys(shares, 0)
    return {name: ordered[bisect_left(below, share * below[-1])] for name, share in shares.items()}


def apart(entities: Iterable[Entity]) -> bool:
    """Tell whether each entity begins behind the one before it, so that none overlap."""
    last = 0
    for entity in entities:
        spans = entity.spans
        if spans[0][0] < last:
            return False
        last = spans[-1][1]
    return True


def overlaps(entities: Sequence[Entity]) -> dict[str, int]:
    """Count the entities that overlap with others, by how.

    The extent lies inside a larger one (nested), begins inside an earlier one's and ends outside it
    (overlapping), or is an earlier one's (same extent).
    """
    found = list(extents(entities))
    return {
        "nested": sum(stop <= end for (_, stop), end in found),
        "overlapping": sum(start < end < stop for (start, stop), end in found),
        "same_extent": len(found) - len({extent for extent, _ in found}),
    }


def extents(entities: Iterable[Entity]) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield each entity's start and end, and the largest end of those before it of other extent.

    The order is by start, longer first.
    """
    ordered = sorted((entity.start, -entity.end) for entity in entities)
    before = -1
    for (start, negative), same in groupby(ordered):
        for _ in same:
            yield (start, -negative), before
        before = max(before, -negative)


def findings(found: Iterable[Finding]) -> dict[str, Any]:
    """Return the odd mentions by reason, each listed with its place."""
    table: dict[str, Any] = {}
    for finding in found:
        row = table.setdefault(finding.reason, {"count": 0, "lost": 0, "mentions": []})
        row["count"] += 1
        row["lost"] += finding.lost
        row["mentions"].append(f"{finding.where}: {finding.detail}")
    return table
