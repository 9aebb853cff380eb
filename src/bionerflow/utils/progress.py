"""Progress of long work: lines on standard error with rate and time left.

They come after 5, 10, 20, 40 seconds and then every minute: short work tells soon that it goes on,
and long work does not fill a console.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import NamedTuple

Tell = Callable[[float], None]

#: Seconds between two lines.
SHORTEST, LONGEST = 5.0, 60.0

_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)
_NAME: ContextVar[str] = ContextVar("name", default="")
#: A line of progress as it is printed below.
LINE = re.compile(
    r"(?P<what>\w+)(?: (?P<name>.+?))?: (?P<done>[\d,]+)(?:/(?P<total>[\d,]+))? (?P<unit>\w+), "
    r"(?P<rate>[\d.,e+-]+)/s(?:, (?P<left>(?:\d+ days?, )?[\d:]+) left)?(?:, (?P<note>.*))?"
)


class Told(NamedTuple):
    """What a line of progress says; `note` has losses and the like, as `loss 0.12, eval_f1 0.5`."""

    what: str
    name: str
    done: int
    total: int | None
    unit: str
    rate: str
    left: str
    note: str


def read(line: str) -> Told | None:
    """Return what a line of progress says, or None where a line is none."""
    found = LINE.fullmatch(line.strip())
    if not found:
        return None
    said = {key: value or "" for key, value in found.groupdict().items()}
    done, total = (said.pop(key).replace(",", "") for key in ("done", "total"))
    return Told(**said, done=int(done), total=int(total) if total else None)


def named(name: str) -> None:
    """Put a name, such as that of a run, into each line of progress that begins from now on."""
    _NAME.set(name)


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Within the block, call `tell` with the share that is done (0 to 1) and print nothing."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


class Progress:
    """Counts units; prints a line now and then, and always the last one."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        """Begin counting now."""
        self.what, self.total, self.unit = f"{what} {_NAME.get()}", total, unit
        self.begun = self.started = self.printed = time.monotonic()
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
        wait = min(max(SHORTEST, self.printed - self.started), LONGEST)
        if (now - self.printed < wait and done != self.total) or done == self.shown:
            return
        self.printed, self.shown = now, done
        rate = (done - self.before) / max(now - self.begun, 1e-9)
        line = f"{self.what.strip()}: {self._counted(done)} {self.unit}, {_digits(rate)}/s"
        if self.total is not None and rate:
            left = round(max(self.total - done, 0) / rate)
            line += f", {timedelta(seconds=left)} left"
        print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)

    def _counted(self, done: int) -> str:
        return f"{done:,}" if self.total is None else f"{done:,}/{self.total:,}"


def _digits(rate: float) -> str:
    """Return a rate with at least two significant digits."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
