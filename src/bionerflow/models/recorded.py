"""What is recorded beside a model that was trained here, and compared when it is loaded.

`bionerflow.json` has the SHA-256 of the model's files and, for what rests on a base model, where
the base lies, relative to the folder, and the SHA-256 of its files.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bionerflow.config.models import MODEL_FILES
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import checksums, damaged, read_result, sha256, write_result

RECORD = "bionerflow.json"


def record(folder: str | Path, base: str | Path | None = None) -> None:
    """Write the record of a folder whose files are written, and of its base model."""
    said: dict[str, Any] = {"files": _files(Path(folder))}
    if base is not None:
        said["base"] = base_record(base, folder)
    write_result(Path(folder, RECORD), said)


def base_record(base: str | Path, folder: str | Path) -> dict[str, Any]:
    """Return where a base model lies, relative to `folder`, and the SHA-256 of its files."""
    path = os.path.relpath(os.path.abspath(base), os.path.abspath(folder))
    return {"path": path, "files": _files(Path(base))}


def _files(folder: Path) -> dict[str, str]:
    found = checksums(folder, MODEL_FILES)
    return {name: found[name] for name in found if name != RECORD}


def check(folder: Path) -> None:
    """Compare a model's files with its record, if it has one.

    Raises:
        UserError: a file was changed, or is not there.
    """
    if (folder / RECORD).is_file():
        for name in changed(folder, read_result(folder / RECORD)["files"]):
            raise damaged(folder / name, f"its SHA-256 is not the one in {folder / RECORD}")


def changed(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return the files of a folder whose SHA-256 is not the recorded one, or that are not there."""
    paths = {name: folder / name for name in files}
    return [n for n, path in paths.items() if not path.is_file() or sha256(path) != files[n]]


def recorded_base(folder: Path) -> Path | None:
    """Return the base model of the adapter in `folder` by its record, if it has one."""
    said = read_result(folder / RECORD).get("base") if (folder / RECORD).is_file() else None
    # A folder of links stands for the folder that the links lead to.
    return said and checked_base((folder / RECORD).resolve().parent, said)


def checked_base(folder: Path, said: Mapping[str, Any]) -> Path:
    """Return the base model that `base_record` described for `folder`.

    Raises:
        UserError: it is not there, or is another model.
    """
    base = Path(os.path.normpath(folder.resolve() / said["path"]))
    if not base.is_dir():
        raise UserError(f"There is no model in {base}, the base model of {folder}: put it there.")
    for name in changed(base, said["files"]):
        raise UserError(
            f"The model in {base} is not the one that {folder} was trained on: {name} has another "
            "SHA-256. Put the right one there, or train again."
        )
    return base
