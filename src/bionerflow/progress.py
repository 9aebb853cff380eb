"""Progress of long work: a line on standard error with rate and time left, every few seconds."""

import sys
import time


class Progress:
    """Counts towards a total; prints at most one line each `every` seconds, and the last one."""

    def __init__(self, what: str, total: int, unit: str, every: float = 5.0) -> None:
        """Begin counting now."""
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.begun = self.printed = time.monotonic()

    def to(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        now = time.monotonic()
        if now - self.printed < self.every and done < self.total:
            return
        self.printed = now
        rate = done / max(now - self.begun, 1e-9)
        left = max(self.total - done, 0) / rate if rate else 0.0
        line = f"{self.what}: {done:,}/{self.total:,} {self.unit}, {rate:,.0f}/s, {left:.0f} s left"
        print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)
