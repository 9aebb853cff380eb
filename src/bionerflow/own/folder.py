"""Annotated texts in a folder: their form by their endings, their splits by their names."""

import io
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.corpora.settings import Split
from bionerflow.errors import UserError
from bionerflow.files import sha256, whole

READER_OF = {
    ".ann": "brat",
    ".a1": "brat",
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
#: A PubTator file of any name begins with a title.
TITLE = re.compile(rb"(?:\xef\xbb\xbf)?\s*[^|\t\n]+\|t\|")
SPLIT_OF: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "test": "test"}
WORD = r"(train|dev|val|test)(?:ing|el|elop|elopment|id|idation)?"
#: A name begins or ends with a word for a split, not with a longer one as "testosterone", or has
#: the word with "set" somewhere.
NAMED = re.compile(rf"{WORD}(?![a-z])|.*(?<![a-z]){WORD}$|.*{WORD}[-_ ]?set")
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
    forms = {path: reader for path in files if (reader := reader_of(path))}
    readers = sorted(set(forms.values()))
    if len(readers) != 1:
        said = f"forms of several kinds ({', '.join(readers)})" if readers else "no annotated file"
        known = ", ".join(sorted(READER_OF))
        raise UserError(
            f"{folder} has {said}: put files of one form into a folder of their own, by the "
            f"endings {known}; PubTator may be .txt, too."
        )
    texts = [path for path in files if path.suffix == ".txt"] if readers == ["brat"] else []
    return Found(folder, readers[0], by_split(folder, sorted([*forms, *texts])))


def reader_of(path: Path) -> str | None:
    """Return the reader of a file by its ending, for .txt by its beginning."""
    ending = path.suffix.casefold()
    if ending != ".txt":
        return READER_OF.get(ending)
    with path.open("rb") as file:
        return "pubtator" if TITLE.match(file.read(1 << 10)) else None


def by_split(folder: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files by split, or all of them under "all" where no name tells one."""
    splits: dict[str, list[Path]] = {}
    for path in files:
        splits.setdefault(split_of(path.relative_to(folder)), []).append(path)
    unnamed = splits.get("all", [])
    if unnamed and len(splits) > 1:
        raise UserError(
            f"{len(unnamed)} files are of no split, {unnamed[0]} first: begin or end each "
            "file's or folder's name with train, dev or test, or none."
        )
    if splits.keys() - {"all"} and not {"train", "test"} <= splits.keys():
        said = " and ".join(splits)
        raise UserError(
            f"{folder} has names of {said} alone: train and test are needed, or none: rename."
        )
    return splits


def split_of(path: Path) -> str:
    """Return the split that the name of the file or of a folder above it tells, or "all"."""
    for part in path.parts:
        named = NAMED.match(part.casefold().partition(".")[0])
        if named:
            return SPLIT_OF[next(filter(None, named.groups()))]
    return "all"


def entered(files: Found, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the entry's files and splits; many BRAT files become one archive a split, in `out`."""
    sources: dict[str, Any] = {}
    parts = []
    for split, paths in files.splits.items():
        is_brat = files.reader == "brat"
        kept = [packed(files.folder, paths, out / f"{split}.tar")] if is_brat else paths
        names = {raw_name(path, files.folder): path for path in kept}
        if len(names) < len(kept):
            raise UserError(f"Files of {split} differ in `/` and `_` alone: rename one of them.")
        sources |= {name: source(path) for name, path in names.items()}
        parts.append({"files": list(names), **dealt(split, files.splits)})
    return sources, parts


def source(path: Path) -> dict[str, str]:
    """Return a file's entry; by its checksum the workflow sees what was changed."""
    return {"local": str(path.resolve()), "sha256": sha256(path)}


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
