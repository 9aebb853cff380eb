"""What the subcommands share: the parser, its errors, arguments of several of them."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        self.exit(2, f"error: {message}; `{self.prog} --help` explains\n")


def subcommand(
    commands: argparse._SubParsersAction, name: str, short: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Add a subcommand that explains itself with an example."""
    its = commands.add_parser(
        name,
        help=short,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    its.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return its


def at_least_one(given: str) -> int:
    """Return a number of the command line."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given} is not a number from 1")
    return int(given)


def add_configuration(its: argparse.ArgumentParser) -> None:
    """Add what Snakemake takes a configuration from."""
    its.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as of snakemake")
    its.add_argument("--profile", metavar="PROFILE", help="as of snakemake")
