"""Whether two runs differ: paired by document, on the same sentences, over all their draws."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.errors import UserError
from bionerflow.evaluate.keys import STRICT, hits
from bionerflow.evaluate.mentions import Sample, read_sample
from bionerflow.evaluate.statistics import differences, randomisation_test

COUNTS = ["correct", "gold", "predicted"]
PLACE = ["corpus", "format", "document", "ids"]


def compare(
    first: Sequence[str | Path], second: Sequence[str | Path], gold: str | Path
) -> list[dict[str, Any]]:
    """Return the difference in strict F1 (first minus second) and its p value, by corpus.

    `first` and `second` are the prediction files of a run's draws, in one order. A document's
    counts are added up over draws and formats, since these are not independent of each other. The
    last record, whose corpus is null, pools all corpora. See `documents` for what is compared.
    """
    return tested(documents(first, second, gold))


def documents(
    first: Sequence[str | Path], second: Sequence[str | Path], gold: str | Path
) -> pd.DataFrame:
    """Return the counts of both sides by corpus and document, as `correct_1`, `correct_2`, ….

    Only corpora and formats in which both answered are compared, since a document's outcomes must
    be exchangeable; two runs of one format each are compared whatever their formats are.

    Raises:
        UserError: other numbers of draws, nothing in common, or other test sentences.
    """
    if len(first) != len(second):
        raise UserError(f"{first[0]} and {second[0]} have different numbers of draws.")
    draws = [_paired(*pair, gold) for pair in zip(first, second, strict=True)]
    columns = [f"{count}_{side}" for side in (1, 2) for count in COUNTS]
    return pd.concat(draws).groupby(["corpus", "document"])[columns].sum().reset_index()


def tested(counts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the record of each corpus of `documents`, and that of all."""
    groups = [*counts.groupby("corpus"), (None, counts)]
    return [{"corpus": corpus} | difference(part) for corpus, part in groups]


def difference(counts: pd.DataFrame) -> dict[str, Any]:
    """Return the number of documents, the difference in F1, its p value, and all intervals."""
    one, two = (counts[[f"{c}_{side}" for c in COUNTS]].to_numpy() for side in (1, 2))
    intervals = differences(one, two)
    return {
        "documents": len(counts),
        "gold": int(one.sum(axis=0)[1]),
        "difference": round(intervals["f1"]["value"], 6),
        "p": round(randomisation_test(one, two), 6),
        "intervals": {
            metric: {key: _known(value) for key, value in found.items()}
            for metric, found in intervals.items()
        },
    }


def _known(value: float) -> float | None:
    """Round; nothing where a side has no precision, since it predicted nothing."""
    return None if math.isnan(value) else round(value, 6)


def _paired(first: str | Path, second: str | Path, gold: str | Path) -> pd.DataFrame:
    one, two = (_documents(path, gold) for path in (first, second))
    if one["format"].nunique() == two["format"].nunique() == 1:
        two["format"] = one["format"].iloc[0]
    cells = [set(map(tuple, side[["corpus", "format"]].to_numpy())) for side in (one, two)]
    shared = pd.DataFrame(sorted(cells[0] & cells[1]), columns=["corpus", "format"])
    if shared.empty:
        raise UserError(f"{first} and {second} have no format in common: nothing is comparable.")
    one, two = (side.merge(shared) for side in (one, two))
    pairs = one.merge(two, on=PLACE, suffixes=("_1", "_2"))
    if not len(pairs) == len(one) == len(two):
        raise UserError(
            f"{first} and {second} were tested on different sentences: predict both with one draw."
        )
    return pairs


def _documents(predictions: str | Path, gold: str | Path) -> pd.DataFrame:
    """Return counts and the sentences' ids by corpus, format and document."""
    sample: Sample = read_sample(predictions, gold)
    frames = (sample.gold.frame, sample.predicted.frame)
    right = frames[0][hits(*frames, STRICT)]
    sentences = sample.sentences.assign(
        **{
            name: frame["sentence"].value_counts().reindex(sample.sentences.index, fill_value=0)
            for name, frame in zip(COUNTS, (right, *frames), strict=True)
        }
    )
    groups = sentences.sort_values("id").groupby(["corpus", "format", "document"])
    return groups[COUNTS].sum().assign(ids=groups["id"].agg("\n".join)).reset_index()
