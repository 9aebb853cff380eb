"""How fast texts are annotated, and in how much memory: by a run, or all but the model.

Texts of each size are the sentences of a corpus over and over, in paragraphs of eight. Without
`--model` a stand-in marks the first word of each sentence: what is measured is reading, cutting,
keeping and writing. Each size has a process of its own.
"""

import argparse
import itertools
import multiprocessing
import re
import resource
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate
from bionerflow.data.schema import EXAMPLES, Entity, read_rows

PARAGRAPH = 8


class First:
    """Marks the first word of each sentence."""

    language, key = "en", "first"

    def fits(self, sentence: str) -> bool:
        """Say yes."""
        return True

    def __call__(self, sentences: Sequence[str]) -> list[Answered]:
        """Mark sentences."""
        return [Answered([first(text)]) for text in sentences]


def first(text: str) -> Mention:
    """Return a mention of the first word."""
    return Mention(Entity.at("Word", [(0, len(text.split(maxsplit=1)[0]))], text), 0.5)


class Measured(NamedTuple):
    """A row: what it took."""

    megabytes: float
    sentences: int
    mentions: int
    processor_s: float
    kb_per_processor_s: float
    peak_mb: float


def measured(given: Path, form: str, model: str | None, corpus: str | None) -> Measured:
    """Annotate a file in this process, which is to do nothing else."""
    annotator = First()
    if model:
        from bionerflow.annotate.model import RunModel

        annotator = RunModel(model, corpus)
    before = resource.getrusage(resource.RUSAGE_SELF)
    counts = annotate(
        [str(given)], Reading("en"), annotator, form, given.with_suffix(".out")
    ).counts
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = given.stat().st_size
    numbers = (counts["sentences"], counts["mentions"], seconds, size / 1e3 / seconds)
    return Measured(size / 1e6, *numbers, peak())


def peak() -> float:
    """Return the most memory that this process held, in MB; ru_maxrss has its parent's in it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1e3


def write(path: Path, sentences: Sequence[str], size: float) -> Path:
    """Write a text of so many bytes."""
    with path.open("w", encoding="utf-8") as file:
        for piece in paragraphs(sentences):
            file.write(piece)
            if file.tell() >= size:
                return path
    return path


def paragraphs(sentences: Sequence[str]) -> Iterator[str]:
    """Yield paragraphs without end."""
    endless = itertools.cycle(sentences)
    while True:
        yield " ".join(itertools.islice(endless, PARAGRAPH)) + "\n\n"


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=Path, required=True, help="a split of a corpus")
    parser.add_argument("--mb", type=float, nargs="+", required=True, help="sizes of texts")
    parser.add_argument("--to", choices=FORMS, default="jsonl")
    parser.add_argument("--model", help="id or folder of a run")
    parser.add_argument("--corpus", help="where the run had several")
    args = parser.parse_args()
    sentences = [row["text"] for row in read_rows(args.examples, EXAMPLES)]
    print(f"| {' | '.join(Measured._fields)} |\n|{'--:|' * len(Measured._fields)}")
    for size in args.mb:
        with tempfile.TemporaryDirectory() as folder:
            given = write(Path(folder, "text.txt"), sentences, size * 1e6)
            alone = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=alone) as process:
                row = process.submit(measured, given, args.to, args.model, args.corpus).result()
        print(f"| {' | '.join(f'{value:,.4g}' for value in row)} |", flush=True)


if __name__ == "__main__":
    main()
