"""Normalise one corpus: raw files to train, dev and test, and a report."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.corpora import Recipe
from bionerflow.corpora.normalise import normalise
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and normalise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--settings", required=True, help="the corpus's recipe as JSON")
    parser.add_argument("--raw", type=Path, required=True, help="folder of its raw files")
    parser.add_argument("--out", type=Path, required=True, help="folder of its splits")
    args = parser.parse_args()
    settings = parse(Recipe, json.loads(args.settings), args.corpus)
    normalise(args.corpus, settings, args.raw, args.out)


if __name__ == "__main__":
    run(main)
