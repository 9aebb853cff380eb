"""Work shared out among jobs: each has parts that follow each other, and a file of its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from bionerflow.data.schema import PREDICTIONS, SCORES, read_card, write_tables
from bionerflow.utils.errors import UserError


class Share(NamedTuple):
    """Which of so many jobs this one is, from 1."""

    number: int
    jobs: int

    def of(self, parts: int) -> range:
        """Return the places of this job's parts; the jobs' sizes differ by one part at most."""
        return range(parts * (self.number - 1) // self.jobs, parts * self.number // self.jobs)


WHOLE = Share(1, 1)


def share(written: str) -> Share:
    """Read a share as a command line has it, such as `2of8`."""
    number, _, jobs = written.partition("of")
    if not (number.isdigit() and jobs.isdigit() and 1 <= int(number) <= int(jobs)):
        raise UserError(f"'{written}' is no share of the work: write 2of8 for the second of eight.")
    return Share(int(number), int(jobs))


def gather(shares: Sequence[Path], out: Path) -> None:
    """Write the rows of all shares, in their order, and a card with what they counted together."""
    files = [pq.ParquetFile(path) for path in shares]
    tables = (file.read_row_group(n) for file in files for n in range(file.num_row_groups))
    schema = next(its for its in (SCORES, PREDICTIONS) if its.equals(files[0].schema_arrow))
    write_tables(out, tables, schema, **_together([read_card(path) for path in shares]))


def _together(cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what cards count by name; whatever else they say they all say."""
    said = {key: cards[0][key] for key in cards[0].keys() - {"rows", "sha256"}}
    for key, value in said.items():
        if isinstance(value, Mapping):
            said[key] = dict(sum((Counter(card[key]) for card in cards), Counter()))
    return said
