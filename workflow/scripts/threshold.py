"""Draw the precision-recall curve of a selector's threshold."""

import argparse
from pathlib import Path

from bionerflow.select.figure import precision_recall
from bionerflow.utils.files import read_json
from bionerflow.utils.plotting import save
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write a PNG and an SVG file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuned", type=Path, required=True, help="what `select.py tune` wrote")
    parser.add_argument("--out", required=True, help="the figure, without ending")
    args = parser.parse_args()
    save(precision_recall(read_json(args.tuned)), args.out)


if __name__ == "__main__":
    run(main)
