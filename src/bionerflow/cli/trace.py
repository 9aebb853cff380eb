"""`bionerflow trace`: the way from a table's cell back to its raw files."""

import argparse
from pathlib import Path

from bionerflow.cli.parsing import add_configuration, subcommand

TRACE = """\
Print the way from a cell of a table back to its raw files: its number, the runs behind it with
their machine and versions, every command in order, and the checksums of models and raw files.
`--repeat` makes the cell anew in an empty folder and says whether it is equal.
"""
TRACE_EXAMPLE = """\
example:
  bionerflow trace mfner/table5 NCBI-Disease conv_term
  bionerflow trace table5 sample_flat conv_term --configfile config/demo.yaml --repeat again
"""


def add_trace(commands: argparse._SubParsersAction) -> None:
    """Add `trace`."""
    short = "print the way from a table's cell back to its raw files"
    its = subcommand(commands, "trace", short, TRACE, TRACE_EXAMPLE)
    its.add_argument("table", metavar="TABLE", help="PAPER/TABLE, or TABLE of the primary paper")
    its.add_argument("row", metavar="ROW", help="title or key of the row")
    its.add_argument("column", metavar="COLUMN", help="title of the column")
    its.add_argument(
        "--repeat", type=Path, metavar="FOLDER", help="compute the cell again in this folder"
    )
    add_configuration(its)
    its.set_defaults(command=trace)


def trace(args: argparse.Namespace) -> None:
    """Print the way back from a cell, and repeat it where that is asked."""
    from bionerflow.workflow.check import options_of
    from bionerflow.workflow.trace import find, repeat
    from bionerflow.workflow.trace import trace as traced

    options = options_of(args.configfile, args.profile)
    found = find(args.table, args.row, args.column, args.configfile)
    print(traced(found, options))
    if args.repeat:
        print(repeat(found, args.repeat, options))
