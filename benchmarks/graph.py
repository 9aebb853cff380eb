"""The graph of all three papers: a dry run of everything, and the check when all of it is there.

    python benchmarks/graph.py

Seconds are those of a snakemake process on a copy of the repository, imports included. For the
second way every output is made by its name alone, and Snakemake records the jobs as done.
"""

import argparse
import re
import resource
import sys
import tempfile
from pathlib import Path

from contest import Row, Spent, printed, row_of, surroundings, timed

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from flow import Flow

TARGETS = ("tables", "figures", "all")  # those of the three papers


def main() -> None:
    """Print both rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as folder:
        flow = Flow(Path(folder), *TARGETS)
        rows = [measured("dry run", flow, repetitions)]
        flow.finish(flow.jobs())
        rows.append(measured("nothing to do", flow, repetitions))
    printed(rows)


def measured(way: str, flow: Flow, repetitions: int) -> Row:
    """Return the row of `snakemake -n` as things stand."""
    spent = []
    for _ in range(repetitions):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done, seconds = timed(lambda: flow.snakemake("-n", "--quiet", "rules"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        spent.append(Spent(seconds.wall, cpu))
    total = re.search(r"^total +(\d+)$", done.stdout, re.MULTILINE)
    jobs = int(total[1]) if total else 0
    facts = {"repetitions": repetitions, "memory_mb": after.ru_maxrss // 1024}
    return row_of("graph", way, {way: spent}, jobs, "jobs") | facts | surroundings()


if __name__ == "__main__":
    main()
