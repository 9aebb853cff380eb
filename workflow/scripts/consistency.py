"""Say how far several samplings of a run agree: prediction files of the same sentences."""

import argparse
from pathlib import Path

from bionerflow.evaluate.consistency import consistency
from bionerflow.utils.files import write_json
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, compare, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="Parquet files")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_json(args.out, consistency(args.predictions, args.gold))


if __name__ == "__main__":
    run(main)
