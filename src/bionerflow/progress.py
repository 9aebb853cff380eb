"""Progress of long work: a line on standard error with rate and time left, every few seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SILENT = ContextVar("silent", default=False)


@contextmanager
def silent() -> Iterator[None]:
    """Print no progress of what the block calls: the caller tells its own."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


class Progress:
    """Counts towards a total, or up; prints at most one line each `every` seconds, and the last."""

    def __init__(self, what: str, total: int | None, unit: str, every: float = 5.0) -> None:
        """Begin counting now."""
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.begun = self.printed = time.monotonic()
        self.before = 0

    def skip(self, done: int) -> None:
        """Say that `done` units were done before: the rate is that of what follows."""
        self.before, self.begun = done, time.monotonic()

    def to(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        now = time.monotonic()
        if _SILENT.get() or (now - self.printed < self.every and done != self.total):
            return
        self.printed = now
        rate = (done - self.before) / max(now - self.begun, 1e-9)
        line = f"{self.what}: {self._counted(done)} {self.unit}, {rate:,.0f}/s"
        if self.total is not None:
            line += f", {max(self.total - done, 0) / rate if rate else 0:.0f} s left"
        print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)

    def _counted(self, done: int) -> str:
        return f"{done:,}" if self.total is None else f"{done:,}/{self.total:,}"
