"""Train a model of the tiny family from nothing, on training texts alone."""

import argparse
import json
import shutil
from pathlib import Path

import torch

from bionerflow import encoder, pretrain
from bionerflow.files import read_json
from bionerflow.interruption import alone, enough_room
from bionerflow.models import load_tokenizer, save, write_card
from bionerflow.records import checkpoint_key
from bionerflow.schema import read_examples
from bionerflow.script import run
from bionerflow.settings.base import parse
from bionerflow.settings.models import Architecture
from bionerflow.settings.stages import TrainSettings

FAMILY = {"decoder": pretrain, "encoder": encoder}


def main() -> None:
    """Read the arguments, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", nargs="+", required=True)
    parser.add_argument("--examples", type=Path, required=True, help="results/corpora")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--settings", required=True, help="architecture and recipe as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = json.loads(args.settings)
    texts = [
        (example.language, example.text)
        for corpus in args.corpora
        for example in read_examples(args.examples / corpus / "train.parquet")
    ]
    tokenizer = load_tokenizer(args.tokenizer)
    inputs = {
        "settings": settings,
        "texts": texts,
        "tokenizer": read_json(f"{args.tokenizer}.json"),
    }
    key = checkpoint_key({**inputs, "seed": args.seed})
    checkpoints = args.checkpoints / args.out.name / key
    architecture = parse(Architecture, settings["architecture"], "architecture")
    with alone(checkpoints), enough_room(checkpoints):
        model, metrics = FAMILY[architecture.kind].pretrain(
            tokenizer,
            pretrain.draw_texts(texts, settings["sentences"], args.seed),
            architecture,
            parse(TrainSettings, settings["train"], "train"),
            checkpoints,
            args.seed,
        )
    save(model, tokenizer, args.out)
    parameters = sum(weight.numel() for weight in model.parameters())
    shutil.rmtree(checkpoints)
    write_card(args.out, parameters=parameters, training=metrics)


if __name__ == "__main__":
    run(main)
