"""Queries: what a model is asked of a sentence, as `render` wrote it (schema.CONVERSATIONS)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bionerflow.data.schema import Entity, Turn, entity_from
from bionerflow.formats import FORMATS


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: the conversation, and what is needed to read its answers.

    The first answers that are `given` belong to the prompt: those of examples, which come before
    the sentence itself, and of formats whose conversations begin with one.
    """

    corpus: str
    format: str
    id: str
    types: tuple[str, ...]
    text: str
    entities: tuple[Entity, ...]
    turns: tuple[Turn, ...]
    given: int = 0


def asked(rows: Iterable[Mapping[str, Any]]) -> Iterator[Asked]:
    """Yield the queries of rendered rows (schema.CONVERSATIONS)."""
    for row in rows:
        yield Asked(
            row["corpus"],
            row["format"],
            row["id"],
            tuple(row["types"]),
            row["text"],
            tuple(map(entity_from, row["entities"])),
            tuple(Turn(turn["role"], turn["content"]) for turn in row["turns"]),
            getattr(FORMATS.get(row["format"]), "given", 0),
        )
