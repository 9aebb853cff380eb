"""Exact matches of training mentions: the score that every system must beat.

A mention is found where its string stands in the sentence between borders of words, letter by
letter as in training. Of the matches that begin at a word the longest one is taken, and the search
goes on behind it, so that no mention is found inside another.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from bionerflow.baselines.words import words
from bionerflow.data.schema import Entity
from bionerflow.formats.queries import Asked
from bionerflow.utils.files import read_result, write_result

FILE = "dictionary.json"


class Dictionary:
    """The strings of training mentions, each with how often it has which type."""

    label = "dictionary"

    def __init__(self, mentions: dict[str, dict[str, int]]) -> None:
        """Index the mentions by their first word."""
        self.mentions = mentions
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for mention in mentions:
            first = words(mention)[0]
            lengths[mention[: first.end]].add(len(mention))
        self.lengths = {word: sorted(its, reverse=True) for word, its in lengths.items()}

    @classmethod
    def of(cls, queries: Iterable[Asked]) -> Self:
        """Collect the mentions of training sentences; discontinuous ones are left out."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for query in queries:
            for entity in query.entities:
                if len(entity.spans) == 1 and words(entity.text)[:1]:
                    found[entity.text.strip()][entity.type] += 1
        return cls({text: dict(found[text]) for text in sorted(found)})

    def find(self, text: str, types: Sequence[str]) -> Iterator[Entity]:
        """Yield the mentions of these types in a text, in its order.

        A string that has several of the types in training gets the most frequent one, the first in
        the alphabet among equals.
        """
        places = words(text)
        ends = {word.end for word in places}
        done = 0
        for word in places:
            if word.start < done:
                continue
            for length in self.lengths.get(text[word.start : word.end], ()):
                end = word.start + length
                type = self._type(text[word.start : end], types)
                if type and end in ends:
                    yield Entity.at(type, [(word.start, end)], text)
                    done = end
                    break

    def _type(self, mention: str, types: Sequence[str]) -> str | None:
        counts = self.mentions.get(mention, {})
        asked = sorted(type for type in counts if type in types)
        return max(asked, key=counts.__getitem__, default=None)

    def answer(self, queries: Sequence[Asked]) -> Iterator[list[tuple[Entity, float | None]]]:
        """Yield the mentions of each query, without a confidence."""
        for query in queries:
            yield [(entity, None) for entity in self.find(query.text, query.types)]

    def save(self, folder: Path) -> None:
        """Write the dictionary into a folder."""
        write_result(folder / FILE, {"mentions": self.mentions})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the dictionary of a folder."""
        return cls(read_result(folder / FILE)["mentions"])
