"""Faults at chosen moments of a job: Python imports this file at its start, from PYTHONPATH.

A file gets its name once it is whole. `faults.json` in the folder FAULTS has patterns of such names
with what is to happen right before, and at the how manieth one of a process.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ.get("FAULTS", os.devnull))


def pause(name):
    """Say that the job is there, and wait until it is let go; say also that SIGTERM has come."""
    before = signal.getsignal(signal.SIGTERM)

    def told(number, frame):
        (FOLDER / f"{name}.told").touch()
        if callable(before):
            before(number, frame)
        else:
            signal.signal(number, before)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, told)
    (FOLDER / f"{name}.paused").touch()
    while (FOLDER / "pause").exists():
        time.sleep(0.05)
    signal.signal(signal.SIGTERM, before)


def memory(name):
    """Take memory until there is no more."""
    held = []
    while True:
        held.append(b"x" * (1 << 24))


def kill(name):
    """Die at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(faults):
    """Have the faults happen in this process."""
    seen = dict.fromkeys(faults, 0)

    def renamed(event, arguments):
        if event != "os.rename":
            return
        for name, (pattern, number, fault) in faults.items():
            if re.search(pattern, os.fspath(arguments[1])):
                seen[name] += 1
                if seen[name] == number:
                    globals()[fault](name)

    sys.addaudithook(renamed)


if (FOLDER / "faults.json").is_file():
    watch(json.loads((FOLDER / "faults.json").read_text()))
