"""Draw the precision-recall curve of a selector's threshold."""

import argparse
from pathlib import Path

from bionerflow.drawing import save
from bionerflow.files import read_json
from bionerflow.script import run
from bionerflow.select.figure import precision_recall


def main() -> None:
    """Read the arguments, write a PNG and an SVG file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuned", type=Path, required=True, help="what `select.py tune` wrote")
    parser.add_argument("--out", required=True, help="the figure, without ending")
    args = parser.parse_args()
    save(precision_recall(read_json(args.tuned)), args.out)


if __name__ == "__main__":
    run(main)
