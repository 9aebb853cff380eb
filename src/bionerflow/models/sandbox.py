"""Runs code that strangers wrote (chat templates) in a child process with limits.

A Jinja template of an untrusted model can loop for hours or build a string of gigabytes. Python
cannot interrupt either from within, so the work is done in a forked child whose processor time and
memory the operating system limits. The child inherits all objects and returns JSON.
"""

import json
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

import psutil

from bionerflow.utils.errors import UserError

CPU_SECONDS = 3
WALL_SECONDS = 60
MEMORY = 1 << 30  # bytes beyond what the process has mapped already
RESULT = 1 << 26  # bytes


class LimitError(UserError):
    """Work that needs more time or memory than it may take."""


def limited(work: Callable[[], Any]) -> Any:
    """Return what `work` returns, which JSON can hold, within limits of time and memory.

    Raises:
        LimitError: the work reached a limit.
        UserError: the work raised an exception. The message is a clause without a full stop.
    """
    receiver, sender = os.pipe()
    with warnings.catch_warnings():  # Python 3.12 warns of threads; the child starts and takes none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _work(work, sender)
    os.close(sender)
    try:
        answer = _read(receiver)
    finally:
        os.close(receiver)
        os.kill(child, signal.SIGKILL)  # an unreaped child: the number is still its own
        os.waitpid(child, 0)
    if answer is None:
        raise LimitError(f"it needs more than {CPU_SECONDS} s or {MEMORY >> 30} GB")
    if "error" in answer:
        raise UserError(answer["error"])
    return answer["value"]


def _work(work: Callable[[], Any], sender: int) -> None:
    """Do the work in the child, send the answer, and end without the parent's clean-up."""
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        if hasattr(resource, "RLIMIT_AS"):
            most = psutil.Process().memory_info().vms + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        try:
            answer = {"value": work()}
        except MemoryError:
            os._exit(1)
        except Exception as error:  # whatever a template raises
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        with os.fdopen(sender, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _read(receiver: int) -> Any:
    """Return the child's answer, or None where it ended without one or not in time."""
    data, deadline = b"", time.monotonic() + WALL_SECONDS
    while len(data) <= RESULT:
        ready = wait([receiver], max(0.0, deadline - time.monotonic()))
        part = os.read(receiver, 1 << 16) if ready else b""
        if not part:
            break
        data += part
    try:
        return json.loads(data)
    except ValueError:
        return None
