"""Draw one of the papers' figures from the long form of its table."""

import argparse
import csv
from pathlib import Path

from bionerflow.tables.define import Definition
from bionerflow.tables.figures import draw
from bionerflow.utils.plotting import save
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write a PNG and an SVG file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True, help="the table's definition as JSON")
    parser.add_argument("--long", type=Path, required=True, help="results/tables/…/….long.csv")
    parser.add_argument("--out", type=Path, required=True, help="without ending")
    args = parser.parse_args()
    definition = Definition.model_validate_json(args.definition)
    with args.long.open(encoding="utf-8", newline="") as file:
        save(draw(definition, csv.DictReader(file)), args.out)


if __name__ == "__main__":
    run(main)
