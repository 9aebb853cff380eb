"""The jobs that Snakemake plans, as it reports them in a dry run within this process."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import NamedTuple, Protocol, TypeVar

from bionerflow.utils.errors import UserError


class Job(NamedTuple):
    """A planned job: its rule, wildcards, files and command."""

    rule: str
    wildcards: Mapping[str, str]
    inputs: frozenset[str]
    outputs: frozenset[str]
    command: str


class Collector(logging.Handler):
    """Collects the jobs that Snakemake logs, and what it says is wrong."""

    def __init__(self) -> None:
        """Begin with no jobs."""
        super().__init__()
        self.jobs: list[Job] = []
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record of a job (`LogEvent.JOB_INFO`) or of an error."""
        said = vars(record)
        if getattr(said.get("event"), "name", "") == "JOB_INFO":
            inputs, outputs = (frozenset(map(str, said[key])) for key in ("input", "output"))
            command, wildcards = said["shellcmd"] or "", dict(said["wildcards"])
            self.jobs.append(Job(said["rule_name"], wildcards, inputs, outputs, command))
        elif record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())


def planned(targets: Sequence[str], *options: str) -> list[Job]:
    """Return the jobs of a dry run in the working directory, dependencies before their users.

    Args:
        targets: Files or rules, as Snakemake takes them.
        options: Further arguments of the command line; `--forceall` plans finished jobs, too.

    Raises:
        UserError: Snakemake cannot plan them; the message is Snakemake's.
    """
    from snakemake.cli import main

    collector, logger = Collector(), logging.getLogger("snakemake")
    logger.addHandler(collector)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            main([*targets, "--dry-run", "--nolock", *options])
    except SystemExit as end:
        if end.code:
            errors = " ".join(" ".join(collector.errors).split())
            raise UserError(f"Snakemake cannot plan {' '.join(targets)}: {errors}") from None
    finally:
        logger.removeHandler(collector)
    return collector.jobs


class Linked(Protocol):
    """What is known of a job that is planned or was run."""

    @property
    def inputs(self) -> frozenset[str]:
        """What it reads."""

    @property
    def outputs(self) -> frozenset[str]:
        """What it makes."""


L = TypeVar("L", bound=Linked)


def behind(files: Iterable[str], jobs: Iterable[L]) -> list[L]:
    """Return the jobs that make `files`, and all that these rest on, in the order of `jobs`."""
    jobs = list(jobs)
    makers = {output: n for n, job in enumerate(jobs) for output in job.outputs}
    found: set[int] = set()
    waiting = [makers[file] for file in files if file in makers]
    while waiting:
        n = waiting.pop()
        if n not in found:
            found.add(n)
            waiting += [makers[file] for file in jobs[n].inputs if file in makers]
    return [jobs[n] for n in sorted(found)]
