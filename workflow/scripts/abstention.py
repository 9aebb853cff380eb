"""Choose thresholds of confidence on a run's dev predictions and report them on its test set."""

import argparse
from pathlib import Path

from bionerflow.evaluate.abstention import abstain
from bionerflow.utils.files import write_json
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, choose, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", type=Path, required=True, help="predictions of dev sentences")
    parser.add_argument("--test", type=Path, required=True, help="predictions of test sentences")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/{split}")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_json(args.out, abstain(args.dev, args.test, args.gold))


if __name__ == "__main__":
    run(main)
