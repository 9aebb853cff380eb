"""What config/tables.yaml may say of tables that count corpora. Light to import."""

from typing import Literal

from pydantic import Field

from bionerflow.config.base import Settings

Measure = Literal[
    "train", "dev", "test", "labels", "nested", "discontinuous",
    "language", "nesting", "training_entities",
]  # fmt: skip


class Counts(Settings):
    """A table of what corpora hold, beside what the paper prints."""

    title: str = Field(description="heading of the table")
    caption: str = Field(description="text below the table")
    rows: dict[str, str] = Field(
        description="published row, by the entry of corpora.yaml that is counted"
    )
    columns: dict[str, Measure] = Field(
        description="what is counted, by the column as the paper prints it"
    )


class CountedRow(Settings):
    """The row of a corpus; with a `reason`, it has published numbers only."""

    corpus: str
    title: str
    published: str
    reason: str


class CountedTable(Settings):
    """A table of counts before its numbers; columns are pairs of label and measure."""

    title: str
    caption: str
    rows: list[CountedRow]
    columns: list[tuple[str, Measure]]

    @property
    def counted(self) -> list[str]:
        """Return the entries that are counted."""
        return [row.corpus for row in self.rows if not row.reason]
