"""Whether two runs differ: paired by document, on the same sentences, over all their draws."""

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bionerflow.evaluate import effects
from bionerflow.evaluate.keys import STRICT, hits
from bionerflow.evaluate.mentions import Sample, read_sample
from bionerflow.evaluate.statistics import LEVEL, differences, randomisation_test
from bionerflow.utils.errors import UserError

COUNTS = ["correct", "gold", "predicted"]
PLACE = ["corpus", "format", "document", "ids"]


def compare(
    first: Sequence[str | Path], second: Sequence[str | Path], gold: str | Path
) -> list[dict[str, Any]]:
    """Return the difference in strict F1 (first minus second) and what is known of it, by corpus.

    `first` and `second` are the prediction files of a run's draws, in one order. The last record,
    whose corpus is null, pools all corpora. `p_holm` is corrected for the number of corpora. See
    `documents` for what is compared and `difference` for the fields.
    """
    return tested(documents(first, second, gold))


def documents(
    first: Sequence[str | Path], second: Sequence[str | Path], gold: str | Path
) -> pd.DataFrame:
    """Return the counts of both sides by corpus, document and draw, as `correct_1`, `correct_2`, ….

    A document's counts are added up over formats, since these are not independent of each other.
    Only corpora and formats in which both answered are compared, since a document's outcomes must
    be exchangeable; two runs of one format each are compared whatever their formats are.

    Raises:
        UserError: other numbers of draws, nothing in common, or other test sentences.
    """
    if len(first) != len(second):
        raise UserError(f"{first[0]} and {second[0]} have different numbers of draws.")
    pairs = zip(first, second, strict=True)
    draws = [_paired(*pair, gold).assign(draw=n) for n, pair in enumerate(pairs)]
    columns = [f"{count}_{side}" for side in (1, 2) for count in COUNTS]
    return pd.concat(draws).groupby(["corpus", "document", "draw"])[columns].sum().reset_index()


def tested(counts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the record of each corpus of `documents`, and that of all."""
    records = [{"corpus": corpus} | difference(part) for corpus, part in counts.groupby("corpus")]
    corrected = effects.holm([math.nan if r["p"] is None else r["p"] for r in records])
    by_corpus = [
        record | {"p_holm": _known(p)} for record, p in zip(records, corrected, strict=True)
    ]
    return [*by_corpus, {"corpus": None} | difference(counts)]


def pooled_draws(
    runs: Sequence[tuple[Hashable, Hashable]], counts: Sequence[pd.DataFrame]
) -> dict[str, effects.Draws]:
    """Return how much draws vary, by metric, pooled over pairs of runs (effects.pooled).

    A run that is compared with itself is left out, and so is, of a metric, a pair without a value.
    With one draw nothing is known.

    Args:
        runs: The two runs of each pair.
        counts: What `documents` returns, for each pair; all have as many draws.
    """
    compared = [_differences(one) for one in counts]
    found = {}
    for metric in compared[0] if compared else ():
        means = np.array([one[metric].mean(axis=1) for one in compared])
        known = ~np.isnan(means).any(axis=1) & [first != second for first, second in runs]
        if known.any() and means.shape[1] > 1:
            found[metric] = effects.pooled(
                means[known], [pair for pair, its in zip(runs, known, strict=True) if its]
            )
    return found


def difference(
    counts: pd.DataFrame,
    score: str = "f1",
    level: float = LEVEL,
    draws_vary: Mapping[str, effects.Draws] | None = None,
) -> dict[str, Any]:
    """Return the difference in a score with its p value, effect size, power and all intervals.

    With one draw, p is that of the paired randomisation test and intervals are by bootstrap over
    documents. With several, both are of the mean over draws and documents (effects.crossed), so
    that they hold for other draws, too. (The randomisation test is of F1; with one draw, too, p of
    precision and recall is that of the mean over documents.) `effect`: Cohen's d over documents.
    `detectable`: the smallest true difference that such a test finds with a power of 80 %.

    Args:
        counts: What `documents` returns.
        score: precision, recall or f1.
        level: Of the intervals; 1 - `level` is that of the test that `detectable` is about.
        draws_vary: `pooled_draws` of the table that this is a row of; without it, these draws alone
            say how much draws vary.
    """
    one, two = (_cube(counts, side) for side in (1, 2))
    values, vary = _differences(counts), draws_vary or {}
    found = effects.crossed(values[score], vary.get(score))
    single = len(one) == 1
    by_chance = single and score == "f1"
    return {
        "documents": one.shape[1],
        "draws": len(one),
        "gold": int(one[..., 1].sum()),
        "difference": _known(found.value),
        "p": _known(randomisation_test(one[0], two[0]) if by_chance else found.p()),
        "effect": _bounded(effects.cohens_d(values[score], vary.get(score))),
        "detectable": _known(found.detectable(level=level)),
        "intervals": _rounded(differences(one[0], two[0], level=level))
        if single
        else {
            metric: _bounded(effects.crossed(its, vary.get(metric)), level)
            for metric, its in values.items()
        },
    }


def _differences(counts: pd.DataFrame) -> dict[str, effects.Floats]:
    """Return the linearised differences (draws, documents) of each metric."""
    first, second = (effects.scores(_cube(counts, side)) for side in (1, 2))
    return {metric: first[metric] - second[metric] for metric in first}


def _cube(counts: pd.DataFrame, side: int) -> np.ndarray:
    """Return (draws, documents, 3) of one side; a document that a draw left out has zeros."""
    documents, draws = counts.groupby(["corpus", "document"]).ngroup(), counts["draw"]
    places, _ = pd.factorize(draws)
    cube = np.zeros((places.max() + 1, documents.max() + 1, len(COUNTS)), np.int64)
    cube[places, documents] = counts[[f"{count}_{side}" for count in COUNTS]]
    return cube


def _bounded(estimate: effects.Estimate, level: float = LEVEL) -> dict[str, float | None]:
    low, high = estimate.interval(level)
    return {"value": _known(estimate.value), "low": _known(low), "high": _known(high)}


def _rounded(intervals: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        metric: {key: _known(value) for key, value in found.items()}
        for metric, found in intervals.items()
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
