"""Files that are either whole or not there: written beside their place and moved into it.

What is written is on the disk itself before it gets its name, so that a machine that loses its
power leaves no empty file under a result's name. Results in JSON carry a checksum of themselves,
and say which file of `results` they are, so that one is not taken for another.
"""

import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from bionerflow.utils.errors import UserError

#: The key of a JSON result under which the SHA-256 of its other entries stands.
CHECKSUM = "checksum"
#: The key under which its path below the folder RESULTS stands; elsewhere a result has no such key.
PLACE, RESULTS = "place", "results"
#: Files that were changed less than so many nanoseconds ago are hashed again each time: a file
#: system counts time in steps, and a second change within a step leaves size and time as they were.
FRESH = 2 * 10**9
#: What a file system says that cannot flush: nothing is lost by going on.
UNABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
#: What a file system says that has no locks.
LOCKLESS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
#: What a disk says that is full, or that a user has filled as far as is allowed.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
#: What libraries say of it in words alone: safetensors, torch's writer of ZIP files.
NO_ROOM_WORDS = ("No space left", "quota exceeded", "unexpected pos", "PytorchStreamWriter failed")
#: What is said of a file or folder that may not be written.
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
#: Ends the name of what is only being made: the machine and the process that makes it.
MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
PART = re.compile(rf"\..+\.{MACHINE}-(\d{{1,9}})\.part", re.DOTALL)
_hashed: dict[tuple[str | int, ...], str] = {}


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; what is written there becomes `path` when the block ends well."""
    path = Path(path)
    part = part_of(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            flush(part)
            os.replace(part, path)
            flush(path.parent)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` when the block ends well."""
    path = Path(path)
    part = part_of(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)  # of a killed process that had the same number
        part.mkdir()
        try:
            yield part
            for written in [*part.rglob("*"), part]:
                flush(written)
            if path.is_dir():
                shutil.rmtree(path)
            os.replace(part, path)
            flush(path.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def part_of(path: Path) -> Path:
    """Return where a file or folder is made before it gets its name.

    What killed processes of this machine left in the same folder is removed, once per process.
    """
    _remove_left(path.parent.absolute())
    return path.with_name(f".{path.name}.{MACHINE}-{os.getpid()}.part")


@cache
def _remove_left(folder: Path) -> None:
    for left in folder.glob(".*.part"):
        its = PART.fullmatch(left.name)
        if its and not _lives(int(its[1])):
            with suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def lacks_room(error: Exception) -> bool:
    """Tell whether an error says that a disk is full or a quota used up."""
    known = getattr(error, "errno", None) in NO_ROOM
    return known or any(words in str(error) for words in NO_ROOM_WORDS)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Tell in words of a full disk, of a quota that is used up, and of what may not be written."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # safetensors' own error is no OSError
        if lacks_room(error):
            raise UserError(
                f"There is no room left for {path}: the disk is full, or a quota is used up. Make "
                "room and start again."
            ) from error
        if isinstance(error, OSError) and error.errno in NOT_ALLOWED:
            raise UserError(
                f"{path} cannot be written ({error.strerror}): make it and its folder writable "
                "and start again."
            ) from error
        raise


def remove_folder(path: str | Path) -> None:
    """Remove a folder of checkpoints that are not needed any more.

    What cannot be removed is told and left: a shared disk keeps files for a while that are open on
    another machine, and no finished work is to be lost for that.
    """

    def tell(_: Any, name: str, fault: Any) -> None:
        if not isinstance(fault[1], FileNotFoundError):
            print(f"{name} cannot be removed and is left: {fault[1]}", file=sys.stderr, flush=True)

    shutil.rmtree(path, onerror=tell)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 with line feeds, whole or not at all."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, so that equal values are equal files."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    write_text(path, text + "\n")


def write_result(path: str | Path, value: Mapping[str, Any]) -> None:
    """Write `value` as `write_json` does, with a checksum and its place, which are checked."""
    plain = json.loads(json.dumps(value))
    if place := _place(path):
        plain[PLACE] = place
    write_json(path, {**plain, CHECKSUM: _checksum(plain)})


def _place(path: str | Path) -> str | None:
    """Return a file's path below the innermost folder RESULTS, if it lies in one.

    A link stands for the file that it leads to. What lies in a folder that is only being made has
    no place yet.
    """
    its = Path(path)
    its = its.resolve() if its.is_symlink() else its.absolute()
    above = [folder.name for folder in its.parents]
    if RESULTS not in above or any(name.endswith(".part") for name in above):
        return None
    return "/".join(its.parts[-1 - above.index(RESULTS) :])


def _checksum(value: Any) -> str:
    """Return the SHA-256 of a value that JSON gave, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def flush(path: Path) -> None:
    """Have what was written to a file, or a folder's list of names, put on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: str | Path) -> bool:
    """Take the lock on an open file, until it is closed; tell whether it could be had.

    A file system without locks is told, and work goes on: it is the user's to start a job once.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in LOCKLESS:
            raise
        note = f"{path} cannot be locked on this file system: start no second job beside this one."
        print(note, file=sys.stderr, flush=True)
    return True


def read_json(path: str | Path) -> Any:
    """Read a JSON file written as UTF-8.

    Raises:
        UserError: it is not JSON, its checksum is not that of its other entries, or it is a result
            that belongs in another place.
    """
    try:
        value = json.loads(Path(path).read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it is no JSON ({error})") from None
    if isinstance(value, dict) and CHECKSUM in value:
        if value.pop(CHECKSUM) != _checksum(value):
            raise damaged(path, "its checksum is another one")
        if PLACE in value:
            _check_place(path, value.pop(PLACE))
    return value


def _check_place(path: str | Path, recorded: str) -> None:
    """Refuse a result that stands in another's place; outside of results it may lie anywhere."""
    if (place := _place(path)) and place != recorded:
        raise UserError(
            f"{path} is another result, {recorded}: it was exchanged, or its folder renamed. Put "
            "it back in its place, or remove it and run again to make the right one."
        )


def read_result(path: str | Path) -> dict[str, Any]:
    """Read a JSON file that `write_result` wrote; one without a checksum is damaged, too."""
    value = read_json(path)
    if not isinstance(value, dict) or f'"{CHECKSUM}": "' not in Path(path).read_text("utf-8"):
        raise damaged(path, "it has no checksum")
    return value


def damaged(path: str | Path, why: str) -> UserError:
    """Return the error that tells of a damaged file."""
    return UserError(f"{path} is damaged: {why}. Remove it, and run again to make it anew.")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; a file that stays is read once."""
    its = os.stat(path)
    key = (os.path.abspath(path), its.st_ino, its.st_size, its.st_mtime_ns, its.st_ctime_ns)
    if key in _hashed:
        return _hashed[key]
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if abs(time.time_ns() - its.st_mtime_ns) > FRESH:
        _hashed[key] = digest
    return digest


def checksums(folder: str | Path, patterns: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file right in `folder` that a glob pattern fits, by its name."""
    names = {path.name for pattern in patterns for path in Path(folder).glob(pattern)}
    files = {name: Path(folder, name) for name in sorted(names)}
    return {name: sha256(path) for name, path in files.items() if path.is_file()}
