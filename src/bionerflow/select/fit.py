"""Training of a selector: binary cross-entropy over true mentions and near misses."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import get_linear_schedule_with_warmup

from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import read_examples
from bionerflow.select.kinds import build
from bionerflow.select.model import Selector
from bionerflow.select.samples import Sample, draw, mentions
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_result
from bionerflow.utils.progress import Progress

HELD_OUT = 0.1
WARMUP = 0.06  # of the steps
BATCHES_A_WINDOW = 50


def fit(
    corpora: Mapping[str, Path],
    types: Sequence[str],
    base: Path,
    settings: SelectorSettings,
    seed: int,
    out: Path,
) -> dict[str, Any]:
    """Train a selector on the corpora's training files; write `out`/model and `out`/metrics.json.

    It may be asked for all `types` of the corpora: a rare one may have no sample, though a run that
    is asked for it may write it. Returns the metrics, measured on the samples of a tenth of the
    sentences, held out.
    """
    begun = time.monotonic()
    torch.manual_seed(seed)
    samples = read_samples(corpora, settings.samples, seed)
    held_out = _held_out(samples, seed)
    training = [sample for _, sample in samples if sample.candidate.sentence not in held_out]
    testing = [each for each in samples if each[1].candidate.sentence in held_out]
    selector = build(base, settings, types)
    train(selector, training, seed)
    metrics = {
        "held_out": _agreement(_judged(selector, testing)),
        "samples": {"training": len(training), "held_out": len(testing)},
        "seconds": round(time.monotonic() - begun, 1),
        "settings": settings.model_dump(mode="json", exclude={"threshold"}),
        "seed": seed,
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


def train(selector: Selector, samples: Sequence[Sample], seed: int) -> None:
    """Train the selector's weights with AdamW; the rate rises at first, then falls to nothing."""
    settings = selector.settings
    rows = selector.encode([sample.candidate for sample in samples])
    gold = torch.tensor([float(sample.kind == "gold") for sample in samples])
    weights = list(selector.trained().values())
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate)
    steps = max(1, round(settings.epochs * len(rows) / settings.batch_size))
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARMUP * steps), steps)
    batches = _batches(list(map(len, rows)), settings.batch_size, random.Random(f"{seed}:batches"))
    progress = Progress("select", steps, "steps")
    selector.train()
    for step in range(1, steps + 1):
        batch = next(batches)
        logits = selector([rows[n] for n in batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, gold[batch].to(logits.device)
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress.to(step, f"loss {loss.item():.3f}")
    selector.eval()


def _batches(lengths: Sequence[int], size: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield row numbers without end, shuffled; rows of a batch have like lengths."""
    window = size * BATCHES_A_WINDOW
    while True:
        order = rng.sample(range(len(lengths)), len(lengths))
        batches = []
        for begin in range(0, len(order), window):
            near = sorted(order[begin : begin + window], key=lambda n: lengths[n])
            batches += [near[at : at + size] for at in range(0, len(near), size)]
        rng.shuffle(batches)
        yield from batches


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
