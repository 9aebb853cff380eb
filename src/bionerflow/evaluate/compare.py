"""Whether two prediction sets differ: paired by document, on the same sentences and formats."""

from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.errors import UserError
from bionerflow.evaluate import match
from bionerflow.evaluate.mentions import Sample, read_sample
from bionerflow.evaluate.statistics import prf, randomisation_test

COUNTS = ["correct", "gold", "predicted"]


def compare(first: str | Path, second: str | Path, gold: str | Path) -> list[dict[str, Any]]:
    """Return the difference in strict F1 (first minus second) and its p value, by corpus.

    The last record, whose corpus is null, pools all corpora. Only formats in which both answered
    are compared, since a document's outcomes must be exchangeable.

    Raises:
        UserError: no format in common, or other test sentences.
    """
    one, two = (_documents(path, gold) for path in (first, second))
    shared = sorted(set(one["format"]) & set(two["format"]))
    if not shared:
        raise UserError(f"{first} and {second} have no format in common: nothing is comparable.")
    one, two = (side[side["format"].isin(shared)] for side in (one, two))
    pairs = one.merge(two, on=["corpus", "format", "document", "ids"], suffixes=("_1", "_2"))
    if not len(pairs) == len(one) == len(two):
        raise UserError(
            f"{first} and {second} were tested on different sentences: predict both with one draw."
        )
    groups = [*pairs.groupby("corpus"), (None, pairs)]
    return [{"corpus": corpus, "formats": shared} | _tested(part) for corpus, part in groups]


def _documents(predictions: str | Path, gold: str | Path) -> pd.DataFrame:
    """Return counts and the sentences' ids by corpus, format and document."""
    sample: Sample = read_sample(predictions, gold)
    frames = (sample.gold.frame, sample.predicted.frame)
    right = frames[0][match.hits(*frames, match.STRICT)]
    sentences = sample.sentences.assign(
        **{
            name: frame["sentence"].value_counts().reindex(sample.sentences.index, fill_value=0)
            for name, frame in zip(COUNTS, (right, *frames), strict=True)
        }
    )
    groups = sentences.sort_values("id").groupby(["corpus", "format", "document"])
    return groups[COUNTS].sum().assign(ids=groups["id"].agg("\n".join)).reset_index()


def _tested(pairs: pd.DataFrame) -> dict[str, Any]:
    documents = pairs.drop(columns=["format", "ids"]).groupby(["corpus", "document"]).sum()
    one, two = (documents[[f"{c}_{side}" for c in COUNTS]].to_numpy() for side in (1, 2))
    f1 = [float(prf(*side.sum(axis=0))["f1"]) for side in (one, two)]
    return {
        "documents": len(documents),
        "difference": round(f1[0] - f1[1], 6),
        "p": round(randomisation_test(one, two), 6),
    }
