"""Filtering of a run's predictions by a selector's probabilities, or by gold itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.corpora.documents import span_fault
from bionerflow.data.schema import (
    PREDICTIONS,
    Example,
    entity_from,
    read_card,
    read_examples,
    read_rows,
    write_rows,
)
from bionerflow.select.samples import Candidate, mentions
from bionerflow.utils.environment import made_with
from bionerflow.utils.errors import UserError


class Row(NamedTuple):
    """A row of predictions, its entities as candidates, and the gold mentions of its sentence."""

    prediction: Mapping[str, Any]
    candidates: list[Candidate]
    gold: set[Candidate]


def filter_predictions(
    predictions: Path, selector: Path, examples: Mapping[str, Path], threshold: float, out: Path
) -> None:
    """Write the predictions, reduced to entities of at least `threshold` probability.

    Entities of types that the selector was not trained for (unseen corpora have such) are kept as
    they are, and counted. `examples` are the files of the predicted sentences, by corpus.
    """
    rows = read_predictions(predictions, examples)
    known = judge(selector, rows)
    probabilities = [[known.get(candidate) for candidate in row.candidates] for row in rows]
    unjudged = Counter(c.type for row in rows for c in row.candidates if c not in known)
    counts = {"scored": len(known), "unjudged": unjudged}
    _write_kept(out, rows, probabilities, threshold, **counts, **_made(predictions))


def filter_by_gold(predictions: Path, examples: Mapping[str, Path], out: Path) -> None:
    """Write the predictions, reduced to correct entities: the most that filtering can give."""
    rows = read_predictions(predictions, examples)
    correct = [[float(candidate in row.gold) for candidate in row.candidates] for row in rows]
    _write_kept(out, rows, correct, 1.0, **_made(predictions))


def filter_by_confidence(predictions: Path, selected: Path, out: Path) -> None:
    """Write as many of the predictions as a selector kept: those of most confidence.

    It is the control of the selector, which costs nothing. At equal numbers, the side with more
    correct predictions has the higher precision, recall and F1. Of equal confidences the earlier
    are kept.

    Raises:
        UserError: predictions without a confidence.
    """
    rows = read_rows(predictions, PREDICTIONS)
    count = sum(len(row["entities"]) for row in read_rows(selected, PREDICTIONS))
    confidences = [entity["confidence"] for row in rows for entity in row["entities"]]
    if None in confidences:
        raise UserError(
            f"{predictions} has entities without a confidence: predict with an engine that gives "
            "log-probabilities."
        )
    best = sorted(range(len(confidences)), key=lambda n: -confidences[n])[:count]
    chosen, places = set(best), iter(range(len(confidences)))
    kept = [
        row | {"entities": [entity for entity in row["entities"] if next(places) in chosen]}
        for row in rows
    ]
    dropped = len(confidences) - len(best)
    card = {"kept": len(best), "dropped": dropped, **_made(predictions)}
    write_rows(out, kept, PREDICTIONS, **card)


def _made(predictions: Path) -> dict[str, str]:
    """Return the engine that answered, as the card of predictions says, and what made both."""
    card = read_card(predictions)
    said = {"engine": card["engine"]} if card.get("engine") else {}
    return said | made_with(card)


def judge(selector: Path, rows: Sequence[Row]) -> dict[Candidate, float]:
    """Return the probability of each candidate of a type that the selector was trained for.

    One that several formats predicted is scored once.

    Raises:
        UserError: the selector was trained for none of the candidates' types.
    """
    from bionerflow.select.kinds import load

    its = load(selector)
    candidates = list(dict.fromkeys(candidate for row in rows for candidate in row.candidates))
    known = [candidate for candidate in candidates if candidate.type in its.types]
    judged = known or candidates  # the selector itself refuses types none of which it knows
    return dict(zip(judged, its.probabilities(judged), strict=True))


def read_predictions(predictions: Path, examples: Mapping[str, Path]) -> list[Row]:
    """Read predictions beside the sentences that they belong to.

    Raises:
        UserError: no predictions, a sentence that is not in the examples, or an entity outside its
            sentence.
    """
    rows = read_rows(predictions, PREDICTIONS)
    if not rows:
        raise UserError(f"{predictions} has no predictions to filter: predict again.")
    sentences = {
        (corpus, example.id): example
        for corpus, path in examples.items()
        for example in read_examples(path)
    }
    return [_read(row, sentences, predictions) for row in rows]


def _read(
    row: Mapping[str, Any], sentences: Mapping[tuple[str, str], Example], source: Path
) -> Row:
    example = sentences.get((row["corpus"], row["id"]))
    if example is None:
        raise UserError(
            f"{source}: the sentence '{row['id']}' of {row['corpus']} is in none of the "
            "examples: name the file that the run was tested on."
        )
    candidates = []
    for entity in map(entity_from, row["entities"]):
        fault = span_fault(entity.spans, len(example.text))
        if fault:
            raise UserError(
                f"{source}: '{row['id']}' of {row['corpus']} has an entity at "
                f"{[tuple(span) for span in entity.spans]}, which cannot be "
                f"({fault}, {len(example.text)} characters): predict again with these examples."
            )
        candidates.append(Candidate(entity.type, entity.spans, example.text))
    return Row(row, candidates, set(mentions([example])))


def _write_kept(
    out: Path,
    rows: Sequence[Row],
    probabilities: Sequence[Sequence[float | None]],
    threshold: float,
    **card: Any,
) -> None:
    kept = []
    for row, its in zip(rows, probabilities, strict=True):
        judged = zip(row.prediction["entities"], its, strict=True)
        entities = [
            entity if p is None else {**entity, "probability": p}
            for entity, p in judged
            if p is None or p >= threshold
        ]
        kept.append({**row.prediction, "entities": entities})
    count = sum(len(row["entities"]) for row in kept)
    dropped = sum(len(row.candidates) for row in rows) - count
    write_rows(out, kept, PREDICTIONS, threshold=threshold, kept=count, dropped=dropped, **card)
