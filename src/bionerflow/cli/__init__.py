"""The command `bionerflow`: one module per subcommand.

Each subcommand imports what it needs when it runs, so that help comes at once.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from contextvars import copy_context

from bionerflow.cli.annotate import add_annotate
from bionerflow.cli.cache import add_clear_cache
from bionerflow.cli.check import add_check
from bionerflow.cli.corrections import add_add_corrections, add_rank_texts
from bionerflow.cli.new_corpus import add_new_corpus
from bionerflow.cli.new_experiment import add_new_experiment
from bionerflow.cli.parsing import Parser
from bionerflow.cli.serve import add_serve
from bionerflow.cli.status import add_status
from bionerflow.cli.trace import add_trace
from bionerflow.utils.errors import UserError, printable
from bionerflow.utils.script import check_locale

EXAMPLE = """\
example:
  bionerflow annotate notes/ --model RUN --to html -o notes.html
  bionerflow new-corpus annotated-notes/ --name notes
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand; an error is one line, and a traceback where `--debug` asks for it."""
    args = parser().parse_args(arguments)
    try:
        check_locale()
        copy_context().run(args.command, args)  # what it names its progress ends with it
    except KeyboardInterrupt:
        sys.exit("stopped: the same command goes on from here")
    except (UserError, OSError) as error:
        if args.debug:
            traceback.print_exc()
        sys.exit(f"error: {in_words(error)}")
    except Exception as error:
        if args.debug:
            raise
        said = printable(f"{type(error).__name__}: {error}")
        sys.exit(f"error: {said} (a fault of the program: --debug shows where)")


def in_words(error: UserError | OSError) -> str:
    """Return an error in one line; the system's are named by their file."""
    if isinstance(error, OSError) and error.filename:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(str(error))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = Parser(
        prog="bionerflow",
        description="Biomedical named entity recognition with trained runs of this project.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_annotate(commands)
    add_serve(commands)
    add_new_corpus(commands)
    add_rank_texts(commands)
    add_add_corrections(commands)
    add_new_experiment(commands)
    add_check(commands)
    add_trace(commands)
    add_status(commands)
    add_clear_cache(commands)
    return top
