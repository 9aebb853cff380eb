"""Train a selector of predicted entities, or filter a run's predictions with one."""

import argparse
import json
import sys
from pathlib import Path

if not sys.flags.safe_path:
    del sys.path[0]  # this folder would hide the standard library's module `select`

from bionerflow.script import run
from bionerflow.settings import SelectorSettings, parse


def main() -> None:
    """Parse the arguments and run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    fit = commands.add_parser("fit", help="train a selector")
    fit.add_argument("--corpora", type=Path, nargs="+", required=True, metavar="C/train.parquet")
    fit.add_argument("--base", type=Path, required=True, help="folder of the base model")
    fit.add_argument("--settings", type=json.loads, required=True, help="SelectorSettings, JSON")
    fit.add_argument("--seed", type=int, required=True)
    fit.add_argument("--out", type=Path, required=True, help="results/select/{selector}")
    fit.set_defaults(command=fit_selector)
    keep = commands.add_parser("filter", help="filter a run's predictions")
    keep.add_argument("--predictions", type=Path, required=True, help="results/predict/R.parquet")
    keep.add_argument("--selector", type=Path, required=True, help="results/select/S/model")
    keep.add_argument("--examples", type=Path, nargs="+", required=True, metavar="C/test.parquet")
    keep.add_argument("--threshold", type=float, default=0.5)
    keep.add_argument("--out", type=Path, required=True, help="results/select/R+S.parquet")
    keep.set_defaults(command=filter_run)
    arguments = parser.parse_args()
    arguments.command(arguments)


def fit_selector(arguments: argparse.Namespace) -> None:
    """Train a selector; a corpus has the name of its folder."""
    from bionerflow.select.fit import fit

    settings = parse(SelectorSettings, arguments.settings, "--settings")
    corpora = {path.parent.name: path for path in arguments.corpora}
    fit(corpora, arguments.base, settings, arguments.seed, arguments.out)


def filter_run(arguments: argparse.Namespace) -> None:
    """Filter a run's predictions."""
    from bionerflow.select.filter import filter_predictions

    filter_predictions(
        arguments.predictions,
        arguments.selector,
        {path.parent.name: path for path in arguments.examples},
        arguments.threshold,
        arguments.out,
    )


if __name__ == "__main__":
    run(main)
