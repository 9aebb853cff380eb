"""The subcommand `serve`; what it does is in bionerflow.annotate.server."""

import argparse

from bionerflow.annotate.server.command import ABOUT, EXAMPLE, add_options
from bionerflow.cli.parsing import subcommand


def add_serve(commands: argparse._SubParsersAction) -> None:
    """Add `serve`."""
    add_options(subcommand(commands, "serve", "annotate texts on a local page", ABOUT, EXAMPLE))
