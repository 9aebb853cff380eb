"""Progress of long work: a line on standard error with rate and time left, every few seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

Tell = Callable[[float], None]

_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Within the block, call `tell` with the share that is done (0 to 1) and print nothing."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


class Progress:
    """Counts units; prints one line per `every` seconds at most, and always the last one."""

    def __init__(self, what: str, total: int | None, unit: str, every: float = 5.0) -> None:
        """Begin counting now."""
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.begun = self.printed = time.monotonic()
        self.before, self.shown = 0, -1
        self.tell = _TELL.get()

    def skip(self, done: int) -> None:
        """Say that `done` units were done before; they do not count for the rate."""
        self.before, self.begun = done, time.monotonic()

    def to(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        if self.tell:
            self.tell(done / self.total if self.total else 0.0)
            return
        now = time.monotonic()
        waits = now - self.printed < self.every and done != self.total
        if waits or done == self.shown:
            return
        self.printed, self.shown = now, done
        rate = (done - self.before) / max(now - self.begun, 1e-9)
        line = f"{self.what}: {self._counted(done)} {self.unit}, {_digits(rate)}/s"
        if self.total is not None and rate:
            left = round(max(self.total - done, 0) / rate)
            line += f", {timedelta(seconds=left)} left"
        print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)

    def _counted(self, done: int) -> str:
        return f"{done:,}" if self.total is None else f"{done:,}/{self.total:,}"


def _digits(rate: float) -> str:
    """Return a rate with at least two significant digits."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
