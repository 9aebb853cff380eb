"""Whether a model answers alike when it is asked several times (samplings of one run)."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bionerflow.evaluate import abstention, calibration
from bionerflow.evaluate.keys import STRICT, hits
from bionerflow.evaluate.mentions import read_sample
from bionerflow.evaluate.statistics import prf
from bionerflow.utils.errors import UserError

SENTENCE = ["corpus", "format", "id"]
MENTION = [*SENTENCE, "type", "start", "end", "inner"]


def consistency(predictions: Sequence[str | Path], gold: str | Path) -> dict[str, Any]:
    """Return how far samplings of the same sentences agree.

    `pairwise_f1` is the mean F1 of each two samplings, one taken as gold (Hripcsak and Rothschild,
    JAMIA 12:296, 2005); `unanimous` the share of mentions, found by any, that all found;
    `same_sentences` the share of sentences with equal mentions in all. The share of samplings that
    found a mention is a confidence (Wang et al., ICLR 2023): `calibration_error` and `abstention`
    are of that.

    Raises:
        UserError: fewer than two samplings, or samplings of different sentences.
    """
    if len(predictions) < 2:
        raise UserError("Consistency is between samplings: give two prediction files or more.")
    tables, sentences = zip(*(_read(path, gold) for path in predictions), strict=True)
    for path, other in zip(predictions[1:], sentences[1:], strict=True):
        if set(other) != set(sentences[0]):
            raise UserError(
                f"{path} and {predictions[0]} answer different sentences: sample the same ones."
            )
    votes = _votes(tables)
    found = votes[range(len(predictions))].to_numpy(bool)
    predicted = votes.assign(confidence=found.mean(axis=1))
    error = calibration.expected_error(calibration.bins(predicted))
    return {
        "samplings": len(predictions),
        "sentences": len(sentences[0]),
        "mentions": len(votes),
        "pairwise_f1": _known(_pairwise(found)),
        "unanimous": _known(found.all(axis=1).mean() if len(votes) else np.nan),
        "same_sentences": _same(votes, found, len(sentences[0])),
        "calibration_error": _known(error),
        "abstention": abstention.record(predicted),
    }


def _read(path: str | Path, gold: str | Path) -> tuple[pd.DataFrame, list[tuple[str, ...]]]:
    """Return the mentions of a sampling (MENTION, correct), and its sentences."""
    sample = read_sample(path, gold)
    frame = sample.predicted.frame
    right = hits(frame, sample.gold.frame, STRICT)
    names = sample.sentences[SENTENCE].iloc[frame["sentence"].to_numpy()].reset_index(drop=True)
    places = frame[["type", "start", "end", "inner"]].astype({"type": str, "inner": str})
    rows = sample.sentences[SENTENCE].itertuples(index=False, name=None)
    return names.join(places.reset_index(drop=True)).assign(correct=right), list(rows)


def _votes(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return a row per distinct mention: correct, and for each sampling whether it found it."""
    every = pd.concat([table.assign(sampling=n) for n, table in enumerate(tables)])
    keys = every.groupby(MENTION, sort=True).ngroup().to_numpy()
    found = np.zeros((keys.max(initial=-1) + 1, len(tables)), bool)
    found[keys, every["sampling"]] = True
    distinct = every.assign(key=keys).drop_duplicates("key").sort_values("key")
    return distinct[[*MENTION, "correct"]].reset_index(drop=True).join(pd.DataFrame(found))


def _pairwise(found: np.ndarray) -> float:
    """Return the mean F1 of each two columns; two that found nothing agree fully."""
    scores = [
        prf((one & two).sum(), one.sum(), two.sum())["f1"] for one, two in combinations(found.T, 2)
    ]
    return float(np.nan_to_num(np.array(scores), nan=1.0).mean())


def _same(votes: pd.DataFrame, found: np.ndarray, sentences: int) -> float | None:
    """Return the share of sentences of whose mentions none was missed by a sampling."""
    apart = votes[SENTENCE][~found.all(axis=1)].drop_duplicates()
    return _known(1 - len(apart) / sentences)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
