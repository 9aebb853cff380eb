"""`bionerflow check`: what targets of the workflow need and cost."""

import argparse

from bionerflow.cli.parsing import add_configuration, subcommand

CHECK = """\
Say what targets of the workflow need before they are made: files to bring by hand, gated models and
tokens, disk, memory, jobs, and by table GPU hours, kWh and gCO2e from the rates in the
configuration; after runs, what they cost beside the forecast. Nothing is fetched or computed.
"""
CHECK_EXAMPLE = """\
example:
  bionerflow check results/tables/table5.csv
  bionerflow check tables figures --configfile config/demo-all.yaml
"""


def add_check(commands: argparse._SubParsersAction) -> None:
    """Add `check`."""
    short = "say what targets of the workflow need and cost"
    its = subcommand(commands, "check", short, CHECK, CHECK_EXAMPLE)
    its.add_argument("targets", nargs="+", metavar="TARGET", help="file or rule of the workflow")
    add_configuration(its)
    its.set_defaults(command=check)


def check(args: argparse.Namespace) -> None:
    """Print what targets need and cost."""
    from bionerflow.workflow.check import check as checked

    print(checked(args.targets, args.configfile, args.profile))
