"""The subcommand `status`."""

import argparse
from pathlib import Path

from bionerflow.cli.parsing import subcommand

STATUS = """\
Show the stages that are at work, silent, failed or done: share that is done, rate, time left, the
last loss and F1 on dev. Logs and checkpoints under the folder of results are read, so that it works
while Snakemake runs, on any machine of a cluster that sees the folder. Jobs that wait in Slurm are
listed with the reason and what to do.
"""
STATUS_EXAMPLE = """\
example:
  bionerflow status
  watch -n 30 bionerflow status --results /shared/project/results
"""


def add_status(commands: argparse._SubParsersAction) -> None:
    """Add `status`."""
    its = subcommand(commands, "status", "show how runs are going", STATUS, STATUS_EXAMPLE)
    its.add_argument("--results", type=Path, default=Path("results"), metavar="DIR",
                     help="folder of the results (default: results)")  # fmt: skip
    its.set_defaults(command=status)


def status(args: argparse.Namespace) -> None:
    """Print how runs are going."""
    from bionerflow.workflow.status import status as read_status

    print(read_status(args.results))
