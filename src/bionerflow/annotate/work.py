"""The whole of an annotation: chunks that are kept, then one output and its card."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionerflow.annotate.chunks import SIZE, chunks, file_of, is_kept, keep, kept
from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.inputs import inputs, size, tell_of_others
from bionerflow.annotate.names import FOLDERS
from bionerflow.annotate.output import check_place
from bionerflow.annotate.passages import Annotator
from bionerflow.annotate.sources import Reading, passages
from bionerflow.annotate.summary import Summary
from bionerflow.utils.files import remove_folder, write_json
from bionerflow.utils.progress import Progress, told


def annotate(
    paths: Sequence[str],
    reading: Reading,
    annotator: Annotator,
    form: str,
    out: Path,
    facts: Mapping[str, Any] | None = None,
) -> Summary:
    """Annotate inputs and write them in `form` to `out`, with a card of counts in `{out}.json`.

    What is done lies in a hidden folder beside `out` until all is: a killed annotation goes on.

    Raises:
        UserError: an input is not there or not of its form, or `out` cannot be written.
    """
    check_place(out, form in FOLDERS, paths)
    parts = out.with_name(f".{out.name}.parts")
    files = list(annotate_share(paths, reading, annotator, parts))
    summary = write(files, form, out, facts or {})
    remove_folder(parts)
    return summary


def annotate_share(
    paths: Sequence[str],
    reading: Reading,
    annotator: Annotator,
    parts: Path,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Path]:
    """Annotate each chunk that is not kept yet, and yield where it is kept, in order.

    Of `share` (k, n): of n jobs that divide the chunks, this is number k, from 0.
    """
    sources = inputs(paths)
    tell_of_others(paths)
    total = size(sources)
    progress = Progress("annotate", kb(total) if total is not None else None, "kB")
    read, done, fresh = 0, 0, False

    def count(number: int) -> None:
        nonlocal read
        read += number

    def tell(share: float) -> None:
        progress.to(kb(done + share * (read - done)))

    parts.mkdir(parents=True, exist_ok=True)
    for number, chunk in enumerate(chunks(passages(sources, reading, count), SIZE)):
        if number % share[1] != share[0]:
            continue
        file = file_of(parts, number, chunk, annotator.key)
        if not is_kept(file):
            with told(tell):
                keep(file, chunk, annotator)
            fresh = True
        elif not fresh:
            progress.skip(kb(read))
        done = read
        progress.to(kb(done))
        yield file


def kb(size: float) -> int:
    """Return bytes as kilobytes, rounded up."""
    return math.ceil(size / 1000)


def write(files: Sequence[Path], form: str, out: Path, facts: Mapping[str, Any]) -> Summary:
    """Write kept chunks in a form, and the card beside it; say what the form cannot hold."""
    summary = Summary(facts)
    FORMS[form].write(summary.counting(kept(files)), out, summary)
    write_json(out.with_name(f"{out.name}.json"), {"form": form, **summary.card()})
    for why, number in summary.left_out.items():
        print(f"{why}: {number:,} left out, listed in {out}.json", file=sys.stderr)
    return summary
