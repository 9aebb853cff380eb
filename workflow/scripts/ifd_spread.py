"""Say how the IFD of sentences is spread, corpus by corpus."""

import argparse
from pathlib import Path

from bionerflow.ifd.spread import spreads
from bionerflow.utils.files import write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, count, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="Parquet files")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_result(args.out, spreads(args.scores))


if __name__ == "__main__":
    run(main)
