"""Format capacity: the ceiling that an output format itself puts on any model, and its cost.

For each corpus and format: strict F1 of parse(render(gold)) against gold, and the mean length of
the answers to a sentence. Entities that a format cannot carry count as missed.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionerflow.files import write_text
from bionerflow.formats import FORMATS, Format
from bionerflow.schema import Entity, Example

COLUMNS = (
    "corpus",
    "format",
    "sentences",
    "entities",
    "beyond",
    "precision",
    "recall",
    "f1",
    "characters",
    "tokens",
)


def read_back(example: Example, format: Format, types: Sequence[str]) -> tuple[set[Entity], str]:
    """Return the entities that the gold answers to a sentence give back, and these answers."""
    read: set[Entity] = set()
    said: list[str] = []
    for asked in format.queries(types):
        turns = format.render(example.text, example.entities, asked)
        answers = [turn.content for turn in turns if turn.role == "assistant"]
        read |= set(format.parse(answers, example.text, asked).entities)
        said += answers
    return read, "\n".join(said)


def capacity(
    corpus: str,
    examples: Iterable[Example],
    types: Sequence[str],
    format: Format,
    tokens: Callable[[str], int] | None = None,
) -> dict[str, Any]:
    """Measure one format on one corpus; a row of COLUMNS.

    `beyond` counts the sentences whose entities the format does not declare to carry; `tokens`
    counts an answer's tokens for one model, the column is empty without it. F1 is in percent.
    """
    sentences = hits = found = gold = beyond = characters = counted = 0
    for example in examples:
        read, answer = read_back(example, format, types)
        entities = set(example.entities)
        sentences += 1
        beyond += not format.can_carry(entities)
        hits += len(read & entities)
        found += len(read)
        gold += len(entities)
        characters += len(answer)
        counted += tokens(answer) if tokens else 0
    return {
        "corpus": corpus,
        "format": format.name,
        "sentences": sentences,
        "entities": gold,
        "beyond": beyond,
        "precision": _percent(hits, found),
        "recall": _percent(hits, gold),
        "f1": _percent(2 * hits, found + gold),
        "characters": round(characters / max(sentences, 1), 1),
        "tokens": round(counted / max(sentences, 1), 1) if tokens else "",
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def capacities(
    corpora: Mapping[str, tuple[Sequence[str], Sequence[Example]]],
    tokens: Callable[[str], int] | None = None,
) -> Iterator[dict[str, Any]]:
    """Measure every format on every corpus, given with its types."""
    for corpus, (types, examples) in corpora.items():
        for format in FORMATS.values():
            yield capacity(corpus, examples, types, format, tokens)


def write_capacities(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as results/tables/format_capacity.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
