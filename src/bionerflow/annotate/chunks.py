"""Annotation piece by piece: each finished chunk is a file, so that nothing is asked twice.

A chunk's file is named by its number, its texts and the annotator's key: one that is there already
needs no annotation, after a kill as in a second form; one of other texts or of another model is
not taken for it. Its first line is the SHA-256 of its name and of the other lines: a file that is
damaged, or lies in another one's place, is made again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bionerflow.annotate.passages import Annotated, Annotator, Mention, Passage, sentences
from bionerflow.corpora.documents import moved
from bionerflow.data.schema import Entity, Problem, Span, problem_row
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import whole

#: Characters of a chunk, unless one passage has more.
SIZE = 1 << 16
#: The layout of the rows: a chunk that is kept in another one is made again.
LAYOUT = b"2"

Chunk = list[Passage]


def chunks(passages: Iterable[Passage], size: int = SIZE) -> Iterator[Chunk]:
    """Yield the passages in chunks of about `size` characters."""
    chunk: Chunk = []
    held = 0
    for passage in passages:
        if chunk and held + len(passage.text) > size:
            yield chunk
            chunk, held = [], 0
        chunk.append(passage)
        held += len(passage.text)
    if chunk:
        yield chunk


def file_of(folder: Path, number: int, chunk: Chunk, key: str) -> Path:
    """Return where a chunk is kept once it is annotated."""
    digest = hashlib.sha256(json.dumps([key, *map(_fields, chunk)]).encode())
    return folder / f"{number:07}.{digest.hexdigest()[:16]}.jsonl"


def keep(file: Path, chunk: Chunk, annotator: Annotator) -> None:
    """Annotate a chunk and keep it, whole or not at all."""
    rows = [_row(one) for one in annotate_chunk(chunk, annotator)]
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    with whole(file) as part, part.open("wb") as out:
        out.write(_head(file, body) + body)
        out.flush()
        os.fsync(out.fileno())


def is_kept(file: Path) -> bool:
    """Say whether there is an annotated chunk in a file, whole."""
    return file.is_file() and _body(file) is not None


def _head(file: Path, body: bytes) -> bytes:
    head = b"\n".join([LAYOUT, file.name.encode(), body])
    return hashlib.sha256(head).hexdigest().encode() + b"\n"


def _body(file: Path) -> bytes | None:
    """Return the rows of a chunk's file, or None where it is damaged."""
    head, end, body = file.read_bytes().partition(b"\n")
    return body if head + end == _head(file, body) else None


def annotate_chunk(chunk: Chunk, annotator: Annotator) -> list[Annotated]:
    """Return the passages of a chunk with their mentions; sentences are asked together."""
    annotated = [Annotated(passage) for passage in chunk]
    answer(list(to_ask(annotated, annotator)), annotator)
    return annotated


def to_ask(
    annotated: Iterable[Annotated], annotator: Annotator
) -> Iterator[tuple[Annotated, Span]]:
    """Yield the sentences of passages as an annotator can be asked them."""
    for one in annotated:
        for span in sentences(one.passage.text, annotator.language, annotator.fits):
            yield one, span


def answer(asked: Sequence[tuple[Annotated, Span]], annotator: Annotator) -> None:
    """Ask an annotator sentences together, and put what it finds into their passages."""
    texts = [one.passage.text[span.start : span.end] for one, span in asked]
    for (one, span), answered in zip(asked, annotator(texts) if texts else (), strict=True):
        one.sentences.append(span)
        one.problems += answered.problems
        one.lookalikes += answered.lookalikes
        for mention in answered.mentions:
            entity = moved(mention.entity, span.start)
            one.mentions.append(Mention(entity, mention.confidence, mention.probability))


def kept(files: Iterable[Path]) -> Iterator[Annotated]:
    """Yield the passages of kept chunks, in order.

    Raises:
        UserError: a chunk's file is damaged.
    """
    for file in files:
        body = _body(file)
        if body is None:
            raise UserError(f"{file} is damaged: remove it and run again.")
        for line in body.decode().split("\n")[:-1]:
            yield _annotated(json.loads(line))


def _fields(passage: Passage) -> tuple[int, str, int, str]:
    return (passage.document, passage.id, passage.start, passage.text)


def _row(one: Annotated) -> dict[str, Any]:
    return {
        "passage": _fields(one.passage),
        "sentences": _edges(one.sentences),
        "mentions": [_mention_row(mention) for mention in one.mentions],
        "problems": [problem_row(problem) for problem in one.problems],
        "lookalikes": one.lookalikes,
    }


def _annotated(row: dict[str, Any]) -> Annotated:
    return Annotated(
        Passage(*row["passage"]),
        [_mention(mention) for mention in row["mentions"]],
        _spans(row["sentences"]),
        [Problem(**problem) for problem in row["problems"]],
        row["lookalikes"],
    )


def _mention_row(mention: Mention) -> list[Any]:
    its = mention.entity
    known = [mention.confidence, mention.probability]
    return [its.type, _edges(its.spans), its.text, its.identifiers, *known]


def _mention(row: list[Any]) -> Mention:
    type, edges, text, identifiers, confidence, probability = row
    entity = Entity(type, tuple(_spans(edges)), text, tuple(identifiers))
    return Mention(entity, confidence, probability)


def _edges(spans: Iterable[Span]) -> list[int]:
    return [edge for span in spans for edge in span]


def _spans(edges: Sequence[int]) -> list[Span]:
    return list(map(Span, edges[::2], edges[1::2]))
