"""What Snakemake recorded of the jobs that it ran: their rules, files, commands and times."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.utils.errors import UserError

#: Where Snakemake keeps a record per output file, named by the file's path in Base64.
RECORDS = Path(".snakemake", "metadata")
#: How the parts of a name begin that is too long for one folder entry, but its last.
CONTINUED = "@"


class Done(NamedTuple):
    """A job that was run; times are seconds since 1970."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    command: str
    begun: float
    ended: float


def done(folder: Path = RECORDS) -> list[Done]:
    """Return the jobs whose outputs are there, in the order in which they began.

    Raises:
        UserError: Snakemake kept no records.
    """
    jobs: dict[tuple[Any, ...], list[tuple[str, Mapping[str, Any]]]] = {}
    for output, record in _records(folder):
        if Path(output).exists() and record.get("rule") and not record.get("incomplete"):
            job = (record["rule"], record["shellcmd"], *record["input"])
            jobs.setdefault(job, []).append((output, record))
    if not jobs:
        raise UserError(
            f"{folder} has no record of a job: Snakemake was told to keep none, or to keep them in "
            "a data base. Make results without --drop-metadata, and with its records in files."
        )
    return sorted(map(_job, jobs.values()), key=lambda job: (job.begun, sorted(job.outputs)))


def _records(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each output file that has a record, with it; a record that is cut off is none."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts = [part.removeprefix(CONTINUED) for part in path.relative_to(folder).parts]
            try:
                output = urlsafe_b64decode("".join(parts)).decode()
                yield output, json.loads(path.read_text("utf-8"))
            except ValueError:
                continue


def _job(files: list[tuple[str, Mapping[str, Any]]]) -> Done:
    outputs, records = zip(*files, strict=True)
    first = records[0]
    begun = min(record["starttime"] for record in records)
    ended = max(record["endtime"] for record in records)
    inputs = frozenset(first["input"])
    return Done(
        first["rule"], inputs, frozenset(outputs), first["shellcmd"] or "", begun, max(begun, ended)
    )
