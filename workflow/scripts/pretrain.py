"""Train a model of the tiny family from nothing, on training texts alone."""

import argparse
import json
from pathlib import Path

import torch

from bionerflow.models import load_tokenizer, write_card
from bionerflow.pretrain import pretrain, save
from bionerflow.schema import read_examples
from bionerflow.script import run
from bionerflow.settings import Architecture, PretrainSettings, parse


def main() -> None:
    """Read the arguments, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", nargs="+", required=True)
    parser.add_argument("--examples", type=Path, required=True, help="results/corpora")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--settings", required=True, help="architecture and recipe as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
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
    model = pretrain(
        tokenizer,
        texts,
        parse(Architecture, settings["architecture"], "architecture"),
        parse(PretrainSettings, settings["pretrain"], "pretrain"),
        args.seed,
    )
    save(model, tokenizer, args.out)
    write_card(args.out, parameters=sum(weight.numel() for weight in model.parameters()))


if __name__ == "__main__":
    run(main)
