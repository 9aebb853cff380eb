"""The data model: one schema per stage, from corpora to predictions (docs/design.md).

Offsets are half-open, in Unicode code points of the example's text. Each Parquet file of a stage
has a card beside it (`x.parquet`, `x.json`): rows, SHA-256 and what the stage counted. The card is
small, so that the workflow compares it by content, never by time stamp. Every reader first compares
the SHA-256 of the Parquet file with the card's, so that a damaged file is refused.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bionerflow.utils.errors import UserError
from bionerflow.utils.files import damaged, read_result, sha256, whole, write_result

#: Rows of a Parquet file that are in memory together while it is written.
BATCH = 10_000


class Span(NamedTuple):
    """A half-open range of code points of the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A typed mention: one span (contiguous) or several in text order (discontinuous).

    `text` is the covered characters, fragments joined by one space. `identifiers` name its concepts
    in a knowledge base, where the corpus has them; they do not count where entities are compared.
    """

    type: str
    spans: tuple[Span, ...]
    text: str
    identifiers: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def at(cls, type: str, spans: Iterable[Sequence[int]], text: str) -> "Entity":
        """Build the entity of `type` that covers `spans` of `text`; spans are put in text order."""
        ordered = tuple(sorted(Span(*span) for span in spans))
        return cls(type, ordered, " ".join(text[span.start : span.end] for span in ordered))

    @property
    def start(self) -> int:
        """First covered code point."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """Code point after the last covered one."""
        return self.spans[-1].end


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence, or another unit of text, with its gold entities."""

    id: str
    doc_id: str
    language: str
    text: str
    entities: tuple[Entity, ...]


class Turn(NamedTuple):
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a model's answer that could not be used.

    `kind` is malformed, unknown_type, not_in_text, ambiguous or truncated; `detail` quotes it.
    """

    kind: str
    detail: str


SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
ENTITY_FIELDS = [("type", pa.string()), ("spans", SPANS), ("text", pa.string())]
ENTITIES = pa.list_(pa.struct(ENTITY_FIELDS))
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
PROBLEMS = pa.list_(pa.struct([("kind", pa.string()), ("detail", pa.string())]))
STRINGS = pa.list_(pa.string())

#: The field of a gold entity that holds the identifiers of its concepts; null where there are none.
IDENTIFIERS = "identifiers"
#: results/corpora/{corpus}/{split}.parquet
EXAMPLES = pa.schema(
    [
        ("id", pa.string()),
        ("doc_id", pa.string()),
        ("language", pa.string()),
        ("text", pa.string()),
        ("entities", pa.list_(pa.struct([*ENTITY_FIELDS, (IDENTIFIERS, STRINGS)]))),
    ]
)

#: results/render/{corpus}/{split}.{format}.parquet and results/curate/{run}/{split}.parquet.
#: One row per query: `types` are the types asked for, `entities` the gold entities of these types,
#: `turns` the whole conversation with the gold answers in its assistant turns.
CONVERSATIONS = pa.schema(
    [
        ("corpus", pa.string()),
        ("format", pa.string()),
        ("id", pa.string()),
        ("doc_id", pa.string()),
        ("language", pa.string()),
        ("types", STRINGS),
        ("text", pa.string()),
        ("entities", ENTITIES),
        ("turns", TURNS),
    ]
)

#: results/predict/{run}.parquet: one row per sentence and format, all its queries together.
#: `prompt` is the SHA-256 of what was asked, `answers` are raw, one per query or turn; `confidence`
#: is the model's own (inference.confidence), `probability` the selector's; either may be null.
#: `lookalikes` counts the entities that were found but for characters that look alike.
PREDICTIONS = pa.schema(
    [
        ("corpus", pa.string()),
        ("format", pa.string()),
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("answers", STRINGS),
        (
            "entities",
            pa.list_(
                pa.struct(
                    [
                        *ENTITY_FIELDS,
                        ("confidence", pa.float32()),
                        ("probability", pa.float32()),
                    ]
                )
            ),
        ),
        ("problems", PROBLEMS),
        ("lookalikes", pa.int32()),
    ]
)
#: Columns that may be null: the files of earlier versions lack them.
OPTIONAL = ("lookalikes",)

#: results/ifd/{scorer}/{corpus}.{format}.{mode}.parquet
SCORES = pa.schema(
    [
        ("id", pa.string()),
        ("types", STRINGS),
        ("n_tokens", pa.int32()),
        ("ppl_conditioned", pa.float64()),
        ("ppl_alone", pa.float64()),
        ("ifd", pa.float64()),
        ("reason", pa.string()),
    ]
)

#: results/curate/{run}/kept.parquet: what became of each drawn training sentence, and why
KEPT = pa.schema(
    [
        ("id", pa.string()),
        ("corpus", pa.string()),
        ("format", pa.string()),
        ("ifd", pa.float64()),
        ("kept", pa.bool_()),
        ("reason", pa.string()),
        ("text", pa.string()),
    ]
)


def entity_from(row: Mapping[str, Any]) -> Entity:
    """Read one entity as Parquet gives it."""
    spans = tuple(Span(s["start"], s["end"]) for s in row["spans"])
    return Entity(row["type"], spans, row["text"], tuple(row.get(IDENTIFIERS) or ()))


def entity_row(entity: Entity) -> dict[str, Any]:
    """Return one entity as Parquet takes it."""
    return {
        "type": entity.type,
        "spans": [{"start": start, "end": end} for start, end in entity.spans],
        "text": entity.text,
    }


def gold_row(entity: Entity) -> dict[str, Any]:
    """Return one gold entity as Parquet takes it, with its identifiers if it has any."""
    row = entity_row(entity)
    if entity.identifiers:
        row[IDENTIFIERS] = list(entity.identifiers)
    return row


def card_of(path: str | Path) -> Path:
    """Return the path of the card beside a Parquet file."""
    return Path(path).with_suffix(".json")


def write_rows(
    path: str | Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema, **card: Any
) -> None:
    """Write rows as Parquet, and its card with what the stage counted, both whole or not at all.

    Rows are taken in batches, so that a generator's rows are never in memory all at once.
    """
    with row_writer(path, schema) as writer:
        for row in rows:
            writer.add(row)
        writer.card = card


class RowWriter:
    """Takes rows one by one and writes them in batches; `card` has the counts of the stage."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.file, self.schema = file, schema
        self.held: list[Mapping[str, Any]] = []
        self.count = 0
        self.card: Mapping[str, Any] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row."""
        self.held.append(row)
        self.count += 1
        if len(self.held) == BATCH:
            self.write()

    def write(self) -> None:
        """Write the rows that are held."""
        if self.held:
            self.file.write_batch(pa.RecordBatch.from_pylist(self.held, schema=self.schema))
            self.held = []


@contextmanager
def row_writer(path: str | Path, schema: pa.Schema) -> Iterator[RowWriter]:
    """Open a Parquet file for rows; it and its card appear when the block ends well."""
    with whole(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as file:
        writer = RowWriter(file, schema)
        yield writer
        writer.write()
    _write_card(path, writer.count, writer.card)


def _write_card(path: str | Path, rows: int, card: Mapping[str, Any]) -> None:
    write_result(card_of(path), {"rows": rows, "sha256": sha256(path), **card})


def write_table(path: str | Path, table: pa.Table, **card: Any) -> None:
    """Write a table as `write_rows` writes rows."""
    with whole(path) as part:
        pq.write_table(table, part, compression="zstd")
    _write_card(path, table.num_rows, card)


def write_tables(
    path: str | Path, tables: Iterable[pa.Table], schema: pa.Schema, **card: Any
) -> None:
    """Write tables one after the other to one file, without holding all of them in memory."""
    rows = 0
    with whole(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    _write_card(path, rows, card)


def read_rows(path: str | Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """Read a Parquet file of `schema`; a file of another schema is refused by name."""
    return read_table(path, schema).to_pylist()


def read_table(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read a Parquet file of `schema`; what files of earlier versions lack is null."""
    table = open_rows(path, schema).read()
    for name in set(schema.names) - set(table.column_names):
        table = table.append_column(name, pa.nulls(len(table), schema.field(name).type))
    return table.select(schema.names).cast(schema)


