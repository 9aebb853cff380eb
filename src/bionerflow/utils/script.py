"""What every command-line script shares: a user's error is one line, not a traceback."""

import codecs
import sys
from collections.abc import Callable

from bionerflow.utils.errors import UserError, printable


def check_locale() -> None:
    """Refuse a locale in which names of files and lines of output could not have every letter.

    Raises:
        UserError: the encoding is not UTF-8.
    """
    for name in (sys.getfilesystemencoding(), sys.stdout.encoding):
        if name and codecs.lookup(name).name != "utf-8":
            raise UserError(f"The locale's encoding is {name}, not UTF-8: set LC_ALL=C.UTF-8.")


def run(main: Callable[[], None]) -> None:
    """Call `main`; print a UserError, or which file is missing, as one line; exit with status 1."""
    try:
        check_locale()
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        # pyarrow says it in the message alone.
        missing = printable(str(error.filename or error))
        sys.exit(f"error: There is no file {missing}: make it first, or correct the path.")
