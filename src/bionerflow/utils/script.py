"""What every command-line script shares: a user's error is one line, not a traceback."""

import sys
from collections.abc import Callable

from bionerflow.utils.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call `main`; print a UserError, or which file is missing, as one line; exit with status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        missing = error.filename or error  # pyarrow says it in the message alone
        sys.exit(f"error: There is no file {missing}: make it first, or correct the path.")
