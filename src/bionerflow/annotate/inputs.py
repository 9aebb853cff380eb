"""What is to be annotated: files, those of folders, standard input."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bionerflow.utils.errors import UserError

STDIN = "-"
SUFFIXES = {".txt": "text", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
            ".json": "bioc", ".xml": "bioc", ".pubtator": "pubtator"}  # fmt: skip
KNOWN = ", ".join(sorted(SUFFIXES))
#: Beside texts, what has none: BRAT's annotations and configuration.
BESIDE = (".ann", ".a1", ".conf")


class Input(NamedTuple):
    """A file, and the id of its document where it is one."""

    path: str
    id: str


def inputs(paths: Iterable[str]) -> list[Input]:
    """Return the files to read, those of folders by name, hidden ones left out.

    Of BRAT's files only the texts are. Files of one name have their paths for ids.

    Raises:
        UserError: a path is not there, or there is nothing to read.
    """
    found: list[Input] = []
    for given in paths:
        path = Path(given)
        if given == STDIN:
            found.append(Input(STDIN, "stdin"))
        elif path.is_dir():
            found += in_folder(path)
        elif not path.exists():
            raise UserError(f"There is no file or folder {given}: correct the path.")
        elif path.suffix not in BESIDE:
            found.append(Input(given, path.stem))
    if not found:
        raise UserError("Files of annotations hold no texts: name the texts, or their folder.")
    times = Counter(file.id for file in found)
    return [file if times[file.id] == 1 else Input(file.path, file.path) for file in found]


def expanded(paths: Iterable[str]) -> list[str]:
    """Return the paths, in place of a folder the files to read in it."""
    files = ([f.path for f in in_folder(Path(g))] if Path(g).is_dir() else [g] for g in paths)
    return list(chain.from_iterable(files))


def in_folder(folder: Path) -> list[Input]:
    """Return the files to read in a folder and those below it."""
    texts = [file for file in seen(folder) if file.suffix.lower() in SUFFIXES]
    if not texts:
        raise UserError(f"The folder {folder} has no file to read; known endings: {KNOWN}.")
    return [Input(str(f), f.relative_to(folder).with_suffix("").as_posix()) for f in texts]


def tell_of_others(paths: Iterable[str]) -> None:
    """Say which files of folders are passed over, if any."""
    for folder in (Path(given) for given in paths if Path(given).is_dir()):
        others = [f for f in seen(folder) if f.suffix.lower() not in (*SUFFIXES, *BESIDE)]
        if others:
            said = f"{len(others)} files are passed over, {others[0]} first; known endings: {KNOWN}"
            print(f"{folder}: {said}", file=sys.stderr)
        links = [path for path in visible(folder) if path.is_symlink() and leads_out(path, folder)]
        if links:
            said = f"{len(links)} links lead out of it and are passed over, {links[0]} first"
            print(f"{folder}: {said}: name what they lead to as inputs.", file=sys.stderr)


def seen(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and those below it by name.

    Hidden files and links that lead out of the folder are left out.
    """
    for file in visible(folder):
        if file.is_file() and not leads_out(file, folder):
            yield file


def visible(folder: Path) -> Iterator[Path]:
    """Yield all that is in a folder and below it by name, hidden files and folders left out."""
    for path in sorted(folder.rglob("*")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def leads_out(path: Path, folder: Path) -> bool:
    """Say whether a path in a folder leads, by links, to a place outside of it."""
    return not path.resolve().is_relative_to(folder.resolve())


def size(files: Iterable[Input]) -> int | None:
    """Return the bytes of all files, or None where standard input or another pipe is among them."""
    paths = [Path(file.path) for file in files]
    return sum(p.stat().st_size for p in paths) if all(p.is_file() for p in paths) else None
