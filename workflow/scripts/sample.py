"""Write a synthetic corpus in its raw form, as if it had been downloaded."""

import argparse
import sys
from pathlib import Path

from bionerflow.errors import UserError
from bionerflow.sample import write_raw

RESOURCES = Path(__file__).parents[2] / "resources" / "sample"


def main() -> None:
    """Parse the arguments and write the raw files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="name of a grammar in resources/sample")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the raw files")
    arguments = parser.parse_args()
    try:
        write_raw(arguments.corpus, RESOURCES, arguments.seed, arguments.out)
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
