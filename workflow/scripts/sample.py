"""Write a synthetic corpus in its raw form, as if it had been downloaded."""

import argparse
from pathlib import Path

from bionerflow.corpora.synthetic import write_raw
from bionerflow.utils.files import sha256, write_result
from bionerflow.utils.script import run

RESOURCES = Path(__file__).parents[2] / "resources" / "sample"


def main() -> None:
    """Read the arguments, write the raw files, and beside the folder a card of their checksums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="name of a grammar in resources/sample")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the raw files")
    args = parser.parse_args()
    write_raw(args.corpus, RESOURCES, args.seed, args.out)
    checksums = {path.name: sha256(path) for path in args.out.iterdir()}
    write_result(args.out.with_name(f"{args.out.name}.json"), {"files": checksums})


if __name__ == "__main__":
    run(main)
