"""Work in shards: divided among jobs and kept one by one, so that a killed job can continue.

The Parquet metadata of a shard has the number of its rows and a hash of what they answer. A shard
that is damaged, incomplete or does not match is computed again.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bionerflow.data.schema import (
    PREDICTIONS,
    SCORES,
    RowWriter,
    card_of,
    read_card,
    row_writer,
    verified,
    write_tables,
)
from bionerflow.utils.environment import distinct
from bionerflow.utils.errors import UserError

#: The keys of a shard's metadata.
ROWS, DIGEST = b"bionerflow.rows", b"bionerflow.of"


class Share(NamedTuple):
    """Which of so many jobs this one is, from 1."""

    number: int
    jobs: int

    def of(self, parts: int) -> range:
        """Return the indices of this job's parts; jobs differ by one part at most."""
        return range(parts * (self.number - 1) // self.jobs, parts * self.number // self.jobs)


WHOLE = Share(1, 1)


def share(written: str) -> Share:
    """Read a share as a command line has it, such as `2of8`."""
    number, _, jobs = written.partition("of")
    if not (number.isdigit() and jobs.isdigit() and 1 <= int(number) <= int(jobs)):
        raise UserError(f"'{written}' is no share of the work: write 2of8 for the second of eight.")
    return Share(int(number), int(jobs))


def write_shard(
    path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema, of: Sequence[Any]
) -> None:
    """Write the rows of a shard (see `shard_writer`)."""
    with shard_writer(path, schema, of) as writer:
        for row in rows:
            writer.add(row)


def shard_writer(
    path: Path, schema: pa.Schema, of: Sequence[Any]
) -> AbstractContextManager[RowWriter]:
    """Open the file of a shard with one row per entry of `of`, which JSON can represent."""
    return row_writer(path, schema.with_metadata(_metadata(of)))


def is_kept(path: Path, of: Sequence[Any]) -> bool:
    """Tell whether a shard is complete and belongs to `of`; another one is removed, with a note."""
    if not path.exists():
        return False
    try:
        file = pq.ParquetFile(verified(path))
        why = _difference(file, _metadata(of))
    except (UserError, OSError, pa.ArrowException) as error:
        why = str(error)
    if why:
        print(f"The kept part {path} is not whole and is done again: {why}", file=sys.stderr)
        path.unlink(missing_ok=True)
        card_of(path).unlink(missing_ok=True)
    return not why


def _difference(file: pq.ParquetFile, expected: Mapping[bytes, bytes]) -> str:
    found = file.schema_arrow.metadata or {}
    if any(found.get(key) != value for key, value in expected.items()):
        return "it is of other sentences"
    rows, said = file.metadata.num_rows, int(expected[ROWS])
    return "" if rows == said else f"it has {rows} rows, not {said}"


def _metadata(of: Sequence[Any]) -> dict[bytes, bytes]:
    digest = hashlib.sha256(json.dumps(of).encode()).hexdigest()
    return {ROWS: str(len(of)).encode(), DIGEST: digest.encode()}


def gather(shares: Sequence[Path], out: Path) -> None:
    """Write the rows of all shares in order, and a card with the sums of their counts."""
    files = [pq.ParquetFile(verified(path)) for path in shares]
    tables = (file.read_row_group(n) for file in files for n in range(file.num_row_groups))
    schema = next(its for its in (SCORES, PREDICTIONS) if its.equals(files[0].schema_arrow))
    write_tables(out, tables, schema, **_together([read_card(path) for path in shares]))


def _together(cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the counts of cards, and name what made each of them."""
    said = {key: cards[0][key] for key in cards[0].keys() - {"rows", "sha256"}}
    for key, value in said.items():
        if isinstance(value, Mapping):
            said[key] = dict(sum((Counter(card[key]) for card in cards), Counter()))
        elif isinstance(value, str):
            said[key] = ", ".join(distinct(card[key] for card in cards))
    return said
