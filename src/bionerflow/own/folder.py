"""Annotated texts in a folder: their form by their endings, their splits by their names."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.corpora.settings import Split
from bionerflow.errors import UserError
from bionerflow.files import whole

READER_OF = {
    ".ann": "brat",
    ".pubtator": "pubtator",
    ".xml": "bioc",
    ".json": "bioc",
    ".jsonl": "jsonl",
    ".tsv": "iob",
    ".iob": "iob",
    ".iob2": "iob",
    ".bio": "iob",
    ".conll": "iob",
}
STARTS: dict[str, Split] = {"train": "train", "dev": "dev", "valid": "dev", "test": "test"}
#: Shares of the documents, where no split is named, and where one is missing.
SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
WITHOUT_DEV = {"train": 0.9, "dev": 0.1}


class Found(NamedTuple):
    """A folder's annotated files: their reader, and the files of each split, or of "all"."""

    folder: Path
    reader: str
    splits: dict[str, list[Path]]


def found(folder: Path) -> Found:
    """Return what there is in a folder and those below it; hidden files are passed over.

    Raises:
        UserError: no form, two forms, or files with and files without a split's name.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
    readers = sorted({READER_OF[path.suffix] for path in files if path.suffix in READER_OF})
    if len(readers) != 1:
        said = f"forms of several kinds ({', '.join(readers)})" if readers else "no annotated file"
        known = ", ".join(sorted(READER_OF))
        raise UserError(f"{folder} has {said}: one form is needed, by the endings {known}.")
    endings = {suffix for suffix, reader in READER_OF.items() if reader == readers[0]}
    endings |= {".txt"} if readers[0] == "brat" else set()
    taken = [path for path in files if path.suffix in endings]
    return Found(folder, readers[0], by_split(folder, taken))


def by_split(folder: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files by split, or all of them under "all" where no name tells one."""
    splits: dict[str, list[Path]] = {}
    for path in files:
        splits.setdefault(split_of(path.relative_to(folder)), []).append(path)
    unnamed = splits.get("all", [])
    if unnamed and len(splits) > 1:
        raise UserError(
            f"{len(unnamed)} files are of no split, {unnamed[0]} first: put train, dev or test at "
            "the beginning of each file's or folder's name, or of none."
        )
    if splits.keys() - {"all"} and not {"train", "test"} <= splits.keys():
        raise UserError(f"{folder} names {', '.join(splits)}: train and test are needed, or none.")
    return splits


def split_of(path: Path) -> str:
    """Return the split that a part of the path begins with, or "all"."""
    starts = (split for part in path.parts for key, split in STARTS.items()
              if part.casefold().startswith(key))  # fmt: skip
    return next(starts, "all")


def entered(files: Found, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the entry's files and splits; many BRAT files become one archive a split, in `out`."""
    sources: dict[str, Any] = {}
    parts = []
    for split, paths in files.splits.items():
        is_brat = files.reader == "brat"
        kept = [packed(files.folder, paths, out / f"{split}.tar")] if is_brat else paths
        names = {raw_name(path, files.folder): path for path in kept}
        sources |= {name: {"local": str(path.resolve())} for name, path in names.items()}
        parts.append({"files": list(names), **dealt(split, files.splits)})
    return sources, parts


def raw_name(path: Path, folder: Path) -> str:
    """Return the name that the workflow keeps a file under: its path, as one word."""
    inside = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return "_".join(inside.parts)


def dealt(split: str, splits: dict[str, list[Path]]) -> dict[str, Any]:
    """Return how the sentences of a split's files are dealt."""
    if split == "all":
        return {"into": SHARES, "order": "random"}
    if split == "train" and "dev" not in splits:
        return {"into": WITHOUT_DEV, "order": "random"}
    return {"into": split}


def packed(folder: Path, paths: Sequence[Path], archive: Path) -> Path:
    """Pack files into an archive that equal files make equal; return it."""
    with whole(archive) as part, tarfile.open(part, "w") as tar:
        for path in paths:
            data = path.read_bytes()
            info = tarfile.TarInfo(str(path.relative_to(folder)))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return archive
