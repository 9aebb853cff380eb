"""Annotated texts in a folder: their form (`own.forms`), and their splits by their names."""

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.config.corpora import Split
from bionerflow.corpora.new_corpus.choices import CHOICES, Choices
from bionerflow.corpora.new_corpus.forms import Form, form_of
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256, whole
from bionerflow.utils.plugins import plugins

SPLIT_OF: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "test": "test"}
WORD = r"(train|dev|val|test)(?:ing|el|elop|elopment|id|idation)?"
#: A name begins or ends with a word for a split, not with a longer one as "testosterone", or has
#: the word with "set" somewhere.
NAMED = re.compile(rf"{WORD}(?![a-z])|.*(?<![a-z]){WORD}$|.*{WORD}[-_ ]?set")
#: What the shared tasks of CoNLL call their files: eng.testa and eng.testb.
CONLL: dict[str, Split] = {"testa": "dev", "testb": "test"}
#: Training and development data in one.
TRAIN_DEV = re.compile(
    r"(?:.*(?<![a-z]))?train(?:ing)?[-_+& ]*(?:and[-_ ]*)?(?:dev|val)[a-z]*(?![a-z])"
)
#: What may not be in the name of a raw file, which becomes a part of paths and commands.
NOT_IN_NAMES = re.compile(r"[^\w.+-]")
#: Shares of the documents, where no split is named, and where one is missing.
SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
WITHOUT_DEV = {"train": 0.9, "dev": 0.1}


class Found(NamedTuple):
    """A folder's annotated files: their reader, and the files of each split, or of "all".

    `passed_over` lists the files that are not read.
    """

    folder: Path
    reader: str
    splits: dict[str, list[Path]]
    passed_over: list[str]


def found(folder: Path, choices: Choices = CHOICES) -> Found:
    """Return what there is in a folder and those below it; hidden files are passed over.

    Raises:
        UserError: no form, two forms, or files with and files without a split's name.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    files, outside = inside(folder)
    if choices.form in plugins("reader"):
        forms = dict.fromkeys(files, Form(choices.form))
    else:
        forms = {path: form_of(path) for path in files}
    reader = the_reader(folder, forms, choices.form)
    kept = {path for path, form in forms.items() if form.reader == reader}
    if reader == "brat":
        kept |= {path for path in files if path.suffix.casefold() == ".txt"}
    splits, unnamed = by_split(folder, sorted(kept), choices)
    passed = [
        f"{path.relative_to(folder)}{f' ({why})' if why else ''}"
        for path, (_, why) in forms.items()
        if path not in kept or path in unnamed
    ]
    return Found(folder, reader, splits, sorted([*passed, *outside]))


def inside(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the files of a folder, and those that are not looked at: hidden ones, links out of it.

    Raises:
        UserError: a name is not UTF-8.
    """
    files, passed = [], []
    top = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not str(name).isprintable() and not is_utf8(str(name)):
            raise UserError(f"{str(path)!r}: the name is not UTF-8: rename it.")
        if not path.is_file():
            continue
        if any(part.startswith(".") for part in name.parts):
            passed.append(f"{name} (hidden)")
        elif not path.resolve().is_relative_to(top):
            passed.append(f"{name} (a link out of the folder)")
        else:
            files.append(path)
    return files, passed


def is_utf8(name: str) -> bool:
    """Say whether a name can be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def the_reader(folder: Path, forms: Mapping[Path, Form], wanted: str | None) -> str:
    """Return the reader that is wanted, or the only one that the files have.

    Raises:
        UserError: there is none, or more than one.
    """
    readers = sorted({form.reader for form in forms.values() if form.reader})
    if wanted in readers or len(readers) == 1:
        return wanted if wanted in readers else readers[0]
    if readers:
        raise UserError(
            f"{folder} has forms of several kinds ({', '.join(readers)}): name the one to read by "
            "--form, or put the others elsewhere."
        )
    refused = {form.refused: path.name for path, form in forms.items() if form.refused}
    said = "; ".join(f"{name} is {why}" for why, name in refused.items())
    raise UserError(
        f"{folder} has no annotated file that can be read: "
        f"{said or 'docs/own-corpus.md shows the forms'}."
    )


def by_split(
    folder: Path, files: Sequence[Path], choices: Choices = CHOICES
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Return the files by split, or all of them under "all" where no name tells one.

    Files that patterns do not name are returned apart.
    """
    splits: dict[str, list[Path]] = {}
    for path in files:
        name = path.relative_to(folder)
        split = by_pattern(name, choices.patterns) if choices.patterns else split_of(name)
        splits.setdefault(split if choices.by_name else "all", []).append(path)
    unnamed = splits.get("all", [])
    if choices.patterns:
        splits.pop("all", None)
    elif unnamed and len(splits) > 1:
        raise UserError(
            f"{len(unnamed)} files are of no split, {unnamed[0]} first: begin or end each "
            "file's or folder's name with train, dev or test, or none; or name splits by --train, "
            "--dev and --test, or say --splits none."
        )
    if splits.keys() - {"all"} and not {"train", "test"} <= splits.keys():
        said = " and ".join(splits)
        raise UserError(
            f"{folder} has names of {said} alone: train and test are needed, or none: rename, or "
            "say --splits none."
        )
    return splits, unnamed if choices.patterns else []


def by_pattern(name: Path, patterns: Mapping[str, Sequence[str]]) -> str:
    """Return the split whose patterns a path fits, or "all"."""
    for split, its in patterns.items():
        if any(fnmatchcase(name.as_posix(), one) or name.match(one) for one in its):
            return split
    return "all"


def split_of(path: Path) -> str:
    """Return the split that the name of the file or of a folder above it tells, or "all"."""
    for part in path.parts:
        for name in part.casefold().split("."):
            if TRAIN_DEV.match(name):
                return "train"
            named = NAMED.match(name)
            if named:
                return SPLIT_OF[next(filter(None, named.groups()))]
            if name in CONLL:
                return CONLL[name]
    return "all"


def entered(files: Found, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the entry's files and splits; many BRAT files become one archive per split."""
    sources: dict[str, Any] = {}
    parts = []
    for split, paths in files.splits.items():
        is_brat = files.reader == "brat"
        kept = [packed(files.folder, paths, out / f"{split}.tar")] if is_brat else paths
        names = {raw_name(path, files.folder): path for path in kept}
        if len(names) < len(kept):
            raise UserError(f"Files of {split} differ in `/`, `_` or signs alone: rename one.")
        sources |= {name: source(path) for name, path in names.items()}
        parts.append({"files": list(names), **dealt(split, files.splits)})
    return sources, parts


def source(path: Path) -> dict[str, str]:
    """Return a file's entry; by its checksum the workflow sees what was changed."""
    return {"local": str(path.resolve()), "sha256": sha256(path)}


def raw_name(path: Path, folder: Path) -> str:
    """Return the name that the workflow keeps a file under: its path as one word."""
    its = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    name = NOT_IN_NAMES.sub("_", "_".join(its.parts))
    return name if name[0].isalnum() else f"_{name}"


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
