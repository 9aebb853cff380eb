"""Say by how much two runs differ, and whether: paired tests and intervals over documents."""

import argparse
from pathlib import Path

from bionerflow.evaluate.compare import compare
from bionerflow.utils.files import write_json
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, compare, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=Path, nargs="+", required=True, help="a run's draws")
    parser.add_argument("--second", type=Path, nargs="+", required=True, help="another's draws")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_json(args.out, compare(args.first, args.second, args.gold))


if __name__ == "__main__":
    run(main)
