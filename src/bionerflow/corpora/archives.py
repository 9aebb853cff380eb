"""Archives read in memory: nothing is extracted, so no member can reach a path of its own."""

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from bionerflow.utils.errors import UserError

#: A corpus is a few hundred megabytes at most: more is an archive made to fill the memory.
MAX_BYTES = 1 << 30
FAULTS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
)
GZIP = b"\x1f\x8b"


def members(name: str, data: bytes) -> dict[str, bytes]:
    """Return the files of a tar (compressed or not) or zip archive by their names."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        for member, content in _walk(data):
            size += len(content)
            found[member] = content
            if size > MAX_BYTES:
                raise UserError(f"{name} unpacks to more than {MAX_BYTES} bytes: not a corpus.")
    except FAULTS as error:
        raise UserError(f"{name} is not a whole tar or zip archive ({error}).") from error
    return found


def _walk(data: bytes) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as file:
                        yield info.filename, file.read(MAX_BYTES + 1)
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            # A hard link is a second name of a member: its content is that member's.
            content = archive.extractfile(member) if member.isfile() or member.islnk() else None
            if content:
                yield member.name, content.read(MAX_BYTES + 1)


def is_archive(name: str) -> bool:
    """Say whether a file's name is that of an archive."""
    return name.casefold().endswith((".tar", ".tar.gz", ".tgz", ".zip"))


def gunzip(name: str, data: bytes) -> bytes:
    """Return the content of a gzip file; other data are returned as they are."""
    if not data.startswith(GZIP):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            content = file.read(MAX_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{name} is not a whole gzip file ({error}).") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{name} unpacks to more than {MAX_BYTES} bytes: not a corpus.")
    return content
