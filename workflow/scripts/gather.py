"""Put a file together that several jobs have each written a share of."""

import argparse
from pathlib import Path

from bionerflow.data.shards import gather
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write one Parquet file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shares", type=Path, nargs="+", required=True, help="in their order")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    gather(args.shares, args.out)


if __name__ == "__main__":
    run(main)
