"""Which texts to correct first: those of which models are unsure, or in which they disagree.

Uncertainty is one minus the mean confidence of a text's mentions. Disagreement is one minus the
mean F1 of the mentions of each pair of models (a query by committee; Settles and Craven, 2008,
https://aclanthology.org/D08-1112). The score is the mean of both, or the one that is known.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from bionerflow.utils.errors import UserError

COLUMNS = ["document", "score", "uncertainty", "disagreement", "mentions", "characters"]


@dataclass
class Found:
    """What one model found in a document: mentions and their confidences."""

    mentions: set[Any] = field(default_factory=set)
    confidences: list[float] = field(default_factory=list)
    characters: int = 0


def rank(outputs: Sequence[Path]) -> pd.DataFrame:
    """Return the documents of what `annotate --to jsonl` wrote, those to correct first on top.

    Args:
        outputs: One file per model.

    Returns:
        COLUMNS; `mentions` is their mean number over models. Documents of equal score: those with
        more mentions per character first.

    Raises:
        UserError: a file is not what `annotate --to jsonl` writes, or has other documents.
    """
    models = [read_output(path) for path in outputs]
    for path, model in zip(outputs, models, strict=True):
        if model.keys() != models[0].keys():
            raise UserError(f"{path} has other documents than {outputs[0]}: annotate the same.")
    rows = [row(id, [model[id] for model in models]) for id in models[0]]
    table = pd.DataFrame(rows, columns=COLUMNS)
    density = -table["mentions"] / table["characters"].clip(lower=1)
    order = table.assign(score=-table["score"], density=density)
    return table.loc[order.sort_values(["score", "density"], kind="stable").index]


def row(id: str, found: Sequence[Found]) -> dict[str, Any]:
    """Return a document's row."""
    confidences = [one for model in found for one in model.confidences]
    pairs = list(combinations(found, 2))
    known = {
        "uncertainty": 1 - fmean(confidences) if confidences else None,
        "disagreement": 1 - fmean(f1(*pair) for pair in pairs) if pairs else None,
    }
    values = [value for value in known.values() if value is not None]
    return {
        "document": id,
        "score": round(fmean(values), 6) if values else 0.0,
        **{name: value if value is None else round(value, 6) for name, value in known.items()},
        "mentions": fmean(len(model.mentions) for model in found),
        "characters": found[0].characters,
    }


def f1(first: Found, second: Found) -> float:
    """Return the F1 of two models' mentions; two that found nothing agree."""
    number = len(first.mentions) + len(second.mentions)
    return 2 * len(first.mentions & second.mentions) / number if number else 1.0


def read_output(path: Path) -> Mapping[str, Found]:
    """Return what was found by document."""
    documents: defaultdict[str, Found] = defaultdict(Found)
    for record in records(path):
        one = documents[record["doc_id"]]
        one.characters += len(record["text"])
        for entity in record["entities"]:
            spans = tuple((s["start"], s["end"]) for s in entity["spans"])
            one.mentions.add((record["start"], entity["type"], spans))
            if entity.get("confidence") is not None:
                one.confidences.append(entity["confidence"])
    return documents


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file of JSON lines.

    Raises:
        UserError: one of them is not as `annotate` writes it.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line.decode())
                _ = record["doc_id"], record["start"], record["text"], record["entities"]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UserError(
                    f"{path}:{number}: not a record of `bionerflow annotate --to jsonl`."
                ) from None
            yield record
