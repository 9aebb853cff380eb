"""Prediction: a run's model answers test sentences; answers become entities with exact spans."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bionerflow.draws import draw
from bionerflow.formats import FORMATS
from bionerflow.generate import Answer, generate
from bionerflow.queries import Asked
from bionerflow.schema import Entity, Problem, entity_row, problem_row
from bionerflow.settings import PredictSettings


def sample(queries: Iterable[Asked], settings: PredictSettings, seed: int) -> list[Asked]:
    """Keep the queries of so many sentences a corpus as the settings say, drawn by seed."""
    queries = list(queries)
    by_corpus: dict[str, dict[str, None]] = {}
    for query in queries:
        by_corpus.setdefault(query.corpus, {})[query.id] = None
    drawn = {
        corpus: set(draw(list(ids), settings.limits.get(corpus, settings.test), seed))
        for corpus, ids in by_corpus.items()
    }
    return [query for query in queries if query.id in drawn[query.corpus]]


def predict(
    model: Any, tokenizer: Any, queries: Sequence[Asked], settings: PredictSettings
) -> Iterator[dict[str, Any]]:
    """Yield a row (schema.PREDICTIONS) for each corpus, format and sentence, in their order."""
    answers = generate(
        model,
        tokenizer,
        [query.turns for query in queries],
        settings.max_new_tokens,
        settings.batch_size,
    )
    sentences: dict[tuple[str, str, str], list[tuple[Asked, list[Answer]]]] = {}
    for query, answer in zip(queries, answers, strict=True):
        key = (query.corpus, query.format, query.id)
        sentences.setdefault(key, []).append((query, answer))
    for (corpus, format, id), parts in sentences.items():
        entities, problems = read_answers(parts)
        yield {
            "corpus": corpus,
            "format": format,
            "id": id,
            "answers": [answer.text for _, answers in parts for answer in answers],
            "entities": [
                {**entity_row(entity), "confidence": None, "probability": None}
                for entity in entities
            ],
            "problems": [problem_row(problem) for problem in problems],
        }


def read_answers(
    parts: Iterable[tuple[Asked, Sequence[Answer]]],
) -> tuple[list[Entity], list[Problem]]:
    """Parse the answers to a sentence's queries: its entities in text order, and problems."""
    entities: list[Entity] = []
    problems: list[Problem] = []
    for query, answers in parts:
        output = [answer.text for answer in answers]
        parsed = FORMATS[query.format].parse(
            output if len(output) > 1 else output[0], query.text, query.types
        )
        entities += parsed.entities
        problems += parsed.problems
        problems += [Problem("truncated", a.text[-80:]) for a in answers if a.truncated]
    return sorted(entities, key=lambda entity: (entity.start, -entity.end, entity)), problems


def dev_f1(
    model: Any, tokenizer: Any, queries: Sequence[Asked], settings: PredictSettings
) -> float:
    """Return strict micro F1 over the queries' own entities; sets a query."""
    conversations = [query.turns for query in queries]
    answers = generate(
        model, tokenizer, conversations, settings.max_new_tokens, settings.batch_size
    )
    hits = found = gold = 0
    for query, answer in zip(queries, answers, strict=True):
        predicted = set(read_answers([(query, answer)])[0])
        hits += len(predicted & set(query.entities))
        found += len(predicted)
        gold += len(set(query.entities))
    return 2 * hits / (found + gold) if found + gold else 1.0
