"""Train a selector of predicted entities, tune it, or filter a run's predictions with it."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import read_card
from bionerflow.select.filter import filter_by_gold, filter_predictions
from bionerflow.select.threshold import read_threshold, tune
from bionerflow.utils.environment import checkpoint_key, is_first
from bionerflow.utils.files import read_json, remove_folder
from bionerflow.utils.script import run


def main() -> None:
    """Parse the arguments and run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    fit = commands.add_parser("fit", help="train a selector")
    fit.add_argument("--corpora", type=Path, nargs="+", required=True, metavar="C/train.parquet")
    fit.add_argument("--types", nargs="+", required=True, help="of all mentions that it judges")
    fit.add_argument("--base", type=Path, required=True, help="folder of the base model")
    fit.add_argument("--settings", type=json.loads, required=True, help="SelectorSettings, JSON")
    fit.add_argument("--seed", type=int, required=True)
    fit.add_argument("--threads", type=int, required=True)
    fit.add_argument("--checkpoints", type=Path, required=True)
    fit.add_argument("--out", type=Path, required=True, help="results/select/{selector}")
    fit.set_defaults(command=fit_selector)
    keep = commands.add_parser("filter", help="filter a run's predictions")
    add_judging(keep)
    keep.add_argument("--threshold", default="0.5", help="a number, or the file that `tune` wrote")
    keep.set_defaults(command=filter_run)
    search = commands.add_parser("tune", help="find the threshold with the best F1 on dev")
    add_judging(search)
    search.set_defaults(command=tune_threshold)
    oracle = commands.add_parser("oracle", help="keep what is correct: the ceiling of filtering")
    add_predictions(oracle)
    oracle.set_defaults(command=keep_gold)
    arguments = parser.parse_args()
    arguments.command(arguments)


def add_predictions(parser: argparse.ArgumentParser) -> None:
    """Add what every command on predictions takes."""
    parser.add_argument("--predictions", type=Path, required=True, help="results/predict/R.parquet")
    parser.add_argument("--examples", type=Path, nargs="+", required=True, metavar="C/S.parquet")
    parser.add_argument("--out", type=Path, required=True)


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add what every command that asks a selector takes."""
    add_predictions(parser)
    parser.add_argument("--selector", type=Path, required=True, help="results/select/S/model")


def by_corpus(paths: Sequence[Path]) -> dict[str, Path]:
    """Return files by the corpora that their folders are named after."""
    return {path.parent.name: path for path in paths}


def fit_selector(args: argparse.Namespace) -> None:
    """Train a selector."""
    import torch

    from bionerflow.select.fit import fit
    from bionerflow.train.preemption import alone, enough_room

    torch.set_num_threads(args.threads)
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(args.out / "tensorboard"))
    settings = parse(SelectorSettings, args.settings, "--settings")
    corpora = by_corpus(args.corpora)
    inputs = {
        "settings": settings.model_dump(mode="json"),
        "seed": args.seed,
        "types": args.types,
        "data": {corpus: read_card(path) for corpus, path in corpora.items()},
        "base": read_json(f"{args.base}.json"),
    }
    folder = args.checkpoints / "select" / args.out.name
    checkpoints = folder / checkpoint_key(inputs)
    with alone(checkpoints), enough_room(checkpoints):
        fit(corpora, args.types, args.base, settings, args.seed, checkpoints, args.out)
    if is_first():
        remove_folder(folder)  # those of other data, settings or code, too


def filter_run(args: argparse.Namespace) -> None:
    """Filter a run's predictions."""
    threshold = read_threshold(args.threshold)
    examples = by_corpus(args.examples)
    filter_predictions(args.predictions, args.selector, examples, threshold, args.out)


def tune_threshold(args: argparse.Namespace) -> None:
    """Tune the threshold on predictions of the dev set."""
    tune(args.predictions, args.selector, by_corpus(args.examples), args.out)


def keep_gold(args: argparse.Namespace) -> None:
    """Keep the correct predictions."""
    filter_by_gold(args.predictions, by_corpus(args.examples), args.out)


if __name__ == "__main__":
    run(main)
