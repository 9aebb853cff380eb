"""Fill one of the papers' tables with measured numbers and lay the published ones beside them."""

import argparse
from pathlib import Path

from bionerflow.published import read_published
from bionerflow.script import run
from bionerflow.tables import long_form, read_dev_scores, read_evaluations, write_table
from bionerflow.tables_settings import Definition


def main() -> None:
    """Read the arguments, build the table, write its four forms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True, help="the table's definition as JSON")
    parser.add_argument("--evaluations", type=Path, nargs="*", default=[])
    parser.add_argument("--metrics", type=Path, nargs="*", default=[], help="runs' metrics.json")
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results/tables/{paper}/{name}.csv")
    args = parser.parse_args()
    definition = Definition.model_validate_json(args.definition)
    long = long_form(
        definition,
        read_evaluations(args.evaluations),
        read_dev_scores(args.metrics),
        read_published(args.published),
    )
    write_table(args.out, definition, long)


if __name__ == "__main__":
    run(main)
