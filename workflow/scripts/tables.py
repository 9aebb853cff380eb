"""Fill one of the papers' tables with measured numbers and lay the published ones beside them."""

import argparse
from pathlib import Path

from bionerflow.tables.abstention import abstentions
from bionerflow.tables.cases import cases
from bionerflow.tables.define import Definition
from bionerflow.tables.fill import Number, long_form, measured, read_evaluations, read_metrics
from bionerflow.tables.made import made_of, read_made
from bionerflow.tables.published import read_published
from bionerflow.tables.significance import differences
from bionerflow.tables.write import write_table
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, fill the table, write its four forms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True, help="the table's definition as JSON")
    parser.add_argument("--evaluations", type=Path, nargs="*", default=[])
    parser.add_argument("--metrics", type=Path, nargs="*", default=[], help="runs' metrics.json")
    parser.add_argument("--predictions", type=Path, nargs="*", default=[], help="Parquet files")
    parser.add_argument("--dev", type=Path, nargs="*", default=[], help="the same, of dev")
    parser.add_argument("--gold", type=Path, help="folder of {corpus}/{split}.parquet")
    parser.add_argument("--published", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True, help="results/tables/{paper}/{name}.csv")
    args = parser.parse_args()
    definition = Definition.model_validate_json(args.definition)
    published = read_published(args.published) if args.published else None
    write_table(args.out, definition, long_form(definition, numbers(definition, args), published))


def numbers(definition: Definition, args: argparse.Namespace) -> list[Number]:
    """Return the measured numbers of a table of any kind."""
    recorded = read_metrics(args.metrics)
    if definition.kind == "grid":
        return measured(definition, read_evaluations(args.evaluations), recorded)
    predictions, dev = ({path.stem: path for path in its} for its in (args.predictions, args.dev))
    if definition.kind == "abstention":
        found = abstentions(definition, predictions, dev, args.gold)
    else:
        fill = cases if definition.kind == "cases" else differences
        found = fill(definition, predictions, args.gold)
    made = read_made(predictions, args.gold)
    return [number | made_of(number, made, recorded) for number in found]


if __name__ == "__main__":
    run(main)
