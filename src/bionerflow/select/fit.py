"""Training of a selector: binary cross-entropy over true mentions and near misses."""

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import read_examples
from bionerflow.select.kinds import build
from bionerflow.select.model import Selector
from bionerflow.select.samples import Sample, draw, mentions
from bionerflow.select.training import train
from bionerflow.utils.environment import is_first
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_result

HELD_OUT = 0.1


def fit(
    corpora: Mapping[str, Path],
    types: Sequence[str],
    base: Path,
    settings: SelectorSettings,
    seed: int,
    checkpoints: Path,
    out: Path,
) -> dict[str, Any]:
    """Train a selector on the corpora's training files; write `out`/model and `out`/metrics.json.

    It may be asked for all `types` of the corpora: a rare one may have no sample, though a run that
    is asked for it may write it. A training that was killed goes on from `checkpoints`. Run by
    several processes, the first one writes. Returns the metrics, measured on the samples of a tenth
    of the sentences, held out; none in the other processes.
    """
    begun = time.monotonic()
    torch.manual_seed(seed)
    samples = read_samples(corpora, settings.samples, seed)
    held_out = _held_out(samples, seed)
    training = [sample for _, sample in samples if sample.candidate.sentence not in held_out]
    testing = [each for each in samples if each[1].candidate.sentence in held_out]
    selector = build(base, settings, types)
    recorded = train(selector, training, seed, checkpoints)
    if not is_first():
        return {}
    metrics = {
        "held_out": _agreement(_judged(selector, testing)),
        "samples": {"training": len(training), "held_out": len(testing)},
        "seconds": round(time.monotonic() - begun, 1),
        "settings": settings.model_dump(mode="json", exclude={"threshold"}),
        "seed": seed,
        "training": recorded,
    }
    selector.save(out / "model")
    write_result(out / "metrics.json", metrics)
    return metrics


def read_samples(corpora: Mapping[str, Path], count: int, seed: int) -> list[tuple[str, Sample]]:
    """Draw `count` samples of each corpus from its training file; return (corpus, sample) pairs."""
    samples = []
    for corpus, path in corpora.items():
        drawn = draw(mentions(read_examples(path)), count, f"{seed}:{corpus}")
        if not drawn:
            raise UserError(f"{path} has no mention that has a near miss: leave out '{corpus}'.")
        samples += [(corpus, sample) for sample in drawn]
    return samples


def _held_out(samples: Sequence[tuple[str, Sample]], seed: int) -> set[str]:
    """Draw the sentences whose samples are held out."""
    sentences = sorted({sample.candidate.sentence for _, sample in samples})
    if len(sentences) < 2:
        raise UserError("A selector needs mentions of two sentences at least: add training text.")
    count = max(1, round(HELD_OUT * len(sentences)))
    return set(random.Random(f"{seed}:held_out").sample(sentences, count))


def _judged(selector: Selector, samples: Sequence[tuple[str, Sample]]) -> pd.DataFrame:
    """Return corpus, kind, gold and probability, one row a sample."""
    frame = pd.DataFrame({"corpus": corpus, "kind": sample.kind} for corpus, sample in samples)
    frame["gold"] = frame["kind"] == "gold"
    return frame.assign(probability=selector.probabilities([s.candidate for _, s in samples]))


def _agreement(frame: pd.DataFrame) -> dict[str, Any]:
    """Return accuracy at 0.5 and AUC: of all, by corpus, and of gold against each kind of miss."""
    gold = frame["gold"]
    kinds = {kind: frame[gold | (frame["kind"] == kind)] for kind in frame["kind"][~gold].unique()}
    return {
        **_scores(frame),
        "corpora": {str(corpus): _scores(part) for corpus, part in frame.groupby("corpus")},
        "kinds": {kind: _scores(part) for kind, part in kinds.items()},
    }


def _scores(frame: pd.DataFrame) -> dict[str, Any]:
    right = (frame["probability"] >= 0.5) == frame["gold"]
    return {
        "samples": len(frame),
        "accuracy": round(float(right.mean()), 4),
        "auc": auc(frame["probability"], frame["gold"]),
    }


def auc(scores: "pd.Series[float]", positive: "pd.Series[bool]") -> float | None:
    """Return the chance that a positive scores above a negative (a tie: half); None if undefined.

    The Mann-Whitney statistic divided by the number of pairs.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    above = scores.rank()[positive].sum() - n_positive * (n_positive + 1) / 2
    return round(float(above / (n_positive * n_negative)), 4)
