"""Prediction: a run's model answers test sentences; answers become entities with exact spans."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bionerflow.config.stages import PredictSettings
from bionerflow.data.sampling import draw
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Problem,
    entity_row,
    problem_row,
    read_rows,
)
from bionerflow.data.shards import Share, is_kept, write_shard
from bionerflow.formats import FORMATS, Parsed
from bionerflow.formats.base import by_position
from bionerflow.formats.queries import Asked
from bionerflow.inference.confidence import confidences
from bionerflow.inference.constrained import Vocabulary, Writer, grammar_of
from bionerflow.inference.generate import Answer, WriterOf, check_context, generate
from bionerflow.models.chat import Chat
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
    model: Any,
    tokenizer: Any,
    queries: Sequence[Asked],
    settings: PredictSettings,
    checkpoints: Path,
) -> Iterator[dict[str, Any]]:
    """Yield a row (schema.PREDICTIONS) for each corpus, format and sentence, in their order.

    Shards of the rows are kept in `checkpoints`: whoever was killed goes on behind the last one.
    A shard is answered alone and always in the same batches, so that the rows are those of a
    prediction that nothing disturbed, in any precision.

    Raises:
        UserError: nothing is asked, or more than the model's context holds.
    """
    if not queries:
        raise UserError(
            "There are no test sentences to answer: see results/corpora/*/test.parquet, and "
            "predict.limits in the experiment."
        )
    check_context(model, tokenizer, [query.turns for query in queries], settings.max_new_tokens)
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
            rows = _answer(model, tokenizer, shard, settings, progress, done)
            write_shard(file, rows, PREDICTIONS, asked[file])
            done += len(shard)
        yield from read_rows(file, PREDICTIONS)


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
    model: Any,
    tokenizer: Any,
    queries: Sequence[Asked],
    settings: PredictSettings,
    progress: Progress,
    before: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of whole sentences; so many queries were answered `before`."""
    answers = iter(
        generate(
            model,
            tokenizer,
            [query.turns for query in queries],
            settings.max_new_tokens,
            settings.batch_size,
            lambda done: progress.to(before + done),
            writer_of(tokenizer, queries, settings),
        )
    )
    for asked in _by_sentence(queries):
        parts = [(query, next(answers)) for query in asked]
        entities, problems = read_answers(tokenizer, parts)
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
        }


def prompt_hash(queries: Iterable[Asked]) -> str:
    """Return the SHA-256 of all that a sentence's queries ask: roles and contents, no answers."""
    said = [[turn for turn in query.turns if turn.role != "assistant"] for query in queries]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def writer_of(
    tokenizer: Any, queries: Sequence[Asked], settings: PredictSettings
) -> WriterOf | None:
    """Return what chooses the tokens of constrained answers, or nothing where they are free."""
    if not settings.constrained:
        return None
    vocabulary = Vocabulary(tokenizer, Chat(tokenizer).end)

    def writer(number: int, turn: int) -> Writer:
        query = queries[number]
        grammar = grammar_of(query.format, query.text, query.types, turn)
        return Writer(grammar, vocabulary, settings.max_new_tokens - 1)

    return writer


def read_answers(
    tokenizer: Any, parts: Iterable[tuple[Asked, Sequence[Answer]]]
) -> tuple[list[tuple[Entity, float | None]], list[Problem]]:
    """Parse the answers to a sentence's queries.

    Return its entities in text order, each with its confidence, and problems.
    """
    entities: list[tuple[Entity, float | None]] = []
    problems: list[Problem] = []
    for query, answers in parts:
        for answer, parsed in _parsed(query, answers):
            found = confidences(
                tokenizer, answer, parsed.entities, query.text, FORMATS[query.format]
            )
            entities += zip(parsed.entities, found, strict=True)
            problems += parsed.problems
    return sorted(entities, key=lambda found: by_position(found[0])), problems


def _parsed(query: Asked, answers: Sequence[Answer]) -> Iterator[tuple[Answer, Parsed]]:
    """Parse each answer for what it was asked: all types, or in a conversation one type a turn.

    An answer that was cut at the limit is listed once, whether or not its format sees it too.
    """
    several = len(answers) > 1
    types = [(type,) for type in query.types] if several else [query.types]
    for asked, answer in zip(types, answers, strict=True):
        parsed = FORMATS[query.format].parse([answer.text], query.text, asked)
        if answer.truncated:
            others = [problem for problem in parsed.problems if problem.kind != "truncated"]
            cut = Problem("truncated", answer.text[-80:])
            parsed = Parsed(parsed.entities, (*others, cut))
        yield answer, parsed


def dev_f1(
    model: Any, tokenizer: Any, queries: Sequence[Asked], settings: PredictSettings
) -> float:
    """Return strict micro F1 over the queries' own entities; sets a query."""
    conversations = [query.turns for query in queries]
    answers = generate(
        model,
        tokenizer,
        conversations,
        settings.max_new_tokens,
        settings.batch_size,
        writer=writer_of(tokenizer, queries, settings),
    )
    hits = found = gold = 0
    for query, answer in zip(queries, answers, strict=True):
        predicted = {entity for _, parsed in _parsed(query, answer) for entity in parsed.entities}
        hits += len(predicted & set(query.entities))
        found += len(predicted)
        gold += len(set(query.entities))
    return 2 * hits / (found + gold) if found + gold else 1.0
