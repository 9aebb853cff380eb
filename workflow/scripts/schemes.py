"""Rank prediction sets by the strictest and by the most lenient accepted scheme."""

import argparse
from pathlib import Path

from bionerflow.evaluate.schemes import schemes
from bionerflow.tables.fill import read_evaluations
from bionerflow.tables.write import write_csv
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, rank, write one CSV file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=Path, nargs="*", default=[], help="JSON files")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_csv(args.out, schemes(read_evaluations(args.evaluations)))


if __name__ == "__main__":
    run(main)
