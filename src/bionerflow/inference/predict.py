"""Prediction: a run's model answers test sentences; answers become entities with exact spans."""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bionerflow.config.stages import PredictSettings
from bionerflow.data.sampling import draw
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Problem,
    Turn,
    entity_row,
    problem_row,
    read_card,
    read_rows,
)
from bionerflow.data.shards import Share, is_kept, shard_writer
from bionerflow.formats import FORMATS, Parsed
from bionerflow.formats.base import by_position
from bionerflow.formats.queries import Asked
from bionerflow.inference.confidence import confidences
from bionerflow.inference.engines.base import (
    Answer,
    Constraint,
    ConstraintOf,
    Conversation,
    Engine,
)
from bionerflow.utils.errors import UserError
from bionerflow.utils.progress import Progress

SHARD_BATCHES = 16  # fewer lose less when a prediction is killed, and end more often half empty


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


def shared(queries: Iterable[Asked], settings: PredictSettings, share: Share) -> list[Asked]:
    """Return the queries of one of several jobs: all jobs together give what one job gives."""
    shards = list(_shards(queries, settings))
    return [query for n in share.of(len(shards)) for query in shards[n]]


def predict(
    engine: Engine, queries: Sequence[Asked], settings: PredictSettings, checkpoints: Path
) -> Iterator[dict[str, Any]]:
    """Yield a row (schema.PREDICTIONS) for each corpus, format and sentence, in their order.

    Shards of the rows are kept in `checkpoints`: whoever was killed goes on behind the last one.
    A shard is answered alone and always in the same batches, so that the rows are those of a
    prediction that nothing disturbed, in any precision.

    Raises:
        UserError: nothing is asked, or the engine cannot answer it.
    """
    if not queries:
        raise UserError(
            "There are no test sentences to answer: see results/corpora/*/test.parquet, and "
            "predict.limits in the experiment."
        )
    engine.check(conversations(queries), settings.max_new_tokens)
    files = {checkpoints / f"{n:05}.parquet": s for n, s in enumerate(_shards(queries, settings))}
    asked = {
        file: [[sentence[0].id, prompt_hash(sentence)] for sentence in _by_sentence(shard)]
        for file, shard in files.items()
    }
    kept = {file for file, of in asked.items() if is_kept(file, of)}
    left = sum(len(shard) for file, shard in files.items() if file not in kept)
    progress, done = Progress("predict", left, "queries"), 0
    if left < len(queries):
        print(f"predict: {len(queries) - left:,} queries are answered already", file=sys.stderr)
    for file, shard in files.items():
        if file not in kept:
            _keep(file, engine, shard, settings, partial(_tell, progress, done), asked[file])
            done += len(shard)
        yield from read_rows(file, PREDICTIONS)


def _tell(progress: Progress, before: int, done: int) -> None:
    progress.to(before + done)


def usage(checkpoints: Path) -> Counter[str]:
    """Return what answering cost, added up over the shards: those of killed calls, too."""
    cards = (read_card(file) for file in checkpoints.glob("[0-9]*.parquet"))
    return sum((Counter(card.get("usage", {})) for card in cards), Counter())


def seconds(checkpoints: Path) -> float:
    """Return how long answering took, added up over the shards: those of killed calls, too."""
    return sum(read_card(file)["seconds"] for file in checkpoints.glob("[0-9]*.parquet"))


def conversations(queries: Iterable[Asked]) -> list[Conversation]:
    """Return what engines are asked."""
    return [Conversation(query.turns, query.given) for query in queries]


def _keep(
    file: Path,
    engine: Engine,
    shard: Sequence[Asked],
    settings: PredictSettings,
    done: Callable[[int], None],
    asked: Sequence[Any],
) -> None:
    """Answer a shard and keep its rows, with what was asked and what the answers cost."""
    before, begun = Counter(engine.usage), time.monotonic()
    with shard_writer(file, PREDICTIONS, asked) as writer:
        for row in _answer(engine, shard, settings, done):
            writer.add(row)
        took = time.monotonic() - begun
        writer.card = {"usage": dict(engine.usage - before), "seconds": took}


def _shards(queries: Iterable[Asked], settings: PredictSettings) -> Iterator[list[Asked]]:
    """Yield the queries in parts of so many batches; a sentence's queries stay together."""
    shard: list[Asked] = []
    for parts in _by_sentence(queries):
        shard += parts
        if len(shard) >= SHARD_BATCHES * settings.batch_size:
            yield shard
            shard = []
    if shard:
        yield shard


def _by_sentence(queries: Iterable[Asked]) -> list[list[Asked]]:
    sentences: dict[tuple[str, str, str], list[Asked]] = {}
    for query in queries:
        sentences.setdefault((query.corpus, query.format, query.id), []).append(query)
    return list(sentences.values())


