"""A baseline's answers to a run's test sentences, as rows of schema.PREDICTIONS."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from bionerflow.config.experiments import System
from bionerflow.data.schema import Entity, entity_row
from bionerflow.formats.base import by_position
from bionerflow.formats.queries import Asked
from bionerflow.utils.errors import UserError


class Finder(Protocol):
    """What finds the mentions of sentences; `label` names it and the versions that it rests on."""

    label: str

    def answer(self, queries: Sequence[Asked]) -> Iterator[list[tuple[Entity, float | None]]]:
        """Yield the mentions of each query, each with its confidence if it has one."""


def load(system: System, folder: Path) -> Finder:
    """Load the baseline that was fitted in a folder."""
    if system == "dictionary":
        from bionerflow.baselines.dictionary import Dictionary

        return Dictionary.load(folder)
    if system == "predictions":
        from bionerflow.baselines.external import External

        return External.load(folder)
    from bionerflow.baselines.token_classification import TokenClassifier

    return TokenClassifier.load(folder)


def check_queries(queries: Sequence[Asked]) -> None:
    """Refuse queries that ask a sentence for one type at a time: a baseline reads it once.

    Raises:
        UserError: which format asks so.
    """
    seen: set[tuple[str, str, str]] = set()
    for query in queries:
        key = (query.corpus, query.format, query.id)
        if key in seen:
            raise UserError(
                f"The format {query.format} asks for one type at a time: a baseline finds all "
                "types at once. Take multi_bio, or multi_term where mentions are discontinuous."
            )
        seen.add(key)


def rows(finder: Finder, queries: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """Yield a row of schema.PREDICTIONS for each sentence; there are no prompts and no answers."""
    for query, found in zip(queries, finder.answer(queries), strict=True):
        yield {
            "corpus": query.corpus,
            "format": query.format,
            "id": query.id,
            "prompt": "",
            "answers": [],
            "entities": [
                {**entity_row(entity), "confidence": confidence, "probability": None}
                for entity, confidence in sorted(found, key=lambda one: by_position(one[0]))
            ],
            "problems": [],
        }


def f1(finder: Finder, queries: Sequence[Asked]) -> float | None:
    """Return strict micro F1 over the queries' own entities; None without sentences."""
    hits = gold = predicted = 0
    for query, found in zip(queries, finder.answer(queries), strict=True):
        entities = {entity for entity, _ in found}
        hits += len(entities & set(query.entities))
        gold, predicted = gold + len(set(query.entities)), predicted + len(entities)
    if not queries:
        return None
    return 2 * hits / (gold + predicted) if gold + predicted else 1.0
