"""Raw files to `results/corpora/{corpus}/{train,dev,test}.parquet` and `report.json`."""

import inspect
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bionerflow.corpora.documents import Finding, Reading, moved
from bionerflow.corpora.readers import READERS
from bionerflow.corpora.report import counts, findings
from bionerflow.corpora.sentences import joined, sentences
from bionerflow.corpora.settings import SPLITS, Part, Recipe, Split
from bionerflow.corpora.splits import divide
from bionerflow.errors import UserError, nearest
from bionerflow.files import sha256, write_json
from bionerflow.schema import Entity, Example, Span, write_examples


def normalise(corpus: str, settings: Recipe, raw: Path, out: Path) -> None:
    """Read a corpus's raw files from `raw` and write its splits and report into `out`.

    Raises:
        UserError: a file is missing or broken, or the data contradict the settings.
    """
    files = {name: content(raw / name) for name in settings.files}
    cutter = Cutter(settings)
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for part in settings.splits:
        examples = list(cutter.cut(read(corpus, settings, part, files)))
        for split, chosen in divide(corpus, examples, part).items():
            splits[split].extend(chosen)
    counted = {split: counts(splits[split]) for split in SPLITS}
    check(corpus, settings, counted)
    for split in SPLITS:
        write_examples(out / f"{split}.parquet", splits[split], **counted[split])
    write_json(out / "report.json", report(corpus, settings, raw, cutter, counted))


def content(path: Path) -> bytes:
    """Return a raw file's bytes."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"The raw file {path} is missing: fetch it first.") from None


def read(corpus: str, settings: Recipe, part: Part, files: Mapping[str, bytes]) -> Reading:
    """Read a part's files with the corpus's reader and options."""
    reader = READERS.get(settings.reader)
    if not reader:
        hint = nearest(settings.reader, READERS)
        raise UserError(f"{corpus}: there is no reader '{settings.reader}'.{hint}")
    options = settings.options | part.options
    known = list(inspect.signature(reader).parameters)[1:]
    for option in options:
        if option not in known:
            raise UserError(
                f"{corpus}: the reader {settings.reader} has no option '{option}'."
                + nearest(option, known)
            )
    return reader({name: files[name] for name in part.files}, **options)


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
        self.mentions: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.numbers: Counter[str] = Counter()
        self.joined = 0

    def cut(self, reading: Reading) -> Iterator[Example]:
        """Yield the examples of a reading, numbered within their document."""
        self.mentions += reading.mentions
        self.findings += reading.findings
        for document in reading.documents:
            found = sentences(document, self.language)
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
        for entity in sorted(entities, key=lambda entity: (entity.start, -entity.end, entity)):
            type = self.type_of(entity.type)
            if type is None:
                self.left_out[entity.type] += 1
                continue
            found = Entity(type, entity.spans, entity.text)
            if type not in self.known:
                self.lose("unknown_type", id, found)
            elif found in seen:
                self.lose("duplicate", id, found)
            else:
                seen.add(found)
                yield found

    def type_of(self, raw: str) -> str | None:
        """Return the type of a raw type, or None where it is left out."""
        if raw not in self.types:
            hits = (type for pattern, type in self.patterns if fnmatchcase(raw, pattern))
            self.types[raw] = next(hits, raw)
        return self.types[raw]

    def lose(self, reason: str, id: str, entity: Entity) -> None:
        """List an entity that is not kept."""
        self.findings.append(Finding(reason, id, f"{entity.type} {entity.text!r}", lost=True))


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


def report(
    corpus: str,
    settings: Recipe,
    raw: Path,
    cutter: Cutter,
    counted: Mapping[Split, Any],
) -> dict[str, Any]:
    """Return the corpus's report; mentions = entities + left_out + lost."""
    return {
        "corpus": corpus,
        "language": settings.language,
        "sources": {
            name: {"sha256": sha256(raw / name), "bytes": (raw / name).stat().st_size}
            for name in settings.files
        },
        "splits": counted,
        "mentions": cutter.mentions.total(),
        "mentions_by_raw_type": cutter.mentions,
        "entities": sum(split["entities"] for split in counted.values()),
        "left_out": cutter.left_out.total(),
        "left_out_by_raw_type": cutter.left_out,
        "joined_sentences": cutter.joined,
        "lost": sum(finding.lost for finding in cutter.findings),
        "findings": findings(cutter.findings),
    }
