"""Annotated passages written in each form, as they come: no document is held as a whole.

Every form has the document's own offsets. BRAT and PubTator have one text a document: what lies
between two passages becomes line feeds. PubTator's title is the first line, and further line ends
become spaces, so that all offsets stay.
"""

import csv
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from bionerflow.annotate.bioc import bioc
from bionerflow.annotate.output import (
    documents,
    folder_at,
    free_stem,
    number,
    open_text,
    scores,
    text_file,
)
from bionerflow.annotate.page import html
from bionerflow.annotate.passages import Annotated, Mention, mention_row
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.writers import on_one_line

Writer = Callable[[Iterable[Annotated], Path, Summary], None]

BRAT_HEAD = "[relations]\n\n[events]\n\n[attributes]\n\n[entities]\n"


def one_text(passages: Iterable[Annotated], mentions: Callable[[Mention], None]) -> Iterator[str]:
    """Yield a document's text in pieces, and hand on its mentions."""
    end = 0
    for one in passages:
        yield "\n" * (one.passage.start - end) + one.passage.text
        end = one.passage.start + len(one.passage.text)
        for mention in one.in_document():
            mentions(mention)


def jsonl(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a record a passage; spans count in its text, which begins at `start` of the document.

    The reader `jsonl` reads it.
    """
    with text_file(out) as file:
        for one in annotated:
            row = {
                "doc_id": one.passage.id,
                "start": one.passage.start,
                "text": one.passage.text,
                "entities": [mention_row(mention) for mention in one.mentions],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def csv_rows(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a row a mention."""
    with text_file(out) as file:
        table = csv.writer(file, lineterminator="\n")
        head = ["document", "start", "end", "spans", "type", "text", "confidence", "probability"]
        table.writerow(head)
        for one in annotated:
            for mention in one.in_document():
                entity = mention.entity
                spans = ";".join(f"{start}-{end}" for start, end in entity.spans)
                place = [one.passage.id, entity.start, entity.end, spans]
                scores = [number(mention.confidence), number(mention.probability)]
                table.writerow([*place, entity.type, entity.text, *scores])


def brat(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a folder: a .txt and .ann file a document, and BRAT's list of types.

    Confidences are notes of the mentions. A type's white space becomes `_`.
    """
    with folder_at(out) as folder:
        types: set[str] = set()
        for id, passages in documents(annotated):
            stem = free_stem(folder, id)
            stem.parent.mkdir(parents=True, exist_ok=True)
            with open_text(f"{stem}.txt") as text, open_text(f"{stem}.ann") as notes:
                rows = _BratRows(notes)
                for piece in one_text(passages, rows.add):
                    text.write(piece)
                types |= rows.types
        (folder / "annotation.conf").write_text(
            BRAT_HEAD + "".join(f"{type}\n" for type in sorted(types)), encoding="utf-8"
        )


class _BratRows:
    """Writes the lines of an .ann file."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.number = file, 0
        self.types: set[str] = set()

    def add(self, mention: Mention) -> None:
        entity = mention.entity
        self.number += 1
        type = "_".join(entity.type.split()) or "_"
        self.types.add(type)
        spans = ";".join(f"{start} {end}" for start, end in entity.spans)
        self.file.write(f"T{self.number}\t{type} {spans}\t{on_one_line(entity.text)}\n")
        note = scores(mention)
        if note:
            words = ", ".join(f"{name} {number(value)}" for name, value in note.items())
            self.file.write(f"#{self.number}\tAnnotatorNotes T{self.number}\t{words}\n")


def pubtator(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one file; the seventh column is the confidence, where known."""
    with text_file(out) as file:
        for id, passages in documents(annotated):
            with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as rows:
                block = _PubtatorBlock(id, rows, summary)
                file.writelines(block.lines(one_text(passages, block.add)))
                rows.seek(0)
                file.writelines(rows)
            file.write("\n")


class _PubtatorBlock:
    """A document: title and abstract as they come, mentions kept in a file until these are written.

    The title is the first line; its length is known once its end was seen.
    """

    def __init__(self, id: str, rows: TextIO, summary: Summary) -> None:
        self.id, self.rows, self.summary = id, rows, summary
        self.key = re.sub(r"[\s|]+", "_", id) or "_"
        self.title: int | None = None

    def lines(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield title and abstract in pieces."""
        yield f"{self.key}|t|"
        at = 0
        for piece in pieces:
            title, end, rest = piece.partition("\n") if self.title is None else (piece, "", "")
            yield on_one_line(title)
            if end:
                self.title = at + len(title)
                yield f"\n{self.key}|a|{on_one_line(rest)}"
            at += len(piece)
        yield f"\n{self.key}|a|\n" if self.title is None else "\n"

    def add(self, mention: Mention) -> None:
        """Keep the line of a mention that PubTator can hold."""
        entity = mention.entity
        if len(entity.spans) > 1:
            self.summary.leave_out(self.id, mention, "PubTator holds no discontinuous mentions")
        elif self.title is not None and entity.start <= self.title < entity.end:
            why = "PubTator holds no mentions over the end of the title"
            self.summary.leave_out(self.id, mention, why)
        else:
            texts = map(on_one_line, (entity.text, entity.type))
            score = [number(mention.confidence)] if mention.confidence is not None else []
            row = [self.key, entity.start, entity.end, *texts, "-1", *score]
            self.rows.write("\t".join(map(str, row)) + "\n")


WRITERS: dict[str, Writer] = {
    "bioc": bioc,
    "brat": brat,
    "csv": csv_rows,
    "html": html,
    "jsonl": jsonl,
    "pubtator": pubtator,
}
