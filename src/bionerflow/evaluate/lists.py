"""Scores of two lists of entities per text, without files; the numbers are those of a run."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from bionerflow.data.schema import ENTITY_FIELDS, Entity, entity_row
from bionerflow.evaluate.mentions import PROBLEMS, Sample, read_mentions
from bionerflow.evaluate.scores import judge, record
from bionerflow.utils.errors import UserError

#: Entities per text, with the confidence of predicted ones.
LISTS = pa.list_(pa.struct([*ENTITY_FIELDS, ("confidence", pa.float32())]))
#: What rests on a training file or on a model's raw answers, neither of which is at hand.
UNKNOWN = {"seen", "unseen", "strata", "problems"}

Lists = Sequence[Iterable[Entity]]


def scores_of(
    texts: Sequence[str], gold: Lists, predicted: Lists, documents: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the scores of `predicted` against `gold` (docs/evaluation.md).

    Args:
        texts: The texts, at least one.
        gold: The right entities of each text.
        predicted: The entities that were found in each text.
        documents: The document that each text belongs to. Intervals are by bootstrap over
            documents; without them, each text is a document.

    Raises:
        UserError: there is no text, the lists differ in length, or an entity lies outside its text.
    """
    documents = [str(n) for n in range(len(texts))] if documents is None else documents
    _check(texts, gold=gold, predicted=predicted, documents=documents)
    sentences = pd.DataFrame({"id": range(len(texts)), "document": documents, "text": texts})
    sentences = sentences.assign(corpus="", format="", **dict.fromkeys(PROBLEMS, 0))
    expected, found = read_mentions(*(_column(texts, lists) for lists in (gold, predicted)))
    scores = record(judge(Sample(sentences, expected, found), {}))
    return {name: value for name, value in scores.items() if name not in UNKNOWN}


def _check(texts: Sequence[str], **lists: Sequence[Any]) -> None:
    if isinstance(texts, str) or not len(texts):
        raise UserError("evaluate: `texts` is a list of at least one text.")
    for name, values in lists.items():
        if len(values) != len(texts):
            raise UserError(f"evaluate: {len(texts)} texts, but `{name}` has {len(values)} items.")


def _column(texts: Sequence[str], lists: Lists) -> pa.Array:
    rows = [
        [_row(entity, text, n) for entity in entities]
        for n, (text, entities) in enumerate(zip(texts, lists, strict=True))
    ]
    return pa.array(rows, LISTS)


def _row(entity: Entity, text: str, number: int) -> dict[str, Any]:
    edges = [edge for span in entity.spans for edge in span]
    if not edges or edges[0] < 0 or edges[-1] > len(text) or edges != sorted(set(edges)):
        raise UserError(
            f"evaluate: {entity} does not lie within text {number}, which has {len(text)} "
            "characters: offsets count code points of the text."
        )
    return entity_row(entity) | {"confidence": getattr(entity, "confidence", None)}
