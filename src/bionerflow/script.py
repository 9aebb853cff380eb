"""What every command-line script shares: a user's error is one line, not a traceback."""

import sys
from collections.abc import Callable

from bionerflow.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call `main`; print a UserError as one line and exit with status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
