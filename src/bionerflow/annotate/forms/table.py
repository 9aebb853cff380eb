"""CSV: one row per mention."""

import csv
from collections.abc import Iterable
from pathlib import Path

from bionerflow.annotate.output import number, text_file
from bionerflow.annotate.passages import Annotated
from bionerflow.annotate.summary import Summary
from bionerflow.utils.spreadsheet import cell

HEAD = ("document", "start", "end", "spans", "type", "text", "confidence", "probability")


def csv_rows(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one row per mention."""
    with text_file(out) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for one in annotated:
            id = cell(one.passage.id)
            for mention in one.in_document():
                entity = mention.entity
                spans = ";".join(f"{start}-{end}" for start, end in entity.spans)
                known = [number(mention.confidence), number(mention.probability)]
                words = [cell(entity.type), cell(entity.text)]
                table.writerow([id, entity.start, entity.end, spans, *words, *known])
