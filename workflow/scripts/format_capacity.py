"""Measure what each output format can carry of each corpus, and how long its answers are."""

import argparse
import json
from pathlib import Path

from bionerflow.config.tables import Titled
from bionerflow.data.schema import read_examples
from bionerflow.models.loading import token_counter
from bionerflow.tables.capacity import capacities, write_capacities
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", required=True, help="each corpus's types as JSON")
    parser.add_argument("--examples", type=Path, required=True, help="results/corpora")
    parser.add_argument("--tokenizers", required=True, help="folders by name as JSON")
    parser.add_argument("--titled", required=True, help="title and caption as JSON")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    corpora = {
        name: (types, list(read_examples(args.examples / name / "test.parquet")))
        for name, types in json.loads(args.corpora).items()
    }
    counters = {name: token_counter(path) for name, path in json.loads(args.tokenizers).items()}
    titled = Titled.model_validate_json(args.titled)
    write_capacities(args.out, list(capacities(corpora, counters)), titled, args.examples)


if __name__ == "__main__":
    run(main)
