"""The render stage: examples become conversations in an output format, one row per query."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from bionerflow.data.schema import Example, Turn, entity_row
from bionerflow.formats import Format
from bionerflow.formats.prompts import Asking, conversation


def render(
    examples: Iterable[Example],
    corpus: str,
    asking: Asking,
    format: Format,
    counts: Counter[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield a row (schema.CONVERSATIONS) for each query of each example.

    `counts` gets the entities asked for, those that the format cannot write (`left_out`), and the
    queries whose gold answer does not read back as its gold entities (`lossy`).
    """
    counts = Counter() if counts is None else counts
    queries = format.queries(asking.types)
    for example in examples:
        for types in queries:
            entities = [entity for entity in example.entities if entity.type in types]
            turns = conversation(asking, format, example.text, entities, types)
            answers = [turn.content for turn in turns if turn.role == "assistant"]
            read = format.parse(answers[format.given :], example.text, types).entities
            counts["entities"] += len(entities)
            counts["left_out"] += sum(not format.carries(entity) for entity in entities)
            counts["lossy"] += set(read) != set(entities)
            yield {
                "corpus": corpus,
                "format": format.name,
                "id": example.id,
                "doc_id": example.doc_id,
                "language": example.language,
                "types": list(types),
                "text": example.text,
                "entities": [entity_row(entity) for entity in entities],
                "turns": [Turn._asdict(turn) for turn in turns],
            }
