"""Predictions without text, small enough to be kept in the repository (resources/measured).

A file of JSON lines: first a record of where the predictions come from, then one line per sentence,
`[corpus, format, id, entities, problems]`. An entity is `[type, spans, confidence, probability]`,
a problem its kind. With the gold corpus beside it, the file is a prediction file again, so that a
later comparison needs no new training. Answers and the text of mentions are not kept, since the
licences of most corpora forbid redistribution.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    entity_row,
    read_examples,
    read_rows,
    write_rows,
)
from bionerflow.utils.environment import MADE_WITH
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_text

DIGITS = 4  # of confidences and probabilities


def keep(predictions: str | Path, out: str | Path, about: Mapping[str, Any]) -> None:
    """Write a prediction file without its text.

    Args:
        predictions: A Parquet file (schema.PREDICTIONS).
        out: The file of JSON lines.
        about: Facts about the predictions: run, scores, settings, versions, commit.
    """
    rows = map(_line, read_rows(predictions, PREDICTIONS))
    lines = [json.dumps(dict(about), ensure_ascii=False, sort_keys=True), *map(_dense, rows)]
    write_text(out, "\n".join(lines) + "\n")


def _line(row: Mapping[str, Any]) -> list[Any]:
    entities = [
        [
            entity["type"],
            [[span["start"], span["end"]] for span in entity["spans"]],
            *(_rounded(entity[name]) for name in ("confidence", "probability")),
        ]
        for entity in row["entities"]
    ]
    problems = [problem["kind"] for problem in row["problems"]]
    return [row["corpus"], row["format"], row["id"], entities, problems]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _dense(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def restore(kept: str | Path, gold: str | Path, out: str | Path, split: str = "test") -> None:
    """Write kept predictions as a prediction file again, without answers and prompts.

    Args:
        kept: A file that `keep` wrote.
        gold: The folder of `{corpus}/{split}.parquet`, whose texts the mentions are read from.
        out: The Parquet file (schema.PREDICTIONS).
        split: The split that was predicted.

    Raises:
        UserError: A sentence is not in the gold corpus, or a span is outside of its sentence.
    """
    about, *lines = map(json.loads, Path(kept).read_text("utf-8").splitlines())
    made = {key: about[key] for key in ("engine", *MADE_WITH) if key in about}
    write_rows(out, _rows(kept, lines, Path(gold), split), PREDICTIONS, **made)


def _rows(
    kept: str | Path, lines: Iterable[list[Any]], gold: Path, split: str
) -> Iterator[dict[str, Any]]:
    texts: dict[str, dict[str, str]] = {}
    for corpus, format, id, entities, problems in lines:
        if corpus not in texts:
            examples = read_examples(gold / corpus / f"{split}.parquet")
            texts[corpus] = {example.id: example.text for example in examples}
        text = texts[corpus].get(id)
        if text is None or any(end > len(text) for _, spans, *_ in entities for _, end in spans):
            raise UserError(
                f"{kept}: {corpus} in {gold} has no such sentence '{id}': take the corpus as the "
                "record in the first line names it."
            )
        yield {
            "corpus": corpus,
            "format": format,
            "id": id,
            "prompt": "",
            "answers": [],
            "entities": [_entity(text, *entity) for entity in entities],
            "problems": [{"kind": kind, "detail": ""} for kind in problems],
        }


def _entity(
    text: str,
    type: str,
    spans: list[list[int]],
    confidence: float | None,
    probability: float | None,
) -> dict[str, Any]:
    entity = entity_row(Entity.at(type, spans, text))
    return {**entity, "confidence": confidence, "probability": probability}
