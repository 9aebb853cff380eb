"""Make predictions that are kept without text (resources/measured) a prediction file again."""

import argparse
from pathlib import Path

from bionerflow.data.measured import restore
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write a Parquet file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="resources/measured/R.jsonl")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    restore(args.kept, args.gold, args.out)


if __name__ == "__main__":
    run(main)
