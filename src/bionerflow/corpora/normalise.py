"""Raw files to `results/corpora/{corpus}/{train,dev,test}.parquet` and `report.json`."""

import inspect
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bionerflow.config.corpora import SPLITS, Part, Recipe, Split
from bionerflow.corpora.documents import Document, Reading, moved
from bionerflow.corpora.offsets import Counting
from bionerflow.corpora.readers import READERS
from bionerflow.corpora.report import Tally, findings, lengths
from bionerflow.corpora.sentences import joined, sentences
from bionerflow.corpora.splits import divide
from bionerflow.data.schema import EXAMPLES, Entity, Example, Span, example_row, row_writer
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.files import sha256, write_result


def normalise(corpus: str, settings: Recipe, raw: Path, out: Path) -> None:
    """Read a corpus's raw files from `raw` and write its splits and report into `out`.

    Raw bytes, document ids and findings are held in memory, sentences are not.

    Raises:
        UserError: a file is missing or broken, or the data contradict the settings.
    """
    sources = {name: source(raw / name) for name in settings.files}
    cutter = Cutter(settings)
    tallies = {split: Tally() for split in SPLITS}
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(row_writer(out / f"{split}.parquet", EXAMPLES))
            for split in SPLITS
        }
        for part in settings.splits:
            for split, example in examples(corpus, settings, part, raw, cutter):
                tallies[split].add(example)
                writers[split].add(example_row(example))
        counted = {split: tally.counts() for split, tally in tallies.items()}
        check(corpus, settings, counted)
        check_lost(corpus, settings, cutter.reading)
        for split, writer in writers.items():
            writer.card = counted[split]
    counts = report(corpus, settings, sources, cutter, counted)
    write_result(out / "report.json", counts | {"characters": lengths(tallies.values())})


def source(path: Path) -> dict[str, Any]:
    """Return what identifies a raw file."""
    try:
        return {"sha256": sha256(path), "bytes": path.stat().st_size}
    except FileNotFoundError:
        raise UserError(f"The raw file {path} is missing: fetch it first.") from None


def examples(
    corpus: str, settings: Recipe, part: Part, raw: Path, cutter: "Cutter"
) -> Iterator[tuple[Split, Example]]:
    """Yield the examples of a part with their splits."""
    files = {name: (raw / name).read_bytes() for name in part.files}

    def cut(cutter: Cutter) -> Iterator[Example]:
        return cutter.cut(read(corpus, settings, part, files, cutter.reading))

    def documents() -> Iterator[str]:
        return (example.doc_id for example in cut(Cutter(settings)))

    return divide(corpus, part, cut(cutter), documents)


def read(
    corpus: str, settings: Recipe, part: Part, files: Mapping[str, bytes], reading: Reading
) -> Iterator[Document]:
    """Read a part's files with the corpus's reader and options."""
    try:
        reader = READERS.named(settings.reader)
    except UserError as error:
        raise UserError(f"{corpus}: {error}") from error
    options = settings.options | part.options
    known = list(inspect.signature(reader).parameters)[2:]
    for option in options:
        if option not in known:
            raise UserError(
                f"{corpus}: the reader {settings.reader} has no option '{option}'."
                + nearest(option, known)
            )
    return reader(reading, files, **options)


def reading_of(settings: Recipe) -> Reading:
    """Return an empty reading that places mentions as the settings say."""
    counting = Counting(settings.offsets, settings.shift)
    return Reading(counting, settings.trim, settings.join_wrapped)


