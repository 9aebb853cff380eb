"""Several ways of one work, in turn: what all benchmarks of speed have in common.

The ways alternate, so that whatever else the machine does slows all; each is repeated. A row a way:
the median of the repetitions and their range. `speedup` is of the amounts a second against the
first way, `cpu_speedup` of those a processor second, which other work hardly disturbs.
"""

import csv
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bionerflow.utils.environment import environment

Way = Callable[[], Any]
Row = dict[str, Any]


class Spent(NamedTuple):
    """Seconds on the clock, and of the processor."""

    wall: float
    cpu: float


def contest(
    name: str,
    ways: Mapping[str, Way],
    amount: float | Mapping[str, float],
    unit: str,
    repetitions: int,
    **facts: Any,
) -> tuple[list[Row], dict[str, Any]]:
    """Do the work in each way in turn; return the rows, and what each way returned last.

    `amount` is the work of one repetition, in `unit`: of all ways, or of each, where the slow ones
    have less to do. `facts` are put into every row.
    """
    amounts = amount if isinstance(amount, Mapping) else dict.fromkeys(ways, amount)
    spent: dict[str, list[Spent]] = {way: [] for way in ways}
    results = {}
    for _ in range(repetitions):
        for way, work in ways.items():
            results[way], seconds = timed(work)
            spent[way].append(seconds)
    facts = {"repetitions": repetitions} | facts | surroundings()
    return [row_of(name, way, spent, amounts, unit) | facts for way in ways], results


def timed(work: Way) -> tuple[Any, Spent]:
    """Return what `work` returns, and what it took; a GPU is waited for, and cleared before."""
    gc.collect()
    torch.cuda.empty_cache()
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wait()
    return result, Spent(time.perf_counter() - wall, time.process_time() - cpu)


def row_of(
    name: str,
    way: str,
    spent: Mapping[str, Sequence[Spent]],
    amounts: Mapping[str, float],
    unit: str,
) -> Row:
    """Return a way's row; `spent` has the repetitions of each way, the first to compare with."""
    medians = {
        one: Spent(*(statistics.median(column) for column in zip(*times, strict=True)))
        for one, times in spent.items()
    }
    one = next(iter(spent))
    first, own, amount = medians[one], medians[way], amounts[way]
    more = amount / amounts[one]
    walls = [times.wall for times in spent[way]]
    return {
        "benchmark": name,
        "way": way,
        "amount": amount,
        "unit": unit,
        "wall_s": f"{own.wall:.3f}",
        "wall_range_s": f"{min(walls):.3f}-{max(walls):.3f}",
        "cpu_s": f"{own.cpu:.3f}",
        "per_s": f"{amount / own.wall:.1f}",
        "per_cpu_s": f"{amount / max(own.cpu, 1e-9):.1f}",
        "speedup": f"{more * first.wall / own.wall:.2f}",
        "cpu_speedup": f"{more * first.cpu / max(own.cpu, 1e-9):.2f}",
    }


def surroundings() -> Row:
    """Return the machine, versions and commit."""
    known = environment()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    versions = known["versions"]
    return {
        "machine": known["gpu"] or known["processor"],
        "threads": torch.get_num_threads(),
        "torch": versions["torch"],
        "transformers": versions["transformers"],
        "commit": commit.stdout.strip(),
    }


def matrix_rate(dtype: torch.dtype, place: torch.device) -> float:
    """Return the operations a second of a large product of matrices."""
    size = 8192 if place.type == "cuda" else 1024
    matrix = torch.randn(size, size, dtype=dtype, device=place)  # GPUs multiply ones faster
    matrix @ matrix
    _, seconds = timed(lambda: [matrix @ matrix for _ in range(10)])
    return 2 * size**3 * 10 / seconds.wall


def printed(rows: Sequence[Row]) -> None:
    """Print rows as CSV."""
    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
