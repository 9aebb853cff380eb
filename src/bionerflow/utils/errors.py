"""The error that the user can correct; it is shown as one line, without a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What is wrong, where, and what the user can do about it, in one line."""

    def __init__(self, message: str) -> None:
        """Take a message; names and texts in it may hold anything, and control no terminal."""
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Return text with spaces for line ends and tabs, and escapes for what is not printed."""
    spaced = text.translate(dict.fromkeys(map(ord, "\n\r\t"), " "))
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in spaced)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for the user: the valid name closest to `name`, or all valid names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else f" Known: {', '.join(known)}."