class Cutter:
    """Cuts documents into examples of the corpus's types; keeps what was left out, and why."""

    def __init__(self, settings: Recipe) -> None:
        self.language = settings.language
        self.known = set(settings.types)
        self.patterns: list[tuple[str, str | None]] = [
            *settings.type_map.items(),
            *((type, type) for type in settings.types),
            *((type, None) for type in settings.leave_out),
        ]
        self.types: dict[str, str | None] = {}
        self.left_out: Counter[str] = Counter()
        self.line_ends = settings.line_ends
        self.reading = reading_of(settings)
        self.numbers: Counter[str] = Counter()
        self.joined = 0

    def cut(self, documents: Iterable[Document]) -> Iterator[Example]:
        """Yield the examples of documents, numbered within their document."""
        for document in documents:
            found = sentences(document, self.language, self.line_ends)
            cuts = list(joined(found, document.entities))
            self.joined += len(found) - len(cuts)
            for cut, entities in zip(cuts, within(cuts, document.entities), strict=True):
                id = f"{document.id}:{self.numbers[document.id]}"
                self.numbers[document.id] += 1
                text = document.text[cut.start : cut.end]
                kept = tuple(self.typed(entities, id))
                yield Example(id, document.id, self.language, text, kept)

    def typed(self, entities: list[Entity], id: str) -> Iterator[Entity]:
        """Yield the entities with the corpus's types, by start, longer first, each once."""
        seen = set()
        for raw in sorted(entities, key=lambda entity: (entity.start, -entity.end, entity)):
            type = self.type_of(raw.type)
            if type is None:
                self.left_out[raw.type] += 1
                continue
            same = type == raw.type
            entity = raw if same else Entity(type, raw.spans, raw.text, raw.identifiers)
            if type not in self.known:
                self.lose("unknown_type", id, entity)
            elif entity in seen:
                self.lose("duplicate", id, entity)
            else:
                seen.add(entity)
                yield entity

    def type_of(self, raw: str) -> str | None:
        """Return the type of a raw type, or None where it is left out."""
        if raw not in self.types:
            hits = (type for pattern, type in self.patterns if fnmatchcase(raw, pattern))
            self.types[raw] = next(hits, raw)
        return self.types[raw]

    def lose(self, reason: str, id: str, entity: Entity) -> None:
        """List an entity that is not kept."""
        self.reading.note(reason, id, f"{entity.type} {entity.text!r}", lost=True)


def within(cuts: Sequence[Span], entities: Iterable[Entity]) -> list[list[Entity]]:
    """Return the entities of each sentence, moved into it."""
    starts = [cut.start for cut in cuts]
    found: list[list[Entity]] = [[] for _ in cuts]
    for entity in entities:
        at = bisect_right(starts, entity.start) - 1
        found[at].append(moved(entity, -starts[at]))
    return found


def check(corpus: str, settings: Recipe, counted: Mapping[Split, Any]) -> None:
    """Raise UserError where the data have what the settings say they have not."""
    kinds = ("nested", "overlapping", "same_extent")
    overlaps = sum(split[kind] for split in counted.values() for kind in kinds)
    if overlaps and not settings.nested:
        raise UserError(f"{corpus} has {overlaps} overlapping entities: set `nested: true`.")
    parted = sum(split["discontinuous"] for split in counted.values())
    if parted and not settings.discontinuous:
        raise UserError(f"{corpus} has {parted} discontinuous entities: set `discontinuous: true`.")


def check_lost(corpus: str, settings: Recipe, reading: Reading) -> None:
    """Raise UserError where more of the mentions are lost than the settings allow.

    Repeated mentions are not among them.
    """
    reasons = Counter(f.reason for f in reading.findings if f.lost and f.reason != "duplicate")
    lost, mentions = reasons.total(), reading.mentions.total()
    if lost <= settings.max_lost * mentions:
        return
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    first = next(f for f in reading.findings if f.lost and f.reason == reasons.most_common()[0][0])
    fit = reading.explained()
    raise UserError(
        f"{corpus}: {lost} of {mentions} mentions are lost ({why}; first {first.where}: "
        f"{first.detail[:120]}), more than the share that `max_lost` allows, {settings.max_lost}."
        + (f" Of those compared, {fit}." if fit else "")
    )


def report(
    corpus: str,
    settings: Recipe,
    sources: Mapping[str, Any],
    cutter: Cutter,
    counted: Mapping[Split, Any],
) -> dict[str, Any]:
    """Return the corpus's report; mentions = entities + left_out + lost."""
    reading = cutter.reading
    fit = reading.explained()
    return {
        "corpus": corpus,
        "language": settings.language,
        "sources": sources,
        "splits": counted,
        "mentions": cutter.reading.mentions.total(),
        "mentions_by_raw_type": cutter.reading.mentions,
        "entities": sum(split["entities"] for split in counted.values()),
        "left_out": cutter.left_out.total(),
        "left_out_by_raw_type": cutter.left_out,
        "joined_sentences": cutter.joined,
        "passed_over": {kind: count for kind, count in reading.passed_over.items() if count},
        "offsets": str(fit) if fit else "",
        "lost": sum(finding.lost for finding in cutter.reading.findings),
        "findings": findings(cutter.reading.findings),
    }
