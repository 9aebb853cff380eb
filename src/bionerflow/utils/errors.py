"""The error that the user can correct; it is shown as one line, without a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What is wrong, where, and what the user can do about it, in one line."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for the user: the valid name closest to `name`, or all valid names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else f" Known: {', '.join(known)}."
