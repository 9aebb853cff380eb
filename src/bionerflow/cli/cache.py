"""`bionerflow clear-cache`: delete what is kept in the user's cache."""

import argparse

from bionerflow.cli.parsing import subcommand

CLEAR_CACHE = """\
Delete the answers of endpoints (engine openai) and the converted models (engine ctranslate2) that
are kept in the user's cache. The folder is that of the environment variable BIONERFLOW_CACHE, else
~/.cache/bionerflow.
"""
CLEAR_CACHE_EXAMPLE = """\
example:
  bionerflow clear-cache
"""


def add_clear_cache(commands: argparse._SubParsersAction) -> None:
    """Add `clear-cache`."""
    short = "delete kept answers and converted models"
    its = subcommand(commands, "clear-cache", short, CLEAR_CACHE, CLEAR_CACHE_EXAMPLE)
    its.set_defaults(command=clear_cache)


def clear_cache(args: argparse.Namespace) -> None:
    """Delete what is kept in the cache."""
    from bionerflow.utils.cache import cache_folder
    from bionerflow.utils.cache import clear_cache as clear

    print(f"{cache_folder()}: {clear() / 1e6:,.1f} MB deleted")
