"""Render a corpus's splits as conversations in one output format."""

import argparse
import json
from collections import Counter
from pathlib import Path

from bionerflow.data.schema import CONVERSATIONS, read_examples, write_rows
from bionerflow.formats import format_named
from bionerflow.formats.prompts import Asking, read_definitions
from bionerflow.formats.render import render
from bionerflow.utils.script import run

SPLITS = ("train", "dev", "test")


def main() -> None:
    """Read the arguments, write one Parquet file and its card a split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--format", required=True)
    parser.add_argument(
        "--settings", type=json.loads, required=True, help="JSON: dataset, language, types"
    )
    parser.add_argument("--definitions", type=Path, nargs="?", help="YAML: the types' definitions")
    parser.add_argument("--examples", type=Path, required=True, help="results/corpora/CORPUS")
    parser.add_argument("--out", type=Path, required=True, help="results/render/CORPUS")
    args = parser.parse_args()
    format = format_named(args.format)
    asking = Asking(
        args.settings["dataset"],
        args.settings["language"],
        tuple(args.settings["types"]),
        read_definitions(args.definitions) if args.definitions else {},
    )
    for split in SPLITS:
        counts: Counter[str] = Counter(entities=0, left_out=0, lossy=0)
        examples = read_examples(args.examples / f"{split}.parquet")
        rows = render(examples, args.corpus, asking, format, counts)
        out = args.out / f"{split}.{format.name}.parquet"
        write_rows(out, rows, CONVERSATIONS, counts=counts)


if __name__ == "__main__":
    run(main)
