"""PubTator: title, abstract and mention lines per document, all in one file."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from bionerflow.annotate.output import documents, number, on_one_line, one_text, text_file
from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.annotate.summary import Summary
from bionerflow.corpora.writers import concepts

LINE_END = re.compile(r"[\r\n]")


def pubtator(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one file; the seventh column is the confidence, where known."""
    with text_file(out) as file:
        for id, passages in documents(annotated):
            with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as rows:
                block = _Block(id, rows, summary)
                file.writelines(block.lines(one_text(passages, block.add)))
                rows.seek(0)
                file.writelines(rows)
            file.write("\n")


class _Block:
    """A document: title and abstract as they come, mentions kept in a file until these are written.

    The title is the first line, and all other line breaks become spaces. Readers of PubTator cut
    white space off the end of the title and put one character between title and abstract. So the
    title ends with its last visible character, the white space after it goes to the beginning of
    the abstract, and all offsets stay.
    """

    def __init__(self, id: str, rows: TextIO, summary: Summary) -> None:
        self.id, self.rows, self.summary = id, rows, summary
        self.key = re.sub(r"[\s|]+", "_", id) or "_"
        self.title: int | None = None

    def lines(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield title and abstract in pieces."""
        yield f"{self.key}|t|"
        at, held = 0, ""  # `held` is white space with which the title may end
        for piece in pieces:
            if self.title is not None:
                yield on_one_line(piece)
                continue
            line_end = LINE_END.search(piece)
            line = held + (piece[: line_end.start()] if line_end else piece)
            visible = line.rstrip()
            yield on_one_line(visible)
            at, held = at + len(visible), line[len(visible) :]
            if line_end:
                self.title = at
                after = held + piece[line_end.start() :]
                yield f"\n{self.key}|a|{on_one_line(after[1:])}"
        yield "\n" if self.title is not None else f"\n{self.key}|a|{on_one_line(held[1:])}\n"

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
            row = [self.key, entity.start, entity.end, *texts, concepts(entity), *score]
            self.rows.write("\t".join(map(str, row)) + "\n")
