"""What was annotated: the counts of the card beside the output."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bionerflow.annotate.passages import Annotated, Mention, mention_row

#: Mentions that a form cannot hold are all counted, and so many listed.
LISTED = 1000


class Summary:
    """Counts what passes through it; `facts` say by what it was annotated."""

    def __init__(self, facts: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.facts = facts
        self.counts: Counter[str] = Counter(
            documents=0, passages=0, characters=0, sentences=0, mentions=0, lookalikes=0
        )
        self.types: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.listed: list[dict[str, Any]] = []
        self._last = -1

    def counting(self, annotated: Iterable[Annotated]) -> Iterator[Annotated]:
        """Pass on what is annotated, and count it."""
        for one in annotated:
            self.counts["documents"] += one.passage.document != self._last
            self._last = one.passage.document
            self.counts["passages"] += 1
            self.counts["characters"] += len(one.passage.text)
            self.counts["sentences"] += len(one.sentences)
            self.counts["mentions"] += len(one.mentions)
            self.counts["lookalikes"] += one.lookalikes
            self.types.update(mention.entity.type for mention in one.mentions)
            self.problems.update(problem.kind for problem in one.problems)
            yield one

    def leave_out(self, id: str, mention: Mention, why: str) -> None:
        """Count a mention that the form cannot hold, and list it."""
        self.left_out[why] += 1
        if len(self.listed) < LISTED:
            self.listed.append({"document": id, "why": why, **mention_row(mention)})

    def card(self) -> dict[str, Any]:
        """Return the facts, the counts and the list."""
        return {
            **self.facts,
            **self.counts,
            "types": dict(sorted(self.types.items())),
            "problems": dict(sorted(self.problems.items())),
            "left_out": dict(self.left_out),
            "left_out_listed": self.listed,
        }
