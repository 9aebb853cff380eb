"""Count the sentences and documents that training and test sets share, across corpora."""

import argparse
import json
from pathlib import Path

from bionerflow.config.tables import Titled
from bionerflow.corpora.leakage import leakage
from bionerflow.tables.leakage import write_leakage
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpora",
        type=json.loads,
        required=True,
        help="JSON: corpus to why it is left out, or ''",
    )
    parser.add_argument("--folder", type=Path, required=True, help="results/corpora")
    parser.add_argument("--titled", required=True, help="title and caption as JSON")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    titled = Titled.model_validate_json(args.titled)
    write_leakage(args.out, leakage(args.corpora, args.folder), titled, args.folder)


if __name__ == "__main__":
    run(main)
