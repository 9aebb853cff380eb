"""A new version of a corpus: its sentences and the corrected ones, with the same dev and test."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.annotate.corrections.agreement import majority
from bionerflow.annotate.corrections.texts import Marked, Name, Texts, entity_of, ink, type_key
from bionerflow.config.base import parse
from bionerflow.config.corpora import SPLITS, CorpusSettings
from bionerflow.corpora.documents import Document
from bionerflow.corpora.download import fetch
from bionerflow.corpora.leakage import SHORTEST
from bionerflow.corpora.new_corpus import KINDS
from bionerflow.corpora.normalise import Cutter, normalise
from bionerflow.corpora.report import Tally
from bionerflow.data.schema import EXAMPLES, Example, entity_from, gold_row, read_rows
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256, write_text

#: The file of the corrected sentences in a new version.
CORRECTIONS = "corrections"
#: What a reader takes that is not needed where sentences are read that were normalised already.
RAW = ("reader", "options", "offsets", "shift", "type_map", "leave_out", "line_ends", "generator")
#: What stands for files that are not written yet.
UNWRITTEN = {"files": {"none": {}}, "splits": [{"files": ["none"], "into": "train"}]}

Rows = dict[str, list[Example]]


class Version(NamedTuple):
    """A new version: its entry, sentences by file, and what of the corrections is not in it.

    `held_out` are ids of texts that dev or test hold, `replaced` counts training sentences that
    were corrected, `new_types` are those that the corpus had not.
    """

    entry: dict[str, Any]
    held_out: list[str]
    replaced: int
    new_types: list[str]
    sentences: int


def new_version(
    corpus: str,
    settings: CorpusSettings,
    before: Texts,
    annotators: Mapping[str, Texts],
    out: Path,
) -> Version:
    """Write the files of a new version into `out`, one per split and one of the corrections.

    Args:
        corpus: The corpus's name.
        settings: Its entry.
        before: What was pre-annotated; texts that are in it keep its white space.
        annotators: Corrected texts by annotator. Of several annotators of one text, the mentions
            count that more than half of them marked.
        out: The folder of the new version.

    Raises:
        UserError: nothing is left to train on: dev and test hold all corrected texts.
    """
    old = sentences_of(corpus, settings)
    documents, new_types = corrected(settings, before, annotators)
    entry = changed(settings, new_types, out.name)
    as_read = entry | UNWRITTEN | {"line_ends": settings.line_ends}
    cutter = Cutter(parse(CorpusSettings, as_read, corpus))
    cut = list(cutter.cut(documents))
    seen = {ink(row.text) for split in ("dev", "test") for row in old[split] if is_long(row)}
    held_out = list(dict.fromkeys(row.doc_id for row in cut if ink(row.text) in seen))
    added = [row for row in cut if row.doc_id not in held_out]
    if not added:
        raise UserError(
            f"Dev and test of {corpus} hold all {len(documents)} corrected texts: correct others, "
            "or a test would be trained on."
        )
    own = {ink(row.text) for row in added if is_long(row)}
    kept = [row for row in old["train"] if ink(row.text) not in own]
    replaced = len(old["train"]) - len(kept)
    files = {**old, "train": kept, CORRECTIONS: added}
    entry |= written(files, out) | flags(files)
    return Version(entry, held_out, replaced, new_types, len(added))


def is_long(row: Example) -> bool:
    """Tell whether a sentence is no heading or stock phrase (`corpora.leakage`)."""
    return len(ink(row.text)) >= SHORTEST


def sentences_of(corpus: str, settings: CorpusSettings) -> Rows:
    """Return the sentences of a corpus by split, read anew from its raw files."""
    if settings.generator:
        raise UserError(f"{corpus} is synthetic: corrections are added to a corpus of texts.")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for file in settings.files:
            fetch(settings.entry(file), work / "raw" / file)
        normalise(corpus, settings, work / "raw", work)
        return {
            split: [example(row) for row in read_rows(work / f"{split}.parquet", EXAMPLES)]
            for split in SPLITS
        }


def example(row: Mapping[str, Any]) -> Example:
    """Return a row of a corpus as an example."""
    entities = tuple(map(entity_from, row["entities"]))
    return Example(row["id"], row["doc_id"], row["language"], row["text"], entities)


def corrected(
    settings: CorpusSettings, before: Texts, annotators: Mapping[str, Texts]
) -> tuple[list[Document], list[str]]:
    """Return the corrected texts as documents, and their types that the corpus has not."""
    types = {type_key(type): type for type in settings.types}
    documents: list[Document] = []
    new: dict[str, None] = {}
    for name, one in first_of_each(annotators).items():
        text = before.marked.get(name, one)
        keys = sorted(majority(name, annotators))
        new |= dict.fromkeys(type for type, _ in keys if type not in types)
        entities = tuple(entity_of(key, text.text, types) for key in keys)
        borders = text.document.sentences
        documents.append(Document(text.document.id, text.text, entities, borders))
    return documents, list(new)


def first_of_each(annotators: Mapping[str, Texts]) -> dict[Name, Marked]:
    """Return each text once, as its first annotator has it."""
    found: dict[Name, Marked] = {}
    for texts in annotators.values():
        found = {**texts.marked, **found}
    return found


def changed(settings: CorpusSettings, new_types: Sequence[str], title: str) -> dict[str, Any]:
    """Return a corpus's entry without its files, for sentences that were normalised already."""
    entry = settings.model_dump(mode="json", exclude={*RAW, "files", "splits"}, exclude_none=True)
    types = [*settings.types, *new_types]
    return entry | {"title": title, "reader": "jsonl", "types": types}


def written(files: Rows, out: Path) -> dict[str, Any]:
    """Write sentences as JSON lines; return the entry's files and splits."""
    for name, rows in files.items():
        write_text(out / f"{name}.jsonl", "".join(map(json_line, rows)))
    paths = {f"{name}.jsonl": out / f"{name}.jsonl" for name in files}
    parts = {split: [f"{split}.jsonl"] for split in SPLITS}
    parts["train"].append(f"{CORRECTIONS}.jsonl")
    return {
        "files": {
            name: {"local": str(path.resolve()), "sha256": sha256(path)}
            for name, path in paths.items()
        },
        "splits": [{"files": names, "into": split} for split, names in parts.items()],
    }


def json_line(row: Example) -> str:
    """Return a sentence as the reader `jsonl` takes it."""
    entities = [gold_row(entity) for entity in row.entities]
    record = {"doc_id": row.doc_id, "text": row.text, "entities": entities}
    return json.dumps(record, ensure_ascii=False) + "\n"


def flags(files: Rows) -> dict[str, bool]:
    """Return which kinds of mentions the sentences have."""
    tally = Tally()
    for row in every(files):
        tally.add(row)
    counts = tally.counts()
    return {
        "nested": any(counts[kind] for kind in KINDS),
        "discontinuous": bool(counts["discontinuous"]),
    }


def every(files: Rows) -> Iterator[Example]:
    """Yield the sentences of all files."""
    for rows in files.values():
        yield from rows


def following(name: str) -> str:
    """Return the name of the version after one: notes, notes-v2, notes-v3."""
    root, number = parted(name)
    return f"{root}-v{number + 1}"


def parted(name: str) -> tuple[str, int]:
    """Return the name of a corpus's first version, and the number of this one."""
    match = re.fullmatch(r"(.+?)-v(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 1)
