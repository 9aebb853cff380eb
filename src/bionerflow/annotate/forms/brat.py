"""BRAT standoff: a .txt and an .ann file per document."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from bionerflow.annotate.output import (
    NOT_ON_A_LINE,
    documents,
    folder_at,
    free_stem,
    number,
    one_text,
    open_text,
    scores,
)
from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.writers import references
from bionerflow.data.schema import Entity, Span

HEAD = "[relations]\n\n[events]\n\n[attributes]\n\n[entities]\n"
#: A line break or tab with the white space around it: BRAT ends a fragment there.
BREAK = re.compile(rf"\s*[{NOT_ON_A_LINE}]\s*")


def brat(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a folder: a .txt and .ann file per document, and BRAT's list of types.

    Confidences are notes of the mentions. White space in the name of a type becomes `_`.
    """
    with folder_at(out) as folder:
        types: set[str] = set()
        for id, passages in documents(annotated):
            stem = free_stem(folder, id, ".txt")
            with open_text(f"{stem}.txt") as text, open_text(f"{stem}.ann") as notes:
                rows = _Rows(id, notes, summary)
                for piece in one_text(passages, rows.add):
                    text.write(piece)
                types |= rows.types
        (folder / "annotation.conf").write_text(
            HEAD + "".join(f"{type}\n" for type in sorted(types)), encoding="utf-8"
        )


def fragments(entity: Entity) -> tuple[list[Span], str]:
    """Return the spans that BRAT has for an entity, and their text.

    BRAT's own reader takes no mention over a line end or a tab: such a mention becomes fragments,
    as in BRAT itself. An entity of nothing but such white space has none.
    """
    if entity.text and not BREAK.search(entity.text):
        return list(entity.spans), entity.text
    spans, texts, at = [], [], 0
    for start, end in entity.spans:
        piece = entity.text[at : at + end - start]
        at += len(piece) + 1
        begin = 0
        for gap in [*(match.span() for match in BREAK.finditer(piece)), (len(piece), len(piece))]:
            if begin < gap[0]:
                spans.append(Span(start + begin, start + gap[0]))
                texts.append(piece[begin : gap[0]])
            begin = gap[1]
    return spans, " ".join(texts)


class _Rows:
    """Writes the lines of an .ann file."""

    def __init__(self, id: str, file: TextIO, summary: Summary) -> None:
        self.id, self.file, self.summary, self.number = id, file, summary, 0
        self.references = 0
        self.types: set[str] = set()

    def add(self, mention: Mention) -> None:
        spans, text = fragments(mention.entity)
        if not spans:
            self.summary.leave_out(self.id, mention, "BRAT holds no mentions of white space alone")
            return
        self.number += 1
        type = "_".join(mention.entity.type.split()) or "_"
        self.types.add(type)
        places = ";".join(f"{start} {end}" for start, end in spans)
        self.file.write(f"T{self.number}\t{type} {places}\t{text}\n")
        named = references(mention.entity, self.number, self.references)
        self.references += len(named)
        self.file.writelines(named)
        note = scores(mention)
        if note:
            words = ", ".join(f"{name} {number(value)}" for name, value in note.items())
            self.file.write(f"#{self.number}\tAnnotatorNotes T{self.number}\t{words}\n")
