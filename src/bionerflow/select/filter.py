"""Filtering of a run's predictions by a selector's probabilities."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bionerflow.corpora.documents import span_fault
from bionerflow.errors import UserError
from bionerflow.schema import PREDICTIONS, entity_from, read_examples, read_rows, write_rows
from bionerflow.select.kinds import load
from bionerflow.select.samples import Candidate


def filter_predictions(
    predictions: Path, selector: Path, examples: Mapping[str, Path], threshold: float, out: Path
) -> None:
    """Write the predictions, reduced to entities of at least `threshold` probability.

    `examples` are the files of the predicted sentences, by corpus. A candidate that several
    formats predicted is scored once.

    Raises:
        UserError: no predictions, a sentence that is not in the examples, an entity outside its
            sentence or of a type that the selector was not trained for.
    """
    rows = read_rows(predictions, PREDICTIONS)
    if not rows:
        raise UserError(f"{predictions} has no predictions to filter: predict again.")
    candidates = _candidates(rows, _sentences(examples), predictions)
    judged = list(dict.fromkeys(candidate for found in candidates for candidate in found))
    probability = dict(zip(judged, load(selector).probabilities(judged), strict=True))
    kept = [
        _kept(row, [probability[candidate] for candidate in found], threshold)
        for row, found in zip(rows, candidates, strict=True)
    ]
    before, after = (sum(len(row["entities"]) for row in each) for each in (rows, kept))
    write_rows(
        out,
        kept,
        PREDICTIONS,
        threshold=threshold,
        scored=len(judged),
        kept=after,
        dropped=before - after,
    )


def _sentences(examples: Mapping[str, Path]) -> dict[tuple[str, str], str]:
    return {
        (corpus, example.id): example.text
        for corpus, path in examples.items()
        for example in read_examples(path)
    }


def _candidates(
    rows: Sequence[Mapping[str, Any]], sentences: Mapping[tuple[str, str], str], source: Path
) -> list[list[Candidate]]:
    """Return each row's entities as candidates, all within their sentences."""
    candidates: list[list[Candidate]] = []
    for row in rows:
        sentence = sentences.get((row["corpus"], row["id"]))
        if sentence is None:
            raise UserError(
                f"{source}: the sentence '{row['id']}' of {row['corpus']} is in none of the "
                "examples: name the file that the run was tested on."
            )
        candidates.append([])
        for entity in map(entity_from, row["entities"]):
            fault = span_fault(entity.spans, len(sentence))
            if fault:
                raise UserError(
                    f"{source}: '{row['id']}' of {row['corpus']} has an entity at "
                    f"{[tuple(span) for span in entity.spans]}, which cannot be "
                    f"({fault}, {len(sentence)} characters): predict again with these examples."
                )
            candidates[-1].append(Candidate(entity.type, entity.spans, sentence))
    return candidates


def _kept(
    row: Mapping[str, Any], probabilities: Sequence[float], threshold: float
) -> dict[str, Any]:
    judged = zip(row["entities"], probabilities, strict=True)
    entities = [{**entity, "probability": p} for entity, p in judged if p >= threshold]
    return {**row, "entities": entities}
