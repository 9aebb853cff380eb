"""What all forms share when they are written: documents, scores, files that are whole."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count, groupby
from operator import attrgetter
from pathlib import Path
from typing import TextIO

from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.annotate.summary import Summary
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import part_of, whole

NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
#: What ends a line for some reader (`str.splitlines`), or parts columns, as a class of a pattern.
NOT_ON_A_LINE = "\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_BREAK = re.compile(f"[{NOT_ON_A_LINE}]")
LONGEST_NAME = 200  # bytes, below the 255 of common file systems


def documents(annotated: Iterable[Annotated]) -> Iterator[tuple[str, Iterator[Annotated]]]:
    """Yield each document's id with its passages."""
    key = attrgetter("passage.document", "passage.id")
    for (_, id), its in groupby(annotated, key):
        yield id, its


def one_text(passages: Iterable[Annotated], mentions: Callable[[Mention], None]) -> Iterator[str]:
    """Yield a document's text in pieces, and hand on its mentions.

    What lies between two passages becomes line feeds.
    """
    end = 0
    for one in passages:
        yield "\n" * (one.passage.start - end) + one.passage.text
        end = one.passage.start + len(one.passage.text)
        for mention in one.in_document():
            mentions(mention)


def contiguous(one: Annotated, tool: str, summary: Summary) -> list[Mention]:
    """Return the mentions of one span with text in it; others are left out and told."""
    kept = []
    for mention in one.mentions:
        what = "discontinuous mentions" if len(mention.entity.spans) > 1 else None
        if not mention.entity.text.strip():
            what = "mentions of white space alone"
        if what:
            summary.leave_out(one.passage.id, one.placed(mention), f"{tool} holds no {what}")
        else:
            kept.append(mention)
    return kept


def on_one_line(text: str) -> str:
    """Return the text with a space for each tab and for each line break of any sort."""
    return _BREAK.sub(" ", text)


def scores(mention: Mention) -> dict[str, float]:
    """Return what is known of how sure the model and the selector are."""
    known = {"confidence": mention.confidence, "probability": mention.probability}
    return {name: value for name, value in known.items() if value is not None}


def number(value: float | None) -> str:
    """Return a score as tables have it."""
    return "" if value is None else f"{value:.4g}"


def open_text(path: str | Path) -> TextIO:
    """Open a text file that keeps line ends as they are given."""
    return open(path, "w", encoding="utf-8", newline="")


def check_place(out: Path, folder: bool = False, given: Iterable[str] = ()) -> None:
    """See to it that there is a place to write to; `given` are the files and folders that are read.

    Raises:
        UserError: something is in the way at `out`, or it lies in what is read.
    """
    if folder and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is there already: remove it, or give another -o.")
    if not folder and out.is_dir():
        raise UserError(f"{out} is a folder: give -o the name of a file.")
    for path in map(Path, given):
        if path.exists() and path.resolve() in (out.resolve(), *out.resolve().parents):
            raise UserError(f"{out} lies in {path}, which is read: give -o a place outside of it.")
    out.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def text_file(path: Path) -> Iterator[TextIO]:
    """Open a file that is whole or not there."""
    with whole(path) as part, open_text(part) as file:
        yield file


@contextmanager
def folder_at(path: Path) -> Iterator[Path]:
    """Yield a new folder that becomes `path` when the block ends well.

    Raises:
        UserError: there is something at `path`.
    """
    check_place(path, folder=True)
    if path.is_dir():
        path.rmdir()
    part = part_of(path)
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def free_stem(folder: Path, id: str, ending: str) -> Path:
    """Return a path inside `folder`, to get an ending, for a document: its id made safe.

    A second document of one id gets `-2`. The folder of the path is made.
    """
    parts = [_safe(part) for part in id.split("/") if part] or ["_"]
    stem = folder.joinpath(*parts)
    stem.parent.mkdir(parents=True, exist_ok=True)
    numbered = (stem.with_name(f"{stem.name}-{n}") for n in count(2))
    return next(s for s in chain([stem], numbered) if not Path(f"{s}{ending}").exists())


def _safe(part: str) -> str:
    """Return a file name that cannot lead elsewhere."""
    name = NOT_IN_NAMES.sub("_", part)
    name = re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), name)
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")
