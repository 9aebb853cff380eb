"""Shorten what Snakemake says on a console; what jobs say stays, and its steps by tens of per cent.

Use: snakemake ... --quiet rules reason host 2>&1 | python tools/brief.py
"""

import re
import signal
import sys
from collections.abc import Iterable, Iterator

#: What Snakemake says of each job, and of itself at its start.
OWN = re.compile(
    r"Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\.|Finished jobid: .*"
    r"|\[\w{3} \w{3} +\d+ [\d:]+ \d{4}\]"
    r"|Assuming unrestricted shared filesystem usage\.|Building DAG of jobs\.\.\.|Using shell: .*"
    r"|Rules claiming more threads will be scaled down\.|Conda environments: ignored"
)
STEPS = re.compile(r"\d+ of \d+ steps \((\d+)%\) done")
STATS = "Job stats:"


def brief(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that stay: what jobs say, and steps at each tenth of the whole."""
    tenth, in_stats = 0, False
    for line in lines:
        said = line.strip()
        in_stats = said == STATS or (in_stats and bool(said))
        if in_stats or not said or OWN.fullmatch(said):
            continue
        if steps := STEPS.fullmatch(said):
            before, tenth = tenth, int(steps[1]) // 10
            if tenth == before:
                continue
        yield line


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Snakemake ends first, and says how
    for line in brief(sys.stdin):
        print(line, end="", flush=True)