def _answer(
    engine: Engine,
    queries: Sequence[Asked],
    settings: PredictSettings,
    done: Callable[[int], None],
) -> Iterator[dict[str, Any]]:
    """Yield the rows of whole sentences."""
    answers = iter(
        engine.answer(
            conversations(queries),
            settings.max_new_tokens,
            settings.batch_size,
            done,
            constraint_of(queries) if settings.constrained else None,
        )
    )
    for asked in _by_sentence(queries):
        parts = [(query, next(answers)) for query in asked]
        entities, problems, lookalikes = read_answers(engine.tokenizer, parts, settings.lookalikes)
        yield {
            "corpus": asked[0].corpus,
            "format": asked[0].format,
            "id": asked[0].id,
            "prompt": prompt_hash(asked),
            "answers": [answer.text for _, answers in parts for answer in answers],
            "entities": [
                {**entity_row(entity), "confidence": confidence, "probability": None}
                for entity, confidence in entities
            ],
            "problems": [problem_row(problem) for problem in problems],
            "lookalikes": lookalikes,
        }


def prompt_hash(queries: Iterable[Asked]) -> str:
    """Return the SHA-256 of all that a sentence's queries ask: roles and contents, no answers.

    The answers of examples belong to what is asked.
    """
    said = [list(_said(query)) for query in queries]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _said(query: Asked) -> Iterator[Turn]:
    given = query.given
    for turn in query.turns:
        if turn.role != "assistant" or given > 0:
            yield turn
        given -= turn.role == "assistant"


def constraint_of(queries: Sequence[Asked]) -> ConstraintOf:
    """Return what tells an engine what the answers to these queries may be."""

    def constraint(number: int, turn: int) -> Constraint:
        query = queries[number]
        return Constraint(query.format, query.text, query.types, turn)

    return constraint


def read_answers(
    tokenizer: Any, parts: Iterable[tuple[Asked, Sequence[Answer]]], lookalikes: bool = True
) -> tuple[list[tuple[Entity, float | None]], list[Problem], int]:
    """Parse the answers to a sentence's queries.

    Return its entities in text order, each with its confidence, problems, and how many entities
    were found but for characters that look alike (with `lookalikes`).
    """
    entities: list[tuple[Entity, float | None]] = []
    problems: list[Problem] = []
    alike = 0
    for query, answers in parts:
        for answer, parsed in _parsed(query, answers, lookalikes):
            found = confidences(
                tokenizer, answer, parsed.entities, query.text, FORMATS[query.format]
            )
            entities += zip(parsed.entities, found, strict=True)
            problems += parsed.problems
            alike += parsed.lookalikes
    return sorted(entities, key=lambda found: by_position(found[0])), problems, alike


def _parsed(
    query: Asked, answers: Sequence[Answer], lookalikes: bool
) -> Iterator[tuple[Answer, Parsed]]:
    """Parse each answer for what it was asked: all types, or in a conversation one type a turn.

    An answer that was cut at the limit is listed once, whether or not its format sees it too.
    """
    several = len(answers) > 1
    types = [(type,) for type in query.types] if several else [query.types]
    for asked, answer in zip(types, answers, strict=True):
        parsed = FORMATS[query.format].parse([answer.text], query.text, asked, lookalikes)
        if answer.truncated:
            others = [problem for problem in parsed.problems if problem.kind != "truncated"]
            cut = Problem("truncated", answer.text[-80:])
            parsed = Parsed(parsed.entities, (*others, cut), parsed.lookalikes)
        yield answer, parsed


def dev_f1(engine: Engine, queries: Sequence[Asked], settings: PredictSettings) -> float:
    """Return strict micro F1 over the queries' own entities; sets a query."""
    counts = [count for _, count in counted(engine, queries, settings)]
    hits, gold, found = map(sum, zip(*counts, strict=True)) if counts else (0, 0, 0)
    return 2 * hits / (found + gold) if found + gold else 1.0


def counted(
    engine: Engine, queries: Sequence[Asked], settings: PredictSettings
) -> Iterator[tuple[list[Answer], tuple[int, int, int]]]:
    """Yield the answers to each query, and how many entities are correct, gold and predicted."""
    answers = engine.answer(
        conversations(queries),
        settings.max_new_tokens,
        settings.batch_size,
        constraint=constraint_of(queries) if settings.constrained else None,
    )
    for query, answer in zip(queries, answers, strict=True):
        found = _parsed(query, answer, settings.lookalikes)
        predicted = {entity for _, parsed in found for entity in parsed.entities}
        gold = set(query.entities)
        yield answer, (len(predicted & gold), len(gold), len(predicted))
