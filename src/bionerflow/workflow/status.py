"""How runs are going, from the logs and checkpoints that they leave: `bionerflow status`.

Files are read, so that jobs on other machines of a cluster are seen, too. Why jobs wait is asked of
Slurm, where it is at hand.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from bionerflow.utils.errors import UserError
from bionerflow.utils.progress import Told, read
from bionerflow.workflow.slurm import waiting

#: Bytes at the end of a log that are read.
TAIL = 1 << 14
#: Seconds without a word after which a stage is called silent: it may have been stopped.
SILENT = 600
NOTED = re.compile(r"(loss|eval_f1) (\S+?)(?:,|$)")
HEAD = ("run", "stage", "state", "done", "rate", "left", "loss", "dev F1", "last word")
ORDER = ("working", "silent", "failed", "done")


class Row(NamedTuple):
    """A stage of a run; `told` is the last progress in its log, `error` its last words if bad."""

    run: str
    stage: str
    state: str
    told: Told | None
    error: str
    age: float
    loss: str = ""
    f1: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return what is shown under HEAD."""
        told = self.told
        ended = self.state != "working"
        return (
            self.run,
            self.stage,
            self.state,
            f"{told.done:,}/{told.total:,}" if told and told.total else "",
            f"{told.rate} {told.unit}/s" if told else "",
            told.left if told and not ended else "",
            self.loss,
            self.f1,
            f"{timedelta(seconds=round(self.age))} ago",
        )


def status(results: Path, now: float | None = None) -> str:
    """Return a table of the stages under a folder of results.

    Raises:
        UserError: there are no logs in it.
    """
    rows = list(stages(results, now or time.time()))
    waits = waiting(results.absolute().parent)
    if not rows and not waits:
        raise UserError(f"There are no logs of runs in {results / 'logs'}: name the --results.")
    rows.sort(key=lambda row: (ORDER.index(row.state), row.stage, row.run))
    shown = [row for row in rows if row.state != "done"]
    finished = [row for row in rows if row.state == "done"]
    lines = _aligned([HEAD, *(row.cells() for row in shown)]) if shown else []
    lines += [f"failed: {row.stage} {row.run}: {row.error}" for row in shown if row.error]
    trained = [row for row in finished if row.stage == "train"]
    lines += [f"trained: {row.run}, loss {row.loss or '-'}, dev F1 {row.f1 or '-'}"
              for row in trained]  # fmt: skip
    return "\n".join([*lines, *waits, f"{len(finished)} stages are done."])


def stages(results: Path, now: float) -> Iterator[Row]:
    """Yield the stages whose logs tell of progress or of an error."""
    for log in sorted((results / "logs").glob("*/*.log")):
        lines, age = _tail(log), max(now - log.stat().st_mtime, 0.0)
        told = next((one for line in reversed(lines) if (one := read(line))), None)
        error = next((line[7:] for line in lines[-5:] if line.startswith("error: ")), "")
        if not told and not error:
            continue
        run, stage = log.stem, log.parent.name
        noted = dict(NOTED.findall(told.note)) if told else {}
        if stage == "train" and (curve := _curve(results / "checkpoints" / run)):
            noted |= _last(curve)
            age = min(age, max(now - curve.stat().st_mtime, 0.0))
        state = _state(results, stage, run, told, error, age)
        losses = noted.get("loss", ""), noted.get("eval_f1", "")
        yield Row(run, stage, state, told, error if state == "failed" else "", age, *losses)


def _state(results: Path, stage: str, run: str, told: Told | None, error: str, age: float) -> str:
    """Return a word of ORDER."""
    made = {"train": results / "train" / run / "metrics.json",
            "predict": results / "predict" / f"{run}.parquet"}.get(stage)  # fmt: skip
    if error:
        return "failed"
    if (made and made.is_file()) or (not made and told and told.done == told.total):
        return "done"
    return "working" if age < SILENT else "silent"


def _tail(path: Path) -> list[str]:
    """Return the last lines of a log; a bar that is drawn anew counts as a line."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        return re.split(r"[\r\n]+", file.read().decode(errors="replace").strip())


def _curve(checkpoints: Path) -> Path | None:
    """Return the curve of the newest training of a run."""
    curves = checkpoints.glob("*/curve.jsonl")
    return max(curves, key=lambda path: path.stat().st_mtime, default=None)


def _last(curve: Path) -> dict[str, str]:
    """Return the last loss and F1 on dev of a curve."""
    last: dict[str, float] = {}
    for line in _tail(curve):
        try:
            last |= json.loads(line)
        except ValueError:  # cut off at its beginning, or still being written
            continue
    return {key: f"{last[key]:.4g}" for key in ("loss", "eval_f1") if key in last}


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines, without the columns that are empty."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in zip(*columns, strict=True)]  # fmt: skip
