"""Annotated texts of any tool, by annotator, in a form in which they can be compared.

Annotation tools change white space: line ends, tabs, spaces at the ends of texts. Texts and
mentions are therefore compared by the characters that are not white space, which every tool keeps.
"""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.new_corpus import options_of
from bionerflow.corpora.new_corpus.choices import CHOICES, Choices
from bionerflow.corpora.new_corpus.folder import Found, found
from bionerflow.corpora.new_corpus.forms import form_of
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers import READERS
from bionerflow.data.schema import Entity, Span
from bionerflow.utils.errors import UserError

#: A mention: its type, white space as `_`, and its spans without white space.
Key = tuple[str, tuple[Span, ...]]
#: A text without white space, and its number among equal ones.
Name = tuple[str, int]
#: Forms with one file per document and annotator, as INCEpTION exports them: `document/anna.tsv`.
FILE_PER_ANNOTATOR = ("cas", "webanno")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with the mentions that one annotator, or a model, marked in it."""

    document: Document
    mentions: frozenset[Key]

    @property
    def text(self) -> str:
        """The text as its file has it."""
        return self.document.text


@dataclass(slots=True)
class Texts:
    """The texts of one annotator; `lost` lists mentions that cannot be read, with the reason."""

    marked: dict[Name, Marked] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, documents: Iterable[Document], reading: Reading) -> None:
        """Take what a reader found."""
        times = Counter(text for text, _ in self.marked)
        for document in documents:
            key = ink(document.text)
            self.marked[key, times[key]] = marked(document)
            times[key] += 1
        lost = [f"{one.where}: {one.reason} {one.detail}" for one in reading.findings if one.lost]
        self.lost += lost
        self.passed_over += reading.passed_over


def ink(text: str) -> str:
    """Return a text without its white space."""
    return "".join(text.split())


def inked(text: str) -> list[int]:
    """Return the places of the characters that are not white space."""
    return [at for at, letter in enumerate(text) if not letter.isspace()]


def marked(document: Document) -> Marked:
    """Return a document with its mentions as keys."""
    places = inked(document.text)
    return Marked(document, frozenset(key_of(entity, places) for entity in document.entities))


def key_of(entity: Entity, places: list[int]) -> Key:
    """Return a mention's key; fragments that only white space parts are one."""
    spans: list[Span] = []
    for start, end in entity.spans:
        span = Span(bisect_left(places, start), bisect_left(places, end))
        if spans and spans[-1].end == span.start:
            span = Span(spans.pop().start, span.end)
        spans.append(span)
    return type_key(entity.type), tuple(spans)


def type_key(type: str) -> str:
    """Return a type as tools have it that allow no white space in it."""
    return "_".join(type.split())


def entity_of(key: Key, text: str, types: Mapping[str, str]) -> Entity:
    """Return the mention of a key in a text; `types` has the corpus's types by their keys."""
    type, spans = key
    places = inked(text)
    return Entity.at(
        types.get(type, type), [(places[start], places[end - 1] + 1) for start, end in spans], text
    )


def read_before(path: Path) -> Texts:
    """Read what was pre-annotated, in whatever form it was written.

    Raises:
        UserError: there is nothing to read, or its form cannot be told.
    """
    files, raw = opened(path)
    return read(files, raw)


def read_corrected(paths: Iterable[Path]) -> dict[str, Texts]:
    """Read corrected texts by annotator.

    Each path is an annotator, named by its file or folder, unless its form names them: Label Studio
    (`completed_by`), Prodigy (`_annotator_id`), and a file per document and annotator as INCEpTION
    exports them.

    Raises:
        UserError: there is nothing to read, or two paths have one annotator.
    """
    annotators: dict[str, Texts] = {}
    for path in paths:
        files, raw = opened(path)
        for annotator, its in by_annotator(files.reader, raw, path.stem).items():
            if annotator in annotators:
                raise UserError(f"{path}: '{annotator}' annotated two of the paths: rename one.")
            annotators[annotator] = read(files, its)
    if not any(texts.marked for texts in annotators.values()):
        raise UserError("No text was corrected: no record has an annotation by a person.")
    return annotators


def opened(path: Path) -> tuple[Found, dict[str, bytes]]:
    """Return the annotated files at a path, and their bytes by name."""
    if path.is_dir():
        files = found(path, Choices(by_name=False))
    elif path.is_file():
        form = form_of(path)
        if not form.reader:
            raise UserError(f"{path} is {form.refused or 'no annotated file that can be read'}.")
        files = Found(path.parent, form.reader, {"all": [path]}, [])
    else:
        raise UserError(f"There is no file or folder {path}: correct the path.")
    paths = [one for its in files.splits.values() for one in its]
    return files, {one.relative_to(files.folder).as_posix(): one.read_bytes() for one in paths}


def read(files: Found, raw: Mapping[str, bytes]) -> Texts:
    """Read files with the reader of their form; what offsets count is told by the mentions."""
    options = options_of(files, raw, CHOICES.options()).options
    reading = Reading()
    documents = list(READERS.named(files.reader)(reading, raw, **options))
    fit = reading.explained()
    if fit and fit.certain:
        reading = Reading(fit.counting)
        documents = list(READERS.named(files.reader)(reading, raw, **options))
    texts = Texts()
    texts.add(documents, reading)
    return texts


def by_annotator(reader: str, raw: Mapping[str, bytes], name: str) -> dict[str, dict[str, bytes]]:
    """Return the files of each annotator; where the form does not tell them, all are `name`'s."""
    if reader in RECORDS:
        return records_by_annotator(reader, raw, name)
    names = [Path(file).stem for file in raw]
    if reader not in FILE_PER_ANNOTATOR or len(set(names)) == len(names):
        return {name: dict(raw)}
    return {
        annotator: {file: data for file, data in raw.items() if Path(file).stem == annotator}
        for annotator in dict.fromkeys(names)
    }


def records_by_annotator(
    reader: str, raw: Mapping[str, bytes], name: str
) -> dict[str, dict[str, bytes]]:
    """Return the files of each annotator, with that annotator's records alone."""
    files: dict[str, dict[str, list[Any]]] = {}
    for file, data in raw.items():
        for _, value in values(file, data):
            for annotator, record in RECORDS[reader](value):
                files.setdefault(annotator or name, {}).setdefault(file, []).append(record)
    return {
        annotator: {file: json.dumps(records).encode() for file, records in its.items()}
        for annotator, its in files.items()
    }


def label_studio(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield a task once per annotation by a person; a task that has none was not corrected."""
    if not isinstance(task, dict) or "data" not in task:
        yield str(task.get("annotator", "")) if isinstance(task, dict) else "", task
        return
    for one in task.get("annotations") or task.get("completions") or []:
        by = one.get("completed_by", "")
        by = by.get("email") or by.get("id", "") if isinstance(by, dict) else by
        if not one.get("was_cancelled"):
            yield str(by), {**task, "annotations": [one], "predictions": []}


def prodigy(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield a task with its annotator."""
    keys = ("_annotator_id", "_session_id")
    named = (task.get(key) for key in keys) if isinstance(task, dict) else ()
    yield str(next(filter(None, named), "")), task


RECORDS = {"label_studio": label_studio, "prodigy": prodigy}
