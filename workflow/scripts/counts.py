"""Count corpora as one of the papers' tables does, and lay the published numbers beside."""

import argparse
from pathlib import Path

from bionerflow.config.corpora import SPLITS
from bionerflow.config.counts import CountedTable
from bionerflow.tables.counts import count
from bionerflow.tables.made import counted
from bionerflow.tables.published import read_published
from bionerflow.tables.write import write_table
from bionerflow.utils.files import read_json
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, count, write the table's four forms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="the table's definition as JSON")
    parser.add_argument("--reports", type=Path, nargs="*", default=[], help="corpora's report.json")
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results/tables/{paper}/{name}.csv")
    args = parser.parse_args()
    table = CountedTable.model_validate_json(args.table)
    reports = {path.parent.name: read_json(path) for path in args.reports}
    name = f"{args.out.parent.name}/{args.out.stem}"
    definition, long = count(name, table, reports, read_published(args.published))
    folder = args.reports[0].parents[1] if args.reports else Path()
    write_table(args.out, definition, counted(long, folder, {"corpora": SPLITS}))


if __name__ == "__main__":
    run(main)
