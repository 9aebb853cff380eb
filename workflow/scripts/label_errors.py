"""List the gold mentions of a test set that several systems contradict, for review."""

import argparse
import json
from pathlib import Path

from bionerflow.evaluate.label_errors import label_errors
from bionerflow.tables.write import write_csv
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, list, write one CSV file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument(
        "--systems",
        type=json.loads,
        required=True,
        help="JSON: system to the prediction files of its draws",
    )
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_csv(args.out, label_errors(args.systems, args.gold, args.corpus), foreign=True)


if __name__ == "__main__":
    run(main)
