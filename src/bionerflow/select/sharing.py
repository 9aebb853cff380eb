"""What candidates of one sentence have in common is read once.

A causal model reads the marked sentences of candidates alike up to the first mark that differs. Of
the candidates of one type and sentence, the one that is marked last has the longest unmarked
beginning: its keys and values are kept, and each of the others sees as much of them as it begins
with. Only what follows is read candidate by candidate.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bionerflow.inference.prefix import shared
from bionerflow.select.samples import Candidate

SHARED_TOKENS = 8


class Beginning(NamedTuple):
    """Token ids that rows begin with, and of how many of them each row has, by its number."""

    ids: Sequence[int]
    common: dict[int, int]


def beginnings(candidates: Sequence[Candidate], rows: Sequence[Sequence[int]]) -> list[Beginning]:
    """Return what the rows of each type and sentence begin with; of a single row that is nothing.

    A row's last token, where the model is read, is never part of it. What is shorter than
    SHARED_TOKENS is not worth keeping.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for n, candidate in enumerate(candidates):
        groups.setdefault((candidate.type, candidate.sentence), []).append(n)
    found = []
    for group in groups.values():
        longest = rows[max(group, key=lambda n: candidates[n].spans)]
        common = {n: min(shared(rows[n], longest), len(rows[n]) - 1) for n in group}
        length = sorted(common.values())[-2] if len(group) > 1 else 0
        length = length if length >= SHARED_TOKENS else 0
        found.append(Beginning(longest[:length], {n: min(common[n], length) for n in group}))
    return found
