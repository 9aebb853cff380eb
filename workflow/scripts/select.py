"""Train a selector of predicted entities, tune it, or filter a run's predictions with it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.stages import SelectorSettings
from bionerflow.select.filter import filter_by_gold, filter_predictions
from bionerflow.select.threshold import read_threshold, tune
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
    from bionerflow.select.fit import fit

    settings = parse(SelectorSettings, args.settings, "--settings")
    fit(by_corpus(args.corpora), args.types, args.base, settings, args.seed, args.out)


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
