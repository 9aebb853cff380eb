"""Write what is to be known of a corpus before scores on it are compared, as numbers and a page."""

import argparse
import json
from pathlib import Path

from bionerflow.evaluate.diagnostics import diagnostics
from bionerflow.evaluate.diagnostics_page import write_diagnostics
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, count, write .json, .md and .html."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="folder of {split}.parquet")
    parser.add_argument("--metadata", type=json.loads, default={}, help="JSON: key to value")
    parser.add_argument("--out", type=Path, required=True, help="results/diagnostics/{corpus}.json")
    args = parser.parse_args()
    found = diagnostics(args.folder) | {"metadata": args.metadata}
    write_diagnostics(args.out, args.corpus, found)


if __name__ == "__main__":
    run(main)
