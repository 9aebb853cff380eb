"""Fine-tune a run: full weights, LoRA or QLoRA on its curated conversations."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch

from bionerflow.config.base import parse
from bionerflow.config.runs import RunCard
from bionerflow.config.stages import PredictSettings, TrainSettings
from bionerflow.data.schema import CONVERSATIONS, read_card, read_rows
from bionerflow.formats.queries import asked
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.predict import dev_f1
from bionerflow.models.loading import load_tokenizer, save
from bionerflow.train.arguments import with_equal_steps
from bionerflow.train.finetune import train
from bionerflow.train.preemption import alone, enough_room
from bionerflow.utils.environment import checkpoint_key, environment, is_first
from bionerflow.utils.files import read_json, remove_folder, write_result
from bionerflow.utils.progress import named
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, train, save the model and then its metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True, help="results/curate/{run}")
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--settings", required=True, help="train settings as JSON")
    parser.add_argument("--predict", required=True, help="predict settings as JSON")
    parser.add_argument("--card", required=True, help="how the run is asked (RunCard), as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results/train/{run}")
    args = parser.parse_args()
    named(args.out.name)
    torch.set_num_threads(args.threads)
    card = parse(RunCard, json.loads(args.card), "--card")
    settings = parse(TrainSettings, json.loads(args.settings), "train")
    if settings.equal_steps:
        kept = read_card(args.conversations / "kept.parquet")
        settings = with_equal_steps(settings, kept["reasons"])
    data = args.conversations / "train.parquet"
    inputs = {
        "settings": settings.model_dump(),
        "predict": json.loads(args.predict),
        "seed": args.seed,
        "data": read_card(data),
        "dev": read_card(args.conversations / "dev.parquet"),
        "base": read_json(f"{args.base}.json"),
    }
    tokenizer = load_tokenizer(args.base)
    checkpoints = args.checkpoints / args.out.name / checkpoint_key(inputs)
    dev = list(asked(read_rows(args.conversations / "dev.parquet", CONVERSATIONS)))
    predict = parse(PredictSettings, json.loads(args.predict), "predict")

    def validate(model: Any) -> float:
        return dev_f1(TorchEngine(model, tokenizer), dev, predict)

    queries = list(asked(read_rows(data, CONVERSATIONS)))
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(args.out / "tensorboard"))
    with alone(checkpoints), enough_room(checkpoints):
        model, metrics = train(
            args.base,
            tokenizer,
            [query.turns for query in queries],
            settings,
            checkpoints,
            args.seed,
            validate if dev else None,
            [card.corpora[query.corpus].language for query in queries],
        )
    save(model, tokenizer, args.out / "model")
    if is_first():
        write_result(args.out / "run.json", card.model_dump(mode="json"))
        write_result(args.out / "metrics.json", inputs | metrics | {"environment": environment()})
        remove_folder(checkpoints.parent)  # those of other data, settings or code, too


if __name__ == "__main__":
    run(main)
