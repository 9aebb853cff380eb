"""Fetch one raw file: from the mirror or its address, verified."""

import argparse
import json
import os
from pathlib import Path

from bionerflow.corpora.download import about, fetch
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    corpora = os.environ.get("BIONERFLOW_CORPORA", "config/corpora.yaml")
    parser.add_argument("--corpora", type=Path, default=corpora, help="the file of the corpora")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--entry", required=True, help="the file's entry as JSON")
    mirror = os.environ.get("BIONERFLOW_MIRROR", "")
    parser.add_argument("--mirror", default=mirror, help="a folder that is used first")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    fetch(json.loads(args.entry) | about(args.corpora, args.corpus), args.out, args.mirror)


if __name__ == "__main__":
    run(main)