def open_rows(path: str | Path, schema: pa.Schema) -> pq.ParquetFile:
    """Open a Parquet file of `schema` to read it by columns or in batches; refuse another."""
    file = pq.ParquetFile(verified(path))
    missing = set(schema.names) - set(file.schema_arrow.names) - set(OPTIONAL)
    if missing:
        raise UserError(f"{path} lacks the columns {sorted(missing)}: remove it and run again.")
    return file


def verified(path: str | Path) -> Path:
    """Return the path of a Parquet file whose SHA-256 is the one on its card.

    Raises:
        UserError: it is not, or the card is damaged or not there.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        expected = read_card(path).get("sha256")
    except FileNotFoundError:
        raise damaged(path, f"there is no {card_of(path)} beside it") from None
    if sha256(path) != expected:
        raise damaged(path, f"its SHA-256 is not the one in {card_of(path)}")
    return Path(path)


def read_card(path: str | Path) -> dict[str, Any]:
    """Read the card beside a Parquet file."""
    return read_result(card_of(path))


def write_examples(path: str | Path, examples: Iterable[Example], **card: Any) -> None:
    """Write a split of a corpus."""
    write_rows(path, (example_row(example) for example in examples), EXAMPLES, **card)


def example_row(example: Example) -> dict[str, Any]:
    """Return one example as Parquet takes it."""
    return {
        "id": example.id,
        "doc_id": example.doc_id,
        "language": example.language,
        "text": example.text,
        "entities": [gold_row(entity) for entity in example.entities],
    }


def read_examples(path: str | Path) -> Iterator[Example]:
    """Yield the examples of a split in file order."""
    for row in read_rows(path, EXAMPLES):
        entities = tuple(map(entity_from, row["entities"]))
        yield Example(row["id"], row["doc_id"], row["language"], row["text"], entities)


def problem_row(problem: Problem) -> dict[str, str]:
    """Return one problem as Parquet takes it."""
    return asdict(problem)
