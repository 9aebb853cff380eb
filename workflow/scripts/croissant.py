"""Describe a corpus's splits in Croissant, which other tools' data loaders read."""

import argparse
import json
from pathlib import Path

from bionerflow.report.provenance.croissant import write_croissant
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and write the description beside the splits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--about", type=json.loads, required=True, help="title, licence, … as JSON")
    parser.add_argument("--out", type=Path, required=True, help="in the folder of the splits")
    args = parser.parse_args()
    write_croissant(args.out, args.corpus, args.about)


if __name__ == "__main__":
    run(main)
