"""Fit a baseline to a run's curated sentences: a dictionary, a token classifier, or a file."""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bionerflow.baselines.dictionary import Dictionary
from bionerflow.baselines.external import External
from bionerflow.baselines.system import check_queries, f1
from bionerflow.config.base import parse
from bionerflow.config.runs import RunCard
from bionerflow.config.stages import TrainSettings
from bionerflow.data.schema import CONVERSATIONS, read_card, read_rows
from bionerflow.formats.queries import Asked, asked
from bionerflow.train.energy import measured
from bionerflow.train.preemption import alone, enough_room
from bionerflow.utils.environment import checkpoint_key, environment, is_first, peak_memory_mb
from bionerflow.utils.files import read_json, remove_folder, write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, fit, write the baseline and then its metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True, help="results/curate/{run}")
    parser.add_argument("--base", type=Path, help="folder of the encoder")
    parser.add_argument("--predictions", type=Path, help="JSONL file of another program")
    parser.add_argument("--settings", required=True, help="train settings as JSON")
    parser.add_argument("--card", required=True, help="how the run is asked (RunCard), as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results/train/{run}")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    card = parse(RunCard, json.loads(args.card), "--card")
    settings = parse(TrainSettings, json.loads(args.settings), "train")
    queries, dev = (
        list(asked(read_rows(args.conversations / f"{split}.parquet", CONVERSATIONS)))
        for split in ("train", "dev")
    )
    check_queries(queries)
    fit = encoder if card.system == "token_classification" else weightless
    inputs = {
        "system": card.system,
        "settings": settings.model_dump(),
        "seed": args.seed,
        "data": read_card(args.conversations / "train.parquet"),
        "dev": read_card(args.conversations / "dev.parquet"),
    }
    metrics = inputs | fit(args, card, settings, inputs, queries, dev)
    if is_first():
        write_result(args.out / "run.json", card.model_dump(mode="json"))
        write_result(args.out / "metrics.json", metrics | {"environment": environment()})


def weightless(
    args: argparse.Namespace,
    card: RunCard,
    settings: TrainSettings,
    inputs: dict[str, Any],
    queries: Sequence[Asked],
    dev: Sequence[Asked],
) -> dict[str, Any]:
    """Collect a dictionary, or take a file in; return what a training records."""
    begun = time.monotonic()
    score = None
    with measured() as used:
        if card.system == "dictionary":
            finder: Any = Dictionary.of(queries)
            score = f1(finder, dev)
        else:
            finder = External.read(args.predictions)
        finder.save(args.out / "model")
    nothing = dict.fromkeys(("too_long", "tokens_per_epoch", "tokens", "steps"), 0)
    return nothing | {
        "conversations": len(queries),
        "seconds": round(time.monotonic() - begun, 3),
        "tokens_per_second": 0.0,
        "memory_mb": peak_memory_mb(),
        "dev_f1": score,
        "curve": [],
        "measured_kwh": used,
    }


def encoder(
    args: argparse.Namespace,
    card: RunCard,
    settings: TrainSettings,
    inputs: dict[str, Any],
    queries: Sequence[Asked],
    dev: Sequence[Asked],
) -> dict[str, Any]:
    """Train a token classifier, or go on where an earlier call was killed."""
    from bionerflow.baselines.token_training import train

    base = {"base": read_json(f"{args.base}.json")}
    checkpoints = args.checkpoints / args.out.name / checkpoint_key(inputs | base)
    languages = [card.corpora[query.corpus].language for query in queries]
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(args.out / "tensorboard"))
    with alone(checkpoints), enough_room(checkpoints):
        classifier, metrics = train(
            args.base, queries, dev, settings, checkpoints, args.seed, languages
        )
    classifier.save(args.out / "model")
    if is_first():
        remove_folder(checkpoints.parent)  # those of other data, settings or code, too
    return base | metrics


if __name__ == "__main__":
    run(main)
