"""Draw what a run's strategy kept and dropped by IFD, and list sentences from both ends."""

import argparse
import csv
from pathlib import Path

from bionerflow.curate.figure import examples, histogram
from bionerflow.utils.files import whole
from bionerflow.utils.script import run
from bionerflow.utils.spreadsheet import cell


def main() -> None:
    """Read the arguments, write an SVG and a CSV file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="results/curate/R/kept.parquet")
    parser.add_argument("--figure", type=Path, required=True, help="SVG")
    parser.add_argument("--examples", type=Path, required=True, help="CSV")
    args = parser.parse_args()
    with whole(args.figure) as part:
        histogram(args.kept).savefig(part, format="svg", metadata={"Date": None})
    with whole(args.examples) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["corpus", "ifd", "kept", "text"])
        writer.writeheader()
        for row in examples(args.kept):
            writer.writerow({name: cell(value) for name, value in row.items()})


if __name__ == "__main__":
    run(main)
